"""The markets on which candidates are tried: arms run beside the baseline's people, luck and worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from crmlab.experiments.execution.executor import Executor, Failed, run_all
from crmlab.experiments.execution.failures import Failure, failure
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.replication.replication import Replication
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.sim.world import World

ARMS_PER_TASK = 4  # arms that share the founding of one replication; like the batch, no matter of processes
MarketTask = tuple[int, tuple[Arm, ...]]  # a replication, and the arms to run in it
KpisByArm = dict[str, pd.DataFrame]  # by arm: one row per replication (the index), one column per KPI


@dataclass(frozen=True)
class Markets:
    """Where arms are run. Calling it with a replication and some arms gives the KPI values of each.

    `use` names the luck: MODEL while searching, as `compare` would, and CONFIRM after. `kpis`: what is read; None is
    all. `worlds`: the numbers of the sampled worlds in which replications are run, one after the other and then again
    from the first; None: in the world as stated.
    """

    experiment: Experiment
    use: int
    kpis: tuple[str, ...] | None = None
    worlds: range | None = None

    def __call__(self, task: MarketTask) -> list[dict[str, float] | Failed]:
        index, arms = task
        replication = Replication(self.experiment, self.world(index), index, self.use)
        return [replication.attempt(arm, self.kpis) for arm in arms]

    def world(self, index: int) -> World | None:
        """The world of a replication, None for the one that the experiment states."""
        if self.worlds is None:
            return None
        return sampled_world(self.experiment, self.worlds[index % len(self.worlds)])


def run_arms(
    markets: Markets,
    arms: Sequence[Arm],
    replications: Sequence[int],
    workers: int | Executor = 0,
    on_done: Callable[[int, int], None] | None = None,
    store: TaskStore | None = None,
    stage: str = "",
) -> tuple[KpisByArm, dict[str, list[Failure]]]:
    """Every arm in these replications: the KPI values, and what failed, by name of the arm.

    An arm lacks the rows of the replications in which it failed.
    """
    chunks = [tuple(arms[i : i + ARMS_PER_TASK]) for i in range(0, len(arms), ARMS_PER_TASK)]
    tasks = [(replication, chunk) for replication in replications for chunk in chunks]
    found = run_all(markets, tasks, workers, on_done, store=store, stage=stage)
    rows: dict[str, dict[int, Mapping[str, float]]] = {arm.name: {} for arm in arms}
    failures: dict[str, list[Failure]] = {}
    for (replication, chunk), outcome in zip(tasks, found, strict=True):
        kpi_values = [outcome] * len(chunk) if isinstance(outcome, Failed) else outcome
        for arm, kpis in zip(chunk, kpi_values, strict=True):
            if isinstance(kpis, Failed):
                failures.setdefault(arm.name, []).append(failure(f"{arm.name}, replication {replication}", kpis))
            else:
                rows[arm.name][replication] = kpis
    return {arm: pd.DataFrame.from_dict(kpis, orient="index") for arm, kpis in rows.items()}, failures
