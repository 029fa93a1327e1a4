"""The table of granted coupons: one line per coupon, so that a customer may hold several.

A line stands until its coupon is used or void; lines are sorted by customer and, for one customer, by when they were
granted. Asked like columns, the table tells what the firm knows of a customer: the largest rate held, and until when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns
from crmlab.sim.customers import LONG_AGO
from crmlab.sim.jit import compiled


class Grant(NamedTuple):
    """Granted coupons, one entry each. Shape [m] each."""

    row: NDArray[np.int32]  # whose it is
    rate: NDArray[np.float32]  # share of the list price
    ends: NDArray[np.int16]  # first week in which it is void
    liked: NDArray[np.bool_]  # whether its holder would use it: hidden from the firm

    @classmethod
    def none(cls) -> Grant:
        return cls(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int16), np.empty(0, np.bool_))


ABOUT: dict[str, Any] = {"coupon_rate": np.float32(0), "coupon_ends": LONG_AGO}  # of somebody without a coupon


class Grants(Columns):
    """All coupons that are neither used nor void. It takes room for the coupons held, not for the people."""

    def __init__(self, n: int = 0, lines: Grant | None = None) -> None:
        self.n = n
        self.lines = Grant.none() if lines is None else lines

    @classmethod
    def names(cls) -> list[str]:
        return list(ABOUT)

    @classmethod
    def seen(cls) -> list[str]:
        return list(ABOUT)

    @classmethod
    def fill_of(cls, name: str) -> Any:
        return ABOUT[name]

    @property
    def is_open(self) -> bool:
        return self.lines.row.size > 0

    def get(self, name: str) -> NDArray[Any]:
        """`coupon_rate`: the largest rate that a customer holds; `coupon_ends`: the first week in which none of the
        coupons held is valid any more. Computed from the lines. Shape [n], or [0] while nobody holds any."""
        if not self.is_open:
            return np.empty(0, type(ABOUT[name]))
        told = np.full(self.n, ABOUT[name])
        raise_to(told, self.lines.row, getattr(self.lines, name.removeprefix("coupon_")))
        return told

    def open(self, n: int) -> None:
        self.n = max(self.n, n)

    def copy(self) -> Self:
        return type(self)(self.n, Grant._make(column.copy() for column in self.lines))

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.lines)

    def add(self, given: Grant) -> None:
        """Grant more coupons."""
        together = Grant._make(
            np.concatenate([getattr(self.lines, name), getattr(given, name)]) for name in Grant._fields
        )
        order = np.argsort(together.row, kind="stable")  # two sorted runs: merged in one sweep
        self.lines = Grant._make(column[order] for column in together)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Strike all other lines."""
        if not kept.all():
            self.lines = Grant._make(column[kept] for column in self.lines)

    def use(self, rows: NDArray[np.int32], week: int) -> None:
        """Strike the coupon that each of these customers has used in that week, if they held one to use. Shape [m]."""
        lines = self.lines
        if lines.row.size and rows.size:
            first, last = np.searchsorted(lines.row, rows, "left"), np.searchsorted(lines.row, rows, "right")
            used = best_of_each(first, last, lines.rate, lines.ends, lines.liked, week)
            kept = np.ones(lines.row.size, np.bool_)
            kept[used[used >= 0]] = False
            self.keep(kept)


def lines_of(told: Sequence[tuple[Any, ...]]) -> Grant:
    """Coupons told one by one."""
    row, rate, ends, liked = zip(*told, strict=True) if told else ((), (), (), ())
    return Grant(np.array(row, np.int32), np.array(rate, np.float32), np.array(ends, np.int16), np.array(liked, bool))


@compiled
def raise_to(told, rows, values):
    """Raise `told` [n] to the largest value among each row's lines [m]."""
    for g in range(rows.size):
        if values[g] > told[rows[g]]:
            told[rows[g]] = values[g]


@compiled
def find_coupons(single, rows, rates, ends, liked, week):
    """Raise `single` [n] to the largest price cut of the coupons that somebody holds and would use this week."""
    for g in range(rows.size):
        if liked[g] and ends[g] > week and float(rates[g]) > single[rows[g]]:
            single[rows[g]] = float(rates[g])


@compiled
def best_of_each(first, last, rates, ends, liked, week):
    """Of the lines `first[j]` to `last[j]` of each customer the one that is used: the largest rate; between equals the
    one that ends first; -1 for none. Shape [m]."""
    best = np.full(first.size, -1, np.int64)
    for j in range(first.size):
        for g in range(first[j], last[j]):
            if liked[g] and ends[g] > week:
                b = best[j]
                if b < 0 or rates[g] > rates[b] or (rates[g] == rates[b] and ends[g] < ends[b]):
                    best[j] = g
    return best
