"""Surveys of one market: who is invited, what it costs, who answers, and what."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import GONE
from crmlab.sim.draws import BEFORE_WEEK_0
from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import Setting, Week
from crmlab.sim.mechanisms.satisfaction.accounts import SURVEYS
from crmlab.sim.mechanisms.satisfaction.actions import Survey
from crmlab.sim.mechanisms.satisfaction.columns import SatisfactionColumns
from crmlab.sim.mechanisms.satisfaction.scales import Respondents
from crmlab.sim.play_actions import mask_of
from crmlab.sim.upkeep import AllUpkeep, PersonCosts, Upkeep

QUARTER = 13  # weeks whose answers make up a figure
SATISFIED, PROMOTER, DETRACTOR = 4, 9, 6  # the answers from which on, or up to which, somebody counts as such


class Wave(NamedTuple):
    """The invitations of a week: who got them, and what all of them cost, in minor units."""

    week: int
    rows: NDArray[np.int32]
    cost: int


@dataclass
class Surveys:
    """The surveys of one market through time."""

    setting: Setting
    respondents: Respondents
    waves: list[Wave] = field(default_factory=list)  # those that cost something
    weeks: int = 0  # that have been collected, from week 0 on
    csat: dict[int, tuple[float, float]] = field(default_factory=dict)  # by week: answers, and the satisfied ones
    _invited: dict[str, list[NDArray[np.int32]]] = field(default_factory=dict)  # of this week, by question

    def send(self, week: Week) -> None:
        """Invite this week's customers, and pay for it."""
        self._invited = {}
        for asked, survey in week.actions(Survey):
            rows = week.rows[mask_of(asked, "Survey.to", survey.to, week.view.n)]
            cost = round(rows.size * survey.cost * self.setting.minor)
            self._invited.setdefault(survey.question, []).append(rows)
            self.setting.ledger.post(week.number, SURVEYS, CASH, cost)
            if cost:
                self.waves.append(Wave(week.number, rows, cost))

    def collect(self, week: Week, columns: SatisfactionColumns) -> None:
        """Note the answers, as customers feel at the end of the week; whoever has left does not answer."""
        week.series["surveys_sent"] = sum(rows.size for rows in _all(self._invited.values()))
        for question, invited in self._invited.items():
            rows = invited[0] if len(invited) == 1 else np.unique(np.concatenate(invited))
            rows = rows[self.setting.customers.stage[rows] != GONE]
            answered = self._draw("answers", rows, week) < self.respondents.p_answer(self._z(columns, rows))
            rows = rows[answered]
            u = self._draw(question, rows, week)
            answers = self.respondents.answers(question, self._z(columns, rows), u)
            columns.get(question)[rows] = answers
            columns.survey_week[rows] = week.number
            figures = figures_of(question, answers)
            week.series |= figures
            if question == "csat":
                self.csat[week.number] = (figures["csat_answers"], figures["csat_satisfied"])
        self.weeks = week.number + 1

    @property
    def share_satisfied(self) -> float:
        """Share of satisfied among the answers of the quarter up to now; nan without answers."""
        recent = [found for week, found in self.csat.items() if week >= self.weeks - QUARTER]
        answers, satisfied = (sum(counts) for counts in zip(*recent, strict=True)) if recent else (0.0, 0.0)
        return satisfied / answers if answers else math.nan

    def _z(self, columns: SatisfactionColumns, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        return columns.satisfaction[rows].astype(np.float64) + columns.glow[rows]

    def _draw(self, what: str, rows: NDArray[np.int32], week: Week) -> NDArray[np.float64]:
        return self.setting.draw(f"satisfaction/{what}", rows, week.number % BEFORE_WEEK_0)

    def upkeep(self, weeks: int, n_orders: int) -> Upkeep | None:
        """What the invitations cost, by who got them."""
        n, minor = self.setting.customers.n, self.setting.minor
        parts = [
            PersonCosts(
                rows, np.broadcast_to(np.int32(week), rows.shape), np.broadcast_to(cost / rows.size, rows.shape),
                n, weeks, n_orders, minor,
            )
            for week, rows, cost in self.waves
        ]  # fmt: skip
        return AllUpkeep(parts, n, weeks, n_orders) if parts else None


def figures_of(question: str, answers: NDArray[np.int8]) -> dict[str, float]:
    """The weekly figures of the answers to a question."""
    if question == "csat":
        return {"csat_answers": answers.size, "csat_satisfied": float(np.count_nonzero(answers >= SATISFIED))}
    return {
        "nps_answers": answers.size,
        "nps_promoters": float(np.count_nonzero(answers >= PROMOTER)),
        "nps_detractors": float(np.count_nonzero(answers <= DETRACTOR)),
    }


def _all(parts: Iterable[list[NDArray[np.int32]]]) -> list[NDArray[np.int32]]:
    return [rows for part in parts for rows in part]
