"""What an effect hangs on: sensitivity indices, and the tornado of a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import FAINT, GAIN, INK, ORANGE, Look, new_figure
from crmlab.experiments.questions.sweep.charts import axis_of, number
from crmlab.experiments.questions.sweep.listings import turning_words
from crmlab.experiments.rows import each_row
from crmlab.experiments.wording.quantities import between, change, quantity
from crmlab.sim.kpis import KPIS, Kpi

Answer = Mapping[str, Any]
MAX_BARS = 20  # the strongest factors; the table of the report has all


def sensitivity_bars(answer: Answer, sensitivity: pd.DataFrame, look: Look) -> Chart:
    """The index of every factor, how sure it is, and what luck alone would show."""
    kpi = KPIS[answer["primary"]]
    morris = answer["design"] == "morris"
    mine = sensitivity[sensitivity["kpi"] == kpi.id].head(MAX_BARS)
    rows = mine[(mine["mu_star" if morris else "st"] != 0) | (np.arange(len(mine)) == 0)][::-1]
    bars = (
        (("mu_star", "mu*", GAIN), ("sigma", "sigma", ORANGE)) if morris else (("st", "ST", GAIN), ("s1", "S1", ORANGE))
    )
    figure = new_figure(90 + 40 * len(rows), barmode="group", bargap=0.3)
    for column, label, colour in reversed(bars):
        half = rows.get(f"{column}_conf")
        error = None if half is None else {"array": half, "color": INK, "thickness": 1.5}
        figure.add_bar(
            x=rows[column], y=rows["factor"], orientation="h", name=label, marker={"color": colour}, error_x=error
        )
    figure.add_scatter(
        x=rows["noise"], y=rows["factor"], name="noise", mode="markers",
        marker={"symbol": "line-ns-open", "size": 16, "color": INK, "line": {"color": INK, "width": 2}},
    )  # fmt: skip
    axis = axis_of(kpi, rows["mu_star"], look) if morris else {"tickformat": ".2~f"}
    figure.update_xaxes(rangemode="tozero", **axis)
    figure.update_yaxes(showgrid=False, type="category", categoryorder="array", categoryarray=list(rows["factor"]))
    show = (lambda value: quantity(value, kpi.unit, look.currency)) if morris else (lambda value: f"{value:.3f}")
    columns: dict[str, object] = {"Factor": rows["factor"][::-1]}
    columns |= {label: [show(v) for v in rows[column][::-1]] for column, label, _ in bars}
    columns |= {
        "±": [show(v) for v in rows[f"{bars[0][0]}_conf"][::-1]],
        "Noise": [show(v) for v in rows["noise"][::-1]],
    }
    top = rows.iloc[-1]
    sentence = f"The effect on {kpi.label} hangs most on {top['factor']}: {bars[0][1]} {show(top[bars[0][0]])}, "
    sentence += f"give or take {show(top[f'{bars[0][0]}_conf'])}."
    note = "Black line over a bar: how sure the index is, over the points. Upright mark: what luck alone would show."
    return Chart(f"What the effect hangs on: {kpi.label}", figure, pd.DataFrame(columns), sentence, note)


def tornado_chart(answer: Answer, tornado: pd.DataFrame, swings: pd.DataFrame, stated: float, look: Look) -> Chart:
    """The effect at both ends of every factor, from the stated effect on, the widest first."""
    kpi = KPIS[answer["primary"]]
    moving = swings[(swings["kpi"] == kpi.id) & (swings["swing"] != 0)].head(MAX_BARS)
    order = list(moving["factor"])
    mine = tornado[(tornado["kpi"] == kpi.id) & tornado["factor"].isin(order)]
    figure = new_figure(100 + 34 * len(order), barmode="overlay", bargap=0.35)
    for end, colour in (("low", ORANGE), ("high", GAIN)):
        rows = mine[mine["end"] == end].set_index("factor").loc[order].reset_index()
        figure.add_bar(
            x=rows["difference"] - stated, base=stated, y=rows["factor"], orientation="h", name=f"at its {end} end",
            marker={"color": colour}, opacity=0.9, hoverinfo="skip",
        )  # fmt: skip
        ends = [
            v
            for low, high in zip(rows["difference_low"], rows["difference_high"], strict=True)
            for v in (low, high, None)
        ]
        names = [v for factor in rows["factor"] for v in (factor, factor, None)]
        line = {"color": INK, "width": 1.5}
        figure.add_scatter(x=ends, y=names, mode="lines", line=line, showlegend=False, hoverinfo="skip")
        turning = rows[rows["flips"].isin(["yes", "within luck"])]
        figure.add_scatter(
            x=turning["difference"], y=turning["factor"], mode="markers", showlegend=False,
            marker={"symbol": ["x" if f == "yes" else "x-open" for f in turning["flips"]], "size": 11, "color": INK},
            hovertext=[f"{row.factor} = {number(row.at)}: the decision turns" for row in each_row(turning)],
            hoverinfo="text",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": INK, "width": 2})
    figure.add_vline(x=stated, line={"color": FAINT, "width": 1, "dash": "2px,3px"})
    figure.update_xaxes(title_text=f"difference to {look.baseline}", **axis_of(kpi, mine["difference"], look))
    figure.update_yaxes(
        autorange="reversed", showgrid=False, type="category", categoryorder="array", categoryarray=order
    )
    sentence = f"As stated, {answer['arm']} moves {kpi.label} by {change(stated, kpi.unit, look.currency)}. "
    sentence += turning_words(each_row(mine))
    note = "Bars begin at the effect as stated (dotted). Thin lines: range due to luck alone. Cross: the decision is "
    note += "another one there, open where that may be luck. Heavy line: no difference to the baseline."
    return Chart(f"Tornado: {kpi.label}", figure, _tornado_table(mine, order, kpi, look), sentence, note)


def _tornado_table(mine: pd.DataFrame, order: Sequence[str], kpi: Kpi, look: Look) -> pd.DataFrame:
    rows = [
        {
            "Factor": row.factor,
            "At": number(row.at),
            "Difference": change(row.difference, kpi.unit, look.currency),
            "Luck only": between(row.difference_low, row.difference_high, kpi.unit, look.currency),
            "Decision turns": row.flips,
            "Best there": row.best_arm,
        }
        for factor in order
        for row in each_row(mine[mine["factor"] == factor])
    ]
    return pd.DataFrame(rows)
