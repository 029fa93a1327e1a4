"""Prices: where all price cuts meet, and become what everybody can have this week.

1. Standing price cuts do not add up. Of the public one, the one for the customer's channel and the personal ones, the
   largest holds. Those with conditions (`min_spend`, `max_off`) hold where they save more on the basket at hand.
2. A single-use price cut (coupon, first-order offer) replaces the standing one on one order, the earlier of a week,
   when it saves more; one that stacks is taken off what the standing one has left.
3. A customer may hold several coupons. On an order the one that saves most is used, of those that the holder would use
   and the basket reaches; using it strikes that one, and the others stay until they are void.

The rule from basket to price is `sim/price_terms.py`. How people take a price is part of the kernel's clocks
(`behavior.price_log_effect`); the numbers are `World.price`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.jit import compiled
from crmlab.sim.mechanism import Asked, Mechanism, Setting, Week
from crmlab.sim.mechanisms.price.actions import Conditions, Coupon, Discount, FirstOrderOffer, PublicDiscount, SingleUse
from crmlab.sim.mechanisms.price.agents import hold_out_coupons, use_coupons
from crmlab.sim.mechanisms.price.coupons import coupon_readiness, would_use
from crmlab.sim.mechanisms.price.grants import CouponTerms, Grant, Grants, best_plain, find_coupons, strike, usable
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.play_actions import mask_of, rates_of, source_number
from crmlab.sim.price_terms import PLAIN, terms_of

STANDING = -1  # a line of one's own terms that is no coupon


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
        self._coupon_of = np.empty(0, np.intp)  # of each line of `week.offer.own`: which coupon it is, or `STANDING`

    def inherit(self, before: Mechanism) -> None:
        """Coupons that are still valid in week 0."""
        assert isinstance(before, Prices)
        self.columns = before.columns.copy()
        self.columns.open(self.setting.customers.n)

    def settle(self, week: Week) -> None:
        for asked, public in week.actions(PublicDiscount):
            self._offer(week, week.offer.public, asked, public)
        for asked, first in week.actions(FirstOrderOffer):
            self._offer(week, week.offer.first, asked, first)
        for asked, discount in week.actions(Discount):
            rates = rates_of(asked, discount.rate, week.view.n)
            if discount.conditional:
                reached = rates > 0
                week.offer_more(own=terms_of(week.rows[reached], rates[reached], *self._terms(discount)))
            else:
                raise_rates(week.effect("standing"), week.rows, rates)
        for asked, coupon in week.actions(Coupon):
            self._grant(asked, coupon, week)

    def affect(self, week: Week) -> None:
        held, lines = self.columns, self.columns.lines
        if held.is_open:
            find_coupons(
                week.effect("single"), lines.row, lines.rate, lines.ends, lines.liked, lines.terms, week.number
            )
            self._coupon_of = offer_coupons(week, held, usable(held, week.number))

    def mark(self, week: Week) -> None:
        if not self.columns.is_open:
            return
        plain, own = week.spent == PLAIN, week.spent >= 0
        used = best_plain(self.columns, week.orders.row[plain], week.number)
        strike(self.columns, np.concatenate([used, self._coupon_of[week.spent[own]]]))

    def close(self, week: Week) -> None:
        if self.columns.is_open:
            self.columns.keep(self.columns.lines.ends > week.number + 1)  # the others are void then

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        special = hold_out_coupons(agents, week, self.columns, self.readiness)
        self._coupon_of = offer_coupons(week, self.columns, np.array(special, np.intp))

    def mark_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        use_coupons(agents, week, self.columns, self.readiness, self._coupon_of)

    def _offer(
        self, week: Week, rates: NDArray[np.float64], asked: Asked, action: PublicDiscount | FirstOrderOffer
    ) -> None:
        """Offer everybody, or those who come through a channel, a price cut; `rates` by source + 1 are those without
        conditions."""
        channel = action.channel
        doors = np.arange(rates.size) if channel is None else [source_number(asked, channel, self._names) + 1]
        if action.conditional:
            week.offer_more(shared=terms_of(doors, float(action.rate), *self._terms(action)))
        else:
            rates[doors] = np.maximum(rates[doors], float(action.rate))

    def _terms(self, action: Conditions) -> tuple[float, float, bool, bool]:
        """Conditions in minor units: (`min_spend`, `max_off`, whether for a single order, whether it stacks)."""
        minor = self.setting.minor
        single, max_off = isinstance(action, SingleUse), float(np.floor(action.max_off * minor + 0.5))
        return action.min_spend * minor, max_off, single, isinstance(action, SingleUse) and action.stacks

    def _grant(self, asked: Asked, coupon: Coupon, week: Week) -> None:
        """Give everybody whom the action reaches a coupon."""
        to = mask_of(asked, "Coupon.to", coupon.to, week.view.n)
        rate = rates_of(Asked(asked.play, coupon, None), coupon.rate, week.view.n)[to]
        rows, ends = week.rows[to], week.number + coupon.weeks
        order = np.argsort(rows)
        rows, rate = rows[order], rate[order]
        liked = would_use_it(self.setting.person_ids(rows), ends, self.readiness, *self.setting.key)
        min_spend, max_off, _, stacks = self._terms(coupon)
        number = self.columns.number_of(CouponTerms(min_spend, max_off, stacks))
        columns = np.full(rows.size, ends, np.int16), liked, np.full(rows.size, number, np.int16)
        self.columns.add(Grant(rows, rate, *columns))


def offer_coupons(week: Week, held: Grants, coupons: NDArray[np.intp]) -> NDArray[np.intp]:
    """Add these coupons (numbers of lines, in order) to the own terms of the week. Returns for each line of the own
    terms which coupon it is, or `STANDING`."""
    before = week.offer.own["whose"]
    if not coupons.size:
        return np.full(before.size, STANDING, np.intp)
    lines, conditions = held.lines, np.array(held.conditions, np.float64)[held.lines.terms[coupons]]
    more = terms_of(lines.row[coupons], lines.rate[coupons], conditions[:, 0], conditions[:, 1], True, conditions[:, 2])
    order = np.argsort(np.concatenate([before, more["whose"]]), kind="stable")
    week.offer_more(own=more)
    coupon_of: NDArray[np.intp] = np.concatenate([np.full(before.size, STANDING), coupons])[order]
    return coupon_of


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
