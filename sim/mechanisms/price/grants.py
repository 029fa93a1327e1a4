"""The table of granted coupons: one line per coupon, so that a customer may hold several.

A line stands until its coupon is used or void; lines are sorted by customer and, for one customer, by when they were
granted. Asked like columns, the table tells what the firm knows of a customer: the largest rate held, and until when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import ActionError
from crmlab.sim.columns import Columns
from crmlab.sim.customers import LONG_AGO
from crmlab.sim.jit import compiled


class Grant(NamedTuple):
    """Granted coupons, one entry each. Shape [m] each."""

    row: NDArray[np.int32]  # whose it is
    rate: NDArray[np.float32]  # share of the list price
    ends: NDArray[np.int16]  # first week in which it is void
    liked: NDArray[np.bool_]  # whether its holder would use it: hidden from the firm
    terms: NDArray[np.int16]  # number of its conditions in `Grants.conditions`, 0 for none

    @classmethod
    def none(cls) -> Grant:
        return lines_of(())


class CouponTerms(NamedTuple):
    """Conditions of a coupon, money in minor units: see `kernel_types.TERM`."""

    min_spend: float
    max_off: float
    stacks: bool


PLAIN_COUPON = 0
MAX_CONDITIONS = 2**15 - 1
ABOUT: dict[str, Any] = {"coupon_rate": np.float32(0), "coupon_ends": LONG_AGO}  # of somebody without a coupon


class Grants(Columns):
    """All coupons that are neither used nor void. It takes room for the coupons held, not for the people."""

    def __init__(self, n: int = 0, lines: Grant | None = None, conditions: Sequence[CouponTerms] = ()) -> None:
        self.n = n
        self.lines = Grant.none() if lines is None else lines
        self.conditions = list(conditions) or [CouponTerms(0.0, np.inf, False)]  # those of a plain coupon come first

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
        return type(self)(self.n, Grant._make(column.copy() for column in self.lines), self.conditions)

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

    def number_of(self, conditions: CouponTerms) -> int:
        """Under which number coupons with these conditions stand in the lines. Raises `ActionError` where there are
        more different ones than a run can tell apart."""
        if conditions not in self.conditions:
            if len(self.conditions) > MAX_CONDITIONS:
                raise ActionError(f"Coupon: no more than {MAX_CONDITIONS:,} different conditions in a run")
            self.conditions.append(conditions)
        return self.conditions.index(conditions)


def lines_of(told: Sequence[tuple[Any, ...]]) -> Grant:
    """Coupons told one by one."""
    columns = zip(*told, strict=True) if told else [()] * len(Grant._fields)
    types = (np.int32, np.float32, np.int16, np.bool_, np.int16)
    return Grant._make(np.array(column, dtype) for column, dtype in zip(columns, types, strict=True))


def usable(held: Grants, week: int) -> NDArray[np.intp]:
    """Numbers of the lines with conditions that their holders would use this week: by customer, and of one customer
    those that end first come first."""
    lines = held.lines
    if len(held.conditions) == 1:
        return np.empty(0, np.intp)
    found = np.flatnonzero((lines.terms != PLAIN_COUPON) & lines.liked & (lines.ends > week))
    return found[np.lexsort((lines.ends[found], lines.row[found]))]


def best_plain(held: Grants, rows: NDArray[np.int32], week: int) -> NDArray[np.intp]:
    """The line of the coupon without conditions that each of these customers would use, of those who hold one."""
    lines = held.lines
    first, last = np.searchsorted(lines.row, rows, "left"), np.searchsorted(lines.row, rows, "right")
    best = best_of_each(first, last, lines.rate, lines.ends, lines.liked & (lines.terms == PLAIN_COUPON), week)
    found: NDArray[np.intp] = best[best >= 0]
    return found


def strike(held: Grants, used: NDArray[np.intp]) -> None:
    """Take away the lines of these numbers."""
    if used.size:
        kept = np.ones(held.lines.row.size, np.bool_)
        kept[used] = False
        held.keep(kept)


@compiled
def raise_to(told, rows, values):
    """Raise `told` [n] to the largest value among each row's lines [m]."""
    for g in range(rows.size):
        if values[g] > told[rows[g]]:
            told[rows[g]] = values[g]


@compiled
def find_coupons(single, rows, rates, ends, liked, terms, week):
    """Raise `single` [n] to the largest price cut of the coupons that somebody holds and would use this week, of those
    without conditions."""
    for g in range(rows.size):
        if terms[g] == PLAIN_COUPON and liked[g] and ends[g] > week and float(rates[g]) > single[rows[g]]:
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
