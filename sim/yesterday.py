"""What today's policy has left with the customers by week 0: points, tiers, coupons, and prices they are used to.

A customer of week 0 has lived under today's policy for as long as the records reach. So its rules are lived over the
recorded orders, week by week, before the run begins: the strategies are asked as in any week, their offers settled,
members enrolled by the same coin as later, points earned and burnt on the orders that really happened, tiers reviewed.
The orders themselves are what they were: they already contain what today's policy did to them.

Nobody's history depends on anybody else's unless a strategy ranks customers, so few rows are the first of many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.behavior import adapted_reference, next_debt, order_hazard, price_pull, relative_price
from crmlab.sim.books import WeeklyBooks
from crmlab.sim.compiling import compiled
from crmlab.sim.coupons import coupon_readiness, would_use
from crmlab.sim.crowd import MOST_POINTS, add_points, person_ids, use_programme
from crmlab.sim.customers import LONG_AGO, NOT_ENROLLED, PROGRAMME, Customers, column_names
from crmlab.sim.draws import NOTICE, draw_lots, lot_index, uniforms
from crmlab.sim.loyalty import LoyaltyBooks, loyal_of, refuse_overflow
from crmlab.sim.offers import Offers
from crmlab.sim.orders import YEAR, OrderLog, Orders, forget
from crmlab.sim.plays import Play
from crmlab.sim.view import FirmView
from crmlab.sim.world import World
from crmlab.sim.worth import progress_after

TRAITS = ("order_rate", "elasticity")
BEFORE_WEEK_0 = 1 << 32  # draws are numbered by 32 bits: week -1 is the last number there is


@dataclass(frozen=True)
class Inheritance:
    """What a run takes over from the weeks before it, besides the customers' columns: the books of the programme, and
    the tags given by today's strategies (rows of founding customers)."""

    loyalty: LoyaltyBooks
    tags: dict[str, NDArray[np.int16]]


def inherit(
    world: World, customers: Customers, past: dict[int, Orders], n_founding: int, key: tuple[np.uint64, np.uint64]
) -> Inheritance | None:
    """Live `world.today` over the orders of `past` and write what is left of it into the columns of the first
    `n_founding` rows. Notes points earned and burnt on the orders; weeks without an order become empty weeks of `past`.

    None where the world states no policy to inherit.
    """
    if not world.today or not past:
        return None
    people = _before_the_first_order(customers, n_founding)
    offers, loyalty = Offers(people, world.sources, 1.0), LoyaltyBooks(world)
    first_week, log = min(past), OrderLog(past)
    names = tuple(source.name for source in world.sources)
    planned = {c.name: c.budget for c in world.channels if c.half_budget > 0}
    books, loyal, price = WeeklyBooks(len(world.sources)), loyal_of(world), world.price
    plays = [_in_force(play, first_week) for play in world.today]
    rows = np.empty(0, np.int32)

    def lots(name: str, who: NDArray[np.int32]) -> NDArray[np.float64]:
        return draw_lots(*key, lot_index(name), person_ids(who, n_founding))

    for week in range(first_week, 0):
        orders = past.setdefault(week, Orders.space(0))
        log.add(week, orders)
        view = FirmView(people, rows, week, names, planned, world.today_rate, lots, offers.tags, books, world.minor)
        settled = offers.settle(view, rows, plays)
        programme = loyalty.programme(settled.points, settled.tiers)
        if programme.on and not people.enrolled.size:
            people.open(PROGRAMME)
        ordered = np.zeros(n_founding, np.bool_)
        ordered[orders.row] = True
        _meet_prices(
            people.order_rate, people.elasticity, people.orders, people.reference, people.debt, people.coupon_rate,
            people.coupon_ends, people.enrolled, people.tier, ordered, settled.offer.public[0], settled.offer.own,
            programme.on, programme.rates, week, world.today_rate, price.gain, price.loss_aversion,
            price.latitude, price.carry_over, price.p_exposure, price.pull_forward, 1 / price.repayment_weeks,
            coupon_readiness(price), *key,
        )  # fmt: skip
        newcomers = orders.row[orders.nth == 0]
        overflown = _record(
            orders, people.order_rate, people.first_order, people.last_order, people.orders, people.orders_52,
            people.spend, people.spend_52, people.enrolled, people.points, people.points_pending,
            people.points_recent, people.progress, people.rewarded, people.tier, people.tier_ends, week,
            world.minor, loyal, programme, *key,
        )  # fmt: skip
        refuse_overflow(overflown, week, programme.per_unit)
        people.identified[newcomers] = True
        rows = np.concatenate([rows, newcomers], dtype=np.int32)
        if programme.on:
            loyalty.close_week(people, log, week, programme)
        forgotten = log.week(week - YEAR)
        if forgotten is not None:
            forget(forgotten, people.orders_52, people.spend_52)
    _hand_over(people, customers, n_founding)
    return Inheritance(loyalty, offers.tags)


def weeks_needed(inheritance: Inheritance | None) -> int:
    """How many weeks of orders before week 0 a run must keep: a year, or as long as points may wait or live."""
    return YEAR if inheritance is None else max(YEAR, *inheritance.loyalty.terms)


def _before_the_first_order(customers: Customers, n: int) -> Customers:
    """The founding customers with their traits, and nothing recorded of them yet."""
    people = Customers.empty(n, 0)
    people.coupon_ends[:] = LONG_AGO  # a coupon that ends in week 0 would be a valid one before it
    for name in TRAITS:
        setattr(people, name, getattr(customers, name)[:n].copy())
    return people


def _in_force(play: Play, first_week: int) -> Play:
    """A play that is on from week 0 was on before it; one that begins later begins then."""
    return replace(play, start=first_week, ramp_weeks=0) if play.start <= 0 else play


def _hand_over(people: Customers, customers: Customers, n: int) -> None:
    member_columns = [
        name for name in column_names() if Customers.__dataclass_fields__[name].metadata["part"] == PROGRAMME
    ]
    handed = ["reference", "debt", "coupon_rate", "coupon_ends"]
    if people.enrolled.size:
        customers.open(PROGRAMME)
        handed += member_columns
    people.coupon_ends[people.coupon_ends <= 0] = 0
    for name in handed:
        getattr(customers, name)[:n] = getattr(people, name)


@compiled
def _meet_prices(
    order_rate, elasticity, orders, reference, debt, coupon_rate, coupon_ends, enrolled, tiers, ordered, public, own,
    programme_on, tier_rates, week, today_rate, gain, loss_aversion, latitude, carry_over, p_exposure, pull_forward,
    repay_share, readiness, key0, key1,
):  # fmt: skip
    """The prices of a week: what they do to expectations and to orders brought forward, and the coupons they use up."""
    for i in range(orders.size):
        known = orders[i] > 0
        if not known and not ordered[i]:
            continue
        standing = public
        single = 0.0
        if known:
            if own.size > 0:
                standing = max(standing, float(own[i]))
            if programme_on and enrolled[i] != NOT_ENROLLED:
                standing = max(standing, tier_rates[min(np.int64(tiers[i]), tier_rates.size - 1)])
            ends = np.int64(coupon_ends[i])
            if ends > week and would_use(key0, key1, i, ends if ends > 0 else BEFORE_WEEK_0 + ends, readiness):
                single = float(coupon_rate[i])
        price = relative_price(max(standing, single), today_rate)
        before = float(reference[i])
        if known and (price != 1.0 or before != 1.0 or debt[i] > 0.0):
            pull = price_pull(price, before, float(elasticity[i]), gain, loss_aversion, latitude)
            _, repay, extra = order_hazard(float(order_rate[i]), pull, 0.0, float(debt[i]), repay_share)
            debt[i] = next_debt(float(debt[i]), repay, extra, pull_forward, 1.0)
        if single > standing and ordered[i]:
            coupon_ends[i] = week
        if price != before:
            noticed = ordered[i]
            if not noticed:
                noticed = uniforms(key0, key1, NOTICE, i, BEFORE_WEEK_0 + week)[0] < p_exposure
            if noticed:
                reference[i] = adapted_reference(before, price, carry_over)


@compiled
def _record(
    book, order_rate, first_order, last_order, orders, orders_52, spend, spend_52, enrolled, points, pending, recent,
    progress, rewarded, tiers, tier_ends, week, minor, loyal, programme, key0, key1,
):  # fmt: skip
    """Write the orders of a week, sorted by customer and moment, into the records, and use the programme at each.

    Returns how often points were more than can be held."""
    top = programme.rates.size - 1
    overflown = 0
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
        if programme.on:
            joined, _, earned, burnt = use_programme(
                np.int64(enrolled[i]), np.int64(points[i]) - np.int64(pending[i]), float(order_rate[i]),
                float(book.paid[j]), np.int64(book.nth[j]), programme.multipliers[min(np.int64(tiers[i]), top)], week,
                minor, loyal, programme, i, key0, key1,
            )  # fmt: skip
            given = programme.welcome_points if joined != enrolled[i] else 0
            if joined != enrolled[i]:
                enrolled[i] = joined
                tier_ends[i] = week + programme.hold_weeks
            book.earned[j], book.burnt[j] = earned, burnt
            held, newer, too_many = add_points(np.int64(points[i]), np.int64(recent[i]), earned, burnt)
            overflown += too_many
            points[i], recent[i] = held, newer
            progress[i] = min(
                progress_after(np.int64(progress[i]), programme.reward_points, burnt, earned - given), MOST_POINTS
            )
            if programme.pending:
                pending[i] = min(pending[i] + earned, MOST_POINTS)
            if burnt > 0:
                rewarded[i] = week
    return overflown
