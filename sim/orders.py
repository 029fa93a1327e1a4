"""The order log: every order of the run, and those of the year before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.jit import compiled
from crmlab.sim.world import World

YEAR = 52  # weeks
ALL_WEEKS = -(1 << 31)


class Orders(NamedTuple):
    """Orders as columns of shape [m]. `nth` counts the orders of a life from 0; `at` is the share of the week."""

    row: NDArray[np.int32]
    nth: NDArray[np.int32]
    at: NDArray[np.float32]
    value: NDArray[np.int64]  # minor units at list price
    paid: NDArray[np.int64]  # minor units
    earned: NDArray[np.int32]  # points
    burnt: NDArray[np.int32]  # points

    @classmethod
    def space(cls, capacity: int) -> Orders:
        """Room for `capacity` orders."""
        return cls(
            np.empty(capacity, np.int32),
            np.empty(capacity, np.int32),
            np.empty(capacity, np.float32),
            np.empty(capacity, np.int64),
            np.empty(capacity, np.int64),
            np.zeros(capacity, np.int32),
            np.zeros(capacity, np.int32),
        )

    def first(self, m: int) -> Orders:
        """A copy of the first m orders."""
        return Orders._make(column[:m].copy() for column in self)

    def grown(self, m: int) -> Orders:
        """Twice the room, holding the first m orders."""
        bigger = Orders.space(2 * self.row.size)
        for name in self._fields:
            getattr(bigger, name)[:m] = getattr(self, name)[:m]
        return bigger

    @property
    def n(self) -> int:
        return self.row.size


def kept_since(world: World) -> int:
    """From which week on the orders before the run are needed: of the last year, or all to live today's policy by."""
    return ALL_WEEKS if world.today else -YEAR


def orders_by_week(week: NDArray[np.int32], orders: Orders, since: int = -YEAR) -> dict[int, Orders]:
    """Split the orders before week 0 into weeks, keeping those from week `since` on. `week` [m] is negative."""
    kept = np.flatnonzero(week >= since)
    kept = kept[np.argsort(week[kept], kind="stable")]
    numbers, begin = np.unique(week[kept], return_index=True)
    parts = np.split(kept, begin[1:]) if numbers.size else []
    return {
        int(number): Orders._make(column[which] for column in orders)
        for number, which in zip(numbers, parts, strict=True)
    }


class OrderLog:
    """Orders by week; weeks before the run have negative numbers."""

    def __init__(self, past: dict[int, Orders]) -> None:
        self._weeks = dict(past)

    def add(self, week: int, orders: Orders) -> None:
        self._weeks[week] = orders

    def week(self, week: int) -> Orders | None:
        """The orders of one week, None where nothing was recorded."""
        return self._weeks.get(week)

    def table(self, since: int = 0) -> tuple[NDArray[np.int32], Orders]:
        """All orders from week `since` on, oldest week first, with the week of each: (week [m], orders)."""
        weeks = sorted(week for week in self._weeks if week >= since)
        if not weeks:
            return np.empty(0, np.int32), Orders.space(0)
        parts = [self._weeks[week] for week in weeks]
        week_of = np.repeat(np.array(weeks, np.int32), [part.n for part in parts])
        return week_of, Orders._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


@compiled
def forget(orders, orders_52, spend_52):
    """Take the orders of a week that is now 52 weeks old out of the trailing counts."""
    for j in range(orders.row.size):
        i = orders.row[j]
        orders_52[i] -= 1
        spend_52[i] -= orders.paid[j]
