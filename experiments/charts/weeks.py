"""How a run unfolds: one chart per weekly series, a line per arm, bands over the replications."""

from __future__ import annotations

import pandas as pd

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import Look, new_figure
from crmlab.experiments.wording.quantities import UNDEFINED, money_axis, quantity, relative

SERIES = {
    "orders": ("Orders a week", ""),
    "first_orders": ("First orders a week", ""),
    "repeat_orders": ("Repeat orders a week", ""),
    "active_customers": ("Active customers", ""),
    "leads": ("Leads a week", ""),
    "invitations": ("Invitations a week", ""),
    "referred": ("Friends won a week", ""),
    "revenue": ("Revenue a week", "currency"),
    "contribution": ("Contribution a week", "currency"),
    "discounts": ("Discounts a week", "currency"),
    "media": ("Media spend a week", "currency"),
}
QUARTER_WEEKS = 13
FLAT = 0.02  # a series that moves by less than this share of its level is shown from zero


def weekly_paths(weekly: pd.DataFrame, look: Look) -> list[Chart]:
    """One chart per series of the table, in the order of `SERIES`; series that it does not know come last."""
    found = list(dict.fromkeys(weekly["series"]))
    order = [name for name in SERIES if name in found] + [name for name in found if name not in SERIES]
    return [weekly_path(weekly, look, name) for name in order]


def weekly_path(weekly: pd.DataFrame, look: Look, series: str) -> Chart:
    """One series week by week: mean over the replications (line) and the middle 95 % of them (band)."""
    title, unit = SERIES.get(series, (series.replace("_", " ").capitalize(), ""))
    mine = weekly[weekly["series"] == series].sort_values(["arm", "week"])
    arms = look.in_order(mine["arm"])
    figure = new_figure(290)
    for arm in arms:
        path, style = mine[mine["arm"] == arm], look.style(arm)
        figure.add_scatter(
            x=[*path["week"], *path["week"][::-1]],
            y=[*path["high"], *path["low"][::-1]],
            fill="toself",
            fillcolor=style.colour,
            opacity=0.13,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            legendgroup=arm,
        )
        figure.add_scatter(
            x=path["week"],
            y=path["mean"],
            name=arm,
            mode="lines",
            line={"color": style.colour, "dash": style.dash, "width": 2},
            hovertemplate=f"{arm}, week %{{x}}: %{{y:,.4~g}}<extra></extra>",
            legendgroup=arm,
        )
    figure.update_xaxes(title_text="week")
    figure.update_yaxes(**(money_axis(look.currency) if unit else {"tickformat": "~s"}))
    top, bottom = mine["high"].max(), mine["low"].min()
    if bottom >= 0 and top - bottom < FLAT * top:
        figure.update_yaxes(rangemode="tozero")  # else a flat line is blown up to show its rounding
    return Chart(title, figure, _quarters(mine, arms, unit, look), _words(mine, arms, unit, look))


def _quarters(mine: pd.DataFrame, arms: list[str], unit: str, look: Look) -> pd.DataFrame:
    quarter = mine["week"] // QUARTER_WEEKS
    means = mine.groupby([quarter, "arm"])["mean"].mean().unstack("arm")[arms]
    shown = means.map(lambda value: quantity(value, unit, look.currency)).rename_axis(None, axis=1)
    last = int(mine["week"].max())
    starts = [int(number) * QUARTER_WEEKS for number in means.index]
    shown.insert(0, "Weeks (mean of)", [f"{start} to {min(start + QUARTER_WEEKS - 1, last)}" for start in starts])
    return shown


def _words(mine: pd.DataFrame, arms: list[str], unit: str, look: Look) -> str:
    last = mine[mine["week"] > mine["week"].max() - QUARTER_WEEKS].groupby("arm")["mean"].mean()
    head = f"Mean of the last {min(QUARTER_WEEKS, mine['week'].nunique())} weeks: {arms[0]} "
    head += quantity(last[arms[0]], unit, look.currency)
    rest = []
    for arm in arms[1:]:
        moved = relative(last[arm] - last[arms[0]], last[arms[0]])
        rest.append(f"{arm} {quantity(last[arm], unit, look.currency)}" + (f" ({moved})" if moved != UNDEFINED else ""))
    return f"{', '.join([head, *rest])}."
