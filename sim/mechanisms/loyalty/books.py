"""The books of a loyalty programme: its points and what they cost, week by week.

Points of week 0 + issued = burnt + expired + outstanding, always. What the points still out are expected to cost is
owed; its change is booked as a provision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.ledger import CASH, OPENING
from crmlab.sim.mechanism import Setting, Week
from crmlab.sim.mechanisms.loyalty.accounts import (
    LIABILITY,
    PERKS,
    PROGRAMME_RUNNING,
    PROGRAMME_SETUP,
    PROVISION,
    REWARDS,
    WELCOME,
)
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.loyalty.passes import with_welcome
from crmlab.sim.mechanisms.loyalty.programme import Programme, per_tier
from crmlab.sim.orders import YEAR, Orders


class Rules(NamedTuple):
    """What the firm has stated of points and of tiers."""

    points: PointsRule
    tiers: TierRule


NO_RULES = Rules(PointsRule(per_unit=0.0), TierRule(()))  # nothing is earned, and there is one tier


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


class ProgrammeBooks:
    """What a programme gave, took back and cost, and what is owed for it."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.weeks: dict[int, PointsWeek] = {}
        self.opening = PointsWeek()  # the points of the customers of week 0, and what the firm owes for them
        self.liability = 0  # what the points still out are expected to cost, minor units
        self._started = False
        self._settled = np.zeros(2)  # points burnt and expired so far, today's programme before week 0 included

    def inherit(self, before: ProgrammeBooks) -> None:
        """Points and liability of the last week before the run are its opening."""
        self._started, self._settled = before._started, before._settled.copy()
        last = before.weeks[max(before.weeks)] if before.weeks else PointsWeek()
        self.opening = PointsWeek(outstanding=last.outstanding, liability=last.liability)
        self.liability = last.liability
        self.setting.ledger.post(0, OPENING, LIABILITY, last.liability)

    @property
    def breakage(self) -> float:
        """Share of the points still out that the books expect never to be burnt: of all points that were burnt or
        expired so far, the expired ones. Nothing is expected to expire before anything has."""
        return float(self._settled[1] / max(self._settled.sum(), 1.0))

    def close(
        self, week: Week, held: NDArray[np.float64], expired: int, outstanding: int, programme: Programme, rules: Rules
    ) -> None:
        """Note the week's points and book what they cost; `held` are the members by tier, `outstanding` the points
        still out after those `expired`."""
        closed = self._reckon(week, held, expired, outstanding, programme, rules)
        self.weeks[week.number] = closed
        self._book(week.number, closed)

    def _reckon(
        self, week: Week, held: NDArray[np.float64], expired: int, outstanding: int, programme: Programme, rules: Rules
    ) -> PointsWeek:
        """The week's points and what they cost."""
        new, self._started = not self._started, True
        economics, minor = self.setting.world.economics, self.setting.minor
        rule, levels = rules
        cost_of_point = rule.reward_value * minor * economics.reward_cost / rule.reward_points
        perks = per_tier(levels.perk_costs, held.size, 0.0) if programme.tiered else np.zeros(held.size)
        burnt = int(week.orders.burnt.sum(dtype=np.int64))
        self._settled += burnt, expired
        point_value = cost_of_point * (1 - self.breakage)
        given = programme.welcome_points
        running = economics.programme_member if programme.earning else 0.0
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
