"""Joining, earning, burning, and tiers: scalar rules as in `behavior.py`, called by both tellings."""

from __future__ import annotations

import math

import numpy as np

from crmlab.sim.draws import BURN, JOIN, uniforms
from crmlab.sim.jit import rule
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED

MAX_POINTS = 2**31 - 1  # that a member can hold


@rule
def p_join(log_odds, selection, log_rate_score):
    """Share of such buyers who join a programme at their next order: the heavier (score: SDs of the log order rate),
    the more of them."""
    return 1.0 / (1.0 + math.exp(-(log_odds + selection * log_rate_score)))


@rule
def log_rate_score(order_rate, mean, sd):
    """How heavy a buyer somebody is: SDs of the log order rate above its mean."""
    return (math.log(order_rate) - mean) / sd


@rule
def points_for(paid, per_unit, multiplier, minor):
    """Points of an order: whole points, for the minor units paid."""
    return math.floor(paid * per_unit * multiplier / minor + 1e-9)


@rule
def tier_gap(value, thresholds, tier):
    """Share of the next tier's threshold that is still missing; 1 when there is no higher tier."""
    if tier >= thresholds.size:
        return 1.0
    return max(0.0, 1.0 - value / thresholds[tier])


@rule
def tiers_reached(value, thresholds):
    """The highest tier whose threshold the record of the last 52 weeks reaches."""
    tier = 0
    while tier < thresholds.size and value >= thresholds[tier]:
        tier += 1
    return tier


@rule
def status_factor(status, tier, top):
    """Departure hazard of a tier relative to the basic one: falls evenly to `status` at the top tier."""
    if top == 0:
        return 1.0
    return 1.0 - (1.0 - status) * tier / top


@rule
def use_programme(
    enrolled, burnable, order_rate, paid, nth, multiplier, week, minor, members, programme, who, key0, key1
):  # fmt: skip
    """The `nth` order of an identified customer under a loyalty programme: join at it, burn points on it, earn by it.

    `enrolled` is the week of joining, or NOT_ENROLLED; `paid` the minor units of the order. Returns (enrolled, points
    earned, points burnt).
    """
    earned = np.int64(0)
    burnt = np.int64(0)
    if enrolled == NOT_ENROLLED and programme.earning:
        score = log_rate_score(order_rate, members.log_rate_mean, members.log_rate_sd)
        if uniforms(key0, key1, JOIN, who, 0)[0] < p_join(members.join_log_odds, members.join_selection, score):
            enrolled = np.int64(week)
            earned = np.int64(programme.welcome_points)
    if enrolled != NOT_ENROLLED:
        if burnable >= programme.reward_points and uniforms(key0, key1, BURN, who, nth)[0] < members.p_redeem:
            burnt = burnable - burnable % programme.reward_points  # every reward that is there
        if programme.earning:
            earned += np.int64(min(points_for(paid, programme.per_unit, multiplier, minor), float(MAX_POINTS)))
            earned = min(earned, np.int64(MAX_POINTS))
    return enrolled, earned, burnt


@rule
def add_points(held, recent, earned, burnt):
    """(points held, points earned within the term, whether they are more than can be held) after an order."""
    held += earned - burnt
    recent += earned
    return min(held, MAX_POINTS), min(recent, MAX_POINTS), held >= MAX_POINTS or recent >= MAX_POINTS


@rule
def progress_after(progress, reward_points, burnt, earned):
    """Points on the card after an order. A reward empties it, and so does the first order after it was full: whoever
    lets a reward lie is not drawn by it for ever."""
    left = progress - burnt if burnt > 0 else progress % reward_points
    return max(0, left) + earned
