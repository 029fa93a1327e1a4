"""What a tuning tried and found: the front between its objectives, its history, and which levers matter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from experiments.charts.chart import Chart
from experiments.charts.look import FAINT, GAIN, INK, STYLES, Look, new_figure
from experiments.reporting.quantities import between, change, is_money, is_share, money_axis, quantity
from experiments.reporting.rows import each_row
from sim.readings import KPIS


def pareto_fronts(trials: pd.DataFrame, winners: pd.DataFrame, objectives: Sequence[str], look: Look) -> list[Chart]:
    """One chart per pair of objectives: all candidates, the front, and where its winners landed on fresh luck."""
    return [_front(trials, winners, first, second, look) for first, second in combinations(objectives, 2)]


def tuning_history(trials: pd.DataFrame, objective: str, look: Look) -> Chart:
    """Every candidate of a search in the order in which it was tried, and the best feasible one so far."""
    kpi, gain = KPIS[objective], trials[f"gain.{objective}"]
    feasible = gain.where(trials["feasible"])
    best = feasible.cummax() if kpi.direction > 0 else feasible.cummin()
    best = best.ffill()
    figure = new_figure(300)
    for name, rows, colour, symbol in (
        ("breaks a limit", trials[~trials["feasible"]], FAINT, "x-thin-open"),
        ("feasible", trials[trials["feasible"]], GAIN, "circle"),
    ):
        figure.add_scatter(
            x=rows["number"], y=rows[f"gain.{objective}"], name=name, mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 7, "line": {"color": colour, "width": 1}},
            hovertemplate="candidate %{x}: %{y:,.4~g}<extra></extra>",
        )  # fmt: skip
    line = {"color": INK, "width": 1.5, "shape": "hv"}
    figure.add_scatter(x=trials["number"], y=best, name="best so far", mode="lines", line=line, hoverinfo="skip")
    figure.update_xaxes(title_text="candidate, in the order tried")
    figure.update_yaxes(title_text=f"difference to {look.baseline}", **_axis(objective, gain, look))
    ends = trials.groupby("batch")["number"].idxmax()
    table = pd.DataFrame(
        {
            "Candidates tried": [str(number + 1) for number in trials["number"][ends]],
            "Best so far": [change(value, kpi.unit, look.currency) for value in best[ends]],
        }
    )  # fmt: skip
    return Chart(f"History: {kpi.label}", figure, table, _history_words(trials, best, kpi, look))


def lever_importances(importances: pd.DataFrame, look: Look) -> Chart:
    """Which levers decide whether a candidate is among the best, per objective."""
    wide = importances.pivot_table(index="lever", columns="kpi", values="importance", sort=False, dropna=False)
    wide = wide.loc[wide.mean(axis=1).sort_values(kind="stable").index]
    figure = new_figure(40 + 30 * len(wide) * len(wide.columns) + 60, barmode="group", bargap=0.3)
    for kpi, style in zip(wide.columns, STYLES, strict=False):
        figure.add_bar(
            x=wide[kpi], y=wide.index, orientation="h", name=KPIS[kpi].label, marker={"color": style.colour},
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(showgrid=False)
    table = wide[::-1].map(lambda share: quantity(share, "share")).rename(columns=lambda kpi: KPIS[kpi].label)
    table = table.rename_axis(None, axis=1).reset_index(names="Lever")
    parts = [
        f"{KPIS[kpi].label} {wide[kpi].idxmax()} ({quantity(wide[kpi].max(), 'share')})"
        for kpi in wide.columns
        if wide[kpi].notna().any()
    ]
    sentence = f"The lever that matters most: for {', for '.join(parts)}." if parts else "Too few candidates to tell."
    note = "Shares of 100% per objective (PED-ANOVA): how far the best tenth of the candidates, or the best five, "
    note += "differ from all in each lever. Levers act within the ranges that were searched."
    return Chart("Which levers matter", figure, table, sentence, note)


def _front(trials: pd.DataFrame, winners: pd.DataFrame, first: str, second: str, look: Look) -> Chart:
    figure = new_figure(460)
    front = trials[trials["front"]].sort_values(f"gain.{first}")
    beaten = trials[trials["feasible"] & ~trials["front"]]
    groups: tuple[tuple[str, pd.DataFrame, dict[str, Any]], ...] = (
        ("breaks a limit", trials[~trials["feasible"]], {"color": FAINT, "symbol": "x-thin-open", "size": 7}),
        ("feasible", beaten, {"color": GAIN, "symbol": "circle-open", "size": 8}),
        ("Pareto front", front, {"color": GAIN, "symbol": "circle", "size": 10}),
    )  # fmt: skip
    for name, rows, marker in groups:
        figure.add_scatter(
            x=rows[f"gain.{first}"], y=rows[f"gain.{second}"], name=name, mode="markers",
            marker=marker | {"line": {"color": marker["color"], "width": 1.5}},
            hovertext=[f"candidate {number}" for number in rows["number"]], hoverinfo="text",
        )  # fmt: skip
    wide = _by_candidate(winners)
    _draw_fresh(figure, wide, first, second)
    figure.update_xaxes(title_text=_axis_title(first), **_axis(first, trials[f"gain.{first}"], look))
    figure.update_yaxes(title_text=_axis_title(second), **_axis(second, trials[f"gain.{second}"], look))
    title = f"{KPIS[first].label} against {KPIS[second].label}"
    note = f"Differences to {look.baseline} in the search. Diamonds: the winners on luck that it had not seen."
    return Chart(title, figure, _front_table(front, wide, first, second, look), _front_words(trials, front), note)


def _draw_fresh(figure: go.Figure, wide: pd.DataFrame, first: str, second: str) -> None:
    for number in wide.index:
        ends = {kpi: [wide.loc[number, ("search", kpi)], wide.loc[number, ("fresh", kpi)]] for kpi in (first, second)}
        line = {"color": INK, "width": 1, "dash": "2px,3px"}
        figure.add_scatter(x=ends[first], y=ends[second], mode="lines", line=line, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=wide[("fresh", first)] if len(wide) else [], y=wide[("fresh", second)] if len(wide) else [],
        name="winners on fresh luck", mode="markers",
        marker={"color": INK, "symbol": "diamond-open", "size": 11, "line": {"width": 2}},
        hovertext=[f"candidate {number}, fresh luck" for number in wide.index], hoverinfo="text",
    )  # fmt: skip


def _by_candidate(winners: pd.DataFrame) -> pd.DataFrame:
    """Search and fresh values by (kind, KPI), one row per winner."""
    return winners.pivot_table(index="number", columns="kpi", values=["search", "fresh"], sort=False)


def _front_table(front: pd.DataFrame, wide: pd.DataFrame, first: str, second: str, look: Look) -> pd.DataFrame:
    rows = []
    for row in front.to_dict("records"):
        cells = {"Candidate": str(row["number"])}
        for kpi in (first, second):
            unit, label = KPIS[kpi].unit, KPIS[kpi].label
            fresh = wide.loc[row["number"], ("fresh", kpi)] if row["number"] in wide.index else None
            cells[label] = change(row[f"gain.{kpi}"], unit, look.currency)
            cells[f"{label}, fresh luck"] = change(fresh, unit, look.currency)
        rows.append(cells)
    return pd.DataFrame(rows)


def _front_words(trials: pd.DataFrame, front: pd.DataFrame) -> str:
    feasible = int(trials["feasible"].sum())
    if front.empty:
        return f"None of {len(trials)} candidates kept all limits."
    return f"Of {len(trials)} candidates {feasible} kept all limits, and {len(front)} of these are beaten by no other."


def _history_words(trials: pd.DataFrame, best: pd.Series, kpi: Any, look: Look) -> str:
    if best.isna().all():
        return f"None of {len(trials)} candidates kept all limits."
    last = best.iloc[-1]
    found = int(trials.loc[trials[f"gain.{kpi.id}"] == last, "number"].iloc[0])
    moved = change(last, kpi.unit, look.currency)
    return f"The best feasible candidate of {len(trials)} moves {kpi.label} by {moved}; it was number {found}."


def _axis(kpi: str, gains: pd.Series, look: Look) -> dict[str, str]:
    unit = KPIS[kpi].unit
    if is_share(unit):
        return {"tickformat": ".1%"}
    axis = money_axis(look.currency) if is_money(unit) else {"tickformat": "~s"}
    return axis | ({"tickformat": ",.2~f"} if gains.abs().max() < 1000 else {})  # SI would write 0.5 as 500m


def _axis_title(kpi: str) -> str:
    return f"{KPIS[kpi].label} ({'more' if KPIS[kpi].direction > 0 else 'less'} is better)"


def winner_cells(winners: pd.DataFrame, trials: pd.DataFrame, look: Look) -> pd.DataFrame:
    """The winners for reading, a column each: levers, and search, fresh value and optimism of every KPI watched."""
    settings = trials.set_index("number")
    columns: dict[str, dict[str, str]] = {}
    for row in each_row(winners):
        cells = columns.setdefault(f"Candidate {row.number}", {})
        for name in (name for name in settings.columns if name.startswith("lever.")):
            cells[name.removeprefix("lever.")] = f"{settings.loc[row.number, name]:.4g}"
        unit, label = KPIS[row.kpi].unit, KPIS[row.kpi].label
        cells[f"{label}: search"] = change(row.search, unit, look.currency)
        cells[f"{label}: fresh luck"] = change(row.fresh, unit, look.currency)
        cells[f"{label}: range of fresh"] = between(row.fresh_low, row.fresh_high, unit, look.currency)
        cells[f"{label}: optimism"] = change(row.optimism, unit, look.currency)
    held = {f"Candidate {row.number}": "yes" if row.holds else "no" for row in each_row(winners)}
    columns = {name: cells | {"Keeps its limits on fresh luck": held[name]} for name, cells in columns.items()}
    return pd.DataFrame(columns).reset_index(names="What")
