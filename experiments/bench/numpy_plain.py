"""The base model in plain vectorised numpy: columns, index subsets, one Generator.

Written the way a careful numpy user would: prospects, leads and customers are kept as arrays of row numbers, so that
nobody who is gone costs anything, and the price arithmetic is skipped while the price is today's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.bench.model import Outcome
from crmlab.experiments.bench.population import Advertising, Floats, conversion_hazards, draw_founding_population
from crmlab.sim.world import World

Rows = NDArray[np.int64]


class PriceReaction:
    """How people react to a price: what they are used to, and the orders that they have brought forward."""

    def __init__(self, world: World, elasticity: Floats, price: float) -> None:
        self.response, self.elasticity, self.price = world.price, elasticity, price
        self.reference = np.ones(elasticity.size, np.float32)
        self.debt = np.zeros(elasticity.size, np.float32)

    def log_effect(self, rows: Rows, gain: float) -> NDArray[np.float64]:
        """Change of the log order hazard because of the price, within a factor of five."""
        reference = self.reference[rows]
        usual = np.maximum(reference, np.minimum(1.0, reference * (1 + self.response.latitude)))
        surprise = gain * np.maximum(0.0, np.log(reference / self.price))
        surprise -= self.response.loss_aversion * gain * np.maximum(0.0, np.log(self.price / usual))
        return np.clip(surprise - self.elasticity[rows] * np.log(self.price), np.log(0.2), np.log(5.0))

    def effects(self, rows: Rows, base: Floats) -> tuple[NDArray, NDArray, NDArray]:
        """(hazard, repayment, extra hazard) per week."""
        lifted = base * np.exp(self.log_effect(rows, self.response.gain))
        repay = np.minimum(self.debt[rows] / self.response.repayment_weeks, 0.9 * lifted)
        return lifted - repay, repay, lifted - base

    def borrow(self, rows: Rows, repay: NDArray, extra: NDArray, present: NDArray) -> None:
        """Orders brought forward are owed, and paid back while people are there."""
        paid_back = np.maximum(self.debt[rows] - repay * present, 0.0)
        self.debt[rows] = paid_back + self.response.pull_forward * np.maximum(extra, 0.0) * present

    def notice(self, rows: Rows) -> None:
        """Reference prices of those who notice this week's price move towards it."""
        keep = self.response.carry_over
        self.reference[rows] = keep * self.reference[rows] + (1 - keep) * self.price


class NumpyMarket:
    """A market of `world` (at the wanted number of rows) under today's policy and a uniform price cut."""

    def __init__(self, world: World, seed: int, cut: float = 0.0) -> None:
        self.world, self.rng = world, np.random.default_rng(seed)
        self.price = 1.0 - cut  # relative to today's
        self.people = draw_founding_population(world, self.rng)
        self.advertising, self.conversion = Advertising(world), conversion_hazards(world)
        n, n_founding = self.people.order_rate.size, world.population.customers
        self.prospects = n_founding + np.flatnonzero(self.people.source[n_founding:] < 0)
        self.leads = np.flatnonzero(self.people.source >= 0)
        self.customers = np.flatnonzero(self.people.alive)
        self.source = self.people.source
        self.orders = np.zeros(n, np.int32)
        self.spend = np.zeros(n, np.int64)
        self.last_order = np.full(n, -1, np.int32)
        self.reaction = PriceReaction(world, self.people.elasticity, self.price)
        self.first_orders = self.revenue = 0
        self.week = 0

    def run(self, weeks: int) -> NumpyMarket:
        """Run so many weeks and return the market."""
        for _ in range(weeks):
            self.step()
        return self

    def step(self) -> None:
        """One week: reach, convert, order and leave."""
        self.pulled = self.price != 1.0
        leads, since = self.reach()
        newcomers, bought_at = self.convert(leads, since)
        self.order_and_leave(newcomers, bought_at)
        self.week += 1

    def reach(self) -> tuple[Rows, Floats]:
        """Prospects become leads. Returns all leads and when in the week each of them is one."""
        hazards = self.people.affinity[:, self.prospects] * self.advertising.week().astype(np.float32)[:, None]
        total = hazards.sum(axis=0)
        wait = self.rng.standard_exponential(total.size, dtype=np.float32)
        hit = np.flatnonzero(wait < total)
        rows = self.prospects[hit]
        place = self.rng.random(hit.size) * total[hit]
        passed = np.cumsum(hazards[:, hit], axis=0) <= place
        self.source[rows] = np.minimum(passed.sum(axis=0), len(self.conversion) - 1)
        self.prospects = np.delete(self.prospects, hit)
        since = np.concatenate([np.zeros(self.leads.size, np.float32), wait[hit] / total[hit]])
        return np.concatenate([self.leads, rows]), since

    def convert(self, leads: Rows, since: Floats) -> tuple[Rows, Floats]:
        """Leads place a first order or lose interest. Returns the new customers and when in the week they came."""
        order = self.conversion[self.source[leads]]
        if self.pulled:
            order = order * np.exp(self.reaction.log_effect(leads, self.world.price.first_order_gain))
        leave = 1.0 / self.world.acquisition.lead_weeks
        wait = self.rng.standard_exponential(leads.size) / (order + leave)
        decided = wait < 1.0 - since
        buys = decided & (self.rng.random(leads.size) * (order + leave) < order)
        self.leads = leads[~decided]
        newcomers = leads[buys]
        self.first_orders += newcomers.size
        self.book(newcomers)
        return newcomers, (since + wait)[buys].astype(np.float32)

    def order_and_leave(self, newcomers: Rows, since: Floats) -> None:
        """Customers order while they are there; some leave for good."""
        rows = np.concatenate([self.customers, newcomers])
        left = np.concatenate([np.ones(self.customers.size, np.float32), 1.0 - since])
        hazard = self.people.order_rate[rows]
        if self.pulled:
            hazard, repay, extra = self.reaction.effects(rows, hazard)
        leaves_after = self.rng.standard_exponential(rows.size, dtype=np.float32)
        departure = self.people.departure_rate[rows]
        stays = leaves_after >= departure * left
        present = left.copy()
        gone = np.flatnonzero(~stays)
        present[gone] = leaves_after[gone] / departure[gone]
        n_orders = self.rng.poisson(hazard * present)
        buyers = np.flatnonzero(n_orders)
        self.book(np.repeat(rows[buyers], n_orders[buyers]))
        self.customers = rows[stays]
        if self.pulled:
            self.reaction.borrow(rows, repay, extra, present)
            ordered = n_orders > 0
            ordered[rows.size - newcomers.size :] = True
            lucky = self.rng.random(rows[~ordered].size) < self.world.price.p_exposure
            self.reaction.notice(np.concatenate([rows[~ordered][lucky], rows[ordered]]))

    def book(self, rows: Rows) -> None:
        """Price and record one order of each row; a row may be there several times."""
        shape = self.world.spend.p
        value = np.rint(
            self.people.mean_order[rows] * self.rng.standard_gamma(shape, rows.size) * (self.world.minor / shape)
        )
        paid = np.rint(value * self.price).astype(np.int64)
        np.add.at(self.orders, rows, 1)
        np.add.at(self.spend, rows, paid)
        self.last_order[rows] = self.week
        self.revenue += int(paid.sum())

    @property
    def outcome(self) -> Outcome:
        """What the run came to."""
        return Outcome(int(self.orders.sum()), self.first_orders, self.revenue / self.world.minor, self.customers.size)

    @property
    def share_bought(self) -> float:
        """Share of the rows that ever ordered, before week 0 or since."""
        return (self.world.population.customers + self.first_orders) / self.orders.size

    @property
    def column_bytes(self) -> int:
        """Memory of the columns."""
        own = (self.source, self.orders, self.spend, self.last_order, self.reaction.reference, self.reaction.debt)
        subsets = (self.prospects, self.leads, self.customers)
        return sum(column.nbytes for column in (*self.people, *own, *subsets))
