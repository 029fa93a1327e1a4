"""Candidates on trial: their arms lived beside the baseline's people and luck, and judged by what they change."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from experiments.execution.executor import run_all
from experiments.experiment import Arm, Design
from experiments.tuning.search import UNDEFINED, Search
from sim.founding import found
from sim.market import Market
from sim.readings import read_all
from sim.world import World

ARMS_PER_TASK = 4  # arms that share the founding of one replication; like the batch, no matter of processes
Lives = dict[str, pd.DataFrame]  # by arm: one row per replication, one column per KPI


@dataclass(frozen=True)
class Judged:
    """A candidate after its trial. `gains` are mean differences to the baseline, in the units of the KPIs.

    `readings` are what its limits are about, `violations` how far it is beyond each (0 or less: within). `refused` is
    the reason of a strategy that does not take these levers; such a candidate was not lived.
    """

    number: int
    batch: int
    values: Mapping[str, float]
    gains: Mapping[str, float]
    readings: tuple[float, ...]
    violations: tuple[float, ...]
    refused: str = ""

    @property
    def feasible(self) -> bool:
        """Whether every objective has a value and every limit holds."""
        return all(map(math.isfinite, self.gains.values())) and all(v <= 0 for v in self.violations)


def live_arms(
    world: World,
    design: Design,
    arms: Sequence[Arm],
    replications: int,
    use: int,
    workers: int = 0,
    on_done: Callable[[int, int], None] | None = None,
) -> Lives:
    """Every arm on the same `replications` markets of a world that is already re-centred for today's policy.

    `use` names the luck: MODEL while searching, as `compare` would, and CONFIRM after.
    """
    chunks = [tuple(arms[i : i + ARMS_PER_TASK]) for i in range(0, len(arms), ARMS_PER_TASK)]
    tasks = [(replication, chunk) for replication in range(replications) for chunk in chunks]
    lived = run_all(partial(_live, world, design, use), tasks, workers, on_done)
    rows: dict[str, list[Mapping[str, float]]] = {arm.name: [] for arm in arms}
    for (_, chunk), readings in zip(tasks, lived, strict=True):
        for arm, kpis in zip(chunk, readings, strict=True):
            rows[arm.name].append(kpis)
    return {arm: pd.DataFrame(kpis) for arm, kpis in rows.items()}


def _live(world: World, design: Design, use: int, task: tuple[int, tuple[Arm, ...]]) -> list[dict[str, float]]:
    """The KPIs of some arms in one replication: what `live_replication` reads, without its tables."""
    replication, arms = task
    founders = found(world.at_rows(design.customers)[0], design.seed, replication, use)
    luck: dict[str, Any] = {"seed": design.seed, "replication": replication, "use": use, "founders": founders}
    markets = (Market(world, arm.plays, customers=design.customers, **luck) for arm in arms)
    return [read_all(market.run(design.weeks)) for market in markets]


def judge(
    search: Search, number: int, batch: int, values: Mapping[str, float], arm: pd.DataFrame, baseline: pd.DataFrame
) -> Judged:
    """What a candidate changes, from its readings and the baseline's, replication by replication."""
    gains = {kpi: float(np.mean(arm[kpi].to_numpy() - baseline[kpi].to_numpy())) for kpi in search.watched}
    readings = tuple(c.reading(arm[c.kpi], baseline[c.kpi]) for c in search.constraints)
    violations = tuple(
        c.violation(reading, float(baseline[c.kpi].mean()))
        for c, reading in zip(search.constraints, readings, strict=True)
    )
    return Judged(number, batch, values, gains, readings, violations)


def refused(search: Search, number: int, batch: int, values: Mapping[str, float], reason: str) -> Judged:
    """A candidate whose strategy does not take its levers."""
    nothing = (math.nan,) * len(search.constraints)
    gains = dict.fromkeys(search.watched, math.nan)
    return Judged(number, batch, values, gains, nothing, (UNDEFINED,) * len(nothing), reason)


def trial_table(search: Search, judged: Sequence[Judged]) -> pd.DataFrame:
    """One row per candidate in order of number: levers, gains, readings of its limits, and whether it is feasible and
    on the front (no feasible candidate is as good in every objective and better in one)."""
    rows: list[dict[str, Any]] = [
        {
            "number": c.number,
            "batch": c.batch,
            **{f"lever.{path}": value for path, value in c.values.items()},
            **{f"gain.{kpi}": value for kpi, value in c.gains.items()},
            **{f"constraint.{k}": v for k, v in zip(search.constraints, c.readings, strict=True)},
            "feasible": c.feasible,
            "refused": c.refused,
        }
        for c in judged
    ]
    table = pd.DataFrame(rows)
    return table.assign(front=on_front(search, table))


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def on_front(search: Search, trials: pd.DataFrame) -> np.ndarray:
    """Which feasible candidates are dominated by no other. Shape [candidates]."""
    better = np.column_stack([trials[f"gain.{kpi}"] * search.direction(kpi) for kpi in search.objectives])
    feasible = trials["feasible"].to_numpy()
    return np.array(
        [
            feasible[i] and not ((better[feasible] >= better[i]).all(1) & (better[feasible] > better[i]).any(1)).any()
            for i in range(len(trials))
        ]
    )
