"""The order log, continued by the simulated policy of today: a baseline that can be believed, or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import INK, Look, new_figure
from crmlab.experiments.wording.quantities import signed_percent

SERIES = {"orders": "orders", "first_orders": "first orders"}
QUARTER, HALF_YEAR = 13, 26
DRIFT = 1.3  # factor from the first to the last half year, under the baseline alone, above which the sentence says so
JUMP = 0.15  # change of the level, from the log to today, above which the sentence says so


def log_continued(calibration: Mapping[str, Any], weekly: pd.DataFrame, look: Look) -> list[Chart]:
    """One chart for all orders and one for first orders, by week before and after week 0.

    `calibration` is its JSON with the `weekly_log`, `weekly` the table of weekly series of a run.
    """
    log = pd.DataFrame(list(calibration["weekly_log"])).sort_values("week")
    return [_continued(log, weekly, look, series) for series in SERIES]


def _continued(log: pd.DataFrame, weekly: pd.DataFrame, look: Look, series: str) -> Chart:
    mine = weekly[(weekly["series"] == series) & (weekly["arm"] == look.baseline)].sort_values("week")
    figure, style = new_figure(300), look.style(look.baseline)
    figure.add_scatter(
        x=log["week"], y=log[series], name="your log", mode="lines", line={"color": INK, "width": 2},
        hovertemplate="your log, week %{x}: %{y:,.0f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[*mine["week"], *mine["week"][::-1]], y=[*mine["high"], *mine["low"][::-1]], fill="toself",
        fillcolor=style.colour, opacity=0.2, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=mine["week"], y=mine["mean"], name=f"simulated: {look.baseline}", mode="lines",
        line={"color": style.colour, "dash": style.dash, "width": 2.5},
        hovertemplate=f"{look.baseline}, week %{{x}}: %{{y:,.0f}}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=-0.5, line_width=1, line_dash="dot")
    figure.update_xaxes(title_text="week (0: the run begins)")
    figure.update_yaxes(title_text=f"{SERIES[series]} a week", rangemode="tozero")
    title = f"Your log, continued by {look.baseline}: {SERIES[series]}"
    note = "Line: mean over the replications of the stated world; band: the middle 95% of them. Full weeks only."
    return Chart(title, figure, _table(log, mine, series), _words(log, mine, look, series), note)


def _table(log: pd.DataFrame, mine: pd.DataFrame, series: str) -> pd.DataFrame:
    heading, rows = f"{SERIES[series].capitalize()} a week", []
    for start in range(-QUARTER * (len(log) // QUARTER), 0, QUARTER):
        part = log[(log["week"] >= start) & (log["week"] < start + QUARTER)]
        rows.append((f"{start} to {start + QUARTER - 1}", "your log", f"{part[series].mean():,.1f}", ""))
    for start in range(0, int(mine["week"].max()) + 1, QUARTER):
        part = mine[(mine["week"] >= start) & (mine["week"] < start + QUARTER)]
        span = f"{part['low'].mean():,.1f} to {part['high'].mean():,.1f}"
        rows.append((f"{start} to {int(part['week'].max())}", "simulated", f"{part['mean'].mean():,.1f}", span))
    return pd.DataFrame(rows, columns=["Weeks", "Source", heading, "Middle 95%"])


def _words(log: pd.DataFrame, mine: pd.DataFrame, look: Look, series: str) -> str:
    what, weeks = SERIES[series], min(HALF_YEAR, len(log), int(mine["week"].max()) + 1)
    before = float(log[series].to_numpy()[-weeks:].mean())
    simulated = mine["mean"].to_numpy()
    after, last = float(simulated[:weeks].mean()), float(simulated[-weeks:].mean())
    head = f"In the last {weeks} weeks your log held {before:,.1f} {what} a week"
    tail = f"{look.baseline} goes on with {after:,.1f} in its first {weeks} weeks"
    end = f"and comes to {last:,.1f} in its last {weeks}"
    if not log["first_orders"].to_numpy()[-weeks:].any():
        return (
            f"{head}; {tail} {end}. The log ends without new customers: theirs, and what they order, is an assumption."
        )
    if not before:
        return f"{head}; {tail} {end}."
    moved = after / before - 1
    warning = " It does not go on where your log ends: look for a season, growth or a poor fit."
    said = f"{head}; {tail} ({signed_percent(100 * moved)}) {end}." + (warning if abs(moved) > JUMP else "")
    if not 1 / DRIFT < last / max(after, 1e-9) < DRIFT:
        drift = signed_percent(100 * (last / max(after, 1e-9) - 1))
        said += f" That is {drift} within the run without any change of policy: believe it only if your shop moves so."
    return said
