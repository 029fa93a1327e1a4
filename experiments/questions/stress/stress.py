"""Stress a recommendation: every arm in many possible worlds, scored, and the worlds in which the answer flips.

1 run     the world as stated on the replications of the design, and every possible world on a few; all arms on the
           same people and the same luck, and these the same in every world, so that only the world differs
2 score    mean, worst case, CVaR, regret and share of worlds in which it pays, of every arm
3 find     the worlds in which the recommended arm loses or is beaten, as boxes of the unknowns, in words

Source of the idea: robust decision making (Lempert, Groves, Popper & Bankes 2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.executor import Executor, Failed, run_all
from crmlab.experiments.execution.failures import NothingRan, failure, settled
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.own_kpis import all_kpis
from crmlab.experiments.questions.compare.compare import Comparison, Progress, compile_ahead, effects_table
from crmlab.experiments.questions.stress.flips import Flip, flips_of
from crmlab.experiments.questions.stress.gains import Gains, gains_of
from crmlab.experiments.questions.stress.posing import stress_in
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.questions.stress.score_table import Recommendation, score_table
from crmlab.experiments.questions.stress.simulate import StressTask, run_task, tasks_of
from crmlab.experiments.questions.stress.states_of_the_world import unknowns_by_world
from crmlab.experiments.replication.worlds import STATED


@dataclass(frozen=True)
class StressResult:
    """The answer of a stress test.

    `kpi_values`: one row per arm, world and replication with every KPI; column `world` is "fixed" for the world as
    stated and "sampled" for the others, `number` is -1 or the number of the world. `unknowns`: one row per world, one
    column per unknown. `failures`: tasks without a result.
    """

    experiment: Experiment
    kpi_values: pd.DataFrame
    unknowns: pd.DataFrame
    failures: tuple[Mapping[str, str], ...] = ()

    @property
    def stress(self) -> Stress:
        """What was asked."""
        return stress_in(self.experiment)

    @cached_property
    def gains(self) -> Gains:
        """By how much every arm is better than the baseline in the primary KPI, world by world."""
        primary = self.experiment.design.primary
        gains = gains_of(self.kpi_values, primary, _names(self.experiment), self.stress.replications)
        if not gains.worlds.size:
            raise UserError(f"{gains.kpi} has no value in any of the {self.stress.n_worlds} worlds.")
        return gains

    @property
    def arm(self) -> str:
        """The arm on trial: the one asked for, or the best one in the world as stated."""
        return self.stress.arm or self.gains.best

    @cached_property
    def _scored(self) -> tuple[pd.DataFrame, list[Recommendation]]:
        return score_table(self.gains, self.stress.tail, self.experiment.design.confidence)

    @property
    def scores(self) -> pd.DataFrame:
        """Columns arm, score, value, low, high. All but regrets: more is better."""
        return self._scored[0]

    @property
    def recommendations(self) -> list[Recommendation]:
        """Which arm is best by each score."""
        return self._scored[1]

    @cached_property
    def flips(self) -> list[Flip]:
        """The ways in which the recommendation of `arm` can be wrong, and the worlds in which it is."""
        design = self.experiment.design
        return flips_of(self.arm, self.gains, self.unknowns, design.confidence, design.seed)

    @property
    def worlds(self) -> pd.DataFrame:
        """One row per world: its number, its unknowns, and the gain of every arm (`gain.ARM`)."""
        gains = pd.DataFrame(self.gains.sampled.T, index=self.gains.worlds).add_prefix("gain.")
        gains.columns = [f"gain.{arm}" for arm in self.gains.arms]
        return self.unknowns.join(gains).rename_axis("world").reset_index()

    @cached_property
    def comparison(self) -> Comparison:
        """Every arm against the baseline on every KPI, as a comparison with these worlds would say."""
        means = self.kpi_values.groupby(["arm", "world", "number"], as_index=False)[
            [kpi.id for kpi in all_kpis(self.experiment.kpis)]
        ].mean(numeric_only=True)
        sampled = means[means["world"] == "sampled"].assign(replication=0)  # the runs of all worlds share their luck
        kpi_values = pd.concat([self.kpi_values[self.kpi_values["world"] == "fixed"], sampled], ignore_index=True)
        effects = effects_table(self.experiment, kpi_values)
        pays = self.scores[self.scores["score"] == "pays"].set_index("arm")
        for arm in self.gains.arms[1:]:  # one interval of the share of worlds, which counts luck too
            mine = (effects["arm"] == arm) & (effects["kpi"] == self.gains.kpi)
            effects.loc[mine, ["p_low", "p_high"]] = pays.loc[arm, ["low", "high"]].to_numpy()
        tables = {
            "effects": effects,
            "assumptions": assumptions_table(self.experiment),
        }
        replications = int((self.kpi_values["number"] == STATED).sum() / len(self.experiment.arms))
        return Comparison(self.experiment.baseline.name, replications, tables, self.failures)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What a run folder keeps."""
        return {**self.comparison.tables, "runs": self.kpi_values, "worlds": self.worlds, "scores": self.scores}

    def to_json(self) -> dict[str, object]:
        """The answer as plain data: gains are differences to the baseline in the good direction of the KPI."""
        gains, stress, confidence = self.gains, self.stress, self.experiment.design.confidence
        scores: dict[str, dict[str, object]] = {}
        for row in self.scores.to_dict("records"):
            scores.setdefault(row["arm"], {})[row["score"]] = {key: row[key] for key in ("value", "low", "high")}
        stated = {
            arm: dict(zip(("gain", "low", "high"), gains.stated_of(arm, confidence), strict=True)) for arm in gains.arms
        }
        return {
            "baseline": gains.arms[0],
            "kpi": gains.kpi,
            "arm": self.arm,
            "asked": stress.arm is not None,
            "worlds": int(gains.worlds.size),
            "left_out": gains.left_out,
            "source": "table" if stress.table else "drawn from the unknowns",
            "unknowns": list(self.unknowns.columns),
            "replications": stress.replications,
            "tail": stress.tail,
            "stated": stated,
            "luck_error": dict(zip(gains.arms, gains.error_against(gains.arms[0]).tolist(), strict=True)),
            "scores": scores,
            "recommended": {r.criterion: {"arm": r.arm, "sure": r.sure} for r in self.recommendations},
            "flips": [flip.to_json() for flip in self.flips],
            "failures": [dict(failure) for failure in self.failures],
        }


def stress(
    experiment: Experiment,
    workers: int | Executor = 0,
    on_progress: Progress | None = None,
    store: TaskStore | None = None,
) -> StressResult:
    """Try the arms of an experiment in many possible worlds. `experiment.question` is the `Stress`; `workers` never
    change a number.

    Raises `UserError` where nothing varies, or the KPI has no value in the world as stated (before the other worlds are
    run), and `NothingRan` when no run of the world as stated, or of all the others, is left.
    """
    asked = stress_in(experiment)
    experiment = replace(experiment, question=asked)
    unknowns = unknowns_by_world(experiment, asked)
    if asked.table is None and unknowns.empty:
        raise UserError("No number of this world varies: state a range, or give a table of worlds.")
    compile_ahead(experiment)
    stated, possible = tasks_of(experiment, asked)
    total = len(stated) + len(possible)
    runs: list[dict[str, object]] = []
    failures: list[dict[str, str]] = []
    for stage, tasks in (("stated", stated), ("stress", possible)):
        done_before = total - len(possible) if tasks is possible else 0
        show = partial(_show, on_progress, done_before, total)
        results = run_all(partial(run_task, experiment, asked), tasks, workers, show, store=store, stage=stage)
        rows = _rows(tasks, results, failures)
        if not rows:
            raise NothingRan("no other world" if runs else "no replication of the world as stated", failures)
        runs += rows
        gains_of(pd.DataFrame(runs), experiment.design.primary, _names(experiment), asked.replications)
    return StressResult(experiment, pd.DataFrame(runs), unknowns, tuple(failures))


def _names(experiment: Experiment) -> tuple[str, ...]:
    return tuple(arm.name for arm in experiment.arms)


def _show(on_progress: Progress | None, before: int, total: int, done: int, _of_stage: int) -> None:
    if on_progress:
        on_progress(before + done, total)


def _rows(tasks: list[StressTask], results: list[Any], failures: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The KPI values of all tasks that have some; what failed is added to `failures`."""
    rows: list[dict[str, object]] = []
    done, failed = settled(tasks, results)
    failures += failed
    for task, replications in done:
        kind = "fixed" if task.world == STATED else "sampled"
        for replication, runs in zip(task.replications, replications, strict=True):
            if isinstance(runs, Failed):
                failures.append(failure(f"{task.place}, replication {replication}", runs))
            else:
                rows += [{"arm": row["arm"], "world": kind, "number": task.world} | row for row in runs]
    return rows
