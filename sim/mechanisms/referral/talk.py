"""How readily people talk this week and others follow: the world's numbers under the terms that the firm offers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.mechanisms.referral.actions import ReferralTerms
from crmlab.sim.order_rates import order_rates
from crmlab.sim.personas import social_of
from crmlab.sim.quantiles import lognormal_quantiles
from crmlab.sim.world import World


class TalkParams(NamedTuple):
    """How readily people talk this week and others follow, for compiled code. See `WordOfMouth`."""

    p_invite: float
    social: NDArray[np.float64]  # [personas] how readily people of each kind talk, relative to all
    sociability: NDArray[np.float64]  # log quantiles of how people of one kind differ in it
    log_effect_strong: float  # of the reward, on log invitations to strong ties
    log_effect_weak: float
    max_rewards: int  # customers with so many this programme year no longer care for the reward
    accept_strong: float
    accept_weak: float
    log_effect_offer: float  # of the friend's offer and the kind of reward, on log acceptances
    quality_power: float  # acceptances grow with the friend's order rate to this power ...
    quality_norm: float  # ... relative to its logged mean over all people
    p_warn: float
    warning: float
    false_claims: float


def talk_params(world: World, terms: ReferralTerms | None, friend_rate: float) -> TalkParams:
    """This week's propensities; `friend_rate` is the best price cut on a friend's first order."""
    response = world.word_of_mouth
    presence = beyond = kind = 0.0
    if terms is not None:
        size = terms.reward / world.mean_order + terms.reward_share
        presence, beyond = reward_presence(size, response.full_reward)
        if terms.kind == "in_kind":  # known are the effects of money, which from a weak brand does less than goods
            kind = -presence * (1 - response.brand_strength) * math.log(response.money_weak_brand)
    power, norm = friend_quality(world, response.quality, beyond)
    return TalkParams(
        p_invite=float(response.p_invite),
        social=social_of(world),
        sociability=lognormal_quantiles(1.0, response.sociability_cv).log_value,
        log_effect_strong=float(response.reward_strong * presence + response.reward_doubling * beyond + kind),
        log_effect_weak=float(response.reward_weak * presence + response.reward_doubling * beyond + kind),
        max_rewards=terms.max_rewards if terms else 0,
        accept_strong=float(response.accept_strong),
        accept_weak=float(response.accept_weak),
        log_effect_offer=float(response.friend_offer * max(0.0, friend_rate - world.today_rate) + kind),
        quality_power=power,
        quality_norm=norm,
        p_warn=float(response.p_warn),
        warning=float(response.warning),
        false_claims=float(response.false_claims) if presence > 0 else 0.0,
    )


def reward_presence(size: float, full: float) -> tuple[float, float]:
    """How much of its effect a reward of `size` (share of a mean order) has, 0 to 1; doublings beyond `full`."""
    if size <= 0:
        return 0.0, 0.0
    if full == 0 or size >= full:
        return 1.0, math.log2(size / full) if full else 0.0
    return size / full, 0.0


def friend_quality(world: World, quality: float, doublings: float) -> tuple[float, float]:
    """How the friends whom a larger reward wins are worth less: (power, log of the mean of rate^power).

    Acceptances are proportional to rate^power, so that the friends won order (1 + quality)^doublings times as often as
    those whom a reward of full effect wins. Nobody becomes another person, and no more and no fewer accept.
    """
    if quality == 0 or doublings == 0:
        return 0.0, 0.0
    rates = order_rates(world)
    power = rates.tilting_power((1 + quality) ** doublings)
    return power, float(math.log(rates.share @ rates.relative_moments(power)) + power * math.log(rates.mean))
