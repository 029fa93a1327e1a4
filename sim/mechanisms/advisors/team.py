"""The advisors of a market: leads are graded and followed up, key accounts are kept in touch with.

    settle   how many advisors, for which grades, and who is a key account: terms of the week
    affect   leads who were called or nurtured, and key accounts who were met twice in the last 52 weeks
    mark     the leads of the week get their score and grade
    close    the desk works the week, contacts are made, wages are paid

What happens in a week acts from the next one on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import CUSTOMER, LEAD
from crmlab.sim.desk.tickets import Tickets
from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.advisors.accounts import IDLE_ADVISORS, KEY_ADVISORS, LEAD_ADVISORS, NURTURE
from crmlab.sim.mechanisms.advisors.actions import KeyAccounts, LeadFollowUp
from crmlab.sim.mechanisms.advisors.columns import AdvisorColumns
from crmlab.sim.mechanisms.advisors.key_accounts import NOBODY, KeyAccountBook, Rows
from crmlab.sim.mechanisms.advisors.lead_desk import NOBODY_ON_DUTY, LeadDesk
from crmlab.sim.mechanisms.advisors.rules import odds_factor
from crmlab.sim.mechanisms.advisors.scores import GRADES, GradeBook, clocks_of, scores_of
from crmlab.sim.orders import YEAR, Orders
from crmlab.sim.upkeep import Upkeep

BY_GRADE = tuple(f"leads_{grade.lower()}" for grade in GRADES)
NO_TICKETS = Tickets.of([], [])


class AdvisorTeam(Mechanism):
    """The advisors of one market."""

    name = "advisors"
    settles = (LeadFollowUp, KeyAccounts)
    series = (*BY_GRADE, "leads_contacted", "leads_waiting", "leads_cooled", "key_contacts")
    accounts = (LEAD_ADVISORS, NURTURE, KEY_ADVISORS, IDLE_ADVISORS)
    columns: AdvisorColumns

    def __init__(self, setting: Setting, numbers: Any) -> None:
        super().__init__(setting, numbers)
        self.columns = AdvisorColumns.empty(setting.customers.n)
        self.p_convert = np.array([channel.p_convert for channel in setting.world.channels])
        self.grade_book = GradeBook.of(setting, numbers.score_quality)
        self.lead_desk = LeadDesk(setting, numbers.call_minutes)
        self.key_accounts = KeyAccountBook(setting, numbers.wage)
        self.plan: LeadFollowUp | None = None
        self.named: list[tuple[KeyAccounts, Rows]] = []
        self.tickets = NO_TICKETS
        self.moved: Rows = NOBODY  # leads for whom something was done
        self.met: Rows = NOBODY  # who ever was met as a key account

    def settle(self, week: Week) -> None:
        self.plan = None
        for _, plan in week.actions(LeadFollowUp):
            self.plan = plan
        self.named = self.key_accounts.settle(week)

    def affect(self, week: Week) -> None:
        stage = self.setting.customers.stage
        self.moved = self.moved[stage[self.moved] == LEAD]
        if self.moved.size:
            week.effect("log_rate")[self.moved] += self.columns.lead_effect[self.moved]
        kept = self.met[self._is_kept(week.number, self.met)]
        if kept.size:
            week.effect("departure")[kept] *= 1 - (1 - self.params.key_departure) * self.columns.contact_depth[
                kept
            ].astype(float)

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        for person in agents:
            row = person.row
            if person.stage == LEAD and self.columns.lead_effect[row] != 0:
                week.effect("log_rate")[row] += float(self.columns.lead_effect[row])
            if person.stage == CUSTOMER and self.columns.contact_before[row] >= week.number - YEAR:
                depth = float(self.columns.contact_depth[row])
                week.effect("departure")[row] *= 1 - (1 - self.params.key_departure) * depth

    def _is_kept(self, week: int, rows: Rows) -> NDArray[np.bool_]:
        """Which of some rows are customers with two contacts in the last 52 weeks."""
        recent: NDArray[np.bool_] = self.columns.contact_before[rows] >= week - YEAR
        return recent & (self.setting.customers.stage[rows] == CUSTOMER)

    def mark(self, week: Week) -> None:
        rows, at, source = (np.concatenate(part) for part in zip(*week.entries, strict=True)) if week.entries else (
            NOBODY, np.empty(0), np.empty(0, np.int8)
        )  # fmt: skip
        ours = np.flatnonzero(source < self.p_convert.size)  # whom a friend has won orders at once
        ours = ours[np.argsort(rows[ours], kind="stable")]
        self._grade(week, rows[ours].astype(np.int32), at[ours].astype(np.float64), source[ours].astype(np.intp))

    def _grade(self, week: Week, rows: Rows, at: NDArray[np.float64], source: NDArray[np.intp]) -> None:
        """Score and grade the leads of the week, and hand over those who are to be called."""
        own, clocks = self.columns, clocks_of(self.setting, rows)
        noise = self.setting.draw("advisors/score", rows)
        score = scores_of(clocks.bar, noise, self.p_convert[source], self.params.score_quality, self.params.depth)
        grade = self.grade_book.grades(score)
        own.lead_score[rows], own.lead_grade[rows], own.lead_week[rows] = score, grade, week.number
        counts = np.bincount(grade, minlength=len(GRADES) + 1)
        week.series |= {name: float(counts[n + 1]) for n, name in enumerate(BY_GRADE)}
        self.tickets = NO_TICKETS
        if self.plan is not None:
            called = grade <= self.plan.grades
            self.tickets = self.lead_desk.tickets(
                week.number, rows[called], at[called], clocks.to_cool[called], self.grade_book.classes(score[called])
            )
            if self.plan.nurture:
                self._nurture(week, rows[~called])

    def _nurture(self, week: Week, rows: Rows) -> None:
        self._move(rows, np.full(rows.size, math.log1p(self.params.nurture_uplift)))
        each = round(self.params.nurture_cost * self.setting.minor)
        self.setting.ledger.post(week.number, NURTURE, CASH, each * rows.size)

    def _move(self, rows: Rows, log_hazard: NDArray[np.float64]) -> None:
        """Let follow-up change the hazard of some leads' first order, from next week on."""
        self.columns.lead_effect[rows] = log_hazard
        self.moved = np.union1d(self.moved, rows).astype(np.int32)

    def close(self, week: Week) -> None:
        if self.plan is not None or self.lead_desk.desk is not None:
            self._call(week)
        met = 0
        for action, rows in self.named:
            contacts = self.key_accounts.contact(week.number, action, rows)
            self.key_accounts.pay(week.number, contacts)
            self.columns.contact_before[contacts.rows] = self.columns.contact_last[contacts.rows]
            self.columns.contact_last[contacts.rows] = week.number
            self.columns.contact_depth[contacts.rows] = min(1.0, action.minutes / self.params.contact_minutes)
            self.met = np.union1d(self.met, contacts.rows).astype(np.int32)
            met += contacts.rows.size
        week.series["key_contacts"] = float(met)

    def _call(self, week: Week) -> None:
        """Let the advisors work a week of calls."""
        log, hours = self.lead_desk.run_week(week.number, self.tickets, self.plan or NOBODY_ON_DUTY)
        called, number = log.is_taken, self.params
        factor = odds_factor(log.waited[called], number.uplift, number.response_slope, number.prompt_hours)
        self._move(log.tickets.customer[called], np.log(factor))
        wages = hours * number.wage / self.setting.scale
        self.setting.ledger.post(week.number, LEAD_ADVISORS, CASH, round(wages * self.setting.minor))
        week.series |= {
            "leads_contacted": float(called.sum()),
            "leads_cooled": float(log.is_abandoned.sum()),
            "leads_waiting": self.lead_desk.waiting,
        }

    def upkeep(self, weeks: int, week: NDArray[np.int32], orders: Orders) -> Upkeep | None:
        return self.key_accounts.upkeep(weeks, orders)
