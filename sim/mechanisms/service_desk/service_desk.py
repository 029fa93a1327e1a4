"""The service desk of one market through time: tickets in, answers out, wages, and what waiting does to people.

What customers want to know is asked here (`questions.py`); what others ask for them (complaints) comes as requests of
the week. A request becomes a ticket (`intake.py`), the desk works it (`sim/desk/`), and when it ends everybody hears of
it a week later: whoever asked (`Answers`), and satisfaction (`Experiences`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.sim.desk.choice import new_desk
from crmlab.sim.desk.desk import DeskWeek
from crmlab.sim.desk.figures import overtime_hours
from crmlab.sim.desk.staffing import opening_hours
from crmlab.sim.desk.tickets import TicketLog
from crmlab.sim.encounters import Answers, Experiences
from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.service_desk.accounts import ACCOUNTS, DESK_HIRING, DESK_WAGES, SELF_SERVICE
from crmlab.sim.mechanisms.service_desk.actions import SelfService, ServicePriority, Staffing
from crmlab.sim.mechanisms.service_desk.intake import MAIL, QUESTIONS, STAND_IN, Intake
from crmlab.sim.mechanisms.service_desk.numbers import DeskNumbers
from crmlab.sim.mechanisms.service_desk.questions import Questions
from crmlab.sim.mechanisms.service_desk.record import DeskRecord


class Service(Mechanism):
    """The desk of one market. Tickets, clerks and hours are those of the real market, whatever its rows stand for."""

    name = "service_desk"
    settles = (Staffing, ServicePriority, SelfService)
    series = ("requests", "deflected", "answered", "abandoned", "waiting", "desk_work_hours", "desk_open_hours")
    accounts = ACCOUNTS

    def __init__(self, setting: Setting, numbers: DeskNumbers) -> None:
        super().__init__(setting, numbers)
        if setting.scale < 1:
            raise ValueError(
                f"a market with a service desk needs whole people: {setting.world.population.customers} rows for fewer "
                "customers are too many"
            )
        p = numbers
        self.questions = Questions(setting, p.questions_per_order, p.questions_per_year)
        self.intake = Intake(setting, p)
        self.desk = new_desk("auto", setting.customers.n)
        self.record = DeskRecord()
        self.staffing = self.today = Staffing(p.clerks, p.opens, p.closes, p.days)
        self.first: NDArray[np.bool_] | None = None
        self.self_service = 0.0
        self._hired = p.clerks
        self._measured = np.zeros(2)  # tickets answered so far, and the hours of work on them
        self._numbers = np.empty(
            (2, 0), np.int64
        )  # of tickets not yet ended: number at the desk, number of the request

    def settle(self, week: Week) -> None:
        self.staffing, self.first, self.self_service = self.today, None, 0.0
        for _, action in week.actions(Staffing):
            self.staffing = action
        for asked, priority in week.actions(ServicePriority):
            first = np.broadcast_to(priority.first, week.rows.size)
            if asked.reached is not None:
                first = first & asked.reached
            if self.first is None:
                self.first = np.zeros(week.n, np.bool_)
            self.first[week.rows[first]] = True
        for _, spending in week.actions(SelfService):
            self.self_service += spending.spend

    def mark(self, week: Week) -> None:
        week.requests += self.questions.of_week(week)

    def close(self, week: Week) -> None:
        plan = opening_hours(self.staffing.clerks, self.staffing.opens, self.staffing.closes, self.staffing.days)
        arrivals = self.intake.tickets(week.number, week.requests, self.deflection, self.first, plan)
        tickets = arrivals.tickets
        begin = self.desk.n_tickets
        worked = self.desk.run_week(tickets, plan)
        new = np.stack([np.arange(begin, begin + tickets.n), arrivals.number.astype(np.int64)])
        self._numbers = np.concatenate([self._numbers, new], axis=1)
        self.record.add(worked, tickets.arrival, tickets.handling)
        self._tell(week, worked.finished)
        self._pay(week.number, worked)
        self._note(week, worked, tickets.n, arrivals.deflected)

    @property
    def deflection(self) -> float:
        """Share of questions that self-service answers at what is spent on it: half of the most at `deflection_half`,
        and less and less for more."""
        p, spend = self.params, self.self_service
        return float(p.deflection_max * spend / (spend + p.deflection_half))

    def _tell(self, week: Week, log: TicketLog) -> None:
        """Tell what became of the requests that have ended: to whoever made them, and as an experience."""
        place = np.searchsorted(self._numbers[0], log.number)
        number = self._numbers[1][place]
        self._numbers = np.delete(self._numbers, place, axis=1)
        own = number != STAND_IN
        log, number = log.where(own), number[own].astype(np.int32)
        row, took = log.tickets.customer, log.ended - log.tickets.arrival
        for kind in np.unique(log.tickets.kind):
            k = log.tickets.kind == kind
            week.told.answers.append(
                Answers(self.intake.kinds[kind], row[k], number[k], log.is_abandoned[k], log.waited[k], took[k])
            )
        if log.n:
            week.told.experiences.append(Experiences("service", row, self.quality(log)))

    def quality(self, log: TicketLog) -> NDArray[np.float64]:
        """How good the service was that each of these tickets met with, in standard deviations of satisfaction against
        the usual: 0 for the wait to which customers are used. Whoever complains is not delighted by a fast answer: what
        that is worth to them is for those to say who know what went wrong. Shape [m]."""
        p, written = self.params, log.tickets.medium == MAIL
        usual = np.where(written, p.usual_mail_hours, p.usual_call_minutes / 60)
        unit = np.where(written, p.expected_mail_hours, p.expected_call_minutes / 60)
        better: NDArray[np.float64] = p.wait_slope * (np.log1p(usual / unit) - np.log1p(log.waited / unit))
        better -= p.given_up * log.is_abandoned
        return np.where(log.tickets.kind < len(QUESTIONS), better, np.minimum(better, 0.0))

    def _pay(self, week: int, worked: DeskWeek) -> None:
        """Wages for hours on duty and overtime, further clerks, and self-service; books are in rows."""
        p, staffing, per_row = self.params, self.staffing, self.setting.minor / self.setting.scale
        hours = float(worked.plan.sum()) + p.overtime_pay * overtime_hours(worked)
        further = max(0, staffing.clerks - self._hired)
        self._hired = staffing.clerks
        for account, amount in (
            (DESK_WAGES, hours * p.wage), (DESK_HIRING, further * p.hiring), (SELF_SERVICE, self.self_service),
        ):  # fmt: skip
            self.setting.ledger.post(week, account, CASH, round(amount * per_row))

    def tables(self) -> dict[str, pd.DataFrame]:
        return {"desk_hours": self.record.hours_table(), "desk_waits": self.record.waits_table(self.params.limit_hours)}

    def _note(self, week: Week, worked: DeskWeek, arrived: int, deflected: int) -> None:
        """The weekly series: what the firm can count and measure, of the real market."""
        answered, scale = worked.finished.is_taken, self.setting.scale
        self._measured += answered.sum(), worked.finished.tickets.handling[answered].sum()
        n, hours = self._measured
        mean_hours = hours / n if n else self.params.question_minutes / 60
        week.series["requests"] = arrived / scale + deflected
        week.series["deflected"] = float(deflected)
        week.series["answered"] = worked.answered / scale
        week.series["abandoned"] = worked.abandoned / scale
        week.series["waiting"] = worked.waiting / scale
        week.series["desk_work_hours"] = arrived * mean_hours / scale
        week.series["desk_open_hours"] = float((worked.plan > 0).sum()) / scale
