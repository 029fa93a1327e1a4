"""Word of mouth told person by person, in plain Python: the second telling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.draws import INVITE, WARN
from crmlab.sim.mechanism import Week
from crmlab.sim.mechanisms.referral.columns import FriendColumns
from crmlab.sim.mechanisms.referral.network import Graph, contact, n_contacts, place_of
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.referral.passes import MAX_WARNINGS
from crmlab.sim.mechanisms.referral.rules import (
    can_be_won,
    p_accept,
    p_invite,
    quality_log_effect,
    reward_log_effect,
    sociability,
    value_factor,
)
from crmlab.sim.mechanisms.referral.talk import TalkParams


def affect_friends(
    agents: Sequence[CustomerAgent], week: Week, columns: FriendColumns, params: WordOfMouth,
    departure: NDArray[np.float64],
) -> None:  # fmt: skip
    """What ties to friends and warnings do to each person this week; `departure` is by flags."""
    for person in agents:
        row, referral_flags = person.row, int(columns.referral_flags[person.row])
        week.effect("departure")[row] *= departure[referral_flags]
        weeks = week.number - float(person.first_order) if person.orders else 0.0
        week.effect("order_value")[row] *= value_factor(
            referral_flags,
            weeks,
            float(params.referred_value),
            float(params.referred_value_weeks),
            float(params.referrer_value),
        )
        if person.stage != CUSTOMER:
            week.effect("log_rate")[row] -= float(params.warning) * float(columns.warned[row])


def contact_of(
    person: CustomerAgent, u: float, graph: Graph, agents: Sequence[CustomerAgent]
) -> tuple[CustomerAgent, bool]:
    """The contact that a uniform picks, and whether it is a strong tie."""
    place = place_of(person.row, graph, *person.key)
    row, strong = contact(place, int(u * n_contacts(place, graph)), graph, *person.key)
    return agents[row], strong


def readiness(week: Week, what: str, person: CustomerAgent) -> float:
    """What other mechanisms add to the log chance that this person does something of which this one is in charge."""
    return float(week.readiness[what][person.row]) if what in week.readiness else 0.0


def invite(
    person: CustomerAgent, nth: int, agents: Sequence[CustomerAgent], week: Week, columns: FriendColumns,
    talk: TalkParams, graph: Graph, won: list[int],
) -> tuple[bool, CustomerAgent | None]:  # fmt: skip
    """After an order: whether this person invites a contact, and the contact if that one accepts. `won` are the rows of
    those who accepted somebody else's invitation this week."""
    u_invite, u_whom, u_accept, _ = person.draw(INVITE, nth)
    friend, strong = contact_of(person, u_whom, graph, agents)
    log_effect = (
        reward_log_effect(talk, strong, int(columns.referral_rewards[person.row])) if person.identified else 0.0
    )
    log_effect += readiness(week, "invite", person)
    readily = sociability(talk, person.persona, *person.key, person.who)
    if u_invite >= p_invite(talk.p_invite, readily, log_effect):
        return False, None
    if not can_be_won(friend.stage) or friend.row in won:
        return True, None
    base = talk.accept_strong if strong else talk.accept_weak
    offer = talk.log_effect_offer + quality_log_effect(talk, float(friend.order_rate))
    offer += readiness(week, "accept", friend)
    accepts = u_accept < p_accept(base, offer, float(columns.warned[friend.row]), talk.warning)
    return True, friend if accepts else None


def converse(
    agents: Sequence[CustomerAgent], week: Week, columns: FriendColumns, talk: TalkParams, graph: Graph, source: int
) -> tuple[int, NDArray[np.int32], int, NDArray[np.bool_]]:
    """What people say this week, one after the other: (invitations, rows won, warnings, false claims [orders])."""
    orders, won = week.orders, list[int]()
    invitations, claims = 0, np.zeros(orders.n, np.bool_)
    for j in range(orders.n):
        person, nth = agents[orders.row[j]], int(orders.nth[j])
        came_by_themselves = nth == 0 and person.source != source
        claims[j] = came_by_themselves and person.draw(INVITE, 0)[3] < talk.false_claims
        invites, friend = invite(person, nth, agents, week, columns, talk, graph, won)
        invitations += invites
        if friend is not None:
            columns.referrer[friend.row] = person.row
            won.append(friend.row)
    warnings = 0
    for row in week.departed:
        u_warns, u_whom, _, _ = agents[row].draw(WARN, 0)
        if u_warns < talk.p_warn:
            warned, _ = contact_of(agents[row], u_whom, graph, agents)
            columns.warned[warned.row] = min(int(columns.warned[warned.row]) + 1, MAX_WARNINGS)
            warnings += 1
    return invitations, np.array(won, np.int32), warnings, claims
