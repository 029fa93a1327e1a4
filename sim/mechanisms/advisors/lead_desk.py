"""Leads who wait for a call, and the advisors who make it: the second use of the desk (`sim/desk/`).

A lead of a good grade is a ticket from the moment of becoming one. Advisors take the best score first, and within a
percent of it who came first. A lead who loses interest before anybody has called is struck off the list: that is the
patience of the ticket, `E_c / c` weeks, which no policy moves. So a desk without advisors, or one that never opens,
contacts nobody, and its leads cool off. Who has ordered in the mean time is called all the same: the call takes its
time and wins nobody.

A row of the market may stand for several real leads (`scale`), advisors never do. Those for whom it stands wait beside
it at moments of their own (stand-ins), so that load, hours and wages are those of the real market; what is counted are
the rows. Where there are more rows than leads, each call takes as much less time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.desk.choice import new_desk
from crmlab.sim.desk.desk import Desk
from crmlab.sim.desk.figures import occupancy, overtime_hours
from crmlab.sim.desk.staffing import opening_hours
from crmlab.sim.desk.tickets import WEEK_HOURS, TicketLog, Tickets, moments
from crmlab.sim.mechanism import Setting
from crmlab.sim.mechanisms.advisors.actions import LeadFollowUp

Floats = NDArray[np.float64]
STAND_IN = -1
NOBODY_ON_DUTY = LeadFollowUp(advisors=0)


@dataclass
class DeskTotals:
    """Counts and hours of the run so far, in rows and hours of advisors."""

    handed_over: int = 0
    contacted: int = 0
    within_hour: int = 0
    hours_on_duty: float = 0.0
    hours_at_work: float = 0.0  # within the hours on duty
    hours_overtime: float = 0.0


class LeadDesk:
    """The advisors of one market who call leads. It is staffed in the first week in which a strategy asks for it."""

    def __init__(self, setting: Setting, call_minutes: float) -> None:
        self.setting = setting
        self.mean_hours = call_minutes / 60 * min(1.0, setting.scale)
        self.desk: Desk | None = None
        self.waiting = 0.0
        self.totals = DeskTotals()

    def tickets(
        self, week: int, rows: NDArray[np.int32], at: Floats, to_cool: Floats, classes: NDArray[np.int8]
    ) -> Tickets:
        """The leads who are handed over this week. `at` [m] is when in it, `to_cool` [m] the clock of interest."""
        own = (rows, at, to_cool, classes, self.setting.draw("advisors/call", rows))
        parts = [own, *self._stand_ins(rows, classes)]
        who, when, cool, place, call = (np.concatenate(column) for column in zip(*parts, strict=True))
        patience = cool * self.setting.world.acquisition.lead_weeks * WEEK_HOURS
        work = -np.log(call) * self.mean_hours
        return Tickets.of(moments(week, when), work, customer=who, priority=place, patience=patience).by_arrival()

    def _stand_ins(self, rows: NDArray[np.int32], classes: NDArray[np.int8]) -> list[tuple[NDArray[Any], ...]]:
        """The other leads for whom each row stands, as many as `scale` says in the mean, of the same score: who
        (`STAND_IN`), when in the week, clock of interest, class, and luck of the call."""
        others, draw = self.setting.scale - 1, self.setting.draw
        found: list[tuple[NDArray[Any], ...]] = []
        for copy in range(1, math.ceil(others) + 1):
            there = draw(f"advisors/exists/{copy}", rows) < others - (copy - 1)
            some = rows[there]
            at, cool, call = (draw(f"advisors/{what}/{copy}", some) for what in ("at", "cool", "call"))
            found.append((np.full(some.size, STAND_IN, np.int32), at, -np.log(cool), classes[there], call))
        return found

    def run_week(self, week: int, tickets: Tickets, plan: LeadFollowUp) -> tuple[TicketLog, float]:
        """Work one week under a plan: the tickets that came to an end, and the hours to be paid for."""
        on_duty = opening_hours(plan.advisors, plan.opens, plan.closes, plan.days)
        worked = self._opened(week).run_week(tickets, on_duty)
        log, totals = worked.finished.where(worked.finished.tickets.customer != STAND_IN), self.totals
        duty, overtime = float(on_duty.sum()), overtime_hours(worked)
        called = log.is_taken
        totals.handed_over += int((tickets.customer != STAND_IN).sum())
        totals.contacted += int(called.sum())
        totals.within_hour += int((log.waited[called] <= 1.0).sum())
        totals.hours_on_duty += duty
        totals.hours_at_work += occupancy([worked]) * duty if duty else 0.0
        totals.hours_overtime += overtime
        self.waiting = worked.waiting / max(1.0, self.setting.scale)
        return log, duty + overtime

    def _opened(self, week: int) -> Desk:
        """The desk, which begins in week 0 and has stood empty until now."""
        if self.desk is None:
            self.desk = new_desk("auto", round(self.setting.customers.n * self.setting.scale))
            shut = opening_hours(0)
            while self.desk.week < week:
                self.desk.run_week(Tickets.of([], []), shut)
        return self.desk
