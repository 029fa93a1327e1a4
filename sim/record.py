"""What a finished run has to say: every order with its moment, its contribution and its customer's first order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import CUSTOMER, NOBODY, NOT_ENROLLED
from crmlab.sim.ledger import (
    CHANNEL_COSTS,
    FIRST_ORDER_DISCOUNTS,
    MEDIA,
    PERKS,
    PROGRAMME_RUNNING,
    PROGRAMME_SETUP,
    PROVISION,
    REFERRAL_REWARDS,
)
from crmlab.sim.market import Market
from crmlab.sim.orders import YEAR, Orders

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
    def reward_cost(self) -> Floats:
        """What the points burnt on each order cost, in minor units."""
        cost = np.zeros(self.weeks)
        for week, closed in self.market.loyalty.weeks.items():
            cost[week] = closed.reward_cost / max(closed.burnt, 1)
        return self.orders.burnt * cost[self._table[0]]

    @cached_property
    def by_member(self) -> NDArray[np.bool_]:
        """Whether each order was placed by somebody enrolled in the loyalty programme at that moment."""
        if not self.market.customers.enrolled.size:
            return np.zeros(self.orders.n, np.bool_)
        enrolled = self.market.customers.enrolled[self.orders.row]
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
        """(media and channel costs, incentives) of the weeks before `until`, in currency units. Incentives are the
        discounts on first orders and the rewards for friends who brought them."""
        weeks = self.weeks if until is None else until
        media = self._booked(MEDIA)[:weeks].sum() + self._booked(CHANNEL_COSTS)[:weeks].sum()
        incentives = self._booked(FIRST_ORDER_DISCOUNTS)[:weeks].sum() + self._booked(REFERRAL_REWARDS)[:weeks].sum()
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
        return self.market.customers.source[self.acquired] == self.market.referral.source

    @cached_property
    def _friend_of_row(self) -> NDArray[np.int32]:
        """Row of the friend who won each person; -1 for nobody."""
        referrer = self.market.customers.referrer
        return referrer if referrer.size else np.full(self.market.customers.n, NOBODY)

    @cached_property
    def age_of_friend(self) -> Floats:
        """Weeks from the first order of the customer who won them to each order of a referred customer; NaN for others
        and where that customer belongs to the founding base."""
        friend = self._friend_of_row[self.orders.row]
        return np.where(friend >= 0, self.moment - self._first_moment_of_row[np.maximum(friend, 0)], np.nan)

    @cached_property
    def programme_costs_by_week(self) -> Floats:
        """Tier benefits, set-up and running costs, and the change of the points liability, in currency units.
        Rewards are costs of orders."""
        return (
            sum(self._booked(account) for account in (PERKS, PROGRAMME_SETUP, PROGRAMME_RUNNING, PROVISION))
            / self.market.minor
        )

    def _booked(self, account: str) -> NDArray[np.int64]:
        return self.market.ledger.by_week(account, self.weeks)

    def active(self, week: int) -> NDArray[np.int32]:
        """Rows of the customers who ordered in the 52 weeks before `week`."""
        when, orders = self.market.order_log.table(since=week - YEAR)
        return np.unique(orders.row[when < week])

    def remaining_value(self, horizon_weeks: float = 156.0) -> float:
        """Expected discounted contribution of everybody still alive at the end, over the following `horizon_weeks`,
        at today's prices and without further policy: currency units of the rows. Known to the simulation only.

        A customer orders at rate lambda and leaves at rate m = mu + lambda p, so an order's contribution c is worth
        lambda c (1 - exp(-(m + delta) H)) / (m + delta).
        """
        people, world = self.market.customers, self.market.world
        alive = people.stage == CUSTOMER
        rate = people.order_rate[alive].astype(np.float64)
        leaving = people.departure_rate[alive] + rate * people.p_dropout[alive] + world.economics.weekly_discount
        paid, cost = people.mean_order[alive].astype(np.float64), world.economics
        commission = self.market.tariff.commission[people.source[alive].astype(np.intp) + 1]
        goods = paid * (1 - cost.gross_margin) / (1 - world.today_rate)
        per_order = paid * (1 - cost.payment_cost - commission) - goods - cost.fulfilment_cost
        weeks = np.where(leaving > 0, -np.expm1(-leaving * horizon_weeks) / np.maximum(leaving, 1e-300), horizon_weeks)
        return float((rate * per_order * weeks).sum())

    @property
    def guard_share(self) -> float:
        """Share of customer- and lead-weeks in which the composition guard bound."""
        return self.market.guarded_weeks / max(self.market.lived_weeks, 1)
