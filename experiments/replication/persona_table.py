"""What each persona does under each arm: the truth of the world, which no firm could tabulate.

Counts and money are those of the real market. Contribution is that of orders, rewards taken off: media, channel costs,
tier benefits and points still out are not shared out, because nobody can say whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crmlab.experiments.statistics.effects import luck_interval
from crmlab.sim.outcome import MarketOutcome


def persona_table(outcome: MarketOutcome) -> pd.DataFrame:
    """One row per persona: people, customers acquired, buyers, orders, money, discounts in all and per buyer."""
    market, orders = outcome.market, outcome.orders
    names = [persona.name for persona in market.world.personas]
    column = market.customers.persona
    of_order = column[orders.row]

    def totals(of: np.ndarray, amount: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(of, amount, len(names)) * market.scale

    buyers = totals(column[np.unique(orders.row)])
    discounts = totals(of_order, (orders.value - orders.paid) / market.minor)
    return pd.DataFrame(
        {
            "persona": names,
            "people": totals(column),
            "acquired": totals(column[outcome.acquired]),
            "buyers": buyers,
            "orders": totals(of_order),
            "revenue": totals(of_order, orders.paid / market.minor),
            "contribution": totals(of_order, outcome.contribution),
            "discounts": discounts,
            "discounts_per_buyer": discounts / np.where(buyers > 0, buyers, np.nan),
        }
    )


def with_gains(
    averages: pd.DataFrame, by_arm: Mapping[str, Sequence[pd.DataFrame]], baseline: str, confidence: float
) -> pd.DataFrame:
    """The averaged table with `gain`, `gain_low`, `gain_high`: each persona's contribution less that of the same people
    under the baseline, over paired replications, with the interval of the mean (luck only)."""
    per_person = {
        arm: pd.DataFrame([table.set_index("persona")["contribution"] for table in tables]).to_numpy()
        for arm, tables in by_arm.items()
    }
    names = list(next(iter(by_arm.values()))[0]["persona"])
    gains = []
    for arm in by_arm:
        difference = per_person[arm] - per_person[baseline]
        for position, name in enumerate(names):
            low, high = luck_interval(difference[:, position], confidence)
            gains.append((arm, name, difference[:, position].mean(), low, high))
    columns = ["arm", "persona", "gain", "gain_low", "gain_high"]
    return averages.merge(pd.DataFrame(gains, columns=columns), on=["arm", "persona"], validate="one_to_one")
