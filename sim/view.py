"""What the firm can see: recorded facts of the customers it can identify, and its own books so far.

Rows are identified customers in order of registration; people who bought through a channel that hides them are not
among them. Every array is read-only and gathered on first use in a week. A hidden trait is not here: asking raises.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.books import WeeklyMetrics
from crmlab.sim.customers import SOURCE_BEFORE
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED

RECENT_WEEKS = 13.0
SILENT_WEEKS = 26.0


def _read_only(array: NDArray) -> NDArray:
    array.flags.writeable = False
    return array


class CustomerRecords:
    """What is recorded of the orders of identified customers."""

    week: int
    _rows: NDArray[np.int32]
    _column: Callable[[str, NDArray[np.int32]], NDArray[Any]]
    _minor: float

    @property
    def n(self) -> int:
        """Number of identified customers."""
        return self._rows.size

    def _gather(self, column: str) -> NDArray:
        return _read_only(self._column(column, self._rows))

    @cached_property
    def orders(self) -> NDArray[np.int32]:
        """Orders in all."""
        return self._gather("orders")

    @cached_property
    def orders_52(self) -> NDArray[np.int32]:
        """Orders in the last 52 weeks."""
        return self._gather("orders_52")

    @cached_property
    def spend(self) -> NDArray[np.float64]:
        """Currency units paid in all."""
        return _read_only(self._gather("spend") / self._minor)

    @cached_property
    def spend_52(self) -> NDArray[np.float64]:
        """Currency units paid in the last 52 weeks."""
        return _read_only(self._gather("spend_52") / self._minor)

    @cached_property
    def weeks_since_order(self) -> NDArray[np.float32]:
        """Weeks since the last order."""
        return _read_only(np.float32(self.week) - self._gather("last_order"))

    @cached_property
    def weeks_since_first_order(self) -> NDArray[np.float32]:
        """Weeks since the first order: the age of the relationship."""
        return _read_only(np.float32(self.week) - self._gather("first_order"))

    @cached_property
    def source(self) -> NDArray[np.int8]:
        """Number of the channel of the first order; -1 for the founding base without a recorded source."""
        return self._gather("source")


class CustomerAccounts(CustomerRecords):
    """What they have been given, or have earned."""

    @cached_property
    def referrals(self) -> NDArray[np.int16]:
        """Friends won: people who placed a first order after this customer's recommendation."""
        return self._gather("referrals")

    @cached_property
    def coupon_weeks_left(self) -> NDArray[np.int16]:
        """Weeks until the last of the unused coupons held is void; 0 for who holds none."""
        return _read_only(np.maximum(self._gather("coupon_ends") - np.int16(self.week), np.int16(0)))

    @cached_property
    def member(self) -> NDArray[np.bool_]:
        """Who has joined the loyalty programme."""
        return _read_only(self._gather("enrolled") != NOT_ENROLLED)

    @cached_property
    def points(self) -> NDArray[np.int32]:
        """Points neither burnt nor expired."""
        return self._gather("points")

    @cached_property
    def tier(self) -> NDArray[np.uint8]:
        """Tier in the loyalty programme; 0 is the basic one, and that of non-members."""
        return self._gather("tier")


class FirmView(CustomerAccounts):
    """The firm's knowledge at the start of a week. All arrays have shape [n], one entry per identified customer.

    `week` counts from the start of the run; `channels` are the names behind `source`; `planned_budget` (currency a
    week, by paid channel) and `planned_discount` (share of list price) are today's policy; `books` the weekly series.
    """

    def __init__(
        self,
        gather: Callable[[str, NDArray[np.int32]], NDArray],
        rows: NDArray[np.int32],
        week: int,
        channels: tuple[str, ...],
        planned_budget: Mapping[str, float],
        planned_discount: float,
        named_uniforms: Callable[[str, NDArray[np.int32]], NDArray[np.float64]],
        tags: Mapping[str, NDArray[np.int16]],
        books: WeeklyMetrics,
        minor: float,
        facts: Sequence[str] = (),
    ) -> None:
        self.week = week
        self.channels = channels
        self.planned_budget = MappingProxyType(dict(planned_budget))
        self.planned_discount = planned_discount
        self.books = books
        self._column = gather
        self._rows = rows
        self._named_uniforms = named_uniforms
        self._tags = tags
        self._minor = minor
        self._facts = facts

    def source_index(self, name: str) -> int:
        """The number of a channel in `source`; "before" is the founding base."""
        return SOURCE_BEFORE if name == "before" else self.channels.index(name)

    @cached_property
    def rfm(self) -> NDArray[np.int8]:
        """Recency, frequency and monetary scores, 1 (worst) to 5 (best fifth), of the last 52 weeks. Shape [n, 3]."""
        scores = [_fifths(-self.weeks_since_order), _fifths(self.orders_52), _fifths(self.spend_52)]
        return _read_only(np.stack(scores, axis=1).astype(np.int8))

    @property
    def recency_score(self) -> NDArray[np.int8]:
        """1 to 5: 5 for the fifth of customers who ordered last."""
        return self.rfm[:, 0]

    @property
    def frequency_score(self) -> NDArray[np.int8]:
        """1 to 5: 5 for the fifth with most orders in the last 52 weeks."""
        return self.rfm[:, 1]

    @property
    def monetary_score(self) -> NDArray[np.int8]:
        """1 to 5: 5 for the fifth who paid most in the last 52 weeks."""
        return self.rfm[:, 2]

    @cached_property
    def segment(self) -> NDArray[np.int8]:
        """Index into `target.SEGMENTS`.

        dormant: no order for 26 weeks. Else new: first order in the last 13 weeks and no other. Else high-value
        loyal: frequency and monetary scores of 4 or 5. Else nurture.
        """
        dormant = self.weeks_since_order >= SILENT_WEEKS
        new = (self.weeks_since_first_order < RECENT_WEEKS) & (self.orders == 1)
        loyal = (self.rfm[:, 1] >= 4) & (self.rfm[:, 2] >= 4)
        return _read_only(np.select([dormant, new, loyal], [3, 0, 1], default=2).astype(np.int8))

    def tag(self, name: str) -> NDArray[np.bool_]:
        """Who carries the tag of that name now. Shape [n]; nobody when it was never given."""
        if name not in self._tags:
            return np.zeros(self.n, np.bool_)
        return self._tags[name][self._rows] > self.week

    def fact(self, name: str) -> NDArray[Any]:
        """A recorded fact that a mechanism brings: one of its columns that the firm can see, as it is kept there.
        Shape [n]. Raises `LookupError` for a name that is none, hidden ones included."""
        if name not in self._facts:
            near = difflib.get_close_matches(name, self._facts, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self._facts)}"
            raise LookupError(f"{name!r} is no recorded fact of customers in this market; {hint}")
        return self._gather(name)

    def uniform(self, name: str) -> NDArray[np.float64]:
        """A uniform number in (0, 1) per customer, drawn by key under this name: the same every week, under every
        policy, and independent of all behaviour. For holdouts and bandits. Shape [n]."""
        return self._named_uniforms(name, self._rows)


def _fifths(values: NDArray) -> NDArray[np.int64]:
    """Score 1 to 5 by the share of customers with a lower value: ties share the lower score."""
    below = np.searchsorted(np.sort(values), values, side="left")
    return 1 + (5 * below) // max(values.size, 1)
