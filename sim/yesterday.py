"""What today's policy has left with the customers by week 0: points, tiers, coupons, and prices they are used to.

A customer of week 0 has lived under today's policy for as long as the records reach. So its rules are carried out over
the recorded orders, week by week, before the run begins: the strategies are asked as in any week, their actions settled
by every mechanism that was at work then, members enrolled by the same coin as later, points earned and burnt on the
orders that really happened, tiers reviewed. The orders themselves are what they were: they already contain what today's
policy did to them.

Nobody's history depends on anybody else's unless a strategy ranks customers, so few rows are the first of many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.behavior import adapted_reference, next_debt, order_hazard, price_log_effect, relative_price
from crmlab.sim.books import WeeklyMetrics
from crmlab.sim.columns import Columns, gather, seen
from crmlab.sim.customers import Customers
from crmlab.sim.draws import BEFORE_WEEK_0, NOTICE, uniforms
from crmlab.sim.jit import compiled, rule
from crmlab.sim.ledger import Ledger
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.shipped import mechanisms_of
from crmlab.sim.named_uniforms import NamedUniforms
from crmlab.sim.orders import YEAR, OrderLog, Orders, forget
from crmlab.sim.play_actions import ask
from crmlab.sim.plays import Play
from crmlab.sim.price_terms import NOT_SPENT, expected_cut, own_lines, price_of
from crmlab.sim.view import FirmView
from crmlab.sim.world import World

TRAITS = ("order_rate", "elasticity", "mean_order")
BEFORE = 0  # source + 1 of the founding customers in what is offered
HANDED_OVER = ("reference", "debt")

Inheritance = Mapping[str, Mechanism]  # by name: the mechanisms as they stood at week 0


def inherit(
    world: World, customers: Customers, past: dict[int, Orders], n_founding: int, key: tuple[np.uint64, np.uint64]
) -> Inheritance:
    """Live `world.today` over the orders of `past`, which `customers`, of whom the first `n_founding` rows, placed.

    Writes the prices that they are used to into their columns, and points earned and burnt on the orders; weeks without
    an order become empty weeks of `past`. Returns the mechanisms that were at work, none where the world states no
    policy.
    """
    if not world.today or not past:
        return {}
    before = _Before(world, customers, past, n_founding, key)
    for week in range(min(past), 0):
        before.step(week)
    for name in HANDED_OVER:
        customers.get(name)[:n_founding] = before.people.get(name)
    return before.mechanisms


def weeks_needed(inheritance: Inheritance) -> int:
    """How many weeks of orders before week 0 a run must keep: a year, or as long as points may wait or live."""
    terms = (mechanism.weeks_needed for mechanism in inheritance.values())
    return max([YEAR, *terms])


class _Before:
    """The market of the founding customers before week 0: their orders are known, so there are no clocks."""

    def __init__(
        self, world: World, customers: Customers, past: dict[int, Orders], n: int, key: tuple[np.uint64, np.uint64]
    ) -> None:
        self.world, self.past, self.key = world, past, key
        self.people = Customers.of_prospects(n, 0)  # nothing is recorded of them yet
        for name in TRAITS:
            setattr(self.people, name, customers.get(name)[:n].copy())
        self.log = OrderLog(past)
        setting = Setting(world, self.people, n, key, Ledger(), self.log)
        mechanisms = mechanisms_of(setting)
        self.mechanisms = {mechanism.name: mechanism for mechanism in mechanisms if mechanism.weeks_before}
        self.setting = setting
        self._known = mechanisms  # what those that were not at work record is as for beginners
        self._kinds = tuple(kind for mechanism in mechanisms for kind in mechanism.settles)
        self._names = tuple(source.name for source in world.sources)
        self._planned = {c.name: c.budget for c in world.channels if c.half_budget > 0}
        self._books = WeeklyMetrics(len(world.sources))
        self._plays = [_in_force(play, min(past)) for play in world.today]
        self._rows = np.empty(0, np.int32)
        self._named_uniforms = NamedUniforms(key, n)
        self._facts = seen(self._owners)

    def step(self, number: int) -> None:
        """One week of the past."""
        orders = self.past.setdefault(number, Orders.space(0))
        self.log.add(number, orders)
        view = FirmView(
            self._gather, self._rows, number, self._names, self._planned, self.world.today_rate, self._named_uniforms,
            self.setting.tags, self._books, self.world.minor, self._facts,
        )  # fmt: skip
        asked, groups = ask(self._plays, view, self._rows, self.people.n, self._kinds)
        week = Week(number, view, self._rows, asked, self.people.n, len(self._names), groups=groups, orders=orders)
        for phase in ("settle", "affect"):
            self._run_phase(phase, week)
        week.spent = self._meet_prices(week)
        newcomers = orders.row[orders.nth == 0]
        self.people.identified[newcomers] = True
        _record(
            orders, self.people.first_order, self.people.last_order, self.people.orders, self.people.orders_52,
            self.people.spend, self.people.spend_52, number,
        )  # fmt: skip
        self._rows = np.concatenate([self._rows, newcomers], dtype=np.int32)
        for phase in ("mark", "close"):
            self._run_phase(phase, week)
        forgotten = self.log.week(number - YEAR)
        if forgotten is not None:
            forget(forgotten, self.people.orders_52, self.people.spend_52)

    def _run_phase(self, phase: str, week: Week) -> None:
        for mechanism in self.mechanisms.values():
            getattr(mechanism, phase)(week)

    def _meet_prices(self, week: Week) -> NDArray[np.int32]:
        """What the week's prices do to expectations and to orders brought forward. Returns what each of the week's
        orders spent."""
        people, price, effects, offer = self.people, self.world.price, week.effects, week.offer
        ordered = np.zeros(people.n, np.bool_)
        ordered[week.orders.row] = True
        _meet_prices(
            people.order_rate, people.elasticity, people.orders, people.reference, people.debt, ordered,
            people.mean_order, self.setting.baskets, offer.public[0], offer.shared, offer.own, effects.standing,
            effects.single, week.number, self.world.today_rate, price.gain, price.loss_aversion, price.latitude,
            price.carry_over, price.p_exposure, price.pull_forward, 1 / price.repayment_weeks, *self.key,
        )  # fmt: skip
        spent: NDArray[np.int32] = _spent_on(
            week.orders.row, week.orders.value, people.orders, offer.public[0], offer.shared, offer.own,
            effects.standing, effects.single,
        )  # fmt: skip
        return spent

    @property
    def _owners(self) -> list[Columns]:
        return [self.people, *(mechanism.columns for mechanism in self._known)]

    def _gather(self, name: str, rows: NDArray[np.integer]) -> NDArray[Any]:
        return gather(self._owners, name, rows)


def _in_force(play: Play, first_week: int) -> Play:
    """A play that is on from week 0 was on before it; one that begins later begins then."""
    return replace(play, start=first_week, ramp_weeks=0) if play.start <= 0 else play


@compiled
def _meet_prices(
    order_rate, elasticity, orders, reference, debt, ordered, mean_order, baskets, public, shared, own, standings,
    singles, week, today_rate, gain, loss_aversion, latitude, carry_over, p_exposure, pull_forward, repay_share, key0,
    key1,
):  # fmt: skip
    """Move `reference` and `debt` by the prices of a week."""
    line = stop = 0
    for i in range(orders.size):
        known = orders[i] > 0
        if not known and not ordered[i]:
            continue
        standing, single = _own_cuts(i, known, public, standings, singles)
        line, stop = own_lines(own, line, i)
        cut = expected_cut(
            float(mean_order[i]), baskets, standing, single, False, True, shared, BEFORE, own, line, stop
        )
        price = relative_price(cut, today_rate)
        before = float(reference[i])
        if known and (price != 1.0 or before != 1.0 or debt[i] > 0.0):
            log_effect = price_log_effect(price, before, float(elasticity[i]), gain, loss_aversion, latitude)
            _, repay, extra = order_hazard(float(order_rate[i]), log_effect, 0.0, float(debt[i]), repay_share)
            debt[i] = next_debt(float(debt[i]), repay, extra, pull_forward, 1.0)
        if price != before:
            noticed = ordered[i]
            if not noticed:
                noticed = uniforms(key0, key1, NOTICE, i, BEFORE_WEEK_0 + week)[0] < p_exposure
            if noticed:
                reference[i] = adapted_reference(before, price, carry_over)


@rule
def _own_cuts(i, known, public, standings, singles):
    """The best rates without conditions of a row: on every order, on a single one. A first order has the public one."""
    standing, single = public, 0.0
    if known and standings.size > 0:
        standing = max(standing, standings[i])
    if known and singles.size > 0:
        single = singles[i]
    return standing, single


@compiled
def _spent_on(rows, values, orders, public, shared, own, standings, singles):
    """What of the single-use cuts each order of the week spends (`price_terms.price_of`), one a week. `rows` [m] are
    sorted; `orders` [n] counts those of the weeks before. Shape [m]."""
    spent = np.full(rows.size, NOT_SPENT, np.int32)
    line, stop, before, may_spend = 0, 0, -1, True
    for j in range(rows.size):
        i = rows[j]
        may_spend = may_spend or i != before
        standing, single = _own_cuts(i, orders[i] > 0, public, standings, singles)
        line, stop = own_lines(own, line, i)
        _, used = price_of(values[j], standing, single, False, may_spend, shared, BEFORE, own, line, stop)
        spent[j], before = used, i
        may_spend = used == NOT_SPENT and may_spend
    return spent


@compiled
def _record(book, first_order, last_order, orders, orders_52, spend, spend_52, week):
    """Write the orders of a week, sorted by customer and moment, into the records."""
    for j in range(book.row.size):
        i = book.row[j]
        moment = week + float(book.at[j])
        if orders[i] == 0:
            first_order[i] = moment
        last_order[i] = moment
        orders[i] += 1
        orders_52[i] += 1
        spend[i] += book.paid[j]
        spend_52[i] += book.paid[j]
