"""Sweep an arm: how what it changes depends on its levers and on what we do not know of the world.

1 lay out   the points of the design, the experiment as stated first
2 run      arm and baseline at every point, on the same people with the same luck; where the world changes, both anew
3 read      the effect at every point, and what the design allows beyond it: shapes, sensitivity indices, a tornado
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.executor import Executor
from crmlab.experiments.execution.failures import NothingRan
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.compare.compare import Comparison, compile_ahead, effects_table
from crmlab.experiments.questions.sweep.designs import places_of
from crmlab.experiments.questions.sweep.key_assumptions import key_assumptions_table, undecided, words_of
from crmlab.experiments.questions.sweep.points import Point, points_of, refusals
from crmlab.experiments.questions.sweep.question import INDICES, Sweep
from crmlab.experiments.questions.sweep.responses import effects_of, response_table, shape_table
from crmlab.experiments.questions.sweep.sensitivity import sensitivity_table
from crmlab.experiments.questions.sweep.simulate import Progress, SweepRuns, run_points
from crmlab.experiments.questions.sweep.tornado import swing_table, tornado_table
from crmlab.experiments.replication.worlds import STATED
from crmlab.sim.kpis import KPIS


@dataclass(frozen=True)
class SweepResult:
    """The answer of a sweep. `tables`:

    `sweep` (one row per point and KPI), `sweep_runs` (every run), `runs` and `effects` (the experiment as stated),
    `assumptions`, and by design `shapes` (grid, lhs, sobol), `sensitivity` (morris, saltelli), `tornado` and `swings`
    (tornado), `assumptions_that_matter` (where unknowns were swept by one of the last three).
    """

    experiment: Experiment
    tables: Mapping[str, pd.DataFrame]
    failures: tuple[dict[str, object], ...] = ()

    @property
    def sweep(self) -> Sweep:
        """What was asked."""
        return sweep_in(self.experiment)

    @property
    def responses(self) -> pd.DataFrame:
        """One row per point and KPI."""
        return self.tables["sweep"]

    @property
    def comparison(self) -> Comparison:
        """The experiment as stated: point 0 with every KPI."""
        names = ("runs", "effects", "assumptions")
        tables = {name: self.tables[name] for name in names}
        return Comparison(self.experiment.baseline.name, self.sweep.replications, tables)

    def to_json(self) -> dict[str, object]:
        """{"baseline", "arm", "design", "primary", "factors", "points": [...], ...}; undefined numbers are null."""
        sweep, primary = self.sweep, self.experiment.design.primary
        answer: dict[str, object] = {
            "baseline": self.experiment.baseline.name,
            "arm": sweep.arm,
            "design": sweep.design,
            "primary": primary,
            "replications": sweep.replications,
            "factors": [
                {"factor": f.path, "kind": "lever" if f.lever else "unknown", "low": f.low, "high": f.high}
                for f in sweep.factors
            ],
            "points": _points_json(sweep, self.responses),
            "extremes": extremes(self.responses, primary),
        }
        for name in ("shapes", "sensitivity", "tornado", "swings", "assumptions_that_matter"):
            if name in self.tables:
                answer[name] = _rows_json(self.tables[name])
        if "assumptions_that_matter" in self.tables:
            open_ones = undecided(self.experiment, sweep, sizes_in(self.tables), stated_effect(self.responses, primary))
            answer["undecided"] = open_ones
            answer["in_words"] = words_of(self.tables["assumptions_that_matter"], open_ones, len(sweep.unknowns))
        return answer | {"failures": list(self.failures)}


def sweep_in(experiment: Experiment) -> Sweep:
    """The sweep of an experiment. Raises `UserError` where there is none."""
    if not isinstance(experiment.question, Sweep):
        raise UserError(f'The experiment "{experiment.name}" says nothing about what to sweep.')
    return experiment.question


def sweep(
    experiment: Experiment,
    workers: int | Executor = 0,
    on_progress: Progress | None = None,
    store: TaskStore | None = None,
) -> SweepResult:
    """Run the points that `experiment.question` lays out. `workers` (a number of processes, or an executor) and
    `store` (finished runs found there are not run again) never change a number.

    Runs that fail are left out and named in the answer; raises `NothingRan` when none is left, and `UserError` when
    the primary KPI has no value at any point.
    """
    asked, design = sweep_in(experiment), experiment.design
    points = points_of(asked, design.seed)
    arm = experiment.arm(asked.arm)
    refused = refusals(points, arm, asked)
    taken = [point for point in points if point.number not in refused]
    compile_ahead(experiment)
    arms = _arms(experiment, asked)
    runs = run_points(experiment, asked, arms, taken, workers, on_progress, store)
    if not runs.kpi_values:
        raise NothingRan("no point", runs.failures)
    responses = response_table(experiment, asked, points, runs, refused)
    _check_defined(experiment, responses)
    tables = {"sweep": responses, "sweep_runs": runs.table(asked, taken, (experiment.baseline.name, *arms))}
    tables |= _stated(experiment, asked, runs) | _kpi_values(experiment, asked, points, runs, arms)
    if asked.unknowns and "shapes" not in tables:
        stated = stated_effect(responses, design.primary)
        found = key_assumptions_table(experiment, asked, sizes_in(tables), stated, tables.get("tornado"))
        tables["assumptions_that_matter"] = found
    return SweepResult(experiment, tables, runs.failures)


def _arms(experiment: Experiment, asked: Sweep) -> list[str]:
    """The arms that are run beside the baseline: for a tornado all, since it asks which one is best."""
    others = [arm.name for arm in experiment.arms[1:]]
    return others if asked.design == "tornado" else [asked.arm]


def _stated(experiment: Experiment, asked: Sweep, runs: SweepRuns) -> dict[str, pd.DataFrame]:
    """The experiment as written, as `compare` would tell it, luck only."""
    arms = (experiment.baseline.name, asked.arm)
    kpi_values = runs.table(asked, [Point(0)], arms).drop(columns="point").assign(world="fixed", number=STATED)
    pairs = kpi_values.groupby("replication")["arm"].transform("size") == len(arms)
    kpi_values = kpi_values[pairs].reset_index(drop=True)  # where one of both failed, there is nothing to compare
    alone = replace(experiment, arms=tuple(arm for arm in experiment.arms if arm.name in arms))
    return {
        "runs": kpi_values,
        "effects": pd.DataFrame() if kpi_values.empty else effects_table(alone, kpi_values),
        "assumptions": assumptions_table(experiment),
    }


def _kpi_values(
    experiment: Experiment, asked: Sweep, points: Sequence[Point], runs: SweepRuns, arms: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """What the design allows to be said beyond the effect at every point."""
    base, design = experiment.baseline.name, experiment.design
    if asked.design == "tornado":
        tornado = tornado_table(experiment, asked, points, runs, arms)
        return {"tornado": tornado, "swings": swing_table(experiment, asked, points, runs)}
    if asked.design not in INDICES:
        return {"shapes": shape_table(experiment, asked, points, runs)}
    kpis, places = asked.watched(design.primary), places_of(asked, design.seed)
    effects = [effects_of(runs, asked, points[1:], asked.arm, base, kpi) for kpi in kpis]
    return {"sensitivity": sensitivity_table(asked, kpis, places, effects, design.confidence, design.seed)}


def sizes_in(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The table that says how strongly factors move an effect."""
    return tables["swings"] if "swings" in tables else tables["sensitivity"]


def stated_effect(responses: pd.DataFrame, kpi: str) -> float:
    """The effect on a KPI in the experiment as stated."""
    return float(responses[responses["stated"] & (responses["kpi"] == kpi)]["difference"].iloc[0])


def _check_defined(experiment: Experiment, responses: pd.DataFrame) -> None:
    primary = experiment.design.primary
    if responses[responses["kpi"] == primary]["difference"].isna().all():
        about = KPIS[primary]
        raise UserError(
            f"{primary} cannot be swept: it has no value at any point in this design "
            f"({about.eligible}; {about.censoring})."
        )


def extremes(responses: pd.DataFrame, kpi: str) -> dict[str, int | None]:
    """The numbers of the points at which the effect on a KPI is best and worst ("highest" and "lowest" where neither
    more nor less is better), the stated one left out."""
    mine = responses[(responses["kpi"] == kpi) & ~responses["stated"]].dropna(subset="difference")
    direction = KPIS[kpi].direction
    names = ("best", "worst") if direction else ("highest", "lowest")
    if mine.empty:
        return dict.fromkeys(names)
    gains = (mine["difference"] * (direction or 1)).to_numpy()
    numbers = mine["point"].to_numpy()
    return {names[0]: int(numbers[gains.argmax()]), names[1]: int(numbers[gains.argmin()])}


def _points_json(asked: Sweep, responses: pd.DataFrame) -> list[dict[str, object]]:
    points: dict[int, dict[str, Any]] = {}
    for row in responses.to_dict("records"):
        values = {factor.path: _finite(row[factor.column]) for factor in asked.factors}
        point = points.setdefault(row["point"], {"point": row["point"], "values": values, "effects": {}})
        keys = ("value", "baseline_value", "difference", "low", "high", "se", "pairs", "verdict")
        point["effects"][row["kpi"]] = {key: _finite(row[key]) for key in keys}
        if row["refused"]:
            point["refused"] = row["refused"]
    return list(points.values())


def _rows_json(table: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(k): _finite(v) for k, v in row.items()} for row in table.to_dict("records")]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
