"""A service desk week by week: tickets in, outcomes out, and what is unfinished is carried over.

The rules, which both desks keep to the last bit:

- A free clerk takes the waiting ticket of the lowest class, and within a class the one that came first. Of several free
  clerks the one with the lowest number takes it. A ticket in work is never interrupted.
- The first reply is the moment in which a clerk takes the ticket; the ticket is resolved when the work on it ends: one
  contact, one clerk. What other departments need beyond is no work of the desk.
- Nobody takes a ticket while as many clerks are at work as the plan has on duty. When a shift ends, whoever has a
  ticket in work finishes it (overtime), and none is taken until fewer are at work than are on duty.
- Who has waited as long as his patience gives up, whether the desk is open or not.
- At one and the same moment the hour changes first, then work ends (the lower clerk first), then tickets arrive (the
  lower number first), and then patience ends: who is taken in the last moment is answered.

A desk without clerks, or one that never opens, is a desk on which the backlog grows and the impatient give up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlab.sim.desk.staffing import Plan, checked_plan
from crmlab.sim.desk.tickets import WEEK_HOURS, TicketLog, Tickets, joined


class DeskWeek(NamedTuple):
    """One week of a desk. Every ticket is somewhere: what was unfinished before and what arrived is now finished or
    unfinished."""

    week: int
    plan: Plan  # clerks on duty by hour [168]
    arrived: int  # tickets of this week
    finished: TicketLog  # answered or abandoned before the end of the week
    unfinished: TicketLog  # waiting or in work at its end; of those in work the end is known already

    @property
    def answered(self) -> int:
        return int(self.finished.is_taken.sum())

    @property
    def abandoned(self) -> int:
        return self.finished.n - self.answered

    @property
    def in_work(self) -> int:
        return int(self.unfinished.is_taken.sum())

    @property
    def waiting(self) -> int:
        return self.unfinished.n - self.in_work


class Desk(ABC):
    """A desk that keeps the rules at the top of this file. `week` is the week that it will work next."""

    name: str

    def __init__(self) -> None:
        self.week = 0
        self.n_tickets = 0
        self._unfinished = joined(())

    def run_week(self, tickets: Tickets, plan: ArrayLike) -> DeskWeek:
        """Work one week. `tickets` arrive in it, in this order; `plan` [168] is who is on duty.

        ValueError: arrivals out of order or outside the week, negative or endless work, a plan that is none.
        """
        on_duty = checked_plan(plan)
        begin = float(WEEK_HOURS * self.week)
        _check(tickets, begin, self.week)
        number = np.arange(self.n_tickets, self.n_tickets + tickets.n)
        log = joined((self._unfinished, TicketLog.arrived(number, tickets)))
        self._work(log, self._unfinished.n, on_duty, begin)
        is_finished = log.ended < begin + WEEK_HOURS
        self._unfinished = log.where(~is_finished)
        worked = DeskWeek(self.week, on_duty, tickets.n, log.where(is_finished), self._unfinished)
        self.week += 1
        self.n_tickets += tickets.n
        return worked

    @abstractmethod
    def _work(self, log: TicketLog, n_old: int, on_duty: NDArray[np.int64], begin: float) -> None:
        """Write what happens from `begin` on, for a week, into `first_reply`, `ended` and `clerk` of the log. The
        first `n_old` tickets were there before."""


def _check(tickets: Tickets, begin: float, week: int) -> None:
    arrival, handling = tickets.arrival, tickets.handling
    if len({column.size for column in tickets}) > 1:
        raise ValueError("the columns of the tickets differ in length")
    if not arrival.size:
        return
    if not (arrival[1:] >= arrival[:-1]).all() or not arrival[0] >= begin or not arrival[-1] < begin + WEEK_HOURS:
        raise ValueError(
            f"tickets of week {week} arrive in order of time from hour {begin:.0f} to before hour "
            f"{begin + WEEK_HOURS:.0f}; these do not"
        )
    if not (handling >= 0).all() or np.isinf(handling).any():
        raise ValueError("the handling time of a ticket is a number of hours, 0 or more")
    if not (tickets.patience >= 0).all():
        raise ValueError("the patience of a customer is a number of hours, 0 or more, or inf")
    if tickets.priority.min() < 0:
        raise ValueError("priority classes count from 0")
