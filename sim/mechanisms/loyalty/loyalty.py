"""The loyalty programme of one market: what it does to members, and what the firm owes for it.

Orders of members earn and burn points when they get their marks; at the end of the week points mature and expire, tiers
are reviewed, and the liability is booked. Points of week 0 + issued = burnt + expired + outstanding, always.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import ActionError
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.loyalty.accounts import (
    ACCOUNTS,
)
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.loyalty.agents import affect_members, mark_purchases
from crmlab.sim.mechanisms.loyalty.books import NO_RULES, ProgrammeBooks, Rules
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED, MemberColumns
from crmlab.sim.mechanisms.loyalty.membership import Membership
from crmlab.sim.mechanisms.loyalty.moves import Moves
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.mechanisms.loyalty.passes import (
    DOWNGRADE,
    EXPIRY,
    mark_orders,
    move_members,
    raise_prices,
    review,
)
from crmlab.sim.mechanisms.loyalty.programme import NO_PROGRAMME, Programme, member_params, programme_of
from crmlab.sim.mechanisms.loyalty.rules import MAX_POINTS
from crmlab.sim.orders import OrderLog, Orders


class Loyalty(Mechanism):
    """The programme through time. Rules that are no longer returned stop the earning and the tiers' benefits; balances
    stay, can be burnt, and expire by the last rule known. The last rule in the list of plays holds for everybody."""

    name = "loyalty"
    settles = (PointsRule, TierRule)
    accounts = ACCOUNTS
    weeks_before = True
    columns: MemberColumns

    def __init__(self, setting: Setting, params: LoyaltyResponse) -> None:
        super().__init__(setting, params)
        self.columns = MemberColumns.empty()
        self.members = member_params(setting.world)
        self.programme = NO_PROGRAMME
        self.points_rule: PointsRule | None = None
        self.tier_rule: TierRule | None = None
        self.rules = NO_RULES
        self.books = ProgrammeBooks(setting)
        self.weeks = self.books.weeks
        self.moves: dict[int, Moves] = {}
        self.terms = (0, 0)  # weeks after which points mature and expire, as counted in the columns

    def inherit(self, before: Mechanism) -> None:
        """Points and liability of the last week before the run are its opening; members stay members."""
        assert isinstance(before, Loyalty)
        self.points_rule, self.tier_rule = before.points_rule, before.tier_rule
        self.terms = before.terms
        self.books.inherit(before.books)
        if before.columns.is_open:
            self.columns = before.columns.copy()
            self.columns.open(self.setting.customers.n)
            held = np.flatnonzero(self.columns.points).astype(np.int32)
            placed = np.flatnonzero(self.columns.enrolled != NOT_ENROLLED).astype(np.int32)
            self.moves[-1] = Moves(held, -self.columns.points[held], placed, self.columns.tier[placed])

    @property
    def weeks_needed(self) -> int:
        """As long as points may wait or live."""
        return max(self.terms)

    def settle(self, week: Week) -> None:
        points = [action for _, action in week.actions(PointsRule)]
        tiers = [action for _, action in week.actions(TierRule)]
        if not points and not tiers and self.points_rule is None and self.tier_rule is None:
            return  # nothing was ever stated, or all of it has ended: the programme stays as it is
        self.points_rule = points[-1] if points else self.points_rule
        self.tier_rule = tiers[-1] if tiers else None
        self.rules = Rules(self.points_rule or NO_RULES.points, self.tier_rule or NO_RULES.tiers)
        self.programme = programme_of(self.points_rule, self.tier_rule, bool(points), self.params, self.setting.minor)
        if self.programme.on:
            self.columns.open(self.setting.customers.n)

    def affect(self, week: Week) -> None:
        if not self.programme.on:
            return
        people, columns = self.setting.customers, self.columns
        if self.programme.rates.any():
            raise_prices(week.effect("standing"), columns.enrolled, columns.tier, self.programme.rates)
        if week.number >= 0:  # before week 0 the orders are what they were
            move_members(
                week.effect("log_rate"), week.effect("departure"), people.stage, people.order_rate, people.mean_order,
                people.elasticity, people.spend_52, people.orders_52, columns.enrolled, columns.points,
                columns.progress, columns.rewarded, columns.tier, columns.tier_ends, columns.tier_effect,
                columns.tier_effect_ends, week.number, self.members, self.programme,
            )  # fmt: skip

    def mark(self, week: Week) -> None:
        if not self.programme.on:
            return
        people, columns, setting = self.setting.customers, self.columns, self.setting
        overflown = mark_orders(
            week.orders, people.identified, people.order_rate, columns.enrolled, columns.points,
            columns.points_pending, columns.points_recent, columns.progress, columns.rewarded, columns.tier,
            columns.tier_ends, week.number, setting.minor, self.members, self.programme, setting.n_founding,
            *setting.key,
        )  # fmt: skip
        refuse_overflow(overflown, week.number, self.programme)

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        if self.programme.on:
            affect_members(agents, week, self.columns, self.members, self.programme)

    def mark_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        if self.programme.on:
            minor = self.setting.minor
            overflown = mark_purchases(agents, week, self.columns, self.members, self.programme, minor)
            refuse_overflow(overflown, week.number, self.programme)

    def close(self, week: Week) -> None:
        """Points mature and expire, tiers are reviewed, and what it all costs is booked."""
        if not self.programme.on:
            return
        held, expired = self._review(week)
        outstanding = int(self.columns.points.sum(dtype=np.int64))
        self.books.close(week, held, expired, outstanding, self.programme, self.rules)

    def _review(self, week: Week) -> tuple[NDArray[np.float64], int]:
        """Returns (members by tier, points expired)."""
        people, columns, response = self.setting.customers, self.columns, self.params
        rule, levels = self.rules
        self.terms = roll_windows(columns, self.setting.order_log, week.number, rule, self.terms)
        held, expired, lapsed, lost, placed = review(
            columns.enrolled, columns.points, columns.points_recent, people.last_order, people.spend_52,
            people.orders_52, columns.tier, columns.tier_ends, columns.tier_effect, columns.tier_effect_ends,
            week.number + 1, EXPIRY[rule.expiry], rule.expiry_weeks, self.programme.tiered, self.programme.by_orders,
            self.programme.thresholds, levels.hold_weeks, levels.grace_weeks, DOWNGRADE[levels.downgrade],
            response.pressure_gap, response.stretch_weeks, response.demotion_weeks,
        )  # fmt: skip
        self.moves[week.number] = Moves(lapsed, lost, placed, columns.tier[placed])
        return held, int(expired)

    def cost_of_orders(self, week: NDArray[np.int32], orders: Orders) -> NDArray[np.float64]:
        return self.books.cost_of_orders(week, orders)

    def upkeep(self, weeks: int, week: NDArray[np.int32], orders: Orders) -> Membership | None:
        ever = bool(self.weeks)
        return Membership(self.setting, self.books, self.moves, weeks, week, orders) if ever else None


def roll_windows(
    columns: MemberColumns, log: OrderLog, week: int, rule: PointsRule, before: tuple[int, int]
) -> tuple[int, int]:
    """Keep the counts of points earned within the pending and the expiry term; count anew when a term is other than
    `before`. Returns the terms now."""
    terms = (rule.pending_weeks, rule.expiry_weeks)
    for column, term in zip((columns.points_pending, columns.points_recent), terms, strict=True):
        if terms != before:
            column[:] = 0
            for number in range(week - term + 1, week + 1):
                _count_points(log.week(number), column, 1)
        elif term > 0:
            _count_points(log.week(week - term), column, -1)
    return terms


def refuse_overflow(times: int, week: int, programme: Programme) -> None:
    """Refuse a programme whose points no longer fit their columns."""
    if times:
        raise ActionError(
            f"week {week}: a member would hold {MAX_POINTS:,} points or more, which cannot be kept: give fewer "
            f"than {programme.per_unit:g} points for a currency unit (PointsRule.per_unit, multipliers, "
            "welcome_points)"
        )


def _count_points(orders: Orders | None, column: NDArray[np.int32], sign: int) -> None:
    if orders is not None and orders.n:
        np.add.at(column, orders.row, sign * orders.earned)
