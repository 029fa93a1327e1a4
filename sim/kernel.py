"""The clocks of a week: who orders when, and who leaves when, in one compiled pass over the columns.

The kernel knows stages, clocks, prices and orders, and no mechanism: what mechanisms do to somebody has been summed up
in `Effects` before it runs, and orders get their marks after it. Each person lives the week in event order, and every
event has its exact moment. The rules are those of `behavior.py`; this file only carries state from one to the next.
"""

from __future__ import annotations

import numpy as np

from crmlab.sim.behavior import (
    LEAVES,
    ORDERS,
    adapted_reference,
    guarded,
    list_value,
    next_debt,
    next_event,
    order_hazard,
    price_log_effect,
    relative_price,
    run_down,
)
from crmlab.sim.customers import COLD, CUSTOMER, GONE, LEAD, PROSPECT
from crmlab.sim.draws import LEAD as LEAD_DRAW
from crmlab.sim.draws import LIFE, NOTICE, ORDER, exponential, uniforms
from crmlab.sim.jit import compiled, rule
from crmlab.sim.price_terms import NOT_SPENT, expected_cut, own_lines, price_of
from crmlab.sim.quantiles import quantile

# Counters of a pass.
ALIVE, DEPARTED, COOLED, BOUND, SIMULATED, N_COUNTS = 0, 1, 2, 3, 4, 5

PROSPECT_IDS = np.int64(2**31)


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
def record_purchases(i, week, m, written, ats, paids, last_order, orders_52, spend, spend_52):
    """Write the orders m to `written` of a row into its records."""
    paid = np.int64(0)
    for j in range(m, written):
        paid += paids[j]
    last_order[i] = week + float(ats[written - 1])
    orders_52[i] += written - m
    spend[i] += paid
    spend_52[i] += paid


@rule
def notices(ordered, p_exposure, who, week, key0, key1):
    """Whether a customer notices the price of a week: an order shows it; without one, it is noticed by chance."""
    if ordered:
        return True
    return uniforms(key0, key1, NOTICE, who, week)[0] < p_exposure


@rule
def lead_clocks(key0, key1, who):
    """The clocks of somebody who becomes a lead, wound: until the first order, until interest is lost."""
    u_order, u_cool, _, _ = uniforms(key0, key1, LEAD_DRAW, who, 0)
    return exponential(u_order), exponential(u_cool)


@rule
def mean_order_of(i, mean_orders, order_values):
    """What a row's baskets are worth on average this week, in currency units."""
    return float(mean_orders[i]) * order_values[i] if order_values.size > 0 else float(mean_orders[i])


@compiled
def simulate_week(
    people, params, offer, effects, entries, week, season, n_founding, key0, key1, happened, counts, start, m, d
):  # fmt: skip
    """Simulate one week of the rows from `start` on, writing orders after the first `m` and departures after the first
    `d` of `happened`. Prospects who are not among the `entries` are passed over.

    Returns (next row, orders written, departures written). The next row is short of the end when the room is full:
    nothing of that row has been written, so the caller makes room and calls again.
    """
    # Columns and constants as locals: reaching for an array inside a tuple costs a reference count each time.
    order_rates, departure_rates, p_dropouts, mean_orders, elasticities, stages, order_clocks, life_clocks = people[:8]
    references, debts, identifieds, sources, first_orders, last_orders, n_orders = people[8:15]
    orders_52, spends, spends_52 = people[15:]
    today_rate, gain, first_gain, loss_aversion, latitude, carry_over, p_exposure, pull_forward = params[:8]
    repay_share, spend_shape, spend_quantiles, cooling, conversion, p_identified, minor, baskets = params[8:]
    log_rates, departures, order_values, standings, singles = effects
    rows, nths, ats, values, paids, spents, departed = happened
    (public, first, shared, own), entry_rows, room = offer, entries.row, happened.row.size
    e, line, stop, conditional = np.searchsorted(entry_rows, start), 0, 0, shared.size + own.size > 0

    for i in range(start, stages.size):
        was = np.int64(stages[i])
        enters = e < entry_rows.size and entry_rows[e] == i
        if not enters and (was == PROSPECT or was >= GONE):
            continue
        who = person_id(i, n_founding)
        stage, source, now = was, np.int64(sources[i]), 0.0
        order_clock, life_clock = order_clocks[i], life_clocks[i]
        if enters:
            stage, source, now = LEAD, np.int64(entries.source[e]), entries.at[e]
            order_clock, life_clock = lead_clocks(key0, key1, who)

        # The prices seen this week, and what they and the mechanisms do to the hazards.
        other = log_rates[i] if log_rates.size > 0 else 0.0
        leaving = departures[i] if departures.size > 0 else 1.0
        standing = max(public[source + 1], standings[i]) if standings.size > 0 else public[source + 1]
        if stage == LEAD:
            single, surprise, base, departure = first[source + 1], first_gain, conversion[source], cooling[source]
        else:
            single, surprise = (singles[i] if singles.size > 0 else 0.0), gain
            base, departure = float(order_rates[i]) * season, float(departure_rates[i]) * leaving
        cut = max(standing, single)
        if conditional:
            (line, stop), new, door = own_lines(own, line, i), stage == LEAD, source + 1
            mean_order = mean_order_of(i, mean_orders, order_values)
            cut = expected_cut(mean_order, baskets, standing, single, new, True, shared, door, own, line, stop)
        price = relative_price(cut, today_rate)
        reference, elasticity, debt = float(references[i]), float(elasticities[i]), float(debts[i])
        log_effect = price_log_effect(price, reference, elasticity, surprise, loss_aversion, latitude)
        hazard, repay, extra = order_hazard(base, log_effect, other, debt, repay_share)
        bound = log_effect + other != guarded(log_effect + other)

        # Events in their order. Nothing is stored yet: if the room is full, the row is taken again.
        written, nth, since, left = m, np.int64(n_orders[i]), now, 1.0 - now
        identified, may_spend, full = identifieds[i], True, d == room
        quiet = order_clock >= hazard * left and life_clock >= departure * left
        if quiet:  # as in most weeks: what the loop would do, at a third of its cost
            order_clock = run_down(order_clock, hazard, left)
            life_clock = run_down(life_clock, departure, left)
            now += left
        while not quiet and not full and stage != GONE:
            what, present = next_event(order_clock, hazard, life_clock, departure, 1.0 - now)
            order_clock = run_down(order_clock, hazard, present)
            life_clock = run_down(life_clock, departure, present)
            now += present
            if what == LEAVES:
                stage = COLD if stage == LEAD else GONE
            full = what == ORDERS and written == room
            if what != ORDERS or full:
                break
            u_gap, u_spend, u_drop, u_identified = uniforms(key0, key1, ORDER, who, nth)
            new, door, mean_order = stage == LEAD, source + 1, mean_order_of(i, mean_orders, order_values)
            value = list_value(mean_order, quantile(spend_quantiles, u_spend), spend_shape, today_rate, minor)
            paid, used = price_of(value, standing, single, new, may_spend, shared, door, own, line, stop)
            rows[written], nths[written], ats[written] = i, nth, now
            values[written], paids[written], spents[written] = np.int64(value), np.int64(paid), used
            spent, written, nth = used != NOT_SPENT, written + 1, nth + 1
            may_spend = may_spend and not (spent or new)
            order_clock = exponential(u_gap)
            if new:
                stage, identified = CUSTOMER, u_identified < p_identified[source]
                life_clock = exponential(uniforms(key0, key1, LIFE, who, 0)[0])
                base, departure, other = float(order_rates[i]) * season, float(departure_rates[i]) * leaving, 0.0
            else:
                if u_drop < float(p_dropouts[i]) * leaving:
                    stage = GONE
                if spent:
                    debt = next_debt(debt, repay, extra, pull_forward, now - since)
            if new or spent:  # the rest of the week goes on at the standing price
                cut = expected_cut(mean_order, baskets, standing, 0.0, False, False, shared, door, own, line, stop)
                since, usual = now, relative_price(cut, today_rate)
                log_effect = price_log_effect(usual, reference, elasticity, gain, loss_aversion, latitude)
                hazard, repay, extra = order_hazard(base, log_effect, other, debt, repay_share)
        if full:
            return i, m, d

        # What stays: state, records, and what the price did to expectations.
        order_clocks[i], life_clocks[i] = order_clock, life_clock
        counts[ALIVE] += was == CUSTOMER
        counts[BOUND] += bound
        counts[SIMULATED] += 1
        if stage != was:
            stages[i] = stage
            counts[COOLED] += stage == COLD
            if stage == GONE:
                counts[DEPARTED] += 1
                departed[d], d = i, d + 1
        if enters:
            sources[i], e = source, e + 1
        if written > m:
            if n_orders[i] == 0:
                first_orders[i], identifieds[i] = week + float(ats[m]), identified
            n_orders[i] = nth
            record_purchases(i, week, m, written, ats, paids, last_orders, orders_52, spends, spends_52)
        if stage == CUSTOMER and (debt > 0.0 or extra > 0.0 or not may_spend):
            debts[i] = next_debt(debt, repay, extra, pull_forward, now - since)
        if stage == CUSTOMER and price != reference and notices(written > m, p_exposure, who, week, key0, key1):
            references[i] = adapted_reference(reference, price, carry_over)  # who has not ordered yet knows no price
        m = written
    return stages.size, m, d
