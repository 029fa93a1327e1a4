"""What keeping customers cost, person by person.

Costs of orders belong to their order, costs of acquisition to all new customers together. What is spent to keep
somebody (points in hand, benefits of a tier, the time of an advisor) belongs to a person and a week, and is no order's:
the value of the existing base, lifetime value and explanations need to know whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Upkeep(Protocol):
    """Costs of keeping customers over the weeks of a run. Over all people it is what the ledger holds of that kind."""

    @property
    def welcome(self) -> Floats:
        """What was given with each order to win its customer, beside the price of it, in minor units; it is a cost of
        acquisition and in none of the two below. Shape [orders of the run]."""
        ...

    def cost(self, weight: Floats, until: NDArray[np.int64] | int | None = None) -> Floats:
        """Costs of each person over the weeks before `until` [n], every week's times its `weight` [weeks]. Currency
        units. Shape [n]."""
        ...

    def by_group(self, group: NDArray[np.intp], n_groups: int, share: Floats | None = None) -> Floats:
        """Costs summed over the people of each group, week by week; -1 in `group` [n] is nobody's group. `share` [n] is
        how much each person counts (default 1). Currency units. Shape [groups, weeks]."""
        ...


@dataclass(frozen=True)
class PersonCosts:
    """Upkeep as a list of what was spent on whom: `row`, `week` and `amount` (minor units) of each entry [k].

    `n` people, `weeks` weeks and `n_orders` orders are those of the run, `minor` the minor units in a currency unit.
    """

    row: NDArray[np.int32]
    week: NDArray[np.int32]
    amount: Floats
    n: int
    weeks: int
    n_orders: int
    minor: float

    @property
    def welcome(self) -> Floats:
        return np.zeros(self.n_orders)

    def cost(self, weight: Floats, until: NDArray[np.int64] | int | None = None) -> Floats:
        end = np.full(self.n, self.weeks) if until is None else np.clip(np.broadcast_to(until, self.n), 0, self.weeks)
        counts = np.where(self.week < end[self.row], weight[self.week], 0.0)
        return np.bincount(self.row, counts * self.amount, self.n) / self.minor

    def by_group(self, group: NDArray[np.intp], n_groups: int, share: Floats | None = None) -> Floats:
        counts = self.amount if share is None else share[self.row] * self.amount
        known = group[self.row] >= 0
        place = group[self.row][known] * self.weeks + self.week[known]
        spent = np.bincount(place, counts[known], n_groups * self.weeks).astype(np.float64)
        return spent.reshape(n_groups, self.weeks) / self.minor


@dataclass(frozen=True)
class AllUpkeep:
    """The upkeep of several mechanisms together; of none, it is nothing."""

    parts: Sequence[Upkeep]
    n: int
    weeks: int
    n_orders: int

    @property
    def welcome(self) -> Floats:
        return sum((part.welcome for part in self.parts), np.zeros(self.n_orders))

    def cost(self, weight: Floats, until: NDArray[np.int64] | int | None = None) -> Floats:
        return sum((part.cost(weight, until) for part in self.parts), np.zeros(self.n))

    def by_group(self, group: NDArray[np.intp], n_groups: int, share: Floats | None = None) -> Floats:
        nothing = np.zeros((n_groups, self.weeks))
        return sum((part.by_group(group, n_groups, share) for part in self.parts), nothing)
