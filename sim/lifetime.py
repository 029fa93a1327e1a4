"""What a cohort of new customers cost and what it brings: CAC, lifetime value and payback of the same people.

No money is counted twice and none is left out. What is given to win a customer (media, channel fees, what a first order
costs less than the standing price, welcome points, rewards for the friend who sent them) is acquisition cost; so the
lifetime value counts the first order at the standing price. What it costs to keep a customer (rewards, what the points
in hand are expected to cost, benefits and running costs of the programme, later discounts) lowers the lifetime value.
LTV less CAC is what the cohort leaves. What a programme costs however many members it has is neither: it is in equity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.outcome import MarketOutcome

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cohort:
    """The customers whose first `weeks` weeks lie inside the run: first orders of the run's weeks but the last `weeks`.

    Money is in currency units per customer, NaN where nobody is in the cohort.
    """

    outcome: MarketOutcome
    weeks: int

    @property
    def until(self) -> int:
        """The first week whose first orders are too late to be followed."""
        return max(self.outcome.weeks - self.weeks, 0)

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """Which acquired customers are in the cohort."""
        return self.outcome.acquired_week < self.until

    @property
    def n(self) -> int:
        """Its size in rows."""
        return int(np.count_nonzero(self.members))

    @property
    def cac(self) -> float:
        """Acquisition cost of the cohort's weeks per customer of the cohort."""
        return sum(self.outcome.costs.acquisition(self.until)) / self.n if self.n else math.nan

    @cached_property
    def _money(self) -> tuple[Floats, Floats, Floats]:
        """Everything the cohort brought and cost within the window: (age in weeks, amount, discounted amount).

        Orders count at their moment, what it costs to keep them at the end of its week.
        """
        outcome = self.outcome
        mine = self.first_moment[outcome.orders.row]
        age = outcome.moment - mine
        inside = age <= self.weeks  # false for NaN: others than the cohort
        orders = (outcome.contribution + outcome.incentive)[inside]
        age = age[inside]
        upkeep = self._upkeep(np.zeros(outcome.market.customers.n))
        upkeep_discounted = self._upkeep(self._delta * self.first_moment)
        ages = np.arange(1, self.weeks + 1)
        return (
            np.concatenate([age, ages]),
            np.concatenate([orders, -upkeep]),
            np.concatenate([orders * np.exp(-self._delta * age), -upkeep_discounted]),
        )

    def _upkeep(self, log_share: Floats) -> Floats:
        """Costs of keeping its customers in each week of age, times exp(`log_share` [n] - delta x moment) where people
        are given a share other than 1. Shape [weeks]."""
        outcome, n_weeks = self.outcome, self.outcome.weeks
        first_week = np.full(outcome.market.customers.n, -1, np.intp)
        first_week[outcome.acquired[self.members]] = outcome.acquired_week[self.members]
        share = np.where(first_week >= 0, np.exp(np.nan_to_num(log_share)), 0.0)
        flows = outcome.upkeep.by_group(first_week, max(self.until, 1), share)
        if log_share.any():
            flows = flows * np.exp(-self._delta * np.arange(1, n_weeks + 1))
        by_age = np.zeros(self.weeks)
        for week in range(self.until):
            by_age += flows[week, week : week + self.weeks]
        return by_age

    @cached_property
    def first_moment(self) -> Floats:
        """Moment of the first order of each member; NaN for others. Shape [n]."""
        first = np.full(self.outcome.market.customers.n, np.nan)
        first[self.outcome.acquired[self.members]] = self.outcome.acquired_at[self.members]
        return first

    @property
    def _delta(self) -> float:
        return self.outcome.market.world.economics.weekly_discount

    @property
    def ltv(self) -> float:
        """Discounted contribution of the window per customer, before acquisition cost."""
        return float(self._money[2].sum()) / self.n if self.n else math.nan

    @cached_property
    def by_person(self) -> Floats:
        """The lifetime value of each person of the cohort, 0 for others; `ltv` is its mean over them. Shape [n]."""
        outcome, n, delta = self.outcome, self.outcome.market.customers.n, self._delta
        age = outcome.moment - self.first_moment[outcome.orders.row]
        inside = age <= self.weeks
        worth = (outcome.contribution + outcome.incentive)[inside] * np.exp(-delta * age[inside])
        earned = np.bincount(outcome.orders.row[inside], worth, n)
        first_week = np.zeros(n, np.int64)
        first_week[outcome.acquired[self.members]] = outcome.acquired_week[self.members]
        weight = np.exp(-delta * np.arange(1, outcome.weeks + 1))
        cost = outcome.upkeep.cost(weight, until=first_week + self.weeks)
        mine = np.isfinite(self.first_moment)
        return np.where(mine, earned - cost * np.exp(delta * np.where(mine, self.first_moment, 0.0)), 0.0)

    @property
    def payback(self) -> float:
        """First age at which the undiscounted contribution has paid the cohort's CAC; NaN where it does not."""
        if not self.n:
            return math.nan
        age, amount, _ = self._money
        order = np.argsort(age, kind="stable")
        reached = np.flatnonzero(np.cumsum(amount[order]) >= self.cac * self.n)
        return float(age[order][reached[0]]) if reached.size else math.nan

    def curve(self, discounted: bool) -> Floats:
        """Cumulative contribution per customer by age 0, 1, ... weeks. Shape [weeks + 1]."""
        age, amount, worth = self._money
        by_age = np.bincount(np.ceil(age).astype(int), worth if discounted else amount, self.weeks + 1)
        return np.cumsum(by_age) / self.n if self.n else np.full(self.weeks + 1, math.nan)
