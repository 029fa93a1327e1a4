"""Satisfaction of one market's customers, week by week.

Each person has a level of their own, drawn once, N(0, 1) over people. Their satisfaction z returns to it (half of what
lies off it is gone after `half_life_weeks`) and is moved by what they met with in the week before:

    z <- z + w q      after each experience of quality q; q counts `asymmetry` times where it is negative

with w = `weight` in the first year of a customer and `weight * weight_later` afterwards. A recovery gives back its
share of what a bad experience has left, which brings nobody further than no failure would have; the glow that a good
one leaves beyond that is felt and said, and acted on only as far as the recovery says. z acts on customers as

    departure  x exp(-departure z - departure^2 / 2)
    log orders + ordering z - ordering^2 / 2

and in the same way on how ready they are to invite, to accept and to complain. People at their usual level leave, order
and recommend as the world says, in the mean over them; which of them do is what is new.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.satisfaction.accounts import SURVEYS
from crmlab.sim.mechanisms.satisfaction.actions import Survey
from crmlab.sim.mechanisms.satisfaction.columns import SatisfactionColumns
from crmlab.sim.mechanisms.satisfaction.rules import (
    add_effect,
    add_for_whoever_ordered,
    after_a_week,
    after_experience,
    faded,
    forget,
    given_back,
    log_effect,
    meet,
    multiply_effect,
    recover,
    weight_of,
)
from crmlab.sim.mechanisms.satisfaction.scales import Respondents
from crmlab.sim.mechanisms.satisfaction.surveys import Surveys
from crmlab.sim.orders import Orders
from crmlab.sim.upkeep import Upkeep

FIRST_CUT = 2  # of csat: below it are three boxes, above it the top two


class CustomerSatisfaction(Mechanism):
    """How satisfied the customers of one market are, and what they say when they are asked."""

    name = "satisfaction"
    settles = (Survey,)
    series = ("surveys_sent", "csat_answers", "csat_satisfied", "nps_answers", "nps_promoters", "nps_detractors")
    accounts = (SURVEYS,)
    weeks_before = True  # surveys of today's policy have been answered before week 0 as well
    columns: SatisfactionColumns

    def __init__(self, setting: Setting, numbers: Any) -> None:
        super().__init__(setting, numbers)
        everybody = np.arange(setting.customers.n, dtype=np.int32)
        self.columns = SatisfactionColumns.empty(everybody.size)
        self.columns.usual_satisfaction[:] = ndtri(setting.draw("satisfaction/level", everybody))
        self.columns.satisfaction[:] = self.columns.usual_satisfaction
        self.log_kept = -math.log(2) / numbers.half_life_weeks
        self.kept = math.exp(self.log_kept)
        self.weights = (float(numbers.weight), float(numbers.weight * numbers.weight_later))
        self.surveys = Surveys(setting, Respondents.of(numbers))
        self._at_first = self._said_at_first = math.nan

    @property
    def satisfied_from(self) -> float:
        """The satisfaction from which on the top two boxes are ticked, but for noise."""
        return float(self.surveys.respondents.cuts["csat"][FIRST_CUT])

    def inherit(self, before: Mechanism) -> None:
        """The founding customers as they feel, and what they have answered, by week 0."""
        assert isinstance(before, CustomerSatisfaction)
        for name in before.columns.names():
            known = before.columns.get(name)
            self.columns.get(name)[: known.size] = known
        self.surveys.csat |= before.surveys.csat

    @property
    def share_satisfied(self) -> float:
        """True share of customers who feel satisfied now; nan where there are none."""
        felt = self.columns.satisfaction + self.columns.glow
        felt = felt[self.setting.customers.stage == CUSTOMER]
        return float((felt >= self.satisfied_from).mean()) if felt.size else math.nan

    def settle(self, week: Week) -> None:
        if week.number == 0:
            self._at_first, self._said_at_first = self.share_satisfied, self.surveys.share_satisfied
        self.surveys.send(week)

    def affect(self, week: Week) -> None:
        people, own = self.setting.customers, self.columns
        forget(own.satisfaction, own.usual_satisfaction, own.glow, self.kept)
        for _, rows, quality in week.heard.experiences:
            meet(
                own.satisfaction, people.orders, people.first_order, rows,
                quality.astype(np.float64), week.number, *self.weights, float(self.params.asymmetry),
            )  # fmt: skip
        for heard in week.heard.recoveries:
            recover(
                own.satisfaction, own.glow, people.orders, people.first_order, heard,
                week.number, self.log_kept, *self.weights, float(self.params.asymmetry),
            )  # fmt: skip
        if week.number >= 0:  # before week 0 the orders are what they were
            for slope, effect in self._added(week):
                add_effect(effect, own.satisfaction, people.stage, slope)
            if self.params.departure:
                departure = week.effect("departure")
                multiply_effect(departure, own.satisfaction, people.stage, -float(self.params.departure))
            if self.params.recommending:
                accept, slope = week.ready("accept"), float(self.params.recommending)
                add_for_whoever_ordered(accept, own.satisfaction, people.orders, slope)

    def _added(self, week: Week) -> list[tuple[float, NDArray[np.float64]]]:
        """What satisfaction moves on the log scale: the slopes that are not zero, and what they act on."""
        numbers, added = self.params, []
        if numbers.ordering:
            added.append((float(numbers.ordering), week.effect("log_rate")))
        if numbers.recommending:
            added.append((float(numbers.recommending), week.ready("invite")))
        if numbers.complaining:
            added.append((-float(numbers.complaining), week.ready("complain")))
        return added

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        usual, z, glow = self.columns.usual_satisfaction, self.columns.satisfaction, self.columns.glow
        for person in agents:
            z[person.row] = after_a_week(float(z[person.row]), float(usual[person.row]), self.kept)
            glow[person.row] = faded(float(glow[person.row]), self.kept)
        asymmetry = float(self.params.asymmetry)
        for _, rows, quality in week.heard.experiences:
            for row, felt in zip(rows, quality, strict=True):
                share = weight_for(agents[row], week.number, self.weights)
                z[row] = after_experience(float(z[row]), felt, share, asymmetry)
        for heard in week.heard.recoveries:
            for row, loss, weeks, share, felt in zip(*heard[:5], strict=True):
                weight = weight_for(agents[row], week.number - float(weeks), self.weights)
                back = given_back(loss, float(weeks), share, self.log_kept, weight, asymmetry)
                z[row] = float(z[row]) + back + heard.acted_on * felt
                glow[row] = max(float(glow[row]), (1.0 - heard.acted_on) * felt)
        for person in agents:
            self._move(person, float(z[person.row]), week)

    def _move(self, person: CustomerAgent, z: float, week: Week) -> None:
        row, numbers = person.row, self.params
        if person.stage == CUSTOMER:
            for slope, effect in self._added(week):
                effect[row] += log_effect(z, slope)
            if numbers.departure:
                week.effect("departure")[row] *= math.exp(log_effect(z, -float(numbers.departure)))
        if person.orders and numbers.recommending:
            week.ready("accept")[row] += log_effect(z, float(numbers.recommending))

    def close(self, week: Week) -> None:
        self.surveys.collect(week, self.columns)

    def upkeep(self, weeks: int, week: NDArray[np.int32], orders: Orders) -> Upkeep | None:
        return self.surveys.upkeep(weeks, orders.n)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Share of customers who are satisfied as the run began and as it ended: in truth, and by surveys."""
        true = [("week 0", self._at_first), ("end", self.share_satisfied)]
        said = [("week 0", self._said_at_first), ("end", self.surveys.share_satisfied)]
        named = {"satisfied": true, "surveyed": said}
        return {name: pd.DataFrame(rows, columns=["when", "value"]) for name, rows in named.items()}


def weight_for(person: CustomerAgent, week: float, weights: tuple[float, float]) -> float:
    """How much an experience of that week weighs for somebody; who has not ordered yet is new."""
    weeks = week - float(person.first_order) if person.orders else 0.0
    return float(weight_of(weeks, *weights))
