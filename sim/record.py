"""What a finished run has to say: every order with its moment, its contribution and its customer's first order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.ledger import (
    CHANNEL_COSTS,
    FIRST_ORDER_DISCOUNTS,
    MEDIA,
    PERKS,
    PROGRAMME_RUNNING,
    PROGRAMME_SETUP,
    PROVISION,
    REFERRAL_REWARDS,
    WELCOME,
    first_order_incentive,
)
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.loyalty.membership import Membership
from crmlab.sim.mechanisms.referral.referral import Referral
from crmlab.sim.orders import YEAR, Orders
from crmlab.sim.terminal import Terminal, terminal_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """The lived weeks of a market as arrays over orders (oldest week first) and over acquired customers.

    Counts and money are those of the rows; multiply totals by `market.scale` for the real market.
    """

    market: Market

    @property
    def weeks(self) -> int:
        return self.market.week

    @cached_property
    def _table(self) -> tuple[NDArray[np.int32], Orders]:
        return self.market.order_log.table(since=0)

    @property
    def orders(self) -> Orders:
        """All orders of the run."""
        return self._table[1]

    @cached_property
    def moment(self) -> Floats:
        """When each order was placed, in weeks from week 0."""
        return self._table[0].astype(np.float64) + self.orders.at

    @cached_property
    def source(self) -> NDArray[np.int8]:
        """Channel through which each order's customer came, -1 for the founding base."""
        return self.market.customers.source[self.orders.row]

    @cached_property
    def contribution(self) -> Floats:
        """What each order left after goods, fulfilment, payment, commission and rewards, in currency units."""
        return (self.market.tariff.contribution(self.orders, self.source) - self.reward_cost) / self.market.minor

    @cached_property
    def incentive(self) -> Floats:
        """What each first order was paid less than the standing price that week, in currency units; 0 for others."""
        if not self.weeks:
            return np.zeros(0)
        posted = np.array(self.market.posted)[self._table[0], self.source.astype(np.intp) + 1]
        return first_order_incentive(self.orders, posted) / self.market.minor

    @cached_property
    def membership(self) -> Membership:
        """The loyalty programme's costs, person by person."""
        return Membership(Loyalty.of(self.market), self.weeks, *self._table)

    @cached_property
    def reward_cost(self) -> Floats:
        """What the points burnt on each order cost, in minor units."""
        cost = np.zeros(self.weeks)
        for week, closed in Loyalty.of(self.market).weeks.items():
            cost[week] = closed.reward_cost / max(closed.burnt, 1)
        return self.orders.burnt * cost[self._table[0]]

    @cached_property
    def by_member(self) -> NDArray[np.bool_]:
        """Whether each order was placed by somebody enrolled in the loyalty programme at that moment."""
        enrolled = self.market.gather("enrolled", self.orders.row)
        return (enrolled != NOT_ENROLLED) & (enrolled <= self._table[0])

    @cached_property
    def acquired(self) -> NDArray[np.int32]:
        """Rows of the customers whose first order lies in the run, in order of acquisition."""
        return self.orders.row[self.orders.nth == 0]

    @cached_property
    def acquired_at(self) -> Floats:
        """Moment of each acquired customer's first order."""
        return self.moment[self.orders.nth == 0]

    @cached_property
    def acquired_week(self) -> NDArray[np.int32]:
        """Week of each acquired customer's first order."""
        return self._table[0][self.orders.nth == 0]

    @cached_property
    def _first_moment_of_row(self) -> Floats:
        first = np.full(self.market.customers.n, np.nan)
        first[self.acquired] = self.acquired_at
        return first

    @cached_property
    def age(self) -> Floats:
        """Weeks from the customer's own first order to each order; NaN for customers of the founding base."""
        return self.moment - self._first_moment_of_row[self.orders.row]

    @cached_property
    def second_after(self) -> Floats:
        """Weeks from first to second order of each acquired customer; infinite where there was none."""
        second = np.full(self.market.customers.n, np.inf)
        repeat = self.orders.nth == 1
        second[self.orders.row[repeat]] = self.moment[repeat]
        return second[self.acquired] - self.acquired_at

    def acquisition_cost(self, until: int | None = None) -> tuple[float, float]:
        """(media and channel costs, incentives) of the weeks before `until`, in currency units. Incentives are what
        first orders cost less than the standing price, their welcome points, and the rewards for friends who brought
        them: all that is given to win a customer, and nothing else."""
        weeks = self.weeks if until is None else until
        media, incentives = (
            sum(int(self._booked(account)[:weeks].sum()) for account in accounts)
            for accounts in ((MEDIA, CHANNEL_COSTS), (FIRST_ORDER_DISCOUNTS, WELCOME, REFERRAL_REWARDS))
        )
        return media / self.market.minor, incentives / self.market.minor

    @cached_property
    def channel_costs_by_week(self) -> Floats:
        """Media and fixed channel costs in currency units. Shape [weeks]."""
        return (self._booked(MEDIA) + self._booked(CHANNEL_COSTS)) / self.market.minor

    @cached_property
    def referral_costs_by_week(self) -> Floats:
        """Rewards earned for friends who ordered, in currency units. Shape [weeks]."""
        return self._booked(REFERRAL_REWARDS) / self.market.minor

    @cached_property
    def by_friend(self) -> NDArray[np.bool_]:
        """Which of the acquired customers were won by a friend."""
        return self.market.customers.source[self.acquired] == Referral.of(self.market).source

    @cached_property
    def friend_of_row(self) -> NDArray[np.int32]:
        """Row of the friend who won each person; -1 for nobody."""
        return self.market.column("referrer")

    @cached_property
    def age_of_friend(self) -> Floats:
        """Weeks from the first order of the customer who won them to each order of a referred customer; NaN for others
        and where that customer belongs to the founding base."""
        friend = self.friend_of_row[self.orders.row]
        return np.where(friend >= 0, self.moment - self._first_moment_of_row[np.maximum(friend, 0)], np.nan)

    @cached_property
    def programme_costs_by_week(self) -> Floats:
        """Tier benefits, set-up and running costs, and the change of the points liability, in currency units; welcome
        points of first orders are in `welcome_costs_by_week`, rewards are costs of orders."""
        accounts = (PERKS, PROGRAMME_SETUP, PROGRAMME_RUNNING, PROVISION)
        return np.sum([self._booked(account) for account in accounts], axis=0) / self.market.minor

    @cached_property
    def setup_costs_by_week(self) -> Floats:
        """What it cost to start the programme, in currency units: part of its costs, and no single member's."""
        return self._booked(PROGRAMME_SETUP) / self.market.minor

    @cached_property
    def welcome_costs_by_week(self) -> Floats:
        """What the welcome points of first orders are expected to cost, in currency units. Shape [weeks]."""
        return self._booked(WELCOME) / self.market.minor

    @cached_property
    def other_costs_by_week(self) -> Floats:
        """All costs that belong to no order, in currency units. Shape [weeks]."""
        costs = self.channel_costs_by_week + self.referral_costs_by_week
        return costs + self.programme_costs_by_week + self.welcome_costs_by_week

    def _booked(self, account: str) -> NDArray[np.int64]:
        return self.market.ledger.by_week(account, self.weeks)

    def active(self, week: int) -> NDArray[np.int32]:
        """Rows of the customers who ordered in the 52 weeks before `week`."""
        when, orders = self.market.order_log.table(since=week - YEAR)
        return np.unique(orders.row[when < week])

    @cached_property
    def terminal(self) -> Terminal:
        """What the state at the end is worth then. Known to the simulation only."""
        return terminal_of(self.market)

    @property
    def end_discount(self) -> float:
        """What one currency unit at the end of the run is worth in week 0."""
        return math.exp(-self.market.world.economics.weekly_discount * self.weeks)

    @property
    def guard_share(self) -> float:
        """Share of customer- and lead-weeks in which the composition guard bound."""
        return self.market.guarded_weeks / max(self.market.lived_weeks, 1)
