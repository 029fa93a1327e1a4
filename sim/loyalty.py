"""The programme's books: who holds how many points and which tier, and what the firm owes for it.

Orders earn and burn points while they happen (`crowd.py`); here, at the end of the week, points mature and expire,
tiers are reviewed, and the liability is counted. Points of week 0 + issued = burnt + expired + outstanding, always.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from crmlab.sim.actions import ActionError, PointsRule, TierRule
from crmlab.sim.behavior import tier_gap, tiers_reached
from crmlab.sim.compiling import compiled
from crmlab.sim.conditions import Loyal, Programme
from crmlab.sim.crowd import MOST_POINTS
from crmlab.sim.customers import NOT_ENROLLED, Customers
from crmlab.sim.order_rates import order_rates
from crmlab.sim.orders import YEAR, OrderLog, Orders
from crmlab.sim.responses import LoyaltyResponse
from crmlab.sim.world import World
from crmlab.sim.worth import DEMOTION, FAILURE, SUCCESS

MOODS = ("none", "reached a tier", "missed a tier", "fell a tier")
_EXPIRY = {"never": 0, "rolling": 1, "inactivity": 2, "calendar": 3}
_DOWNGRADE = {"never": 0, "one_level": 1, "to_level": 2}

NO_PROGRAMME = Programme(
    on=False, earning=False, pending=False, per_unit=0.0, reward_points=1, welcome_points=0, calendar_weeks=0,
    tiered=False, by_orders=False, thresholds=np.zeros(0), rates=np.zeros(1), multipliers=np.ones(1), hold_weeks=YEAR,
    rebate=0.0, reward_value=0.0, point_value=0.0, reach_weeks=0.0, longest_pause=np.inf, perks=np.zeros(1),
    moods=np.zeros((len(MOODS), 1)),
)  # fmt: skip


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


class LoyaltyBooks:
    """The programme of one market through time. Rules that are no longer returned stop the earning and the tiers'
    benefits; balances stay, can be burnt, and expire by the last rule known."""

    def __init__(self, world: World) -> None:
        self.points_rule: PointsRule | None = None
        self.tier_rule: TierRule | None = None
        self.weeks: dict[int, PointsWeek] = {}
        self.moves: dict[int, Moves] = {}
        self.opening = PointsWeek()  # the points of the customers of week 0, and what the firm owes for them
        self._response = world.loyalty
        self._economics = world.economics
        self._minor = world.minor
        self._started = False
        self._settled = np.zeros(2)  # points burnt and expired so far, today's programme before week 0 included
        self.terms = (0, 0)  # weeks after which points mature and expire, as counted in the columns

    def handed_over(self) -> LoyaltyBooks:
        """Books for a run that begins where these end: points and liability of the last week are its opening."""
        books = copy(self)
        last = self.weeks[max(self.weeks)] if self.weeks else PointsWeek()
        books.opening = PointsWeek(outstanding=last.outstanding, liability=last.liability)
        books.weeks, books.moves = {}, {}
        books._settled = self._settled.copy()
        return books

    def open(self, customers: Customers) -> None:
        """Note who holds points and which tier at week 0: as if it had happened in the week before."""
        if customers.enrolled.size:
            held = np.flatnonzero(customers.points).astype(np.int32)
            placed = np.flatnonzero(customers.enrolled != NOT_ENROLLED).astype(np.int32)
            self.moves[-1] = Moves(held, -customers.points[held], placed, customers.tier[placed])

    def programme(self, points: PointsRule | None, tiers: TierRule | None) -> Programme:
        """This week's programme in the form that the compiled pass takes."""
        self.points_rule = points or self.points_rule
        self.tier_rule = tiers
        rule = self.points_rule
        if rule is None and tiers is None:
            return NO_PROGRAMME
        rule = rule or PointsRule(per_unit=0.0)
        levels = tiers or TierRule(())
        n = len(levels.thresholds) + 1
        by_orders = levels.basis == "orders"
        response, per_unit = self._response, float(rule.per_unit) if points is not None else 0.0
        burnt = 1.0 if rule.expiry == "never" else 1.0 - response.expected_breakage
        ends = rule.expiry in ("rolling", "calendar")
        point_value = rule.reward_value / rule.reward_points
        return Programme(
            on=True,
            earning=points is not None or tiers is not None,
            pending=rule.pending_weeks > 0,
            per_unit=per_unit,
            reward_points=int(rule.reward_points),
            welcome_points=int(rule.welcome_points) if points is not None else 0,
            calendar_weeks=rule.expiry_weeks if rule.expiry == "calendar" else 0,
            tiered=tiers is not None,
            by_orders=by_orders,
            thresholds=np.array(levels.thresholds, np.float64) * (1 if by_orders else self._minor),
            rates=_per_tier(levels.rates, n, 0.0),
            multipliers=_per_tier(levels.multipliers, n, 1.0),
            hold_weeks=int(levels.hold_weeks),
            rebate=per_unit * point_value * burnt,
            reward_value=float(rule.reward_value),
            point_value=point_value,
            reach_weeks=min(response.reach_weeks, rule.expiry_weeks if ends else np.inf) - rule.pending_weeks,
            longest_pause=float(rule.expiry_weeks) if rule.expiry == "inactivity" else np.inf,
            perks=_per_tier(levels.perk_costs, n, 0.0),
            moods=_moods(response, n - 1),
        )

    @property
    def breakage(self) -> float:
        """Share of the points still out that the books expect never to be burnt: of all points that were burnt or
        expired so far, the expired ones. Nothing is expected to expire before anything has."""
        return float(self._settled[1] / max(self._settled.sum(), 1.0))

    def close_week(self, customers: Customers, log: OrderLog, week: int, programme: Programme) -> PointsWeek:
        """Points mature and expire, tiers are reviewed. Returns the week's points and what they cost."""
        if not programme.on:
            return PointsWeek()
        new, self._started = not self._started, True
        rule, levels = self.points_rule or PointsRule(per_unit=0.0), self.tier_rule or TierRule(())
        self._roll_windows(customers, log, week, rule)
        response = self._response
        held, expired, lapsed, lost, placed = _review(
            customers.enrolled, customers.points, customers.points_recent, customers.last_order, customers.spend_52,
            customers.orders_52, customers.tier, customers.tier_ends,
            customers.mood, customers.mood_ends, week + 1, _EXPIRY[rule.expiry], rule.expiry_weeks, programme.tiered,
            programme.by_orders, programme.thresholds, levels.hold_weeks, levels.grace_weeks,
            _DOWNGRADE[levels.downgrade], response.pressure_gap, response.stretch_weeks, response.demotion_weeks,
        )  # fmt: skip
        self.moves[week] = Moves(lapsed, lost, placed, customers.tier[placed])
        orders = log.week(week)
        assert orders is not None
        outstanding = int(customers.points.sum(dtype=np.int64))
        cost_of_point = rule.reward_value * self._minor * self._economics.reward_cost / rule.reward_points
        perks = _per_tier(levels.perk_costs, held.size, 0.0) if programme.tiered else np.zeros(held.size)
        burnt = int(orders.burnt.sum(dtype=np.int64))
        self._settled += burnt, expired
        point_value = cost_of_point * (1 - self.breakage)
        welcomed = int(np.count_nonzero(with_welcome(orders, programme.welcome_points)))
        running = self._economics.programme_member if programme.earning else 0.0
        members = int(held.sum())
        closed = PointsWeek(
            issued=int(orders.earned.sum(dtype=np.int64)),
            burnt=burnt,
            expired=int(expired),
            outstanding=outstanding,
            liability=round(outstanding * point_value),
            reward_cost=round(burnt * cost_of_point),
            perk_cost=round(float(held @ perks) * self._minor / YEAR),
            setup_cost=round(self._economics.programme_setup * self._minor) if new else 0,
            running_cost=round(members * running * self._minor / YEAR),
            welcome_points=programme.welcome_points,
            welcome=round(welcomed * programme.welcome_points * point_value),
            point_value=point_value,
            perks=tuple(float(perk + running) * self._minor / YEAR for perk in perks),
        )
        self.weeks[week] = closed
        return closed

    def _roll_windows(self, customers: Customers, log: OrderLog, week: int, rule: PointsRule) -> None:
        """Keep the counts of points earned within the pending and the expiry term; count anew when a term changes."""
        terms = (rule.pending_weeks, rule.expiry_weeks)
        columns = (customers.points_pending, customers.points_recent)
        if terms != self.terms:
            for column, term in zip(columns, terms, strict=True):
                column[:] = 0
                for number in range(week - term + 1, week + 1):
                    _count_points(log.week(number), column, 1)
        else:
            for column, term in zip(columns, terms, strict=True):
                if term > 0:
                    _count_points(log.week(week - term), column, -1)
        self.terms = terms


def _moods(response: LoyaltyResponse, top: int) -> NDArray[np.float64]:
    """Pull of each mood on the holder of each tier, for tiers worth having. Shape [moods, tiers].

    Success lifts most those who reach the lowest tier, failure and a fall hurt most those who were nearest to the top.
    """
    moods = np.zeros((len(MOODS), top + 1))
    steps = np.linspace(-1.0, 1.0, top) if top > 1 else np.zeros(top)
    moods[SUCCESS, 1:] = response.success * (1 - response.tier_tilt * steps)
    moods[FAILURE, :top] = -response.failure * (1 + response.tier_tilt * steps)
    moods[DEMOTION, :top] = -response.demotion * (1 + response.tier_tilt * steps)
    return moods


def with_welcome(orders: Orders, welcome_points: NDArray[np.int64] | int) -> NDArray[np.bool_]:
    """Which orders were first orders that brought welcome points: who joins with the first order has these and what the
    order itself earned, anybody else has none from it. Shape [m]."""
    return (orders.nth == 0) & (np.asarray(welcome_points) > 0) & (orders.earned >= welcome_points)


def _per_tier(values: tuple[float, ...], n: int, default: float) -> NDArray[np.float64]:
    """One value per tier; missing ones are the default."""
    return np.array([*values[:n], *[default] * (n - len(values))], np.float64)


def _count_points(orders: Orders | None, column: NDArray[np.int32], sign: int) -> None:
    if orders is not None and orders.n:
        np.add.at(column, orders.row, sign * orders.earned)


@compiled
def _review(
    enrolled, points, recent, last_order, spend_52, orders_52, tier, tier_ends, mood, mood_ends, now,
    expiry, expiry_weeks, tiered, by_orders, thresholds, hold_weeks, grace_weeks, downgrade, gap_noticed,
    stretch_weeks, demotion_weeks,
):  # fmt: skip
    """Expire points and review tiers at the start of week `now`. Returns (members by tier, points expired, rows that
    lost points, how many, rows that joined or changed tier)."""
    held = np.zeros(thresholds.size + 1)
    members = 0
    for i in range(enrolled.size):
        members += enrolled[i] != NOT_ENROLLED
    lapsed, lost_of, placed = np.empty(members, np.int32), np.empty(members, np.int32), np.empty(members, np.int32)
    n_lapsed = n_placed = 0
    expired = 0
    for i in range(enrolled.size):
        if enrolled[i] == NOT_ENROLLED:
            continue
        lost = 0
        if expiry == 1:
            lost = max(0, points[i] - recent[i])  # the oldest are burnt first, so what is left is the newest
        elif (expiry == 2 and now - last_order[i] >= expiry_weeks) or (expiry == 3 and now % expiry_weeks == 0):
            lost = points[i]
        points[i] -= lost
        expired += lost
        if lost != 0:
            lapsed[n_lapsed], lost_of[n_lapsed] = i, lost
            n_lapsed += 1
        before = tier[i]
        if tiered:
            value = float(orders_52[i]) if by_orders else float(spend_52[i])
            reached = tiers_reached(value, thresholds)
            level = min(np.int64(tier[i]), thresholds.size)
            if reached > level:
                level = reached
                tier_ends[i] = now + hold_weeks
                if enrolled[i] < now - 1:  # to be placed in a tier on joining is no success
                    mood[i] = SUCCESS
                    mood_ends[i] = now + stretch_weeks
            elif now >= tier_ends[i]:
                gap = tier_gap(value, thresholds, level)
                if reached >= level or downgrade == 0:
                    tier_ends[i] = now + hold_weeks
                    if gap > 0.0 and gap <= gap_noticed:
                        mood[i] = FAILURE
                        mood_ends[i] = now + stretch_weeks
                elif now >= tier_ends[i] + grace_weeks:
                    level = reached if downgrade == 2 else level - 1
                    tier_ends[i] = now + hold_weeks
                    mood[i] = DEMOTION
                    mood_ends[i] = now + demotion_weeks
            tier[i] = level
        if tier[i] != before or enrolled[i] == now - 1:
            placed[n_placed] = i
            n_placed += 1
        held[min(np.int64(tier[i]), thresholds.size)] += 1
    return held, expired, lapsed[:n_lapsed].copy(), lost_of[:n_lapsed].copy(), placed[:n_placed].copy()


def refuse_overflow(times: int, week: int, per_unit: float) -> None:
    """Refuse a programme whose points no longer fit their columns."""
    if times:
        raise ActionError(
            f"week {week}: a member would hold {MOST_POINTS:,} points or more, which cannot be kept: give fewer than "
            f"{per_unit:g} points for a currency unit (PointsRule.per_unit, multipliers, welcome_points)"
        )


def loyal_of(world: World) -> Loyal:
    """The world's constants of loyalty in the form that the compiled pass takes."""
    loyalty, rates = world.loyalty, order_rates(world)
    return Loyal(
        join_log_odds=float(special.logit(loyalty.p_join)),
        join_selection=float(loyalty.join_selection),
        log_rate_mean=rates.log_mean,
        log_rate_sd=rates.log_sd,
        heavy_rate=rates.of_orders.quantile(1 - loyalty.heavy_share),
        heavy=float(loyalty.heavy),
        member=float(loyalty.member),
        member_scale=float(loyalty.member_half_life / np.log(2)),
        member_worth=float(loyalty.member_worth),
        goal_gradient=float(loyalty.goal_gradient),
        goal_power=float(loyalty.goal_power),
        head_start=float(loyalty.head_start),
        p_redeem=float(loyalty.p_redeem),
        reward=float(loyalty.reward),
        reward_weeks=float(loyalty.reward_weeks),
        pressure=float(loyalty.pressure),
        pressure_weeks=float(loyalty.pressure_weeks),
        pressure_gap=float(loyalty.pressure_gap),
        perks=float(loyalty.perks),
        status=float(loyalty.status),
        strength=float(loyalty.strength),
    )
