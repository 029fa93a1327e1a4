"""What the loyalty programme cost for each of its members: the programme's books, person by person.

A point is a cost of its holder when it is issued (at what it is expected to cost), no cost any more when it lapses, and
the difference to the true cost when it is burnt; where the expectation changes, those who hold points at that moment
bear the change. Benefits and running costs are those of the tier a member is in. Summed over all people this is what
the ledger books, but for rounding. Welcome points of first orders are left out where they are given: they are a cost
of acquisition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.mechanism import Setting
from crmlab.sim.mechanisms.loyalty.books import ProgrammeBooks
from crmlab.sim.mechanisms.loyalty.moves import Moves
from crmlab.sim.mechanisms.loyalty.passes import with_welcome
from crmlab.sim.orders import Orders

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Membership:
    """The programme of a market after `weeks` weeks, seen from its members (an `Upkeep`).

    `moves` says whom the end of each week changed. `week` [m] and `orders` [m] are the orders of the run.
    """

    setting: Setting
    books: ProgrammeBooks
    moves: dict[int, Moves]
    weeks: int
    week: NDArray[np.int32]
    orders: Orders

    def _by_week(self, name: str) -> Floats:
        found = np.zeros(self.weeks)
        for week, closed in self.books.weeks.items():
            found[week] = getattr(closed, name)
        return found

    @cached_property
    def point_value(self) -> Floats:
        """What one point still out was expected to cost at the end of each week, in minor units. Shape [weeks]."""
        return self._by_week("point_value")

    @cached_property
    def welcome(self) -> Floats:
        """What the welcome points of each first order were expected to cost, in minor units. Shape [m]."""
        points = self._by_week("welcome_points").astype(np.int64)[self.week]
        return np.where(with_welcome(self.orders, points), points * self.point_value[self.week], 0.0)

    @property
    def opening_value(self) -> float:
        """What one point from before week 0 was expected to cost, in minor units."""
        opening = self.books.opening
        return opening.liability / opening.outstanding if opening.outstanding else 0.0

    def cost(self, weight: Floats, until: NDArray[np.int64] | int | None = None) -> Floats:
        """Provision, benefits and running costs of each person over the weeks before `until` [n], every week's times
        its `weight` [weeks]; welcome points of first orders left out. Currency units. Shape [n].
        """
        n, weeks = self.setting.customers.n, self.weeks
        end = np.full(n, weeks) if until is None else np.clip(np.broadcast_to(until, n), 0, weeks)
        return (self._provision(weight, end) + self._benefits(weight, end)) / self.setting.minor

    def by_group(self, group: NDArray[np.intp], n_groups: int, share: Floats | None = None) -> Floats:
        """The same costs summed over the people of each group, week by week; -1 in `group` [n] is nobody's group.

        `share` [n] is how much each person counts (default 1). Currency units. Shape [groups, weeks].
        """
        weeks = self.weeks
        counts = np.ones(group.size) if share is None else share

        row, week, points = point_moves(self.moves, self.week, self.orders)
        before = week < 0  # what is held at week 0 has been paid for
        opening = np.bincount(
            np.maximum(group[row[before]], 0),
            points[before] * counts[row[before]] * (group[row[before]] >= 0),
            n_groups,
        )

        def placed(row: NDArray[np.int64], week: NDArray[np.int64], amount: Floats) -> Floats:
            """Amounts by group and week."""
            known = group[row] >= 0
            row, week, amount = row[known], week[known], (counts[row] * amount)[known]
            found = np.bincount(group[row] * weeks + week, amount, n_groups * weeks).astype(np.float64)
            return found.reshape(n_groups, weeks)

        held = opening[:, None] + np.cumsum(placed(row[~before], week[~before], points[~before]), axis=1)
        welcomed = np.flatnonzero(self.welcome > 0)
        given = placed(
            self.orders.row[welcomed].astype(np.int64), self.week[welcomed].astype(np.int64), self.welcome[welcomed]
        )
        cost = np.diff(held * self.point_value, axis=1, prepend=(opening * self.opening_value)[:, None]) - given
        perks = self._perks()
        for tier in range(perks.shape[1]):
            cost += np.cumsum(placed(*self._tier_moves(tier)), axis=1) * perks[:, tier]
        return cost / self.setting.minor

    def _perks(self) -> Floats:
        """What a member of each tier costs in each week, in minor units. Shape [weeks, tiers]."""
        found = self.books.weeks
        perks = np.zeros((self.weeks, max(len(closed.perks) for closed in found.values())))
        for week, closed in found.items():
            perks[week] = closed.perks[-1]
            perks[week, : len(closed.perks)] = closed.perks
        return perks

    def _tier_moves(self, tier: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Who enters (+1) and leaves (-1) a tier: (row, week, +-1)."""
        own, moves = np.full(self.setting.customers.n, -1), []
        for week, placed in self.moves.items():
            row, new = placed.placed, placed.tier.astype(np.int64)
            week = max(week, 0)  # those in a tier at week 0 cost from then on
            change = (new == tier).astype(np.int64) - (own[row] == tier)
            own[row] = new
            moved = np.flatnonzero(change)
            moves.append((row[moved], np.full(moved.size, week), change[moved]))
        row, week_of, change = (np.concatenate(part) for part in zip(*moves, strict=True))
        return row.astype(np.int64), week_of.astype(np.int64), change.astype(np.float64)

    def _provision(self, weight: Floats, end: NDArray[np.int64]) -> Floats:
        n, value = self.setting.customers.n, self.point_value
        revalued = np.concatenate([[0.0], np.cumsum(weight * np.diff(value, prepend=value[:1]))])
        row, week, points = point_moves(self.moves, self.week, self.orders)
        inside = week < end[row]
        row, week, points = row[inside], week[inside], points[inside]
        worth = np.where(
            week < 0,
            weight[0] * (value[0] - self.opening_value) + revalued[end[row]],
            weight[week] * value[week] + revalued[end[row]] - revalued[week + 1],
        )
        cost = np.bincount(row, points * worth, n)
        early = (self.welcome > 0) & (self.week < end[self.orders.row])
        given = np.bincount(self.orders.row[early], (weight[self.week] * self.welcome)[early], n)
        return (cost - given).astype(np.float64)

    def _benefits(self, weight: Floats, end: NDArray[np.int64]) -> Floats:
        """A member costs what the tier costs from the week in which it is entered until the next change."""
        perks = self._perks() * weight[:, None]
        tiers = perks.shape[1]
        total = np.concatenate([np.zeros((1, tiers)), np.cumsum(perks, axis=0)])
        cost = np.zeros(self.setting.customers.n)
        tier = np.full(cost.size, -1)  # nobody's
        for week, moves in self.moves.items():
            row, new = moves.placed, np.minimum(moves.tier.astype(np.int64), tiers - 1)
            week = max(week, 0)
            old, stop = tier[row], np.maximum(end[row], week)
            rest = total[stop] - total[week]
            at = np.arange(row.size)
            cost[row] += rest[at, new] - np.where(old >= 0, rest[at, np.maximum(old, 0)], 0.0)
            tier[row] = new
        return cost


def point_moves(
    lapses: dict[int, Moves], week: NDArray[np.int32], orders: Orders
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Every change of somebody's points: (row, week, points)."""
    ordered = np.flatnonzero((orders.earned > 0) | (orders.burnt > 0))
    rows = [orders.row[ordered], *(moves.lapsed for moves in lapses.values())]
    weeks = [week[ordered], *(np.full(moves.lapsed.size, number) for number, moves in lapses.items())]
    points = [orders.earned[ordered].astype(np.int64) - orders.burnt[ordered]]
    points += [-moves.points.astype(np.int64) for moves in lapses.values()]
    return (
        np.concatenate(rows).astype(np.int64),
        np.concatenate(weeks).astype(np.int64),
        np.concatenate(points).astype(np.float64),
    )
