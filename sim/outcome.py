"""What a finished run has to say: every order with its moment, its contribution and its customer's first order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.costs import Costs
from crmlab.sim.ledger import first_order_incentive
from crmlab.sim.market import Market
from crmlab.sim.orders import YEAR, Orders
from crmlab.sim.terminal import Terminal, terminal_of
from crmlab.sim.upkeep import AllUpkeep, Upkeep

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderOutcome:
    """The weeks of a market as arrays over orders, oldest week first, and what else it cost."""

    market: Market

    @property
    def weeks(self) -> int:
        return self.market.week

    @cached_property
    def _table(self) -> tuple[NDArray[np.int32], Orders]:
        return self.market.order_log.table(since=0)

    @property
    def week(self) -> NDArray[np.int32]:
        """The week of each order."""
        return self._table[0]

    @property
    def orders(self) -> Orders:
        """All orders of the run."""
        return self._table[1]

    @cached_property
    def moment(self) -> Floats:
        """When each order was placed, in weeks from week 0."""
        return self.week.astype(np.float64) + self.orders.at

    @cached_property
    def source(self) -> NDArray[np.int8]:
        """Channel through which each order's customer came, -1 for the founding base."""
        return self.market.customers.source[self.orders.row]

    @cached_property
    def contribution(self) -> Floats:
        """What each order left after goods, fulfilment, payment, commission and rewards, in currency units."""
        return (self.market.tariff.contribution(self.orders, self.source) - self.mechanisms_cost) / self.market.minor

    @cached_property
    def mechanisms_cost(self) -> Floats:
        """What mechanisms added to the cost of each order, such as points burnt on it, in minor units."""
        owners = self.market.mechanisms.values()
        return np.sum([owner.cost_of_orders(*self._table) for owner in owners], axis=0)

    @cached_property
    def incentive(self) -> Floats:
        """What each first order was paid less than the standing price that week, in currency units; 0 for others."""
        given = [np.zeros(0, np.int64)]
        for number, offer in enumerate(self.market.posted):
            orders = self.market.order_log.week(number)
            assert orders is not None, "every week that was simulated is in the log"
            given.append(first_order_incentive(orders, self.market.customers.source[orders.row], offer))
        return np.concatenate(given) / self.market.minor

    @cached_property
    def costs(self) -> Costs:
        """What the run cost beside its orders."""
        return Costs(self.market.ledger, self.weeks, self.market.minor)

    @cached_property
    def upkeep(self) -> Upkeep:
        """What keeping customers cost, person by person, by all mechanisms together."""
        told = (owner.upkeep(self.weeks, *self._table) for owner in self.market.mechanisms.values())
        parts = [part for part in told if part is not None]
        return AllUpkeep(parts, self.market.customers.n, self.weeks, self.orders.n)

    def active(self, week: int) -> NDArray[np.int32]:
        """Rows of the customers who ordered in the 52 weeks before `week`."""
        when, orders = self.market.order_log.table(since=week - YEAR)
        return np.unique(orders.row[when < week])


@dataclass(frozen=True)
class MarketOutcome(OrderOutcome):
    """The same, and arrays over the customers acquired in the run.

    Counts and money are those of the rows; multiply totals by `market.scale` for the real market.
    """

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
        return self.week[self.orders.nth == 0]

    @cached_property
    def first_moment(self) -> Floats:
        """Moment of each person's first order; NaN where it was not in the run. Shape [n]."""
        first = np.full(self.market.customers.n, np.nan)
        first[self.acquired] = self.acquired_at
        return first

    @cached_property
    def age(self) -> Floats:
        """Weeks from the customer's own first order to each order; NaN for customers of the founding base."""
        return self.moment - self.first_moment[self.orders.row]

    @cached_property
    def second_after(self) -> Floats:
        """Weeks from first to second order of each acquired customer; infinite where there was none."""
        second = np.full(self.market.customers.n, np.inf)
        repeat = self.orders.nth == 1
        second[self.orders.row[repeat]] = self.moment[repeat]
        return second[self.acquired] - self.acquired_at

    @cached_property
    def terminal(self) -> Terminal:
        """What the state at the end is worth then. Known to the simulation only."""
        return terminal_of(self.market)

    @property
    def end_discount(self) -> float:
        """What one currency unit at the end of the run is worth in week 0."""
        return math.exp(-self.market.world.economics.weekly_discount * self.weeks)
