"""What customers say to people they know: recommendations after an order, warnings on leaving.

Runs after everybody's week has been lived, over the week's orders alone, so the pass over the columns stays free of
anybody's friends: what is said this week changes lives from next week on. An invitation is keyed (customer, order),
so it goes to the same contact with the same answer under every policy, reached or not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import ReferralTerms
from crmlab.sim.behavior import p_accept, p_invite
from crmlab.sim.compiling import compiled, rule
from crmlab.sim.conditions import Bonds
from crmlab.sim.crowd import person_id
from crmlab.sim.customers import (
    ACCOMPANIED,
    COLD,
    CUSTOMER,
    LEAD,
    LEFT,
    N_BONDS,
    PROSPECT,
    RECOMMENDED,
    REFERRED,
    REFERRED_BOND,
)
from crmlab.sim.draws import INVITE, SOCIAL, WARN, uniforms
from crmlab.sim.network import contact, n_contacts, place_of
from crmlab.sim.order_rates import order_rates
from crmlab.sim.personas import social_of
from crmlab.sim.quantiles import lognormal_quantiles, quantile
from crmlab.sim.world import World

MOST_WARNINGS = 255
LEAST_RATE = 1e-9  # orders a week: below, a person's rate is taken as this


class Telling(NamedTuple):
    """How readily people talk this week and others follow, in compiled reach. See `responses.WordOfMouth`."""

    p_invite: float
    social: NDArray[np.float64]  # [personas] how readily people of each kind talk, relative to all
    sociability: NDArray[np.float64]  # log quantiles of how people of one kind differ in it
    pull_strong: float  # of the reward, on log invitations to strong ties
    pull_weak: float
    most_rewards: int  # customers with so many this programme year no longer care for the reward
    accept_strong: float
    accept_weak: float
    offer_pull: float  # of the friend's offer and the kind of reward, on log acceptances
    quality_power: float  # acceptances grow with the friend's order rate to this power ...
    quality_norm: float  # ... relative to its logged mean over all people
    p_warn: float
    warning: float
    false_claims: float


class Said(NamedTuple):
    """What was said in a week: invitations, rows of those won, warnings, who names a friend falsely [orders]."""

    invitations: int
    won: NDArray[np.int32]
    warnings: int
    claims: NDArray[np.bool_]


def telling_of(world: World, terms: ReferralTerms | None, friend_rate: float) -> Telling:
    """This week's propensities; `friend_rate` is the best price cut on a friend's first order."""
    response = world.word_of_mouth
    presence = beyond = kind = 0.0
    if terms is not None:
        size = terms.reward / world.mean_order + terms.reward_share
        presence, beyond = reward_presence(size, response.full_reward)
        if terms.kind == "money":
            kind = presence * (1 - response.brand_strength) * math.log(response.money_weak_brand)
    power, norm = friend_quality(world, response.quality, beyond)
    return Telling(
        p_invite=float(response.p_invite),
        social=social_of(world),
        sociability=lognormal_quantiles(1.0, response.sociability_cv).log_value,
        pull_strong=float(response.reward_strong * presence + response.reward_doubling * beyond + kind),
        pull_weak=float(response.reward_weak * presence + response.reward_doubling * beyond + kind),
        most_rewards=terms.most_rewards if terms else 0,
        accept_strong=float(response.accept_strong),
        accept_weak=float(response.accept_weak),
        offer_pull=float(response.friend_offer * max(0.0, friend_rate - world.today_rate) + kind),
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


def bonds_of(world: World) -> Bonds:
    """The world's constants of what bonds between friends do, in the form that the compiled pass takes."""
    response, departure = world.word_of_mouth, np.ones(N_BONDS)
    for bond in range(N_BONDS):
        if bond & ACCOMPANIED:
            departure[bond] *= response.referred_departure
        if bond & RECOMMENDED:
            departure[bond] *= response.referrer_departure
    return Bonds(
        on=response.on,
        departure=departure,
        referred_value=float(response.referred_value),
        referred_value_weeks=float(response.referred_value_weeks),
        referrer_value=float(response.referrer_value),
        warning=float(response.warning),
        source=len(world.channels),
    )


@rule
def sociability(telling, persona, key0, key1, who):
    """How readily this person tells friends, relative to all people."""
    return telling.social[persona] * quantile(telling.sociability, uniforms(key0, key1, SOCIAL, who, 0)[0])


@rule
def reward_pull(telling, strong, rewards):
    """What the reward adds to the log chance of an invitation, for somebody who has had so many this year."""
    if rewards >= telling.most_rewards:
        return 0.0
    return telling.pull_strong if strong else telling.pull_weak


@rule
def quality_pull(telling, order_rate):
    """What a friend's own order rate adds to the log chance to accept, when the reward is larger than need be."""
    if telling.quality_power == 0.0:
        return 0.0
    return telling.quality_power * math.log(max(order_rate, LEAST_RATE)) - telling.quality_norm


@rule
def can_be_won(stage):
    """Whether somebody has never ordered and is not won by a friend already."""
    return stage in (PROSPECT, LEAD, COLD)


@compiled
def spread_word(orders, people, referrer, rewards, telling, graph, source, n_founding, key0, key1):
    """Recommendations after the week's orders, then warnings of those who left, both in order of rows.

    Who accepts becomes `REFERRED`; of two inviters the one with the lower row comes first. `rewards` [n] are those of
    this programme year. Returns (invitations, rows won, warnings, false claims [orders]).
    """
    stage, identified = people.stage, people.identified
    won = np.empty(orders.row.size, np.int32)
    claims = np.zeros(orders.row.size, np.bool_)
    invitations = n_won = warnings = 0
    for j in range(orders.row.size):
        i = orders.row[j]
        who = person_id(i, n_founding)
        u_invite, u_whom, u_accept, u_claim = uniforms(key0, key1, INVITE, who, orders.nth[j])
        claims[j] = orders.nth[j] == 0 and people.source[i] != source and u_claim < telling.false_claims
        readily = sociability(telling, people.persona[i], key0, key1, who)
        most = max(telling.pull_strong, telling.pull_weak, 0.0)
        if u_invite >= p_invite(telling.p_invite, readily, most):
            continue  # whoever the contact is
        place = place_of(i, graph, key0, key1)
        number = np.int64(u_whom * n_contacts(place, graph))
        other, strong = contact(place, number, graph, key0, key1)
        pull = reward_pull(telling, strong, rewards[i]) if identified[i] else 0.0
        if u_invite >= p_invite(telling.p_invite, readily, pull):
            continue
        invitations += 1
        if can_be_won(stage[other]):
            base = telling.accept_strong if strong else telling.accept_weak
            pull = telling.offer_pull + quality_pull(telling, float(people.order_rate[other]))
            if u_accept < p_accept(base, pull, float(people.warned[other]), telling.warning):
                stage[other] = REFERRED
                referrer[other] = i
                won[n_won] = other
                n_won += 1
    for i in range(stage.size):
        if people.bond[i] & LEFT:
            people.bond[i] -= LEFT
            u_warns, u_whom, _, _ = uniforms(key0, key1, WARN, person_id(i, n_founding), 0)
            if u_warns < telling.p_warn:
                place = place_of(i, graph, key0, key1)
                other, _ = contact(place, np.int64(u_whom * n_contacts(place, graph)), graph, key0, key1)
                people.warned[other] = min(people.warned[other] + 1, MOST_WARNINGS)
                warnings += 1
    return invitations, won[:n_won].copy(), warnings, claims


@compiled
def renew_bonds(bond, stage, referrer, recommended, won, winners, week, weeks_after_success):
    """For this week: which of those won still have their friend here, and who has won one lately."""
    for i in winners:
        lately = week <= recommended[i] + weeks_after_success
        bond[i] = (bond[i] | RECOMMENDED) if lately else (bond[i] & (N_BONDS - 1 - RECOMMENDED))
    for i in won:
        with_friend = stage[referrer[i]] == CUSTOMER
        bond[i] |= REFERRED_BOND
        bond[i] = (bond[i] | ACCOMPANIED) if with_friend else (bond[i] & (N_BONDS - 1 - ACCOMPANIED))
