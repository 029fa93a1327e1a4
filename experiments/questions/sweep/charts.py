"""The points of a sweep: the effect of an arm over one factor, over two, over many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import BLUE, FAINT, GAIN, GRID, INK, LOSS, MIDDLE, Look, new_figure
from crmlab.experiments.wording.quantities import between, change, is_money, is_share, money_axis
from crmlab.sim.kpis import KPIS, Kpi

BEST_SHARE = 0.1  # of the points that are drawn strongly among many
MAX_SCATTERS = 6
MAX_CELL_TEXTS = 12  # columns of a map beyond which its cells have no room for numbers
Answer = Mapping[str, Any]


def sweep_charts(answer: Answer, responses: pd.DataFrame, look: Look) -> list[Chart]:
    """The pictures of all points: a curve for one factor, a map for a grid of two, else lines over all factors, and
    scatters of those that the effect follows most closely."""
    mine = responses[responses["kpi"] == answer["primary"]]
    factors = [(f["factor"], f"{f['kind']}.{f['factor']}") for f in answer["factors"]]
    if len(factors) == 1:
        return [response_curve(answer, mine, factors[0], look)]
    if len(factors) == 2 and answer["design"] == "grid":
        return [response_map(answer, mine, factors, look)]
    strongest = sorted(factors, key=lambda factor: -_strength(mine, factor[1]))[:MAX_SCATTERS]
    return [parallel_points(answer, mine, factors, look), *(factor_scatter(answer, mine, f, look) for f in strongest)]


def _strength(mine: pd.DataFrame, column: str) -> float:
    """How closely the effect follows a factor: the size of their rank correlation."""
    correlation = mine[column].rank().corr(mine["difference"].rank())
    return abs(correlation) if np.isfinite(correlation) else 0.0


def response_curve(answer: Answer, mine: pd.DataFrame, factor: tuple[str, str], look: Look) -> Chart:
    """The effect over one factor, with its range by luck."""
    name, column = factor
    kpi = KPIS[answer["primary"]]
    rows = mine[~mine["stated"] & mine["difference"].notna()].sort_values(column)
    figure = new_figure(380, showlegend=False)
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=rows[column], y=rows["low"], **band)
    figure.add_scatter(x=rows[column], y=rows["high"], fill="tonexty", fillcolor="rgba(0,114,178,0.18)", **band)
    figure.add_scatter(
        x=rows[column], y=rows["difference"], mode="lines+markers", line={"color": BLUE, "width": 2},
        marker={"color": BLUE, "size": 7}, hovertemplate=f"{name} %{{x:.4~g}}: %{{y:,.4~g}}<extra></extra>",
    )  # fmt: skip
    _mark_stated(figure, mine, column)
    figure.add_hline(y=0, line={"color": INK, "width": 1})
    figure.update_xaxes(title_text=name)
    figure.update_yaxes(title_text=f"difference to {look.baseline}", **axis_of(kpi, rows["difference"], look))
    note = "Band: range due to luck alone, in the world as it is at that point. Dotted: the value as stated."
    return Chart(
        _title(answer, kpi),
        figure,
        _point_table(rows, [factor], kpi, look),
        _curve_words(rows, factor, kpi, look),
        note,
    )


def response_map(answer: Answer, mine: pd.DataFrame, factors: Sequence[tuple[str, str]], look: Look) -> Chart:
    """The effect over a grid of two factors. What may be luck is written in brackets."""
    (x_name, x), (y_name, y) = factors
    kpi = KPIS[answer["primary"]]
    rows = mine[~mine["stated"]]
    sure_rows = rows.assign(sure=((rows["low"] > 0) | (rows["high"] < 0)).astype(float))
    wide = rows.pivot_table(index=y, columns=x, values="difference", dropna=False)
    effects = wide.to_numpy()
    sure = sure_rows.pivot_table(index=y, columns=x, values="sure", dropna=False).to_numpy()
    most = float(np.nanmax(np.abs(effects))) or 1.0
    roomy = effects.shape[1] <= MAX_CELL_TEXTS
    xs, ys = ([number(value) for value in axis.to_numpy(float)] for axis in (wide.columns, wide.index))
    colours = (LOSS, MIDDLE, GAIN) if kpi.direction >= 0 else (GAIN, MIDDLE, LOSS)
    figure = new_figure(max(320, 44 * len(wide) + 110))
    text = [
        [_cell(float(effects[i, j]), sure[i, j] == 1, kpi, look) for j in range(effects.shape[1])]
        for i in range(effects.shape[0])
    ]
    figure.add_heatmap(
        x=xs, y=ys, z=effects, zmin=-most, zmax=most, colorscale=list(zip((0, 0.5, 1), colours, strict=True)),
        text=text, texttemplate="%{text}" if roomy else "", xgap=2, ygap=2, showscale=not roomy,
        hovertemplate=f"{x_name} %{{x}}, {y_name} %{{y}}: %{{text}}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title_text=x_name, type="category", showgrid=False)
    figure.update_yaxes(title_text=y_name, type="category", showgrid=False)
    note = "Blue: better than the baseline; orange: worse. In brackets: the range due to luck alone does not exclude 0."
    return Chart(
        _title(answer, kpi), figure, _point_table(rows, factors, kpi, look), _best_words(rows, factors, kpi, look), note
    )


def parallel_points(answer: Answer, mine: pd.DataFrame, factors: Sequence[tuple[str, str]], look: Look) -> Chart:
    """Every point as a line over all factors; the best tenth stands out."""
    kpi = KPIS[answer["primary"]]
    rows = mine[~mine["stated"] & mine["difference"].notna()]
    ranges = {f["factor"]: (f["low"], f["high"]) for f in answer["factors"]}
    gains = rows["difference"] * (kpi.direction or 1)
    n_best = max(1, round(BEST_SHARE * len(rows)))
    best = gains.rank(ascending=False, method="first") <= n_best
    figure = new_figure(90 + 64 * len(factors), legend={"traceorder": "normal"})
    for name, group, colour, width in (
        ("other points", rows[~best], GRID, 1),
        (f"the best {n_best}", rows[best], GAIN, 2.5),
    ):
        xs: list[float | None] = []
        ys: list[str | None] = []
        for row in group.to_dict("records"):
            xs += [(row[column] - ranges[f][0]) / (ranges[f][1] - ranges[f][0]) for f, column in factors] + [None]
            ys += [f for f, _ in factors] + [None]
        figure.add_scatter(
            x=xs, y=ys, name=name, mode="lines", line={"color": colour, "width": width}, hoverinfo="skip"
        )
    for f, _ in factors:
        for at, value, anchor in ((0, ranges[f][0], "left"), (1, ranges[f][1], "right")):
            figure.add_annotation(x=at, y=f, text=number(value), xanchor=anchor, yanchor="bottom", font={"size": 11})
    figure.update_xaxes(tickvals=[0, 1], ticktext=["low end", "high end"], range=[-0.03, 1.03], showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=True, type="category")
    top = rows[best].sort_values("difference", ascending=kpi.direction < 0)
    note = f"Each line is a point; each row a factor over its range. Strong: the tenth that does best on {kpi.label}."
    return Chart(
        f"Where the best points lie: {kpi.label}",
        figure,
        _point_table(top, factors, kpi, look),
        _best_words(rows, factors, kpi, look),
        note,
    )


def factor_scatter(answer: Answer, mine: pd.DataFrame, factor: tuple[str, str], look: Look) -> Chart:
    """The effect at every point against one factor."""
    name, column = factor
    kpi = KPIS[answer["primary"]]
    rows = mine[~mine["stated"] & mine["difference"].notna()]
    decided = (rows["low"] > 0) | (rows["high"] < 0)
    figure = new_figure(280)
    for label, group, symbol in (
        ("beyond luck", rows[decided], "circle"),
        ("may be luck", rows[~decided], "circle-open"),
    ):
        figure.add_scatter(
            x=group[column], y=group["difference"], name=label, mode="markers",
            marker={"color": BLUE, "symbol": symbol, "size": 7, "line": {"color": BLUE, "width": 1}},
            hovertext=[f"point {point}" for point in group["point"]], hoverinfo="text+y",
        )  # fmt: skip
    _mark_stated(figure, mine, column)
    figure.add_hline(y=0, line={"color": INK, "width": 1})
    figure.update_xaxes(title_text=name)
    figure.update_yaxes(title_text=f"difference to {look.baseline}", **axis_of(kpi, rows["difference"], look))
    halves = [rows[rows[column] <= rows[column].median()], rows[rows[column] > rows[column].median()]]
    means = [change(half["difference"].mean(), kpi.unit, look.currency) for half in halves]
    table = pd.DataFrame({"Half of the points": ["low values", "high values"], "Mean difference": means})
    sentence = (
        f"Over the points with low {name} the mean difference is {means[0]}, over those with high {name} {means[1]}."
    )
    return Chart(
        f"{kpi.label} against {name}", figure, table, sentence, "All other factors vary too. Dotted: as stated."
    )


def _point_table(rows: pd.DataFrame, factors: Sequence[tuple[str, str]], kpi: Kpi, look: Look) -> pd.DataFrame:
    columns: dict[str, object] = {"Point": [str(point) for point in rows["point"]]}
    columns |= {name: [number(value) for value in rows[column]] for name, column in factors}
    columns["Difference"] = [change(value, kpi.unit, look.currency) for value in rows["difference"]]
    ends = zip(rows["low"], rows["high"], strict=True)
    columns["Luck only"] = [between(low, high, kpi.unit, look.currency) for low, high in ends]
    return pd.DataFrame(columns)


def _curve_words(rows: pd.DataFrame, factor: tuple[str, str], kpi: Kpi, look: Look) -> str:
    name, column = factor
    every = rows.to_dict("records")
    ends = [
        f"{change(row['difference'], kpi.unit, look.currency)} at {number(row[column])}"
        for row in (every[0], every[-1])
    ]
    return f"Over {name} the difference in {kpi.label} goes from {ends[0]} to {ends[1]}."


def _best_words(rows: pd.DataFrame, factors: Sequence[tuple[str, str]], kpi: Kpi, look: Look) -> str:
    rows = rows[rows["difference"].notna()]
    gains = rows["difference"] * (kpi.direction or 1)
    best = rows.to_dict("records")[int(gains.to_numpy().argmax())]
    where = ", ".join(f"{name} {number(best[column])}" for name, column in factors)
    word = "best" if kpi.direction else "highest"
    return f"The {word} point ({where}) differs by {change(best['difference'], kpi.unit, look.currency)}."


def _mark_stated(figure: go.Figure, mine: pd.DataFrame, column: str) -> None:
    stated = mine[mine["stated"]][column]
    if stated.notna().all() and len(stated):
        figure.add_vline(x=float(stated.iloc[0]), line={"color": FAINT, "width": 1.5, "dash": "2px,3px"})


def _title(answer: Answer, kpi: Kpi) -> str:
    return f"{kpi.label}: what {answer['arm']} changes"


def _cell(value: float, decided: bool, kpi: Kpi, look: Look) -> str:
    text = change(value, kpi.unit, look.currency)
    return text if decided else f"({text})"


def number(value: float) -> str:
    """A value of a factor."""
    return f"{value:.4g}".replace("-", "\u2212")


def axis_of(kpi: Kpi, values: pd.Series, look: Look) -> dict[str, str]:
    """How an axis prints differences of a KPI."""
    if is_share(kpi.unit):
        return {"tickformat": ".1%"}
    axis = money_axis(look.currency) if is_money(kpi.unit) else {"tickformat": "~s"}
    return axis | ({"tickformat": ",.2~f"} if values.abs().max() < 1000 else {})  # SI would write 0.5 as 500m
