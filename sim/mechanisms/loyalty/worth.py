"""What a loyalty programme is worth to a member, and how far that moves the member: rules as in `behavior.py`.

A reward moves people in proportion to what it is worth. So everything here starts from the worth of a tier: what one
currency unit of spend brings in points, price cuts and other benefits, as a share of that unit. Nothing that is worth
nothing moves anybody, and neither does a reward that the member cannot reach in good time at the own rate.
"""

from __future__ import annotations

import math

from crmlab.sim.customers import LONG_AGO
from crmlab.sim.jit import rule
from crmlab.sim.mechanisms.loyalty.rules import tier_gap
from crmlab.sim.orders import YEAR

CALM, SUCCESS, FAILURE, DEMOTION = 0, 1, 2, 3  # effects of tiers
TIER_EFFECTS = ("none", "reached a tier", "missed a tier", "fell a tier")

FULL_WORTH = 0.05  # of yearly spend: from here on deadlines and effects of tiers have their full effect
CARD_WORTH = 0.10  # of spend: what the cards gave on which the head start was measured (one free in ten)
CARD_START = 1.0 / 6.0  # of the card: what was given on it (2 stamps of 12)
MAX_WORTH = 0.20  # of spend: no richer card was measured, so what is above moves nobody further
MAX_PERKS = 0.30  # of yearly spend: benefits act like a price cut of at most so much
MIN_SPEND = 0.01  # currency a year: keeps shares of spend finite


@rule
def points_worth(weekly_spend, order_rate, multiplier, programme):
    """What the points of one currency unit are worth when burnt, as the member expects it; 0 when a reward is out of
    reach at the own rate of spending, or the points would lapse between two orders."""
    weekly_points = programme.per_unit * multiplier * weekly_spend
    if weekly_points <= 0.0 or programme.reward_points > programme.reach_weeks * weekly_points:
        return 0.0
    if order_rate * programme.longest_pause < 1.0:
        return 0.0
    return programme.rebate * multiplier


@rule
def perks_worth(tier, weekly_spend, perks_felt, programme):
    """Benefits of a tier beyond points and price, as the share of yearly spend that a member feels them to be worth."""
    if programme.perks[tier] <= 0.0:
        return 0.0
    return min(MAX_PERKS, perks_felt * programme.perks[tier] / max(YEAR * weekly_spend, MIN_SPEND))


@rule
def tier_worth(tier, weekly_spend, order_rate, perks_felt, programme):
    """What a tier gives on one currency unit of spend: points, price cut and other benefits, as a share of it."""
    points = points_worth(weekly_spend, order_rate, programme.multipliers[tier], programme)
    return points + programme.rates[tier] + perks_worth(tier, weekly_spend, perks_felt, programme)


@rule
def weight_of(worth):
    """How far an effect is there that was measured on programmes worth `FULL_WORTH` or more: its share, 0 to 1."""
    return min(1.0, max(0.0, worth) / FULL_WORTH)


@rule
def goal_progress(progress, points, reward_points, order_points):
    """How far the card is filled, 0 to 1: points earned by own orders since the last reward, less half an order's.

    Half an order less, since the pull of a whole card shall be the same however many orders it takes: on average 1/2.
    A reward that one order earns has no way to go; its owner stands in the middle of it.
    """
    goal = max(float(reward_points), order_points)
    return max(0.0, min(float(progress), float(points), goal) - 0.5 * order_points) / goal


@rule
def goal_log_effect(filled, worth, gradient, power):
    """Goal gradient: the nearer a reward, the keener its owner. gradient * worth * filled^power."""
    if filled <= 0.0 or worth <= 0.0:
        return 0.0
    return gradient * min(worth, MAX_WORTH) * math.exp(power * math.log(filled))


@rule
def head_start_log_effect(size, worth, given, points, rewarded, weeks_since, programme):
    """A first reward begun for the member draws until it is there: by what was given and what the reward is worth."""
    if given <= 0 or rewarded != LONG_AGO or points >= programme.reward_points or weeks_since > programme.reach_weeks:
        return 0.0
    return size * min(1.0, given / (CARD_START * programme.reward_points)) * min(1.0, worth / CARD_WORTH)


@rule
def tier_log_effect(tier_effect, tier, weekly_spend, order_rate, perks_felt, programme):
    """Joy over a tier reached, anger over one missed or lost: by what the tier is worth above the one below it."""
    upper = tier if tier_effect == SUCCESS else tier + 1
    if upper < 1 or upper >= programme.rates.size:
        return 0.0
    gain = tier_worth(upper, weekly_spend, order_rate, perks_felt, programme)
    gain -= tier_worth(upper - 1, weekly_spend, order_rate, perks_felt, programme)
    return programme.tier_effects[tier_effect, tier] * weight_of(gain)


@rule
def at_stake(
    week, points, tier, tier_ends, spend_52, orders_52, weekly_spend, order_rate, worth, loyal, programme
):  # fmt: skip
    """What a member may win or lose at a deadline that is near, as a share of yearly spend."""
    stake = 0.0
    weeks_left = programme.calendar_weeks - week % max(programme.calendar_weeks, 1)
    if 0 < weeks_left <= loyal.pressure_weeks and points > 0 and worth > 0.0:
        stake = float(points) * programme.point_value / max(YEAR * weekly_spend, MIN_SPEND)
    if programme.tiered and tier_ends - week <= loyal.pressure_weeks:
        value = float(orders_52) if programme.by_orders else float(spend_52)
        gap = tier_gap(value, programme.thresholds, tier)
        if gap > 0.0 and gap <= loyal.pressure_gap:
            gain = tier_worth(tier + 1, weekly_spend, order_rate, loyal.perks, programme)
            stake = max(stake, gain - tier_worth(tier, weekly_spend, order_rate, loyal.perks, programme))
    return stake


@rule
def loyalty_log_effect(
    week, order_rate, mean_order, elasticity, enrolled, points, progress, rewarded, tier, tier_ends, tier_effect,
    tier_effect_ends, spend_52, orders_52, loyal, programme,
):  # fmt: skip
    """Change of a member's log order rate: membership, gradient, head start, the last reward, benefits, deadlines,
    what its tier did lately. Zero for whom the programme is worth nothing."""
    weekly_spend = order_rate * mean_order
    multiplier = programme.multipliers[tier]
    worth = points_worth(weekly_spend, order_rate, multiplier, programme)
    perks = perks_worth(tier, weekly_spend, loyal.perks, programme)
    order_points = programme.per_unit * multiplier * mean_order
    log_effect = goal_log_effect(
        goal_progress(progress, points, programme.reward_points, order_points), worth, loyal.goal_gradient,
        loyal.goal_power,
    )  # fmt: skip
    if points > progress:
        log_effect += head_start_log_effect(
            loyal.head_start, worth, points - progress, points, rewarded, week - enrolled, programme
        )  # fmt: skip
    if order_rate < loyal.heavy_rate:
        size = loyal.member * min(1.0, (worth + programme.rates[tier] + perks) / loyal.member_worth)
        log_effect += size * math.exp(-float(week - enrolled) / loyal.member_scale)
    if rewarded != LONG_AGO:
        size = loyal.reward * min(1.0, programme.reward_value / max(mean_order, MIN_SPEND))
        log_effect += size * math.exp(-float(week - rewarded) / loyal.reward_weeks)
    stake = at_stake(
        week, points, tier, tier_ends, spend_52, orders_52, weekly_spend, order_rate, worth, loyal, programme
    )  # fmt: skip
    if stake > 0.0:
        log_effect += loyal.pressure * weight_of(stake)
    if order_rate >= loyal.heavy_rate:
        log_effect *= loyal.heavy
    if tier_effect_ends > week:
        log_effect += tier_log_effect(tier_effect, tier, weekly_spend, order_rate, loyal.perks, programme)
    log_effect *= loyal.strength
    if perks > 0.0:
        log_effect -= elasticity * math.log(1.0 - perks)
    return log_effect
