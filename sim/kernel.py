"""The clocks of a week: who orders when, and who leaves when, in one compiled pass over the columns.

The kernel knows stages, clocks, prices and orders, and no mechanism: what mechanisms do to somebody has been summed up
in `Effects` before it runs, and orders get their marks after it. Each person lives the week in event order, and every
event has its exact moment. The rules are those of `behavior.py`; this file only carries state from one to the next.
"""

from __future__ import annotations

import numpy as np

from crmlab.sim.behavior import (
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
    relative_price,
    run_down,
)
from crmlab.sim.compiling import compiled, rule
from crmlab.sim.customers import COLD, CUSTOMER, GONE, LEAD, PROSPECT
from crmlab.sim.draws import LEAD as LEAD_DRAW
from crmlab.sim.draws import LIFE, NOTICE, ORDER, exponential, uniforms
from crmlab.sim.quantiles import quantile

# Counters of a pass.
ALIVE, DEPARTED, COOLED, BOUND, LIVED, N_COUNTS = 0, 1, 2, 3, 4, 5

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


@compiled
def simulate_week(
    people, params, offer, effects, entries, week, season, n_founding, key0, key1, happened, counts, start, m, d
):  # fmt: skip
    """Live one week of the rows from `start` on, writing orders after the first `m` and departures after the first `d`
    of `happened`. Prospects who are not among the `entries` are passed over.

    Returns (next row, orders written, departures written). The next row is short of the end when the room is full:
    nothing of that row has been written, so the caller makes room and calls again.
    """
    # Columns and constants as locals: reaching for an array inside a tuple costs a reference count each time.
    stages, sources, identifieds, n_orders = people.stage, people.source, people.identified, people.orders
    order_rates, departure_rates, p_dropouts = people.order_rate, people.departure_rate, people.p_dropout
    order_clocks, life_clocks, mean_orders = people.order_clock, people.life_clock, people.mean_order
    references, debts, elasticities = people.reference, people.debt, people.elasticity
    log_rates, departures, order_values = effects.log_rate, effects.departure, effects.order_value
    standings, singles, public, first = effects.standing, effects.single, offer.public, offer.first
    today_rate, gain, loss_aversion, latitude = params.today_rate, params.gain, params.loss_aversion, params.latitude
    first_gain, carry_over, p_exposure = params.first_gain, params.carry_over, params.p_exposure
    pull_forward, repay_share = params.pull_forward, params.repay_share
    spend_shape, spend_quantiles, minor = params.spend_shape, params.spend_quantiles, params.minor
    conversion, cooling, p_identified = params.conversion, params.cooling, params.p_identified
    rows, nths, ats, values, paids = happened.row, happened.nth, happened.at, happened.value, happened.paid
    used, departed, room = happened.single, happened.departed, happened.row.size
    entry_rows, e = entries.row, np.searchsorted(entries.row, start)

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
            u_order, u_cool, _, _ = uniforms(key0, key1, LEAD_DRAW, who, 0)
            order_clock, life_clock = exponential(u_order), exponential(u_cool)

        # The prices seen this week, and what they and the mechanisms do to the hazards.
        standing, single = public[source + 1], 0.0
        if standings.size > 0:
            standing = max(standing, standings[i])
        if stage == LEAD:
            single, surprise = first[source + 1], first_gain
            base, departure = conversion[source], cooling[source]
        else:
            single, surprise = (singles[i] if singles.size > 0 else 0.0), gain
            base, departure = float(order_rates[i]) * season, float(departure_rates[i])
        other = log_rates[i] if log_rates.size > 0 else 0.0
        leaving = departures[i] if departures.size > 0 else 1.0
        if stage != LEAD:
            departure *= leaving
        price, reference, elasticity = (
            relative_price(max(standing, single), today_rate),
            float(references[i]),
            float(elasticities[i]),
        )
        debt = float(debts[i])
        pull = price_pull(price, reference, elasticity, surprise, loss_aversion, latitude)
        hazard, repay, extra = order_hazard(base, pull, other, debt, repay_share)
        bound = pull + other != guarded(pull + other)

        # Events in their order. Nothing is stored yet: if the room is full, the row is lived again.
        written, nth, since = m, np.int64(n_orders[i]), now
        identified, used_single = people.identified[i], False
        left = 1.0 - now
        full = d == room
        quiet = order_clock >= hazard * left and life_clock >= departure * left
        if quiet:  # as in most weeks: what the loop would do, at a third of its cost
            order_clock = run_down(order_clock, hazard, left)
            life_clock = run_down(life_clock, departure, left)
            now += left
        while not quiet and not full:
            what, lived = next_event(order_clock, hazard, life_clock, departure, 1.0 - now)
            order_clock = run_down(order_clock, hazard, lived)
            life_clock = run_down(life_clock, departure, lived)
            now += lived
            if what == NOTHING:
                break
            if what == LEAVES:
                stage = COLD if stage == LEAD else GONE
                break
            full = written == room
            if full:
                break
            u_gap, u_spend, u_drop, u_identified = uniforms(key0, key1, ORDER, who, nth)
            mean_order = float(mean_orders[i])
            if order_values.size > 0:
                mean_order *= order_values[i]
            value = list_value(mean_order, quantile(spend_quantiles, u_spend), spend_shape, today_rate, minor)
            spent = single > standing and not used_single
            rows[written], nths[written], ats[written] = i, nth, now
            values[written], used[written] = np.int64(value), spent
            paids[written] = np.int64(paid_value(value, single if spent else standing))
            written += 1
            nth += 1
            used_single = used_single or spent
            order_clock = exponential(u_gap)
            converted = stage == LEAD
            if converted:
                stage, identified = CUSTOMER, u_identified < p_identified[source]
                life_clock = exponential(uniforms(key0, key1, LIFE, who, 0)[0])
                base, departure, other = float(order_rates[i]) * season, float(departure_rates[i]) * leaving, 0.0
            else:
                if u_drop < float(p_dropouts[i]) * leaving:
                    stage = GONE
                if spent:
                    debt = next_debt(debt, repay, extra, pull_forward, now - since)
            if converted or spent:  # the rest of the week goes on at the standing price
                since = now
                pull = price_pull(
                    relative_price(standing, today_rate), reference, elasticity, gain, loss_aversion, latitude
                )
                hazard, repay, extra = order_hazard(base, pull, other, debt, repay_share)
            if stage == GONE:
                break
        if full:
            return i, m, d

        # What stays: state, records, and what the price did to expectations.
        e += enters
        order_clocks[i], life_clocks[i] = order_clock, life_clock
        counts[ALIVE] += was == CUSTOMER
        counts[BOUND] += bound
        counts[LIVED] += 1
        if stage != was:
            stages[i] = stage
            counts[DEPARTED] += stage == GONE
            counts[COOLED] += stage == COLD
            if stage == GONE:
                departed[d] = i
                d += 1
        if enters:
            sources[i] = source
        if written > m:
            if n_orders[i] == 0:
                people.first_order[i], identifieds[i] = week + float(ats[m]), identified
            spend = np.int64(0)
            for j in range(m, written):
                spend += paids[j]
            people.last_order[i] = week + float(ats[written - 1])
            n_orders[i] = nth
            people.orders_52[i] += written - m
            people.spend[i] += spend
            people.spend_52[i] += spend
        if stage == CUSTOMER and (debt > 0.0 or extra > 0.0 or used_single):
            debts[i] = next_debt(debt, repay, extra, pull_forward, now - since)
        if stage == CUSTOMER and price != reference:  # whoever has not ordered yet knows no price
            noticed = written > m
            if not noticed:
                noticed = uniforms(key0, key1, NOTICE, who, week)[0] < p_exposure
            if noticed:
                references[i] = adapted_reference(reference, price, carry_over)
        m = written
    return stages.size, m, d
