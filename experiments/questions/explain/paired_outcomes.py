"""The same market under two policies, person by person and order by order.

Rows are the same people in both runs, and the k-th order of a person is the same basket, so both can be matched. No
firm can see both runs: whatever is computed from the pair is known to the simulation only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.outcome import MarketOutcome

Floats = NDArray[np.float64]
Which = NDArray[np.bool_]


@dataclass(frozen=True)
class PairedOutcomes:
    """The record of a market under the baseline and under an arm, on the same people and the same luck."""

    baseline: MarketOutcome
    arm: MarketOutcome

    @property
    def both(self) -> tuple[MarketOutcome, MarketOutcome]:
        return self.baseline, self.arm

    @property
    def scale(self) -> float:
        """Real people per row."""
        return self.arm.market.scale

    @property
    def n(self) -> int:
        """Number of people, prospects included."""
        return self.arm.market.customers.n

    @cached_property
    def existing(self) -> Which:
        """Customers of the founding base. Shape [n]."""
        return np.arange(self.n) < self.arm.market.n_founding

    @cached_property
    def acquired(self) -> tuple[Which, Which]:
        """Who placed a first order under the baseline, and who under the arm. Shape [n] each."""
        return _among(self.baseline.acquired, self.n), _among(self.arm.acquired, self.n)

    @property
    def either_way(self) -> Which:
        """Acquired under both policies. Shape [n]."""
        return self.acquired[0] & self.acquired[1]

    @property
    def won(self) -> Which:
        """Acquired under the arm only. Shape [n]."""
        return self.acquired[1] & ~self.acquired[0]

    @property
    def lost(self) -> Which:
        """Acquired under the baseline only. Shape [n]."""
        return self.acquired[0] & ~self.acquired[1]

    @cached_property
    def matched(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Places of the orders that exist in both runs: in the baseline's log and in the arm's. Shape [matches]."""
        old, new = (outcome.orders.row.astype(np.int64) << 32 | outcome.orders.nth for outcome in self.both)
        _, before, after = np.intersect1d(old, new, assume_unique=True, return_indices=True)
        return before, after


def per_person(outcome: MarketOutcome, of_order: Floats) -> Floats:
    """Sum over each person's orders. Shape [n]."""
    return np.bincount(outcome.orders.row, of_order, minlength=outcome.market.customers.n).astype(np.float64)


def given(outcome: MarketOutcome) -> Floats:
    """What the firm gave away on each order: discount, and the cost of the points burnt on it. Currency units."""
    return (outcome.orders.value - outcome.orders.paid + outcome.mechanisms_cost) / outcome.market.minor


def _among(rows: NDArray[np.int32], n: int) -> Which:
    which = np.zeros(n, np.bool_)
    which[rows] = True
    return which
