"""Who gains and who pays: what a policy changes for each persona. Known to the simulation only."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlab.experiments.charts.blocks import block_figure, block_rows
from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import Look
from crmlab.experiments.rows import each_row
from crmlab.experiments.wording.quantities import UNDEFINED, between, change, money_axis, quantity

HIDDEN = "Known to the simulation only: a firm cannot see who is of which persona."


def persona_gains(personas: pd.DataFrame, look: Look) -> Chart:
    """Change of each persona's contribution against the baseline, arm by arm, with its interval."""
    names = list(dict.fromkeys(personas["persona"]))
    arms = [arm for arm in look.in_order(personas["arm"]) if arm != look.baseline]
    blocks = dict.fromkeys(names, arms)
    places = block_rows(blocks)
    figure = block_figure(
        blocks, {name: name.replace("_", " ") for name in names}, "change of contribution from orders"
    )
    for arm in arms:
        mine, style = personas[personas["arm"] == arm], look.style(arm)
        figure.add_scatter(
            x=mine["gain"],
            y=[places[name, arm] for name in mine["persona"]],
            error_x={
                "symmetric": False,
                "array": mine["gain_high"] - mine["gain"],
                "arrayminus": mine["gain"] - mine["gain_low"],
                "color": style.colour,
            },
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 9},
            name=arm,
            hoverinfo="skip",
        )
    figure.update_xaxes(**money_axis(look.currency))
    note = (
        f"{HIDDEN} Contribution is that of orders over the whole run, rewards taken off; media, channel costs, tier "
        "benefits and points still out are shared out to nobody. Line: interval of the mean, luck only."
    )
    return Chart("Who gains, who pays", figure, persona_cells(personas, look), _words(personas, look, arms), note)


def persona_cells(personas: pd.DataFrame, look: Look) -> pd.DataFrame:
    """What each persona does under each arm, for reading."""
    money = look.currency
    rows = [
        {
            "Arm": row.arm,
            "Persona": row.persona,
            "People": quantity(row.people, "people"),
            "New customers": quantity(row.acquired, "customers"),
            "Buyers": quantity(row.buyers, "customers"),
            "Orders": quantity(row.orders, "orders"),
            "Revenue": quantity(row.revenue, "currency", money),
            "Contribution": quantity(row.contribution, "currency", money),
            f"Change to {look.baseline}": _gain(row, look),
            "Discounts per buyer": quantity(row.discounts_per_buyer, "currency", money),
        }
        for arm in look.in_order(personas["arm"])
        for row in each_row(personas[personas["arm"] == arm])
    ]
    return pd.DataFrame(rows)


def _gain(row: Any, look: Look) -> str:
    if row.arm == look.baseline:
        return UNDEFINED
    interval = between(row.gain_low, row.gain_high, "currency", look.currency)
    return f"{change(row.gain, 'currency', look.currency)} ({interval})"


def _words(personas: pd.DataFrame, look: Look, arms: list[str]) -> str:
    parts = []
    for arm in arms:
        mine = personas[personas["arm"] == arm].sort_values("gain")
        least, most = mine.iloc[0], mine.iloc[-1]
        told = [f"{_spoken(row['persona'])} {change(row['gain'], 'currency', look.currency)}" for row in (most, least)]
        parts.append(f"{arm}: from {told[0]} to {told[1]}")
    return f"Change of contribution by persona. {'; '.join(parts)}."


def _spoken(name: str) -> str:
    return name.replace("_", " ")
