"""A week in the life of everybody: one compiled pass over the columns.

Each person lives the week in event order: a prospect may be reached by a channel and become a lead; a lead may place
a first order or lose interest; a customer may order any number of times and may leave. Every event has its exact
moment inside the week. The rules are those of `behavior.py`; this file only carries state from one to the next.
"""

from __future__ import annotations

import numpy as np

from crmlab.sim.behavior import (
    LEAVES,
    NOTHING,
    adapted_reference,
    guarded,
    list_value,
    log_rate_score,
    next_debt,
    next_event,
    order_hazard,
    order_worth,
    p_join,
    paid_value,
    points_for,
    price_pull,
    reach_moment,
    relative_price,
    run_down,
    status_factor,
)
from crmlab.sim.compiling import compiled, rule
from crmlab.sim.coupons import would_use
from crmlab.sim.customers import COLD, CUSTOMER, GONE, LEAD, LEFT, NOT_ENROLLED, PROSPECT, REACHED, REFERRED
from crmlab.sim.draws import BURN, JOIN, LIFE, NOTICE, ORDER, exponential, uniforms
from crmlab.sim.draws import LEAD as LEAD_DRAW
from crmlab.sim.quantiles import quantile
from crmlab.sim.worth import loyalty_pull, progress_after

# Counters of a pass, besides leads per channel.
ALIVE, DEPARTED, COOLED, BOUND, LIVED, OVERFLOWN, N_COUNTS = 0, 1, 2, 3, 4, 5, 6
MOST_POINTS = 2**31 - 1  # that a member can hold

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


@rule
def use_programme(
    enrolled, burnable, order_rate, paid, nth, multiplier, week, minor, loyal, programme, who, key0, key1
):  # fmt: skip
    """The `nth` order of an identified customer under a loyalty programme: join at it, burn points on it, earn by it.

    `enrolled` is the week of joining, or NOT_ENROLLED; `paid` the minor units of the order. Returns (enrolled, points
    that can be burnt on the next order, points earned, points burnt).
    """
    earned = np.int64(0)
    burnt = np.int64(0)
    if enrolled == NOT_ENROLLED and programme.earning:
        score = log_rate_score(order_rate, loyal.log_rate_mean, loyal.log_rate_sd)
        if uniforms(key0, key1, JOIN, who, 0)[0] < p_join(loyal.join_log_odds, loyal.join_selection, score):
            enrolled = np.int64(week)
            earned = np.int64(programme.welcome_points)
    if enrolled != NOT_ENROLLED:
        if burnable >= programme.reward_points and uniforms(key0, key1, BURN, who, nth)[0] < loyal.p_redeem:
            burnt = burnable - burnable % programme.reward_points  # every reward that is there
            burnable -= burnt
        if programme.earning:
            earned += np.int64(min(points_for(paid, programme.per_unit, multiplier, minor), float(MOST_POINTS)))
            earned = min(earned, np.int64(MOST_POINTS))
            if not programme.pending:
                burnable += earned
    return enrolled, burnable, earned, burnt


@rule
def add_points(held, recent, earned, burnt):
    """(points held, points earned within the term, whether they are more than can be held) after an order."""
    held += earned - burnt
    recent += earned
    return min(held, MOST_POINTS), min(recent, MOST_POINTS), held >= MOST_POINTS or recent >= MOST_POINTS


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
def live_week(
    people, reaction, offer, programme, pressure, week, season, n_founding, key0, key1, book, leads, counts, start, m
):
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
    spend_shape, spend_quantiles, minor = reaction.spend_shape, reaction.spend_quantiles, reaction.minor
    first_gain, latitude, readiness = reaction.first_gain, reaction.latitude, reaction.coupon_readiness
    conversion, cooling, p_identified = reaction.conversion, reaction.cooling, reaction.p_identified
    public, first, own = offer.public, offer.first, offer.own
    before, after = pressure.before, pressure.after
    bonds, bond_of, warneds, first_orders = reaction.bonds, people.bond, people.warned, people.first_order
    loyal, enrolleds, points_of, tiers = reaction.loyal, people.enrolled, people.points, people.tier
    pendings, progresses = people.points_pending, people.progress
    spends_52, orders_52 = people.spend_52, people.orders_52
    rewardeds, tier_endss, moods, mood_endss = people.rewarded, people.tier_ends, people.mood, people.mood_ends
    multipliers, tier_rates, top_tier = programme.multipliers, programme.rates, programme.rates.size - 1
    earneds, burnts = book.earned, book.burnt
    rows, nths, ats, values, paids = book.row, book.nth, book.at, book.value, book.paid
    room = rows.size

    for i in range(start, stages.size):
        was = np.int64(stages[i])
        if was == PROSPECT or was >= GONE:
            continue
        who = person_id(i, n_founding)
        stage, source, now = was, np.int64(sources[i]), 0.0
        order_clock, life_clock = order_clocks[i], life_clocks[i]

        # A prospect whom a channel reaches or a friend has won becomes a lead.
        if was in (REACHED, REFERRED):
            stage = LEAD
            source = np.int64(bonds.source)
            if was == REACHED:
                source, now = first_reached(reach[i], before, after)
            u_order, u_cool, _, _ = uniforms(key0, key1, LEAD_DRAW, who, 0)
            order_clock, life_clock = exponential(u_order), exponential(u_cool)

        # The offer: the best standing price cut, and one for a single order. What it does to this week's hazards.
        standing = public[source + 1]
        single = 0.0
        other = 0.0
        stays = 1.0
        bond = np.int64(bond_of[i]) if bonds.on else 0
        member = programme.on and enrolleds[i] != NOT_ENROLLED
        debt = float(debts[i])
        if stage == LEAD:
            single = first[source + 1]
            base, departure = conversion[source], cooling[source]
            if bonds.on:
                other = -bonds.warning * float(warneds[i])
        else:
            if own.size > 0:
                standing = max(standing, float(own[i]))
            ends = np.int64(coupon_ends[i])
            if ends > week and would_use(key0, key1, who, ends, readiness):
                single = float(coupon_rates[i])
            base = float(order_rates[i]) * season
            if member:
                tier = min(np.int64(tiers[i]), top_tier)
                standing = max(standing, tier_rates[tier])
                other = loyalty_pull(
                    week, float(order_rates[i]), float(mean_orders[i]), float(elasticities[i]),
                    np.int64(enrolleds[i]), np.int64(points_of[i]), np.int64(progresses[i]),
                    np.int64(rewardeds[i]), tier, np.int64(tier_endss[i]), np.int64(moods[i]), np.int64(mood_endss[i]),
                    spends_52[i], orders_52[i], loyal, programme,
                )  # fmt: skip
                stays = status_factor(loyal.status, float(tier), float(top_tier))
            if bonds.on:
                stays *= bonds.departure[bond]
            departure = float(departure_rates[i]) * stays
        price = relative_price(max(standing, single), today_rate)
        reference, elasticity = float(references[i]), float(elasticities[i])
        surprise = first_gain if stage == LEAD else gain
        pull = price_pull(price, reference, elasticity, surprise, loss_aversion, latitude)
        hazard, repay, extra = order_hazard(base, pull, other, debt, repay_share)
        bound = pull + other != guarded(pull + other)

        # Events in their order. Nothing is stored yet: if the book is full, the row is lived again.
        first_written = written = m
        nth = np.int64(n_orders[i])
        customer_since = now
        identified = people.identified[i]
        enrolled, tier, burnable = np.int64(NOT_ENROLLED), np.int64(0), np.int64(0)
        if programme.on:
            enrolled, tier = np.int64(enrolleds[i]), min(np.int64(tiers[i]), top_tier)
            burnable = np.int64(points_of[i]) - np.int64(pendings[i])
        used_single = full = False
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
            mean_order = float(mean_orders[i])
            if bond > 0:
                weeks = 0.0 if n_orders[i] == 0 else week - float(first_orders[i])
                mean_order = order_worth(
                    mean_order, bond, weeks, bonds.referred_value, bonds.referred_value_weeks, bonds.referrer_value
                )
            value = list_value(mean_order, size, spend_shape, today_rate, minor)
            taken = standing if used_single else max(standing, single)
            rows[written] = i
            nths[written] = nth
            ats[written] = now
            values[written] = np.int64(value)
            paids[written] = np.int64(paid_value(value, taken))
            earneds[written] = 0
            burnts[written] = 0
            written += 1
            nth += 1
            spent = single > standing and not used_single
            used_single = used_single or spent
            order_clock = exponential(u_gap)
            converted = stage == LEAD
            if converted:
                stage = CUSTOMER
                customer_since = now
                identified = u_identified < p_identified[source]
                life_clock = exponential(uniforms(key0, key1, LIFE, who, 0)[0])
                base, departure = float(order_rates[i]) * season, float(departure_rates[i])
                if bonds.on:
                    stays = bonds.departure[bond]
                    departure *= stays
                other = 0.0
            else:
                if u_drop < float(p_dropouts[i]) * stays:
                    stage = GONE
                if spent:
                    debt = next_debt(debt, repay, extra, pull_forward, now - customer_since)
            if converted or spent:  # the rest of the week goes on at the standing price
                customer_since = now
                pull = price_pull(
                    relative_price(standing, today_rate), reference, elasticity, gain, loss_aversion, latitude
                )
                hazard, repay, extra = order_hazard(base, pull, other, debt, repay_share)
            if programme.on and identified:
                was_member = enrolled != NOT_ENROLLED
                enrolled, burnable, earned, burnt = use_programme(
                    enrolled, burnable, float(order_rates[i]), float(paids[written - 1]), nth - 1, multipliers[tier],
                    week, minor, loyal, programme, who, key0, key1,
                )  # fmt: skip
                earneds[written - 1], burnts[written - 1] = np.int32(earned), np.int32(burnt)
                if enrolled != NOT_ENROLLED and not was_member:
                    tier_endss[i] = week + programme.hold_weeks
            if stage == GONE:
                break
        if full:
            return i, m

        # What stays: state, records, and what the price did to expectations.
        order_clocks[i] = order_clock
        life_clocks[i] = life_clock
        counts[ALIVE] += was == CUSTOMER
        counts[BOUND] += bound
        counts[LIVED] += 1
        if stage != was:
            stages[i] = stage
            counts[DEPARTED] += stage == GONE
            counts[COOLED] += stage == COLD
            if was in (REACHED, REFERRED):
                leads[source] += 1
                sources[i] = source
            if bonds.on and stage == GONE:
                bond_of[i] |= LEFT
        if written > first_written:
            spend = np.int64(0)
            for j in range(first_written, written):
                spend += paids[j]
            if enrolled != NOT_ENROLLED:
                given = np.int64(programme.welcome_points) if enrolleds[i] == NOT_ENROLLED else np.int64(0)
                enrolleds[i] = enrolled
                for j in range(first_written, written):
                    earned, burnt = np.int64(earneds[j]), np.int64(burnts[j])
                    held, recent, too_many = add_points(
                        np.int64(points_of[i]), np.int64(people.points_recent[i]), earned, burnt
                    )  # fmt: skip
                    counts[OVERFLOWN] += too_many
                    points_of[i], people.points_recent[i] = held, recent
                    progresses[i] = min(
                        progress_after(np.int64(progresses[i]), programme.reward_points, burnt, earned - given),
                        MOST_POINTS,
                    )  # fmt: skip
                    given = np.int64(0)
                    if programme.pending:
                        pendings[i] = min(pendings[i] + earned, MOST_POINTS)
                    if burnts[j] > 0:
                        rewardeds[i] = week
            if n_orders[i] == 0:
                first_orders[i] = week + float(ats[first_written])
                people.identified[i] = identified
            people.last_order[i] = week + float(ats[written - 1])
            n_orders[i] = nth
            people.orders_52[i] += written - first_written
            people.spend[i] += spend
            people.spend_52[i] += spend
            if used_single:
                coupon_ends[i] = 0
            m = written
        if stage == CUSTOMER and (debt > 0.0 or extra > 0.0 or used_single):
            debts[i] = next_debt(debt, repay, extra, pull_forward, now - customer_since)
        if stage == CUSTOMER and price != reference:  # whoever has not ordered yet knows no price
            noticed = written > first_written
            if not noticed:
                noticed = uniforms(key0, key1, NOTICE, who, week)[0] < p_exposure
            if noticed:
                references[i] = adapted_reference(reference, price, carry_over)
    return stages.size, m
