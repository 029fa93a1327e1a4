"""Begin a search where a past one ended: what that run found best is tried first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import pandas as pd

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.questions.tune.candidates import can_win, records
from crmlab.experiments.questions.tune.question import Tune


class PastRun(Protocol):
    """A finished run, as far as a new search asks it."""

    @property
    def run_id(self) -> str: ...

    @property
    def tables(self) -> list[str]: ...

    def table(self, name: str) -> pd.DataFrame: ...

    def json(self, name: str) -> Any: ...


def warm_started(experiment: Experiment, run: PastRun) -> Experiment:
    """The experiment with the best candidates of a past run as the first ones of its search, at most one batch.

    A lever that the past run did not have, or had outside today's range, is left to the sampler. Raises `UserError`
    when it was no tuning, nobody could win it, or no lever fits.
    """
    search = experiment.question
    assert isinstance(search, Tune)
    if "trials" not in run.tables:
        raise UserError(f"Run {run.run_id} is no finished tuning, so a search cannot start from it.")
    answer, trials = run.json("tuning"), run.table("trials")
    best = best_first(trials, [winner["number"] for winner in answer["winners"]], answer["objectives"])
    if best.empty:
        raise UserError(f"In run {run.run_id} no candidate kept all limits, so a search cannot start from it.")
    first = [_fitting(search.levers, row) for row in records(best)]
    distinct = [values for position, values in enumerate(first) if values and values not in first[:position]]
    if not distinct:
        paths = ", ".join(lever.path for lever in search.levers)
        raise UserError(f"No lever of run {run.run_id} is searched here, within its range; levers here: {paths}.")
    return replace(experiment, question=replace(search, first=tuple(distinct[: search.batch])))


def best_first(trials: pd.DataFrame, winners: Sequence[int], objectives: Mapping[str, str]) -> pd.DataFrame:
    """The candidates of a past run that could win: its winners, the rest of its front, then the others by their first
    objective."""
    kpi, way = next(iter(objectives.items()))
    able = trials[can_win(trials)].sort_values(f"gain.{kpi}", ascending=way == "minimize", kind="stable")
    place = {number: position for position, number in enumerate(winners)}
    rank = able["number"].map(place).fillna(len(place)) + (~able["front"] & ~able["number"].isin(place))
    return able.loc[rank.sort_values(kind="stable").index]


def _fitting(levers: Sequence[SearchedLever], row: Mapping[str, Any]) -> dict[str, Any]:
    fitting: dict[str, object] = {}
    for lever in levers:
        value = row.get(f"lever.{lever.path}")
        if value is None or pd.isna(value):
            continue
        if lever.whole and not lever.options and value == int(value):
            value = int(value)
        if lever.allows(value):
            fitting[lever.path] = value
    return fitting
