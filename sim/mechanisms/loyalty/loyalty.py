"""The loyalty programme of one market: what it does to members, and what the firm owes for it.

Orders of members earn and burn points when they get their marks; at the end of the week points mature and expire, tiers
are reviewed, and the liability is booked. Points of week 0 + issued = burnt + expired + outstanding, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import ActionError
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.ledger import CASH, OPENING
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.loyalty.accounts import (
    ACCOUNTS,
    LIABILITY,
    PERKS,
    PROGRAMME_RUNNING,
    PROGRAMME_SETUP,
    PROVISION,
    REWARDS,
    WELCOME,
)
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.loyalty.agents import affect_members, mark_purchases
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED, MemberColumns
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.mechanisms.loyalty.passes import (
    DOWNGRADE,
    EXPIRY,
    mark_orders,
    move_members,
    raise_prices,
    review,
    with_welcome,
)
from crmlab.sim.mechanisms.loyalty.programme import NO_PROGRAMME, member_params, per_tier, programme_of
from crmlab.sim.mechanisms.loyalty.rules import MAX_POINTS
from crmlab.sim.orders import YEAR, Orders


@dataclass(frozen=True)
class PointsWeek:
    """Points of one week, and the money that goes with them in minor units."""

    issued: int = 0
    burnt: int = 0
    expired: int = 0
    outstanding: int = 0
    liability: int = 0
    reward_cost: int = 0
    perk_cost: int = 0
    setup_cost: int = 0
    running_cost: int = 0
    welcome_points: int = 0  # that somebody who joins is given
    welcome: int = 0  # what those given with a first order are expected to cost: a cost of acquisition
    point_value: float = 0.0  # what one point still out is expected to cost
    perks: tuple[float, ...] = (0.0,)  # what a member of each tier costs this week beyond rewards and price cuts


@dataclass(frozen=True)
class Moves:
    """Whom the end of a week changed: rows that lost points and how many, rows that joined or changed tier and the tier
    they are in now."""

    lapsed: NDArray[np.int32]
    points: NDArray[np.int32]
    placed: NDArray[np.int32]
    tier: NDArray[np.uint8]


class Loyalty(Mechanism):
    """The programme through time. Rules that are no longer returned stop the earning and the tiers' benefits; balances
    stay, can be burnt, and expire by the last rule known. The last rule in the list of plays holds for everybody."""

    name = "loyalty"
    settles = (PointsRule, TierRule)
    accounts = ACCOUNTS
    lives_before = True
    columns: MemberColumns

    def __init__(self, setting: Setting, params: LoyaltyResponse) -> None:
        super().__init__(setting, params)
        self.columns = MemberColumns.empty()
        self.members = member_params(setting.world)
        self.programme = NO_PROGRAMME
        self.points_rule: PointsRule | None = None
        self.tier_rule: TierRule | None = None
        self.weeks: dict[int, PointsWeek] = {}
        self.moves: dict[int, Moves] = {}
        self.opening = PointsWeek()  # the points of the customers of week 0, and what the firm owes for them
        self.liability = 0  # what the points still out are expected to cost, minor units
        self.terms = (0, 0)  # weeks after which points mature and expire, as counted in the columns
        self._started = False
        self._settled = np.zeros(2)  # points burnt and expired so far, today's programme before week 0 included

    def inherit(self, before: Mechanism) -> None:
        """Points and liability of the last week before the run are its opening; members stay members."""
        assert isinstance(before, Loyalty)
        self.points_rule, self.tier_rule = before.points_rule, before.tier_rule
        self.terms, self._started, self._settled = before.terms, before._started, before._settled.copy()
        last = before.weeks[max(before.weeks)] if before.weeks else PointsWeek()
        self.opening = PointsWeek(outstanding=last.outstanding, liability=last.liability)
        self.liability = last.liability
        self.setting.ledger.post(0, OPENING, LIABILITY, last.liability)
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
        self.points_rule = points[-1] if points else self.points_rule
        self.tier_rule = tiers[-1] if tiers else None
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
                columns.progress, columns.rewarded, columns.tier, columns.tier_ends, columns.mood, columns.mood_ends,
                week.number, self.members, self.programme,
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
        self.refuse_overflow(overflown, week.number)

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        if self.programme.on:
            affect_members(agents, week, self.columns, self.members, self.programme)

    def mark_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        if self.programme.on:
            minor = self.setting.minor
            overflown = mark_purchases(agents, week, self.columns, self.members, self.programme, minor)
            self.refuse_overflow(overflown, week.number)

    def refuse_overflow(self, times: int, week: int) -> None:
        """Refuse a programme whose points no longer fit their columns."""
        if times:
            raise ActionError(
                f"week {week}: a member would hold {MAX_POINTS:,} points or more, which cannot be kept: give fewer "
                f"than {self.programme.per_unit:g} points for a currency unit (PointsRule.per_unit, multipliers, "
                "welcome_points)"
            )

    @property
    def breakage(self) -> float:
        """Share of the points still out that the books expect never to be burnt: of all points that were burnt or
        expired so far, the expired ones. Nothing is expected to expire before anything has."""
        return float(self._settled[1] / max(self._settled.sum(), 1.0))

    def close(self, week: Week) -> None:
        """Points mature and expire, tiers are reviewed, and what it all costs is booked."""
        if not self.programme.on:
            return
        held, expired = self._review(week)
        closed = self._reckon(week, held, expired)
        self.weeks[week.number] = closed
        self._book(week.number, closed)

    def _review(self, week: Week) -> tuple[NDArray[np.float64], int]:
        """Returns (members by tier, points expired)."""
        people, columns, response = self.setting.customers, self.columns, self.params
        rule, levels = self.points_rule or PointsRule(per_unit=0.0), self.tier_rule or TierRule(())
        self._roll_windows(week, rule)
        held, expired, lapsed, lost, placed = review(
            columns.enrolled, columns.points, columns.points_recent, people.last_order, people.spend_52,
            people.orders_52, columns.tier, columns.tier_ends, columns.mood, columns.mood_ends, week.number + 1,
            EXPIRY[rule.expiry], rule.expiry_weeks, self.programme.tiered, self.programme.by_orders,
            self.programme.thresholds, levels.hold_weeks, levels.grace_weeks, DOWNGRADE[levels.downgrade],
            response.pressure_gap, response.stretch_weeks, response.demotion_weeks,
        )  # fmt: skip
        self.moves[week.number] = Moves(lapsed, lost, placed, columns.tier[placed])
        return held, int(expired)

    def _reckon(self, week: Week, held: NDArray[np.float64], expired: int) -> PointsWeek:
        """The week's points and what they cost."""
        new, self._started = not self._started, True
        economics, minor = self.setting.world.economics, self.setting.minor
        rule, levels = self.points_rule or PointsRule(per_unit=0.0), self.tier_rule or TierRule(())
        outstanding = int(self.columns.points.sum(dtype=np.int64))
        cost_of_point = rule.reward_value * minor * economics.reward_cost / rule.reward_points
        perks = per_tier(levels.perk_costs, held.size, 0.0) if self.programme.tiered else np.zeros(held.size)
        burnt = int(week.orders.burnt.sum(dtype=np.int64))
        self._settled += burnt, expired
        point_value = cost_of_point * (1 - self.breakage)
        given = self.programme.welcome_points
        running = economics.programme_member if self.programme.earning else 0.0
        return PointsWeek(
            issued=int(week.orders.earned.sum(dtype=np.int64)),
            burnt=burnt,
            expired=expired,
            outstanding=outstanding,
            liability=round(outstanding * point_value),
            reward_cost=round(burnt * cost_of_point),
            perk_cost=round(float(held @ perks) * minor / YEAR),
            setup_cost=round(economics.programme_setup * minor) if new else 0,
            running_cost=round(int(held.sum()) * running * minor / YEAR),
            welcome_points=given,
            welcome=round(int(np.count_nonzero(with_welcome(week.orders, given))) * given * point_value),
            point_value=point_value,
            perks=tuple(float(perk + running) * minor / YEAR for perk in perks),
        )

    def _book(self, week: int, closed: PointsWeek) -> None:
        """Rewards, benefits, set-up and running of the week in cash, and the change of the liability as a provision, of
        which `welcome` is for points that first orders were given to start with."""
        post = self.setting.ledger.post
        post(week, REWARDS, CASH, closed.reward_cost)
        post(week, PERKS, CASH, closed.perk_cost)
        post(week, PROGRAMME_SETUP, CASH, closed.setup_cost)
        post(week, PROGRAMME_RUNNING, CASH, closed.running_cost)
        post(week, WELCOME, LIABILITY, closed.welcome)
        change = closed.liability - self.liability - closed.welcome
        post(week, PROVISION, LIABILITY, max(change, 0))
        post(week, LIABILITY, PROVISION, max(-change, 0))
        self.liability = closed.liability

    def cost_of_orders(self, week: NDArray[np.int32], orders: Orders) -> NDArray[np.float64]:
        """What the points burnt on each order cost."""
        cost = np.zeros(int(week.max(initial=-1)) + 1)
        for number in self.weeks.keys() & set(range(cost.size)):
            cost[number] = self.weeks[number].reward_cost / max(self.weeks[number].burnt, 1)
        return orders.burnt * cost[week]

    def _roll_windows(self, week: Week, rule: PointsRule) -> None:
        """Keep the counts of points earned within the pending and the expiry term; count anew when a term changes."""
        terms, log = (rule.pending_weeks, rule.expiry_weeks), self.setting.order_log
        windows = (self.columns.points_pending, self.columns.points_recent)
        if terms != self.terms:
            for column, term in zip(windows, terms, strict=True):
                column[:] = 0
                for number in range(week.number - term + 1, week.number + 1):
                    _count_points(log.week(number), column, 1)
        else:
            for column, term in zip(windows, terms, strict=True):
                if term > 0:
                    _count_points(log.week(week.number - term), column, -1)
        self.terms = terms


def _count_points(orders: Orders | None, column: NDArray[np.int32], sign: int) -> None:
    if orders is not None and orders.n:
        np.add.at(column, orders.row, sign * orders.earned)
