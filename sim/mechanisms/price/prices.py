"""Prices: where all price cuts meet, and become one standing cut and one single-use cut for everybody.

1. Standing price cuts do not add up. Of the public one, the one for the customer's channel and the personal ones, the
   largest holds.
2. A single-use price cut (coupon, first-order offer) replaces the standing one on one order, the earlier of a week,
   when it is larger.
3. A customer may hold several coupons. Each week the best of those that the holder would use is offered; using it
   strikes that one, and the others stay until they are void.

How people take a price is part of the kernel's clocks (`behavior.price_log_effect`); the numbers are `World.price`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.jit import compiled
from crmlab.sim.mechanism import Asked, Mechanism, Setting, Week
from crmlab.sim.mechanisms.price.actions import Coupon, Discount, FirstOrderOffer, PublicDiscount
from crmlab.sim.mechanisms.price.coupons import coupon_readiness, would_use
from crmlab.sim.mechanisms.price.grants import Grant, Grants, find_coupons, lines_of
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.play_actions import mask_of, rates_of, source_number


class Prices(Mechanism):
    """Carries out price actions; keeps the coupons."""

    name = "price"
    settles = (PublicDiscount, FirstOrderOffer, Discount, Coupon)
    weeks_before = True
    columns: Grants

    def __init__(self, setting: Setting, params: PriceResponse) -> None:
        super().__init__(setting, params)
        self.columns = Grants(setting.customers.n)
        self.readiness = coupon_readiness(params)
        self._names = [source.name for source in setting.world.sources]

    def inherit(self, before: Mechanism) -> None:
        """Coupons that are still valid in week 0."""
        assert isinstance(before, Prices)
        self.columns = before.columns.copy()
        self.columns.open(self.setting.customers.n)

    def settle(self, week: Week) -> None:
        for asked, public in week.actions(PublicDiscount):
            self._raise(week.offer.public, asked, public.channel, float(public.rate))
        for asked, first in week.actions(FirstOrderOffer):
            self._raise(week.offer.first, asked, first.channel, float(first.rate))
        for asked, discount in week.actions(Discount):
            raise_rates(week.effect("standing"), week.rows, rates_of(asked, discount.rate, week.view.n))
        for asked, coupon in week.actions(Coupon):
            self._grant(asked, coupon, week)

    def affect(self, week: Week) -> None:
        if self.columns.is_open:
            lines = self.columns.lines
            find_coupons(week.effect("single"), lines.row, lines.rate, lines.ends, lines.liked, week.number)

    def mark(self, week: Week) -> None:
        self.columns.use(week.orders.row[week.single], week.number)

    def close(self, week: Week) -> None:
        self.columns.keep(self.columns.lines.ends > week.number + 1)  # the others are void then

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        for person in agents if self.columns.is_open else ():
            usable = self._usable(person, week.number)
            if usable:
                week.effect("single")[person.row] = -min(usable)[0]

    def mark_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        for row in week.orders.row[week.single]:
            usable = self._usable(agents[row], week.number)
            if usable:
                lines = list(zip(*tuple(self.columns.lines), strict=True))
                del lines[min(usable)[2]]
                self.columns.lines = lines_of(lines)

    def _usable(self, person: CustomerAgent, week: int) -> list[tuple[float, int, int]]:
        """The coupons that somebody holds and would use: (-rate, end, number of the line)."""
        lines = self.columns.lines
        return [
            (-float(lines.rate[line]), int(lines.ends[line]), line)
            for line in range(lines.row.size)
            if lines.row[line] == person.row and lines.ends[line] > week
            and would_use(*person.key, person.who, int(lines.ends[line]), self.readiness)
        ]  # fmt: skip

    def _raise(self, rates: NDArray[np.float64], asked: Asked, channel: str | None, rate: float) -> None:
        where = slice(None) if channel is None else source_number(asked, channel, self._names) + 1
        rates[where] = np.maximum(rates[where], rate)

    def _grant(self, asked: Asked, coupon: Coupon, week: Week) -> None:
        """Give everybody whom the action reaches a coupon."""
        to = mask_of(asked, "Coupon.to", coupon.to, week.view.n)
        rate = rates_of(Asked(asked.play, coupon, None), coupon.rate, week.view.n)[to]
        rows, ends = week.rows[to], week.number + coupon.weeks
        order = np.argsort(rows)
        rows, rate = rows[order], rate[order]
        liked = would_use_it(self.setting.person_ids(rows), ends, self.readiness, *self.setting.key)
        self.columns.add(Grant(rows, rate, np.full(rows.size, ends, np.int16), liked))


@compiled
def raise_rates(standing, rows, rates):
    """Where the personal price cut of a row is larger than the standing one [n], it holds. Shape [rows] each."""
    for j in range(rows.size):
        if rates[j] > standing[rows[j]]:
            standing[rows[j]] = float(rates[j])


@compiled
def would_use_it(ids, ends, readiness, key0, key1):
    """Whether each of these people would use a coupon that ends in that week. Shape [ids]."""
    liked = np.empty(ids.size, np.bool_)
    for j in range(ids.size):
        liked[j] = would_use(key0, key1, ids[j], ends, readiness)
    return liked
