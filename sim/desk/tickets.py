"""What a ticket is when it arrives, and what becomes of it.

Time runs in hours since the start of week 0 (Monday, 0:00), as float64: 3.5 is half past three on the first night, and
168 * w the start of week w. All waiting is by the clock, nights and weekends included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

WEEK_HOURS = 168
NOBODY = -1  # the clerk of a ticket that none has taken


class Tickets(NamedTuple):
    """Tickets as columns of shape [m], in the order in which they arrive."""

    arrival: NDArray[np.float64]  # hours since week 0
    customer: NDArray[np.int32]  # row of the market
    kind: NDArray[np.int16]  # what it is about: a number that the user of the desk gives a meaning
    medium: NDArray[np.int8]  # by mail, phone, chat: likewise
    priority: NDArray[np.int8]  # class, from 0: the lowest number is served first
    handling: NDArray[np.float64]  # hours of a clerk's work
    patience: NDArray[np.float64]  # hours until the customer gives up waiting; inf: never (mail)

    @classmethod
    def of(
        cls,
        arrival: ArrayLike,
        handling: ArrayLike,
        *,
        customer: ArrayLike = 0,
        kind: ArrayLike = 0,
        medium: ArrayLike = 0,
        priority: ArrayLike = 0,
        patience: ArrayLike = np.inf,
    ) -> Tickets:
        """Tickets from columns or single numbers, which then hold for all. ValueError: a number that its column cannot
        hold (a class of 128 or more)."""
        columns = (arrival, customer, kind, medium, priority, handling, patience)
        n = np.atleast_1d(np.asarray(arrival)).size
        found = []
        for name, column, dtype in zip(cls._fields, columns, _TYPES, strict=True):
            given = np.asarray(column)
            kept = given.astype(dtype)
            if dtype is not np.float64 and (kept != given).any():
                raise ValueError(f"{name} of a ticket is a whole number that {np.dtype(dtype).name} can hold")
            found.append(np.broadcast_to(kept, n).copy())
        return cls._make(found)

    def by_arrival(self) -> Tickets:
        """The same in the order of their arrival; those that arrive together stay in the order given."""
        order = np.argsort(self.arrival, kind="stable")
        return Tickets._make(column[order] for column in self)

    @property
    def n(self) -> int:
        return self.arrival.size


_TYPES = (np.float64, np.int32, np.int16, np.int8, np.int8, np.float64, np.float64)


def moments(week: int, share: ArrayLike) -> NDArray[np.float64]:
    """Hours since week 0 of moments given as shares of a week, all of them before its end. Shape of `share`."""
    end = float(WEEK_HOURS * (week + 1))
    return np.minimum(WEEK_HOURS * (week + np.asarray(share, np.float64)), np.nextafter(end, 0.0))


class TicketLog(NamedTuple):
    """Tickets with what became of them, in order of their numbers, which are those of arrival. Columns of shape [m].

    | | `first_reply` | `ended` | `clerk` |
    |---|---|---|---|
    | answered or in work | when a clerk took it | when the work on it ends | who |
    | abandoned | nan | when the customer gave up | `NOBODY` |
    | waiting | nan | nan | `NOBODY` |
    """

    number: NDArray[np.int64]  # from 0, over the life of the desk
    tickets: Tickets
    first_reply: NDArray[np.float64]
    ended: NDArray[np.float64]
    clerk: NDArray[np.int32]

    @classmethod
    def arrived(cls, number: NDArray[np.int64], tickets: Tickets) -> TicketLog:
        """Tickets with which nothing has happened yet."""
        n = tickets.n
        return cls(number, tickets, np.full(n, np.nan), np.full(n, np.nan), np.full(n, NOBODY, np.int32))

    def where(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> TicketLog:
        """A copy of some of the tickets."""
        return TicketLog(
            self.number[which],
            Tickets._make(column[which] for column in self.tickets),
            self.first_reply[which],
            self.ended[which],
            self.clerk[which],
        )

    @property
    def n(self) -> int:
        return self.number.size

    @property
    def is_taken(self) -> NDArray[np.bool_]:
        """Which tickets a clerk has taken. Shape [m]."""
        return self.clerk != NOBODY

    @property
    def is_abandoned(self) -> NDArray[np.bool_]:
        """Whose customers gave up. Shape [m]."""
        return ~self.is_taken & ~np.isnan(self.ended)

    @property
    def waited(self) -> NDArray[np.float64]:
        """Hours from arrival to first reply or to giving up; nan while a ticket waits. Shape [m]."""
        return np.where(self.is_taken, self.first_reply, self.ended) - self.tickets.arrival


def joined(logs: Sequence[TicketLog]) -> TicketLog:
    """Several logs as one, in the order of their tickets' numbers."""
    parts = [log for log in logs if log.n] or list(logs[:1])
    if not parts:
        return TicketLog.arrived(np.empty(0, np.int64), Tickets.of([], []))
    tickets = Tickets._make(np.concatenate(columns) for columns in zip(*(log.tickets for log in parts), strict=True))
    number, first_reply, ended = (
        np.concatenate([getattr(log, name) for log in parts]) for name in ("number", "first_reply", "ended")
    )
    whole = TicketLog(number, tickets, first_reply, ended, np.concatenate([log.clerk for log in parts]))
    return whole if (np.diff(number) > 0).all() else whole.where(np.argsort(number, kind="stable"))
