"""The points of a sweep run: everywhere the same people with the same luck, the baseline beside the arm.

Where the world changes, the baseline changes too and is run again; points of one world share it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.execution.executor import Executor, Failed, run_all
from crmlab.experiments.execution.failures import failure, settled
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.sweep.points import Point, Settings, changed_arm, changed_world
from crmlab.experiments.questions.sweep.question import Sweep
from crmlab.experiments.replication.replication import Replication
from crmlab.sim.kpis import KPIS

ARMS_PER_TASK = 4  # arms that share the founding of a replication
REPLICATIONS_PER_TASK = 4  # replications that share the re-centring of a world
Progress = Callable[[int, int], None]


class Variant(NamedTuple):
    """An arm with the levers it is run with."""

    arm: str
    levers: Settings = ()

    def __str__(self) -> str:
        return ", ".join([self.arm, *(f"{path} = {value:.6g}" for path, value in self.levers)])


class SweepTask(NamedTuple):
    """Some runs in one world over a few replications."""

    unknowns: Settings
    variants: tuple[Variant, ...]
    replications: tuple[int, ...]

    @property
    def world(self) -> str:
        """What is other in its world."""
        return ", ".join(f"{path} = {value:.6g}" for path, value in self.unknowns) or "the world as stated"

    def __str__(self) -> str:
        return f"{self.world}, replications {self.replications[0]} to {self.replications[-1]}"


@dataclass(frozen=True)
class SweepRuns:
    """What was read of every run. `kpi_values`: by world, run and replication, the KPIs."""

    kpi_values: Mapping[tuple[Settings, Variant, int], Mapping[str, float]]
    failures: tuple[dict[str, Any], ...]
    replications: int
    own: tuple[str, ...] = ()  # ids of the experiment's own KPIs

    def of(self, unknowns: Settings, variant: Variant, kpi: str) -> NDArray[np.float64]:
        """A KPI of a run, NaN where it was not run or has no value. Shape [replications]."""
        found = (self.kpi_values.get((unknowns, variant, r), {}).get(kpi) for r in range(self.replications))
        return np.array([np.nan if value is None else value for value in found], np.float64)

    def table(self, sweep: Sweep, points: Sequence[Point], arms: Iterable[str]) -> pd.DataFrame:
        """One row per point, arm and replication with the KPIs. Points of one world repeat its baseline."""
        rows = []
        for point, arm in itertools.product(points, tuple(arms)):
            for r in range(self.replications):
                if kpis := self.kpi_values.get((point.unknowns, variant_of(sweep, point, arm), r)):
                    rows.append({"point": point.number, "arm": arm, "replication": r, **kpis})
        return pd.DataFrame(rows, columns=["point", "arm", "replication", *KPIS, *self.own])


def variant_of(sweep: Sweep, point: Point, arm: str) -> Variant:
    """How an arm is run at a point: only the swept one has its levers moved."""
    return Variant(arm, point.levers if arm == sweep.arm else ())


def run_points(
    experiment: Experiment,
    sweep: Sweep,
    arms: Sequence[str],
    points: Sequence[Point],
    workers: int | Executor = 0,
    on_done: Progress | None = None,
    store: TaskStore | None = None,
) -> SweepRuns:
    """Run `arms` and the baseline at all points. A task that failed leaves its runs out and is told."""
    tasks = tasks_of(experiment.baseline.name, sweep, arms, points)
    results = run_all(partial(_run, experiment, sweep), tasks, workers, on_done, store=store, stage="sweep")
    kpi_values: dict[tuple[Settings, Variant, int], Mapping[str, float]] = {}
    done, failures = settled(tasks, results)
    for task, outcomes in done:
        variants = itertools.product(task.replications, task.variants)
        for (replication, variant), kpis in zip(variants, outcomes, strict=True):
            if isinstance(kpis, Failed):
                failures.append(failure(f"{variant} in {task.world}, replication {replication}", kpis))
            else:
                kpi_values[task.unknowns, variant, replication] = kpis
    return SweepRuns(kpi_values, tuple(failures), sweep.replications, tuple(kpi.id for kpi in experiment.kpis))


def tasks_of(baseline: str, sweep: Sweep, arms: Sequence[str], points: Sequence[Point]) -> list[SweepTask]:
    """What has to be run, world by world, in the order in which the results are put together."""
    by_world: dict[Settings, dict[Variant, None]] = {}
    for point in points:
        variants = by_world.setdefault(point.unknowns, {Variant(baseline): None})
        variants.update((variant_of(sweep, point, arm), None) for arm in arms)
    blocks = _blocks(range(sweep.replications), REPLICATIONS_PER_TASK)
    return [
        SweepTask(unknowns, chunk, block)
        for unknowns, variants in by_world.items()
        for chunk in _blocks(variants, ARMS_PER_TASK)
        for block in blocks
    ]


def _blocks(items: Iterable[Any], size: int) -> list[tuple[Any, ...]]:
    every = tuple(items)
    return [every[i : i + size] for i in range(0, len(every), size)]


def _run(experiment: Experiment, sweep: Sweep, task: SweepTask) -> list[dict[str, float] | Failed]:
    """The KPIs of every run, replication by replication, or why it cannot be run."""
    world = changed_world(experiment.world, task.unknowns)
    written = {arm.name: arm for arm in experiment.arms}
    outcomes: list[dict[str, float] | Failed] = []
    for index in task.replications:
        replication = Replication(experiment, world, index)
        for variant in task.variants:
            outcomes.append(replication.attempt(changed_arm(written[variant.arm], sweep, variant.levers)))
    return outcomes
