"""Word of mouth's passes over people and orders, compiled.

An invitation is keyed (customer, order), so it goes to the same contact with the same answer under every policy,
reached or not.
"""

from __future__ import annotations

import numpy as np

from crmlab.sim.customers import CUSTOMER
from crmlab.sim.draws import INVITE, WARN, uniforms
from crmlab.sim.jit import compiled
from crmlab.sim.kernel import person_id
from crmlab.sim.mechanisms.referral.columns import ACCOMPANIED, N_FLAGS, RECOMMENDED, REFERRED
from crmlab.sim.mechanisms.referral.network import contact, n_contacts, place_of
from crmlab.sim.mechanisms.referral.rules import (
    can_be_won,
    p_accept,
    p_invite,
    quality_log_effect,
    reward_log_effect,
    sociability,
    value_factor,
)

MAX_WARNINGS = 255


@compiled
def move_friends(
    log_rate, departure, order_value, rows, stage, orders, first_order, referral_flags, warned, week, factors, warning,
    referred_value, referred_value_weeks, referrer_value,
):  # fmt: skip
    """What ties to friends and warnings do: ties to departure (`factors` [flags]) and order value of customers,
    warnings to the first order of everybody else. `rows` are those of all who have either."""
    for i in rows:
        if warned[i] > 0 and stage[i] != CUSTOMER:
            log_rate[i] -= warning * float(warned[i])
        if referral_flags[i] > 0:
            departure[i] *= factors[referral_flags[i]]
            weeks = 0.0 if orders[i] == 0 else week - float(first_order[i])
            order_value[i] *= value_factor(
                referral_flags[i], weeks, referred_value, referred_value_weeks, referrer_value
            )


@compiled
def spread_word(
    orders, departed, stage, identified, persona, sources, order_rate, referrer, warned, rewards, talk, inviting,
    accepting, graph, source, n_founding, key0, key1,
):  # fmt: skip
    """Recommendations after the week's orders, then warnings of those who left, both in order of rows.

    Of two who win the same friend the one with the lower row comes first. `rewards` [n] are those of this programme
    year; `inviting` and `accepting` [n], or [0] for nobody, are what others add to the log chances.
    Returns (invitations, rows won, warnings, false claims [orders]).
    """
    won = np.empty(orders.row.size, np.int32)
    taken = set(won[:0])
    claims = np.zeros(orders.row.size, np.bool_)
    invitations = n_won = warnings = 0
    most = max(talk.log_effect_strong, talk.log_effect_weak, 0.0)
    for j in range(orders.row.size):
        i = orders.row[j]
        who = person_id(i, n_founding)
        u_invite, u_whom, u_accept, u_claim = uniforms(key0, key1, INVITE, who, orders.nth[j])
        claims[j] = orders.nth[j] == 0 and sources[i] != source and u_claim < talk.false_claims
        readily = sociability(talk, persona[i], key0, key1, who)
        readiness = inviting[i] if inviting.size > 0 else 0.0
        if u_invite >= p_invite(talk.p_invite, readily, most + readiness):
            continue  # whoever the contact is
        place = place_of(i, graph, key0, key1)
        number = np.int64(u_whom * n_contacts(place, graph))
        other, strong = contact(place, number, graph, key0, key1)
        log_effect = reward_log_effect(talk, strong, rewards[i]) if identified[i] else 0.0
        if u_invite >= p_invite(talk.p_invite, readily, log_effect + readiness):
            continue
        invitations += 1
        if can_be_won(stage[other]) and np.int32(other) not in taken:
            base = talk.accept_strong if strong else talk.accept_weak
            log_effect = talk.log_effect_offer + quality_log_effect(talk, float(order_rate[other]))
            log_effect += accepting[other] if accepting.size > 0 else 0.0
            if u_accept < p_accept(base, log_effect, float(warned[other]), talk.warning):
                taken.add(np.int32(other))
                referrer[other] = i
                won[n_won] = other
                n_won += 1
    for j in range(departed.size):
        u_warns, u_whom, _, _ = uniforms(key0, key1, WARN, person_id(departed[j], n_founding), 0)
        if u_warns < talk.p_warn:
            place = place_of(departed[j], graph, key0, key1)
            other, _ = contact(place, np.int64(u_whom * n_contacts(place, graph)), graph, key0, key1)
            warned[other] = min(warned[other] + 1, MAX_WARNINGS)
            warnings += 1
    return invitations, won[:n_won].copy(), warnings, claims


@compiled
def renew_referral_flags(referral_flags, stage, referrer, recommended, won, winners, week, weeks_after_success):
    """For this week: which of those won still have their friend here, and who has won one lately."""
    for i in winners:
        lately = week <= recommended[i] + weeks_after_success
        referral_flags[i] = (
            (referral_flags[i] | RECOMMENDED) if lately else (referral_flags[i] & (N_FLAGS - 1 - RECOMMENDED))
        )
    for i in won:
        with_friend = stage[referrer[i]] == CUSTOMER
        referral_flags[i] |= REFERRED
        referral_flags[i] = (
            (referral_flags[i] | ACCOMPANIED) if with_friend else (referral_flags[i] & (N_FLAGS - 1 - ACCOMPANIED))
        )


@compiled
def credit_friends(
    orders, claims, source, referrer, identified, referrals, recommended, rewards_year, referral, week, reward, share,
    max_rewards,
):  # fmt: skip
    """Credit every friend's first order and every false claim. Returns (rewards, minor units earned)."""
    rewards = 0
    earned = np.int64(0)
    for j in range(orders.row.size):
        if orders.nth[j] > 0:
            continue
        rewarded = claims[j]
        if source[orders.row[j]] == referral:
            i = referrer[orders.row[j]]
            referrals[i] += 1
            recommended[i] = week
            rewarded = identified[i] and rewards_year[i] < max_rewards
            if rewarded:
                rewards_year[i] += 1
        amount = np.int64(np.floor(reward + share * orders.paid[j] + 0.5))
        if rewarded and amount > 0:
            rewards += 1
            earned += amount
    return rewards, earned
