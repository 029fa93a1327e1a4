"""The loyalty programme told member by member and order by order, in plain Python: the second telling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.draws import BURN, JOIN
from crmlab.sim.mechanism import Week
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED, MemberColumns
from crmlab.sim.mechanisms.loyalty.programme import MemberParams, Programme
from crmlab.sim.mechanisms.loyalty.rules import (
    MAX_POINTS,
    add_points,
    log_rate_score,
    p_join,
    points_for,
    progress_after,
    status_factor,
)
from crmlab.sim.mechanisms.loyalty.worth import loyalty_log_effect


def affect_members(
    agents: Sequence[CustomerAgent], week: Week, columns: MemberColumns, members: MemberParams, programme: Programme
) -> None:
    """What the programme does to each member this week."""
    for person in agents:
        row = person.row
        if person.stage != CUSTOMER or columns.enrolled[row] == NOT_ENROLLED:
            continue
        level = tier_of(columns, row, programme)
        top = float(programme.rates.size - 1)
        if programme.rates.any():
            week.effect("standing")[row] = max(week.effect("standing")[row], programme.rates[level])
        week.effect("departure")[row] *= status_factor(members.status, float(level), top)
        week.effect("log_rate")[row] += loyalty_log_effect(
            week.number, float(person.order_rate), float(person.mean_order), float(person.elasticity),
            int(columns.enrolled[row]), int(columns.points[row]), int(columns.progress[row]),
            int(columns.rewarded[row]), level, int(columns.tier_ends[row]), int(columns.tier_effect[row]),
            int(columns.tier_effect_ends[row]), int(person.spend_52), int(person.orders_52), members, programme,
        )  # fmt: skip


def tier_of(columns: MemberColumns, row: int, programme: Programme) -> int:
    """The tier, as far as this week's programme knows it."""
    return min(int(columns.tier[row]), programme.rates.size - 1)


def mark_purchases(
    agents: Sequence[CustomerAgent], week: Week, columns: MemberColumns, members: MemberParams, programme: Programme,
    minor: float,
) -> int:  # fmt: skip
    """Join at an order, burn points on it, earn points by it. Returns how often points were more than can be held."""
    overflown = 0
    for j, row in enumerate(week.orders.row):
        person = agents[row]
        if person.identified:
            welcome = join(person, week.number, columns, members, programme)
            if columns.enrolled[row] != NOT_ENROLLED:
                overflown += turn_points(person, j, week, columns, members, programme, minor, welcome)
    return overflown


def join(person: CustomerAgent, week: int, columns: MemberColumns, members: MemberParams, programme: Programme) -> int:
    """Join the programme, or do not. Returns the points given for it."""
    row = person.row
    if columns.enrolled[row] != NOT_ENROLLED or not programme.earning:
        return 0
    score = log_rate_score(float(person.order_rate), members.log_rate_mean, members.log_rate_sd)
    if person.draw(JOIN, 0)[0] >= p_join(members.join_log_odds, members.join_selection, score):
        return 0
    columns.enrolled[row] = week
    columns.tier_ends[row] = week + programme.hold_weeks
    return programme.welcome_points


def turn_points(
    person: CustomerAgent, j: int, week: Week, columns: MemberColumns, members: MemberParams, programme: Programme,
    minor: float, welcome: int,
) -> int:  # fmt: skip
    """Burn and earn at the week's order number `j`. Those points that it earned itself, and not the welcome, come onto
    the card. Returns 1 where there are more points than can be held."""
    row, orders = person.row, week.orders
    burnable = int(columns.points[row]) - int(columns.points_pending[row])
    earned = burnt = 0
    if burnable >= programme.reward_points and person.draw(BURN, int(orders.nth[j]))[0] < members.p_redeem:
        burnt = burnable - burnable % programme.reward_points
    if programme.earning:
        multiplier = programme.multipliers[tier_of(columns, row, programme)]
        own = int(min(points_for(float(orders.paid[j]), programme.per_unit, multiplier, minor), MAX_POINTS))
        earned = min(own + welcome, MAX_POINTS)
    orders.earned[j], orders.burnt[j] = earned, burnt
    held, recent, too_many = add_points(int(columns.points[row]), int(columns.points_recent[row]), earned, burnt)
    columns.points[row], columns.points_recent[row] = held, recent
    progress = progress_after(int(columns.progress[row]), programme.reward_points, burnt, earned - welcome)
    columns.progress[row] = min(progress, MAX_POINTS)
    if programme.pending:
        columns.points_pending[row] = min(int(columns.points_pending[row]) + earned, MAX_POINTS)
    if burnt:
        columns.rewarded[row] = np.int16(week.number)
    return int(too_many)
