"""Deal learning: what a history of price cuts does to customers.

Each customer keeps D, a moving average of the price cuts that they could have had, as a share of today's price:

    D <- carry_over * D + (1 - carry_over) * max(0, 1 - P)        after each week, P the best price of the week

and the log order rate moves by

    elasticity * (sensitivity * D * -ln P  +  erosion * ln(1 - D))

The first term is a higher price sensitivity (elasticity * (1 + sensitivity * D)), the second the fading of the full
price: of the lasting lift of a permanent cut, elasticity * -ln(1 - D), the share `erosion` is lost once it is learned,
and as much is missing for a while after the cut has ended. What is left in the long run is the elasticity
elasticity * (1 + sensitivity * D - erosion). With the rest of the week after a coupon's use it goes on unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.behavior import relative_price
from crmlab.sim.columns import Columns, column
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.jit import compiled, rule
from crmlab.sim.kernel import mean_order_of
from crmlab.sim.kernel_types import effect_on
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.price_terms import expected_cut, own_lines


@dataclass
class DealColumns(Columns):
    """What customers have learned."""

    deal_learned: NDArray[np.float32] = column(np.float32, "share of today's price: price cuts lately offered", False)


class Deals(Mechanism):
    """What the customers of one market have learned from price cuts."""

    name = "deal_learning"
    weeks_before = True
    columns: DealColumns

    def __init__(self, setting: Setting, numbers: Any) -> None:
        super().__init__(setting, numbers)
        self.columns = DealColumns.empty(setting.customers.n if self.on else 0)

    @property
    def on(self) -> bool:
        return bool(self.params.sensitivity > 0 or self.params.erosion > 0)

    def inherit(self, before: Mechanism) -> None:
        """What today's prices have taught by week 0."""
        assert isinstance(before, Deals)
        self.columns = before.columns.copy()
        if self.on:
            self.columns.open(self.setting.customers.n)

    def affect(self, week: Week) -> None:
        if self.on and week.number >= 0:  # before week 0 the orders are what they were
            people, effects = self.setting.customers, week.effects
            move_learned(
                week.effect("log_rate"), self.columns.deal_learned, people.stage, people.source, people.elasticity,
                people.mean_order, self.setting.baskets, week.offer, effects, self.params.sensitivity,
                self.params.erosion,
            )  # fmt: skip

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        for person in agents if self.on else ():
            learned = float(self.columns.deal_learned[person.row])
            if learned > 0 and person.stage == CUSTOMER:
                price = self._best_price_of(person, week)
                week.effect("log_rate")[person.row] += deal_log_effect(
                    learned, price, float(person.elasticity), self.params.sensitivity, self.params.erosion
                )

    def _best_price_of(self, person: CustomerAgent, week: Week) -> float:
        effect, door, own = effect_on(person.row, week.effects), int(person.source) + 1, week.offer.own
        standing, lines = max(float(week.offer.public[door]), effect.standing), own_lines(own, 0, person.row)
        cut = expected_cut(
            float(person.mean_order) * effect.order_value, self.setting.baskets, standing, effect.single, False, True,
            week.offer.shared, door, own, *lines,
        )  # fmt: skip
        price: float = relative_price(cut, self.setting.world.today_rate)
        return price

    def close(self, week: Week) -> None:
        if self.on:
            people, effects = self.setting.customers, week.effects
            learn(
                self.columns.deal_learned, people.orders, people.source, people.mean_order, self.setting.baskets,
                week.offer, effects, self.params.carry_over,
            )  # fmt: skip


@rule
def deal_log_effect(learned, price, elasticity, sensitivity, erosion):
    """Change of the log order rate, at this price, of somebody who has learned price cuts of that depth."""
    return elasticity * (erosion * math.log(1.0 - learned) - sensitivity * learned * math.log(price))


@rule
def best_price(i, source, mean_order, baskets, offer, effects, line, stop):
    """The best price that somebody could expect this week, as a share of today's; own terms: `line` to `stop`."""
    door = source + 1
    standing, single = offer.public[door], 0.0
    if effects.standing.size > 0:
        standing = max(standing, effects.standing[i])
    if effects.single.size > 0:
        single = effects.single[i]
    usual = mean_order_of(i, mean_order, effects.order_value)
    cut = expected_cut(usual, baskets, standing, single, False, True, offer.shared, door, offer.own, line, stop)
    return relative_price(cut, baskets.today_rate)


@compiled
def move_learned(
    log_rate, learned, stage, source, elasticity, mean_order, baskets, offer, effects, sensitivity, erosion
):
    """Add to each customer's log order rate what they have learned."""
    line = stop = 0
    for i in range(learned.size):
        if learned[i] > 0.0 and stage[i] == CUSTOMER:
            line, stop = own_lines(offer.own, line, i)
            price = best_price(i, np.int64(source[i]), mean_order, baskets, offer, effects, line, stop)
            log_rate[i] += deal_log_effect(float(learned[i]), price, float(elasticity[i]), sensitivity, erosion)


@compiled
def learn(learned, orders, source, mean_order, baskets, offer, effects, carry_over):
    """Move what everybody who ever ordered has learned towards the price cut of the week."""
    line = stop = 0
    for i in range(learned.size):
        if orders[i] > 0:
            line, stop = own_lines(offer.own, line, i)
            price = best_price(i, np.int64(source[i]), mean_order, baskets, offer, effects, line, stop)
            learned[i] = carry_over * float(learned[i]) + (1.0 - carry_over) * max(0.0, 1.0 - price)
