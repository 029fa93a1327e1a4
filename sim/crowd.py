"""A week in the life of everybody: one compiled pass over the columns.

Each person lives the week in event order: a prospect may be reached by a channel and become a lead; a lead may place
a first order or lose interest; a customer may order any number of times and may leave. Every event has its exact
moment inside the week. The rules are those of `behavior.py`; this file only carries state from one to the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.behavior import (
    LEAVES,
    NOTHING,
    adapted_reference,
    guarded,
    list_value,
    next_debt,
    next_event,
    order_hazard,
    paid_value,
    price_pull,
    reach_moment,
    relative_price,
    run_down,
)
from sim.compiling import compiled, rule
from sim.customers import COLD, CUSTOMER, GONE, LEAD, PROSPECT
from sim.draws import LEAD as LEAD_DRAW
from sim.draws import LIFE, NOTICE, ORDER, exponential, uniforms
from sim.quantiles import quantile

# Counters of a pass, besides leads per channel.
ALIVE, DEPARTED, COOLED, BOUND, N_COUNTS = 0, 1, 2, 3, 4

PROSPECT_IDS = np.int64(2**31)


class People(NamedTuple):
    """The columns that a week reads and writes, in compiled reach. See `customers.Customers`."""

    order_rate: NDArray[np.float32]
    departure_rate: NDArray[np.float32]
    p_dropout: NDArray[np.float32]
    mean_order: NDArray[np.float32]
    elasticity: NDArray[np.float32]
    reach: NDArray[np.float32]
    stage: NDArray[np.uint8]
    order_clock: NDArray[np.float64]
    life_clock: NDArray[np.float64]
    reference: NDArray[np.float32]
    debt: NDArray[np.float32]
    identified: NDArray[np.bool_]
    source: NDArray[np.int8]
    first_order: NDArray[np.float32]
    last_order: NDArray[np.float32]
    orders: NDArray[np.int32]
    orders_52: NDArray[np.int32]
    spend: NDArray[np.int64]
    spend_52: NDArray[np.int64]
    coupon_rate: NDArray[np.float32]
    coupon_ends: NDArray[np.int16]


class Reaction(NamedTuple):
    """The world's constants of behaviour."""

    today_rate: float
    gain: float
    loss_aversion: float
    carry_over: float
    p_exposure: float
    pull_forward: float
    repay_share: float
    spend_shape: float
    spend_quantiles: NDArray[np.float64]
    lead_cooling: float  # per week
    conversion: NDArray[np.float64]  # [channels] hazard of a lead's first order at today's price, per week
    p_identified: NDArray[np.float64]  # [channels]


class Offer(NamedTuple):
    """What is offered this week, settled: shares of the list price.

    `public` and `first` are by source + 1 (0 is the founding base); `own` [n] are personal rates, or empty.
    """

    public: NDArray[np.float64]
    first: NDArray[np.float64]
    own: NDArray[np.float32]


class Pressure(NamedTuple):
    """The clocks of the channels at the start and the end of the week. Shape [channels]."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]


@rule
def person_id(row, n_founding):
    """Who a row is in the draws: founding customers and prospects are numbered apart, so that a market with more of
    one kind holds the same people of both."""
    return np.int64(row) if row < n_founding else PROSPECT_IDS + np.int64(row - n_founding)


@compiled
def person_ids(rows, n_founding):
    """`person_id` of many rows. Shape [n]."""
    ids = np.empty(rows.size, np.int64)
    for i in range(rows.size):
        ids[i] = person_id(rows[i], n_founding)
    return ids


@rule
def first_reached(reach, i, pressure):
    """The channel that reaches prospect i this week, and when: (-1, 1.0) for none."""
    source = -1
    when = 1.0
    for c in range(pressure.after.size):
        threshold = float(reach[i, c])
        if threshold < pressure.after[c]:
            moment = reach_moment(threshold, pressure.before[c], pressure.after[c])
            if moment < when:
                source = c
                when = moment
    return source, when


@rule
def pull_of(rate, reference, elasticity, reaction):
    """Effect of an offered rate on a person's log order rate, before the guard."""
    if rate == reaction.today_rate and reference == 1.0:
        return 0.0
    price = relative_price(rate, reaction.today_rate)
    return price_pull(price, reference, elasticity, reaction.gain, reaction.loss_aversion)


@rule
def pressure_to_order(base, rate, reference, elasticity, debt, reaction):
    """(hazard, repayment, extra hazard, whether the guard bound) of a person who is offered `rate` this week."""
    pull = pull_of(rate, reference, elasticity, reaction)
    hazard, repay, extra = order_hazard(base, guarded(pull), debt, reaction.repay_share)
    return hazard, repay, extra, pull != guarded(pull)


@rule
def standing_rate(offer, i, source, stage):
    """The best price cut that holds for every order of the week: the public one, or the customer's own."""
    rate = offer.public[source + 1]
    if stage == CUSTOMER and offer.own.size > 0:
        rate = max(rate, float(offer.own[i]))
    return rate


@rule
def single_rate(people, offer, i, source, stage, week):
    """A price cut for one order only: the first-order offer of a lead, the coupon of a customer. 0 for none."""
    if stage == LEAD:
        return offer.first[source + 1]
    if people.coupon_ends[i] > week:
        return float(people.coupon_rate[i])
    return 0.0


@rule
def record_orders(people, i, week, book, first_written, written, identified):
    """Write a person's orders of the week into the record. Returns the number of orders now in the book."""
    spend = np.int64(0)
    for j in range(first_written, written):
        spend += book.paid[j]
    if people.orders[i] == 0:
        people.first_order[i] = week + float(book.at[first_written])
        people.identified[i] = identified
    people.last_order[i] = week + float(book.at[written - 1])
    people.orders[i] += written - first_written
    people.orders_52[i] += written - first_written
    people.spend[i] += spend
    people.spend_52[i] += spend
    return written


@compiled
def live_week(people, reaction, offer, pressure, week, season, n_founding, key0, key1, book, leads, counts, start, m):
    """Live one week of the rows from `start` on, writing orders into `book` after its first m.

    Returns (next row, orders written). The next row is short of the end when the book is full: nothing of that row
    has been written, so the caller makes room and calls again.
    """
    for i in range(start, people.stage.size):
        stage = np.int64(people.stage[i])
        if stage >= GONE:
            continue
        who = person_id(i, n_founding)
        source = np.int64(people.source[i])
        order_clock = people.order_clock[i]
        life_clock = people.life_clock[i]
        now = 0.0

        # Prospects: does a channel reach them?
        was = stage
        if stage == PROSPECT:
            source, now = first_reached(people.reach, i, pressure)
            if source < 0:
                continue
            stage = LEAD
            u_order, u_cool, _, _ = uniforms(key0, key1, LEAD_DRAW, who, 0)
            order_clock = exponential(u_order)
            life_clock = exponential(u_cool)

        # The offer, and what it does to this week's hazards.
        reference = float(people.reference[i])
        elasticity = float(people.elasticity[i])
        debt = float(people.debt[i])
        standing = standing_rate(offer, i, source, stage)
        single = single_rate(people, offer, i, source, stage, week)
        seen = max(standing, single)
        if stage == LEAD:
            base = reaction.conversion[source]
            departure = reaction.lead_cooling
        else:
            base = float(people.order_rate[i]) * season
            departure = float(people.departure_rate[i])
        hazard, repay, extra, bound = pressure_to_order(base, seen, reference, elasticity, debt, reaction)

        # Events in their order. Nothing is stored yet: if the book is full, the row is lived again.
        first_written = m
        written = m
        index = np.int64(people.orders[i])
        identified = people.identified[i]
        customer_since = now
        used_single = False
        full = False
        while True:
            what, lived = next_event(order_clock, hazard, life_clock, departure, 1.0 - now)
            order_clock = run_down(order_clock, hazard, lived)
            life_clock = run_down(life_clock, departure, lived)
            now += lived
            if what == NOTHING:
                break
            if what == LEAVES:
                stage = COLD if stage == LEAD else GONE
                break
            if written == book.row.size:
                full = True
                break
            u_gap, u_spend, u_drop, u_identified = uniforms(key0, key1, ORDER, who, index)
            size = quantile(reaction.spend_quantiles, u_spend)
            value = list_value(float(people.mean_order[i]), size, reaction.spend_shape, reaction.today_rate)
            taken = standing if used_single else max(standing, single)
            book.row[written] = i
            book.nth[written] = index
            book.at[written] = now
            book.value[written] = np.int64(value)
            book.paid[written] = np.int64(paid_value(value, taken))
            written += 1
            index += 1
            used_single = used_single or single > standing
            order_clock = exponential(u_gap)
            if stage == LEAD:
                stage = CUSTOMER
                customer_since = now
                identified = u_identified < reaction.p_identified[source]
                life_clock = exponential(uniforms(key0, key1, LIFE, who, 0)[0])
                departure = float(people.departure_rate[i])
                base = float(people.order_rate[i]) * season
                standing = standing_rate(offer, i, source, LEAD)
                hazard, repay, extra, _ = pressure_to_order(base, standing, reference, elasticity, debt, reaction)
            elif u_drop < float(people.p_dropout[i]):
                stage = GONE
                break
        if full:
            return i, m

        # What stays: state, records, and what the price did to expectations.
        counts[ALIVE] += was == CUSTOMER
        counts[BOUND] += bound
        counts[DEPARTED] += stage == GONE
        counts[COOLED] += stage == COLD
        if was == PROSPECT:
            leads[source] += 1
            people.source[i] = source
        if stage != was:
            people.stage[i] = stage
        people.order_clock[i] = order_clock
        people.life_clock[i] = life_clock
        if written > first_written:
            m = record_orders(people, i, week, book, first_written, written, identified)
            if used_single:
                people.coupon_ends[i] = 0
        if stage == CUSTOMER and (debt > 0.0 or extra > 0.0):
            people.debt[i] = next_debt(debt, repay, extra, reaction.pull_forward, now - customer_since)
        price = relative_price(seen, reaction.today_rate)
        if price != reference and (
            written > first_written or uniforms(key0, key1, NOTICE, who, week)[0] < reaction.p_exposure
        ):
            people.reference[i] = adapted_reference(reference, price, reaction.carry_over)
    return people.stage.size, m
