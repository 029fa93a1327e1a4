"""What a tuning tried and found: the front between its objectives, its history, and which levers matter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import FAINT, GAIN, INK, STYLES, Look, new_figure
from crmlab.experiments.questions.tune.candidates import can_win
from crmlab.experiments.questions.tune.question import unit_of
from crmlab.experiments.wording.quantities import change, is_money, is_share, money_axis, quantity
from crmlab.sim.kpis import KPIS

DROPPED = {"color": FAINT, "symbol": "circle-open", "size": 6}  # a candidate that was beaten in its race
BROKEN = {"color": FAINT, "symbol": "x-thin-open", "size": 7}


def pareto_fronts(
    trials: pd.DataFrame, winners: pd.DataFrame, objectives: Sequence[str], look: Look, score: str = "mean"
) -> list[Chart]:
    """One chart per pair of objectives: all candidates, the front, and where its winners landed on fresh luck.

    `score` is what a gain is: the mean of the differences, or a score of them over sampled worlds.
    """
    return [_front(trials, winners, first, second, look, score) for first, second in combinations(objectives, 2)]


def tuning_history(trials: pd.DataFrame, objective: str, look: Look, score: str = "mean") -> Chart:
    """Every candidate of a search in the order in which it was tried, and the best so far that could win."""
    gain, high = trials[f"gain.{objective}"], KPIS[objective].direction > 0 or score == "pays"
    able = can_win(trials)
    candidates = gain.where(able)
    best = (candidates.cummax() if high else candidates.cummin()).ffill()
    figure = new_figure(300)
    for name, rows, marker in (
        ("breaks a limit", trials[~trials["feasible"]], BROKEN),
        ("dropped in the race", trials[trials["feasible"] & ~able], DROPPED),
        ("feasible", trials[able], {"color": GAIN, "symbol": "circle", "size": 7}),
    ):
        figure.add_scatter(
            x=rows["number"], y=rows[f"gain.{objective}"], name=name, mode="markers",
            marker=marker | {"line": {"color": marker["color"], "width": 1}},
            hovertemplate="candidate %{x}: %{y:,.4~g}<extra></extra>",
        )  # fmt: skip
    line = {"color": INK, "width": 1.5, "shape": "hv"}
    figure.add_scatter(x=trials["number"], y=best, name="best so far", mode="lines", line=line, hoverinfo="skip")
    figure.update_xaxes(title_text="candidate, in the order tried")
    figure.update_yaxes(title_text=_gain_words(look, score), **_axis(objective, gain, look, score))
    ends = trials.groupby("batch")["number"].idxmax()
    table = pd.DataFrame(
        {
            "Candidates tried": [str(number + 1) for number in trials["number"][ends]],
            "Best so far": [told(value, objective, look, score) for value in best[ends]],
        }
    )  # fmt: skip
    return Chart(
        f"History: {KPIS[objective].label}", figure, table, _history_words(trials, best, objective, look, score)
    )


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


def _front(trials: pd.DataFrame, winners: pd.DataFrame, first: str, second: str, look: Look, score: str) -> Chart:
    figure = new_figure(460)
    front, able = trials[trials["front"]].sort_values(f"gain.{first}"), can_win(trials)
    groups: tuple[tuple[str, pd.DataFrame, dict[str, object]], ...] = (
        ("breaks a limit", trials[~trials["feasible"]], BROKEN),
        ("dropped in the race", trials[trials["feasible"] & ~able], DROPPED),
        ("feasible", trials[able & ~trials["front"]], {"color": GAIN, "symbol": "circle-open", "size": 8}),
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
    figure.update_xaxes(title_text=_axis_title(first, score), **_axis(first, trials[f"gain.{first}"], look, score))
    figure.update_yaxes(title_text=_axis_title(second, score), **_axis(second, trials[f"gain.{second}"], look, score))
    title = f"{KPIS[first].label} against {KPIS[second].label}"
    note = f"In the search: {_gain_words(look, score)}. Diamonds: the winners on luck that it had not seen."
    table = _front_table(front, wide, first, second, look, score)
    return Chart(title, figure, table, _front_words(trials, front), note)


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


def _front_table(
    front: pd.DataFrame, wide: pd.DataFrame, first: str, second: str, look: Look, score: str
) -> pd.DataFrame:
    rows = []
    for row in front.to_dict("records"):
        cells = {"Candidate": str(row["number"])}
        for kpi in (first, second):
            label = KPIS[kpi].label
            fresh = wide.loc[row["number"], ("fresh", kpi)] if row["number"] in wide.index else None
            cells[label] = told(row[f"gain.{kpi}"], kpi, look, score)
            cells[f"{label}, fresh luck"] = told(fresh, kpi, look, score)
        rows.append(cells)
    return pd.DataFrame(rows)


def _front_words(trials: pd.DataFrame, front: pd.DataFrame) -> str:
    feasible = int(trials["feasible"].sum())
    if front.empty:
        return f"None of {len(trials)} candidates kept all limits."
    return f"Of {len(trials)} candidates {feasible} kept all limits, and {len(front)} of these are beaten by no other."


def _history_words(trials: pd.DataFrame, best: pd.Series, kpi: str, look: Look, score: str) -> str:
    if best.isna().all():
        return f"None of {len(trials)} candidates kept all limits."
    last = best.iloc[-1]
    found = int(trials.loc[can_win(trials) & (trials[f"gain.{kpi}"] == last), "number"].iloc[0])
    reached = told(last, kpi, look, score)
    if score != "mean":
        return f"The best of {len(trials)} candidates reaches {reached}; it was number {found}."
    return f"The best feasible candidate of {len(trials)} moves {KPIS[kpi].label} by {reached}; it was number {found}."


def told(gain: Any, kpi: str, look: Look, score: str = "mean") -> str:
    """A gain for reading: a signed change in the unit of the KPI, or a share of worlds."""
    if score == "pays":
        return quantity(gain, "share")
    return change(gain, KPIS[kpi].unit, look.currency)


def _gain_words(look: Look, score: str) -> str:
    over = {"worst": "worst of the worlds", "cvar": "mean of the worst tenth of the worlds"}.get(score)
    if score == "pays":
        return f"share of the worlds in which it is better than {look.baseline}"
    return f"difference to {look.baseline}{f', {over}' if over else ''}"


def _axis(kpi: str, gains: pd.Series, look: Look, score: str) -> dict[str, str]:
    unit = unit_of(kpi, score)
    if is_share(unit):
        return {"tickformat": ".1%"}
    axis = money_axis(look.currency) if is_money(unit) else {"tickformat": "~s"}
    return axis | ({"tickformat": ",.2~f"} if gains.abs().max() < 1000 else {})  # SI would write 0.5 as 500m


def _axis_title(kpi: str, score: str) -> str:
    more = KPIS[kpi].direction > 0 or score == "pays"
    return f"{KPIS[kpi].label} ({'more' if more else 'less'} is better)"
