"""Who invites whom, who accepts, and what ties between friends do: scalar rules, called by both tellings."""

from __future__ import annotations

import math

from crmlab.sim.customers import COLD, LEAD, PROSPECT
from crmlab.sim.draws import SOCIAL, uniforms
from crmlab.sim.jit import rule
from crmlab.sim.mechanisms.referral.columns import RECOMMENDED, REFERRED
from crmlab.sim.quantiles import quantile

MIN_RATE = 1e-9  # orders a week: below, a person's rate is taken as this


@rule
def value_factor(referral_flags, weeks, referred_value, referred_value_weeks, referrer_value):
    """Mean order of somebody with ties to friends, relative to the own: a referred customer's premium falls evenly to
    none `referred_value_weeks` after the first order; who has just won a friend orders for a little more."""
    factor = 1.0
    if referral_flags & REFERRED:
        factor *= 1.0 + referred_value * max(0.0, 1.0 - weeks / referred_value_weeks)
    if referral_flags & RECOMMENDED:
        factor *= 1.0 + referrer_value
    return factor


@rule
def p_invite(base, sociability, log_effect):
    """Chance that an order is followed by a recommendation: base * sociability * exp(log_effect)."""
    return base * sociability * math.exp(log_effect)


@rule
def p_accept(base, log_effect_offer, warnings, warning):
    """Chance that somebody follows a recommendation: base * exp(offer - warnings)."""
    return base * math.exp(log_effect_offer - warning * warnings)


@rule
def sociability(talk, persona, key0, key1, who):
    """How readily this person tells friends, relative to all people."""
    return talk.social[persona] * quantile(talk.sociability, uniforms(key0, key1, SOCIAL, who, 0)[0])


@rule
def reward_log_effect(talk, strong, rewards):
    """What the reward adds to the log chance of an invitation, for somebody who has had so many this year."""
    if rewards >= talk.max_rewards:
        return 0.0
    return talk.log_effect_strong if strong else talk.log_effect_weak


@rule
def quality_log_effect(talk, order_rate):
    """What a friend's own order rate adds to the log chance to accept, when the reward is larger than need be."""
    if talk.quality_power == 0.0:
        return 0.0
    return talk.quality_power * math.log(max(order_rate, MIN_RATE)) - talk.quality_norm


@rule
def can_be_won(stage):
    """Whether somebody has never ordered and is not won by a friend already."""
    return stage in (PROSPECT, LEAD, COLD)
