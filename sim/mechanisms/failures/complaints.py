"""Complaints from the failure to their end: some weeks pass until somebody complains, and more until it is answered."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SILENT, UNRESOLVED, RESOLVED, FAST = 0, 1, 2, 3
OUTCOMES = ("silent", "unresolved", "resolved", "fast")


class Complaints(NamedTuple):
    """Failures of which somebody complains, or will, as columns [m]. Who it is, of what kind, at which order; when it
    is due in weeks since week 0; how bad it was, and in which week."""

    row: NDArray[np.int32]
    kind: NDArray[np.int8]
    number: NDArray[np.int32]
    due: NDArray[np.float64]
    severity: NDArray[np.float64]
    failed: NDArray[np.int32]
    again: NDArray[np.bool_]  # whether it follows on another one within weeks; known when it is made

    @classmethod
    def none(cls) -> Complaints:
        """No complaints."""
        types = (np.int32, np.int8, np.int32, np.float64, np.float64, np.int32, np.bool_)
        return cls._make(np.empty(0, dtype) for dtype in types)

    def where(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Complaints:
        """Some of them."""
        return Complaints._make(column[which] for column in self)

    def and_those(self, others: Complaints) -> Complaints:
        """These and others after them."""
        columns: list[tuple[Any, Any]] = list(zip(self, others, strict=True))
        return Complaints._make(np.concatenate(column) for column in columns)

    @property
    def n(self) -> int:
        return self.row.size

    @property
    def keys(self) -> NDArray[np.int64]:
        """Row and order as one number: unique within a kind. Shape [m]."""
        return key_of_request(self.row, self.number)


class Closed(NamedTuple):
    """How complaints have ended: whose, how (`OUTCOMES`), and in which week [m]."""

    row: NDArray[np.int32]
    outcome: NDArray[np.int8]
    week: NDArray[np.int32]


def key_of_request(row: NDArray[np.int32], number: NDArray[np.int32]) -> NDArray[np.int64]:
    """Row and number of requests as one number. Shape [m]."""
    return row.astype(np.int64) << 32 | number.astype(np.int64)
