"""Leads who wait for a call, and the advisors who make it: the second use of the desk (`sim/desk/`).

A lead of a good grade is a ticket from the moment of becoming one. Advisors take the best score first, and within a
percent of it who came first. A lead who loses interest before anybody has called is struck off the list: that is the
patience of the ticket, `E_c / c` weeks, which no policy moves. So a desk without advisors, or one that never opens,
contacts nobody, and its leads cool off. Who has ordered in the mean time is called all the same: the call takes its
time and wins nobody.

A row of the market may stand for several real leads (`scale`), advisors never do. Calls are then as much longer as
there are fewer of them: load, wages and occupancy are right, the hours to first contact too long.
"""

from __future__ import annotations

from dataclasses import dataclass

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
        self.mean_hours = call_minutes / 60 * setting.scale
        self.desk: Desk | None = None
        self.waiting = 0
        self.totals = DeskTotals()

    def tickets(
        self, week: int, rows: NDArray[np.int32], at: Floats, to_cool: Floats, classes: NDArray[np.int8]
    ) -> Tickets:
        """The leads who are handed over this week. `at` [m] is when in it, `to_cool` [m] the clock of interest."""
        work = -np.log(self.setting.draw("advisors/call", rows)) * self.mean_hours
        patience = to_cool * self.setting.world.acquisition.lead_weeks * WEEK_HOURS
        return Tickets.of(moments(week, at), work, customer=rows, priority=classes, patience=patience).by_arrival()

    def run_week(self, week: int, tickets: Tickets, plan: LeadFollowUp) -> tuple[TicketLog, float]:
        """Work one week under a plan: the tickets that came to an end, and the hours to be paid for."""
        on_duty = opening_hours(plan.advisors, plan.opens, plan.closes, plan.days)
        worked = self._opened(week).run_week(tickets, on_duty)
        log, totals = worked.finished, self.totals
        duty, overtime = float(on_duty.sum()), overtime_hours(worked)
        called = log.is_taken
        totals.handed_over += tickets.n
        totals.contacted += int(called.sum())
        totals.within_hour += int((log.waited[called] <= 1.0).sum())
        totals.hours_on_duty += duty
        totals.hours_at_work += occupancy([worked]) * duty if duty else 0.0
        totals.hours_overtime += overtime
        self.waiting = worked.waiting
        return log, duty + overtime

    def _opened(self, week: int) -> Desk:
        """The desk, which begins in week 0 and has stood empty until now."""
        if self.desk is None:
            self.desk = new_desk("auto", self.setting.customers.n)
            shut = opening_hours(0)
            while self.desk.week < week:
                self.desk.run_week(Tickets.of([], []), shut)
        return self.desk
