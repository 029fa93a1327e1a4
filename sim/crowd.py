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
from sim.customers import COLD, CUSTOMER, GONE, LEAD, PROSPECT, REACHED
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
def first_reached(thresholds, before, after):
    """The channel whose clock passes a prospect's threshold first, and when: (-1, 1.0) for none."""
    source = -1
    when = 1.0
    for c in range(after.size):
        threshold = float(thresholds[c])
        if threshold < after[c]:
            moment = reach_moment(threshold, before[c], after[c])
            if moment < when:
                source = c
                when = moment
    return source, when


@compiled
def call_prospects(stage, reach, queue, called, clock):
    """Mark the prospects whom the channels reach this week, so that nobody else need be looked at.

    `queue` [channels, prospects] holds the rows of the prospects in the order in which each channel would reach them,
    `called` [channels] how far each channel has come; a channel goes on until its `clock` [channels].
    """
    for c in range(called.size):
        k = called[c]
        while k < queue.shape[1] and float(reach[queue[c, k], c]) < clock[c]:
            if stage[queue[c, k]] == PROSPECT:
                stage[queue[c, k]] = REACHED
            k += 1
        called[c] = k


@compiled
def live_week(people, reaction, offer, pressure, week, season, n_founding, key0, key1, book, leads, counts, start, m):
    """Live one week of the rows from `start` on, writing orders into `book` after its first m.

    Prospects must have been called (`call_prospects`); those who were not are passed over.

    Returns (next row, orders written). The next row is short of the end when the book is full: nothing of that row
    has been written, so the caller makes room and calls again.
    """
    # Columns and constants as locals: reaching for an array inside a tuple costs a reference count each time.
    stages, sources, reach = people.stage, people.source, people.reach
    order_clocks, life_clocks = people.order_clock, people.life_clock
    order_rates, departure_rates, p_dropouts = people.order_rate, people.departure_rate, people.p_dropout
    references, debts, elasticities, mean_orders = people.reference, people.debt, people.elasticity, people.mean_order
    n_orders, coupon_rates, coupon_ends = people.orders, people.coupon_rate, people.coupon_ends
    today_rate, gain, loss_aversion = reaction.today_rate, reaction.gain, reaction.loss_aversion
    carry_over, p_exposure = reaction.carry_over, reaction.p_exposure
    pull_forward, repay_share = reaction.pull_forward, reaction.repay_share
    spend_shape, spend_quantiles = reaction.spend_shape, reaction.spend_quantiles
    conversion, p_identified = reaction.conversion, reaction.p_identified
    public, first, own = offer.public, offer.first, offer.own
    before, after = pressure.before, pressure.after
    rows, nths, ats, values, paids = book.row, book.nth, book.at, book.value, book.paid
    room = rows.size

    for i in range(start, stages.size):
        was = np.int64(stages[i])
        if was == PROSPECT or was >= GONE:
            continue
        who = person_id(i, n_founding)
        stage, source, now = was, np.int64(sources[i]), 0.0
        order_clock, life_clock = order_clocks[i], life_clocks[i]

        # A prospect whom a channel reaches becomes a lead.
        if was == REACHED:
            stage = LEAD
            source, now = first_reached(reach[i], before, after)
            u_order, u_cool, _, _ = uniforms(key0, key1, LEAD_DRAW, who, 0)
            order_clock, life_clock = exponential(u_order), exponential(u_cool)

        # The offer: the best standing price cut, and one for a single order. What it does to this week's hazards.
        standing = public[source + 1]
        single = 0.0
        debt = float(debts[i])
        if stage == LEAD:
            single = first[source + 1]
            base, departure = conversion[source], reaction.lead_cooling
        else:
            if own.size > 0:
                standing = max(standing, float(own[i]))
            if coupon_ends[i] > week:
                single = float(coupon_rates[i])
            base, departure = float(order_rates[i]) * season, float(departure_rates[i])
        price = relative_price(max(standing, single), today_rate)
        reference, elasticity = float(references[i]), float(elasticities[i])
        pull = price_pull(price, reference, elasticity, gain, loss_aversion)
        hazard, repay, extra = order_hazard(base, guarded(pull), debt, repay_share)

        # Events in their order. Nothing is stored yet: if the book is full, the row is lived again.
        first_written = written = m
        nth = np.int64(n_orders[i])
        customer_since = now
        identified = used_single = full = False
        left = 1.0 - now
        quiet = order_clock >= hazard * left and life_clock >= departure * left
        if quiet:  # as in most weeks: what the loop would do, at a third of its cost
            order_clock = run_down(order_clock, hazard, left)
            life_clock = run_down(life_clock, departure, left)
            now += left
        while not quiet:
            what, lived = next_event(order_clock, hazard, life_clock, departure, 1.0 - now)
            order_clock = run_down(order_clock, hazard, lived)
            life_clock = run_down(life_clock, departure, lived)
            now += lived
            if what == NOTHING:
                break
            if what == LEAVES:
                stage = COLD if stage == LEAD else GONE
                break
            if written == room:
                full = True
                break
            u_gap, u_spend, u_drop, u_identified = uniforms(key0, key1, ORDER, who, nth)
            size = quantile(spend_quantiles, u_spend)
            value = list_value(float(mean_orders[i]), size, spend_shape, today_rate)
            taken = standing if used_single else max(standing, single)
            rows[written] = i
            nths[written] = nth
            ats[written] = now
            values[written] = np.int64(value)
            paids[written] = np.int64(paid_value(value, taken))
            written += 1
            nth += 1
            used_single = used_single or single > standing
            order_clock = exponential(u_gap)
            if stage == LEAD:
                stage = CUSTOMER
                customer_since = now
                identified = u_identified < p_identified[source]
                life_clock = exponential(uniforms(key0, key1, LIFE, who, 0)[0])
                base, departure = float(order_rates[i]) * season, float(departure_rates[i])
                after_first = relative_price(standing, today_rate)
                later_pull = price_pull(after_first, reference, elasticity, gain, loss_aversion)
                hazard, repay, extra = order_hazard(base, guarded(later_pull), debt, repay_share)
            elif u_drop < float(p_dropouts[i]):
                stage = GONE
                break
        if full:
            return i, m

        # What stays: state, records, and what the price did to expectations.
        order_clocks[i] = order_clock
        life_clocks[i] = life_clock
        counts[ALIVE] += was == CUSTOMER
        counts[BOUND] += pull != guarded(pull)
        if stage != was:
            stages[i] = stage
            counts[DEPARTED] += stage == GONE
            counts[COOLED] += stage == COLD
            if was == REACHED:
                leads[source] += 1
                sources[i] = source
        if written > first_written:
            spend = np.int64(0)
            for j in range(first_written, written):
                spend += paids[j]
            if n_orders[i] == 0:
                people.first_order[i] = week + float(ats[first_written])
                people.identified[i] = identified
            people.last_order[i] = week + float(ats[written - 1])
            n_orders[i] = nth
            people.orders_52[i] += written - first_written
            people.spend[i] += spend
            people.spend_52[i] += spend
            if used_single:
                coupon_ends[i] = 0
            m = written
        if stage == CUSTOMER and (debt > 0.0 or extra > 0.0):
            debts[i] = next_debt(debt, repay, extra, pull_forward, now - customer_since)
        if price != reference:
            noticed = written > first_written
            if not noticed:
                noticed = uniforms(key0, key1, NOTICE, who, week)[0] < p_exposure
            if noticed:
                references[i] = adapted_reference(reference, price, carry_over)
    return stages.size, m
