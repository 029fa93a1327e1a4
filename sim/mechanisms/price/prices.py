"""Prices: where all price cuts meet, and become one standing cut and one single-use cut for everybody.

1. Standing price cuts do not add up. Of the public one, the one for the customer's channel and the personal ones, the
   largest holds.
2. A single-use price cut (coupon, first-order offer) replaces the standing one on one order, the earlier of a week,
   when it is larger.
3. A customer holds one coupon. A new one replaces it when it is worth more, or as much for longer; else it is refused.

How people take a price is part of the kernel's clocks (`behavior.price_pull`); the numbers are `World.price`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.asking import mask_of, rates_of, source_number
from crmlab.sim.columns import Columns, column
from crmlab.sim.compiling import compiled
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import LONG_AGO
from crmlab.sim.mechanism import Asked, Mechanism, Setting, Week
from crmlab.sim.mechanisms.price.actions import Coupon, Discount, FirstOrderOffer, PublicDiscount
from crmlab.sim.mechanisms.price.coupons import coupon_readiness, would_use
from crmlab.sim.mechanisms.price.params import PriceResponse


@dataclass
class CouponColumns(Columns):
    """The coupon that a customer holds."""

    coupon_rate: NDArray[np.float32] = column(np.float32, "share of price", True)
    coupon_ends: NDArray[np.int16] = column(np.int16, "first week in which it is void", True)
    coupon_liked: NDArray[np.bool_] = column(np.bool_, "whether its holder would use it", False)


class Prices(Mechanism):
    """Carries out price actions; keeps the coupons."""

    name = "price"
    settles = (PublicDiscount, FirstOrderOffer, Discount, Coupon)
    series = ("coupons_refused",)
    lives_before = True
    columns: CouponColumns

    def __init__(self, setting: Setting, params: PriceResponse) -> None:
        super().__init__(setting, params)
        self.columns = CouponColumns.empty()
        self.readiness = coupon_readiness(params)
        self._names = [source.name for source in setting.world.sources]
        self._granted = False  # whether a coupon was ever granted

    def inherit(self, before: Mechanism) -> None:
        """Coupons that are still valid in week 0."""
        assert isinstance(before, Prices)
        self._granted = before._granted
        if self._granted:
            n = before.setting.customers.n
            self.columns = before.columns.copy()
            self.columns.open(self.setting.customers.n)
            self.columns.coupon_ends[:n] = np.maximum(before.columns.coupon_ends, 0)

    def settle(self, week: Week) -> None:
        for asked, public in week.actions(PublicDiscount):
            self._raise(week.offer.public, asked, public.channel, float(public.rate))
        for asked, first in week.actions(FirstOrderOffer):
            self._raise(week.offer.first, asked, first.channel, float(first.rate))
        for asked, discount in week.actions(Discount):
            raise_rates(week.effect("standing"), week.rows, rates_of(asked, discount.rate, week.view.n))
        refused = sum(self._grant(asked, coupon, week) for asked, coupon in week.actions(Coupon))
        week.series["coupons_refused"] = refused

    def affect(self, week: Week) -> None:
        if self._granted:
            columns = self.columns
            find_coupons(
                week.effect("single"), columns.coupon_rate, columns.coupon_ends, columns.coupon_liked, week.number
            )

    def mark(self, week: Week) -> None:
        if self._granted:
            self.columns.coupon_ends[week.orders.row[week.single]] = min(week.number, 0)

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        for person in agents if self._granted else ():
            rate, ends = self.columns.coupon_rate[person.row], int(self.columns.coupon_ends[person.row])
            if ends > week.number and would_use(*person.key, person.who, ends, self.readiness):
                week.effect("single")[person.row] = float(rate)

    def _raise(self, rates: NDArray[np.float64], asked: Asked, channel: str | None, rate: float) -> None:
        where = slice(None) if channel is None else source_number(asked, channel, self._names) + 1
        rates[where] = np.maximum(rates[where], rate)

    def _grant(self, asked: Asked, coupon: Coupon, week: Week) -> int:
        """Write coupons to those without a better one. Returns how many were refused."""
        to = mask_of(asked, "Coupon.to", coupon.to, week.view.n)
        self.columns.open(self.setting.customers.n)
        rates, ends = self.columns.coupon_rate, self.columns.coupon_ends
        if not self._granted:
            ends[:] = LONG_AGO if week.number < 0 else 0  # one that ended in week 0 would be valid before it
            self._granted = True
        who, end = week.rows[to], week.number + coupon.weeks
        rate = rates_of(Asked(asked.play, coupon, None), coupon.rate, week.view.n)[to]
        held = np.where(ends[who] > week.number, rates[who], 0)
        better = (rate > held) | ((rate == held) & (end > ends[who]))
        rates[who[better]] = rate[better]
        ends[who[better]] = end
        self.columns.coupon_liked[who[better]] = would_use_it(
            self.setting.person_ids(who[better]), end, self.readiness, *self.setting.key
        )
        return int(np.count_nonzero(~better))


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


@compiled
def find_coupons(single, rates, ends, liked, week):
    """Fill `single` [n] with the price cut of the coupon that somebody holds and would use this week."""
    for i in range(ends.size):
        if ends[i] > week and liked[i]:
            single[i] = float(rates[i])
