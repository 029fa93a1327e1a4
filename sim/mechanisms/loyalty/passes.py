"""The loyalty programme's passes over members and orders, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import CUSTOMER
from crmlab.sim.jit import compiled
from crmlab.sim.kernel import person_id
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED
from crmlab.sim.mechanisms.loyalty.rules import (
    MAX_POINTS,
    add_points,
    progress_after,
    status_factor,
    tier_gap,
    tiers_reached,
    use_programme,
)
from crmlab.sim.mechanisms.loyalty.worth import DEMOTION, FAILURE, SUCCESS, loyalty_log_effect
from crmlab.sim.orders import Orders

EXPIRY = {"never": 0, "rolling": 1, "inactivity": 2, "calendar": 3}
DOWNGRADE = {"never": 0, "one_level": 1, "to_level": 2}


@compiled
def raise_prices(standing, enrolled, tiers, rates):
    """The price cut of a member's tier is a standing one."""
    for i in range(enrolled.size):
        if enrolled[i] != NOT_ENROLLED:
            standing[i] = max(standing[i], rates[min(np.int64(tiers[i]), rates.size - 1)])


@compiled
def move_members(
    log_rate, departure, stage, order_rate, mean_order, elasticity, spend_52, orders_52, enrolled, points, progress,
    rewarded, tiers, tier_ends, tier_effect, tier_effect_ends, week, members, programme,
):  # fmt: skip
    """Add to each member's log order rate what the programme does to it, and to the inclination to leave."""
    top = programme.rates.size - 1
    for i in range(enrolled.size):
        if enrolled[i] == NOT_ENROLLED or stage[i] != CUSTOMER:
            continue
        tier = min(np.int64(tiers[i]), top)
        log_rate[i] += loyalty_log_effect(
            week, float(order_rate[i]), float(mean_order[i]), float(elasticity[i]), np.int64(enrolled[i]),
            np.int64(points[i]), np.int64(progress[i]), np.int64(rewarded[i]), tier, np.int64(tier_ends[i]),
            np.int64(tier_effect[i]), np.int64(tier_effect_ends[i]), spend_52[i], orders_52[i], members, programme,
        )  # fmt: skip
        departure[i] *= status_factor(members.status, float(tier), float(top))


@compiled
def mark_orders(
    orders, identified, order_rate, enrolled, points, pending, recent, progress, rewarded, tiers, tier_ends, week,
    minor, members, programme, n_founding, key0, key1,
):  # fmt: skip
    """Use the programme at each of the week's orders, in event order of each customer, and note on the order what was
    earned and burnt. Returns how often points were more than can be held."""
    top = programme.rates.size - 1
    overflown = 0
    for j in range(orders.row.size):
        i = orders.row[j]
        if not identified[i]:
            continue
        joined, earned, burnt = use_programme(
            np.int64(enrolled[i]), np.int64(points[i]) - np.int64(pending[i]), float(order_rate[i]),
            float(orders.paid[j]), np.int64(orders.nth[j]), programme.multipliers[min(np.int64(tiers[i]), top)], week,
            minor, members, programme, person_id(i, n_founding), key0, key1,
        )  # fmt: skip
        if joined == NOT_ENROLLED:
            continue
        given = 0
        if enrolled[i] == NOT_ENROLLED:
            given = programme.welcome_points
            enrolled[i], tier_ends[i] = joined, week + programme.hold_weeks
        orders.earned[j], orders.burnt[j] = earned, burnt
        held, newer, too_many = add_points(np.int64(points[i]), np.int64(recent[i]), earned, burnt)
        overflown += too_many
        points[i], recent[i] = held, newer
        card = progress_after(np.int64(progress[i]), programme.reward_points, burnt, earned - given)
        progress[i] = min(card, MAX_POINTS)
        if programme.pending:
            pending[i] = min(pending[i] + earned, MAX_POINTS)
        if burnt > 0:
            rewarded[i] = week
    return overflown


def with_welcome(orders: Orders, welcome_points: NDArray[np.int64] | int) -> NDArray[np.bool_]:
    """Which orders were first orders that brought welcome points: who joins with the first order has these and what the
    order itself earned, anybody else has none from it. Shape [m]."""
    return (orders.nth == 0) & (np.asarray(welcome_points) > 0) & (orders.earned >= welcome_points)


@compiled
def review(
    enrolled, points, recent, last_order, spend_52, orders_52, tier, tier_ends, tier_effect, tier_effect_ends, now,
    expiry, expiry_weeks, tiered, by_orders, thresholds, hold_weeks, grace_weeks, downgrade, gap_noticed,
    stretch_weeks, demotion_weeks,
):  # fmt: skip
    """Expire points and review tiers at the start of week `now`. Returns (members by tier, points expired, rows that
    lost points, how many, rows that joined or changed tier)."""
    held = np.zeros(thresholds.size + 1)
    members = 0
    for i in range(enrolled.size):
        members += enrolled[i] != NOT_ENROLLED
    lapsed, lost_of, placed = np.empty(members, np.int32), np.empty(members, np.int32), np.empty(members, np.int32)
    n_lapsed = n_placed = 0
    expired = 0
    for i in range(enrolled.size):
        if enrolled[i] == NOT_ENROLLED:
            continue
        lost = 0
        if expiry == 1:
            lost = max(0, points[i] - recent[i])  # the oldest are burnt first, so what is left is the newest
        elif (expiry == 2 and now - last_order[i] >= expiry_weeks) or (expiry == 3 and now % expiry_weeks == 0):
            lost = points[i]
        points[i] -= lost
        expired += lost
        if lost != 0:
            lapsed[n_lapsed], lost_of[n_lapsed] = i, lost
            n_lapsed += 1
        before = tier[i]
        if tiered:
            value = float(orders_52[i]) if by_orders else float(spend_52[i])
            reached = tiers_reached(value, thresholds)
            level = min(np.int64(tier[i]), thresholds.size)
            if reached > level:
                level = reached
                tier_ends[i] = now + hold_weeks
                if enrolled[i] < now - 1:  # to be placed in a tier on joining is no success
                    tier_effect[i] = SUCCESS
                    tier_effect_ends[i] = now + stretch_weeks
            elif now >= tier_ends[i]:
                gap = tier_gap(value, thresholds, level)
                if reached >= level or downgrade == 0:
                    tier_ends[i] = now + hold_weeks
                    if gap > 0.0 and gap <= gap_noticed:
                        tier_effect[i] = FAILURE
                        tier_effect_ends[i] = now + stretch_weeks
                elif now >= tier_ends[i] + grace_weeks:
                    level = reached if downgrade == 2 else level - 1
                    tier_ends[i] = now + hold_weeks
                    tier_effect[i] = DEMOTION
                    tier_effect_ends[i] = now + demotion_weeks
            tier[i] = level
        if tier[i] != before or enrolled[i] == now - 1:
            placed[n_placed] = i
            n_placed += 1
        held[min(np.int64(tier[i]), thresholds.size)] += 1
    return held, expired, lapsed[:n_lapsed].copy(), lost_of[:n_lapsed].copy(), placed[:n_placed].copy()
