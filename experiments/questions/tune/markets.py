"""The markets on which candidates are tried: arms lived beside the baseline's people, luck and worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from crmlab.experiments.execution.checkpoint import Ledger
from crmlab.experiments.execution.executor import Failed, run_all
from crmlab.experiments.execution.failures import Failure, attempt, failure
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.replication.recentre import recentred
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.sim.founding import found
from crmlab.sim.market import Market
from crmlab.sim.readings import KPIS, Kpi, read_all
from crmlab.sim.record import Record
from crmlab.sim.world import World

ARMS_PER_TASK = 4  # arms that share the founding of one replication; like the batch, no matter of processes
Task = tuple[int, tuple[Arm, ...]]  # a replication, and the arms to live in it
Lives = dict[str, pd.DataFrame]  # by arm: one row per replication (the index), one column per KPI


@dataclass(frozen=True)
class Markets:
    """Where arms are lived. Calling it with a replication and some arms gives the readings of each.

    `worlds`: one, for all replications, or one for each; further replications are further lives of the same
    worlds. They are re-centred for today's policy already. `use` names the luck:
    MODEL while searching, as `compare` would, and CONFIRM after. `kpis`: what is read; None is all, the
    `own` ones of the experiment among them.
    """

    worlds: tuple[World, ...]
    design: Design
    use: int
    kpis: tuple[str, ...] | None = None
    own: tuple[Kpi, ...] = ()

    def __call__(self, task: Task) -> list[dict[str, float] | Failed]:
        replication, arms = task
        world = self.worlds[replication % len(self.worlds)]
        founders = found(world.at_rows(self.design.customers)[0], self.design.seed, replication, self.use)
        return [attempt(partial(self._lived, world, arm, replication, founders)) for arm in arms]

    def _lived(self, world: World, arm: Arm, replication: int, founders: Any) -> dict[str, float]:
        luck: dict[str, Any] = {"seed": self.design.seed, "replication": replication, "use": self.use}
        market = Market(world, arm.plays, customers=self.design.customers, founders=founders, **luck)
        market.run(self.design.weeks)
        if self.kpis is None:
            return read_all(market, self.own)
        record, known = Record(market), KPIS | {kpi.id: kpi for kpi in self.own}
        return {kpi: float(known[kpi].read(record)) for kpi in self.kpis}


def worlds_of(experiment: Experiment, sampled: bool, replications: range) -> tuple[World, ...]:
    """The world as stated, or (`sampled`) one drawn from the unknowns for each replication; re-centred."""
    worlds = [sampled_world(experiment, r) for r in replications] if sampled else [experiment.world]
    return tuple(recentred(world, experiment.today, experiment.design.seed) for world in worlds)


def live_arms(
    markets: Markets,
    arms: Sequence[Arm],
    replications: Sequence[int],
    workers: Any = 0,
    on_done: Callable[[int, int], None] | None = None,
    ledger: Ledger | None = None,
    stage: str = "",
) -> tuple[Lives, dict[str, list[Failure]]]:
    """Every arm in these replications: the readings, and what failed, by name of the arm.

    An arm lacks the rows of the replications in which it failed.
    """
    chunks = [tuple(arms[i : i + ARMS_PER_TASK]) for i in range(0, len(arms), ARMS_PER_TASK)]
    tasks = [(replication, chunk) for replication in replications for chunk in chunks]
    found = run_all(markets, tasks, workers, on_done, ledger=ledger, stage=stage)
    rows: dict[str, dict[int, Mapping[str, float]]] = {arm.name: {} for arm in arms}
    failures: dict[str, list[Failure]] = {}
    for (replication, chunk), lived in zip(tasks, found, strict=True):
        readings = [lived] * len(chunk) if isinstance(lived, Failed) else lived
        for arm, kpis in zip(chunk, readings, strict=True):
            if isinstance(kpis, Failed):
                failures.setdefault(arm.name, []).append(failure(f"{arm.name}, replication {replication}", kpis))
            else:
                rows[arm.name][replication] = kpis
    return {arm: pd.DataFrame.from_dict(kpis, orient="index") for arm, kpis in rows.items()}, failures
