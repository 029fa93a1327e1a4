"""Compare arms with the baseline over paired replications: the page on which an experiment is read.

1 live     every replication of the fixed world, and as many worlds drawn from the unknowns, all arms on the
           same people and the same luck
2 pair     per arm and KPI: difference, two intervals, P(better) over sampled worlds, variance reduction, Holm
3 ask      how strong would the assumed effects have to be for each arm to pay (break-even)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments.assumptions import assumptions_table
from experiments.breakeven import BREAKEVEN_REPLICATIONS, STRENGTHS, breakeven_table, strengthened
from experiments.effects import holm, paired_effect
from experiments.execution.executor import run_all
from experiments.experiment import Experiment
from experiments.persona_table import with_gains
from experiments.run import Run, WorldKind, live_replication
from experiments.tables import averaged
from sim.market import Market
from sim.readings import HEADLINE, KPIS

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Comparison:
    """The answer of an experiment: effects by arm and KPI, and the tables behind every chart."""

    baseline: str
    replications: int
    tables: Mapping[str, pd.DataFrame]

    @property
    def effects(self) -> pd.DataFrame:
        """One row per arm (the baseline included) and KPI."""
        return self.tables["effects"]

    def to_json(self) -> dict[str, Any]:
        """{"baseline", "replications", "arms": {arm: {kpi: {...}}}}; undefined or infinite numbers are null."""
        keys = ("value", "difference", "low", "high", "low_unknowns", "high_unknowns", "p_better",
                "variance_reduction", "p_holm", "replications_needed")  # fmt: skip
        arms: dict[str, dict[str, dict[str, float | None]]] = {}
        for row in self.effects.to_dict("records"):
            reading = {key: float(row[key]) if math.isfinite(row[key]) else None for key in keys}
            arms.setdefault(row["arm"], {})[row["kpi"]] = reading
        return {"baseline": self.baseline, "replications": self.replications, "arms": arms}

    def headline(self) -> pd.DataFrame:
        """The rows of `effects` that a first look needs."""
        return self.effects[self.effects["kpi"].isin(HEADLINE)].reset_index(drop=True)


class Task(NamedTuple):
    """One replication to live: in the world as stated, in a sampled one, or with a family of assumptions scaled."""

    replication: int
    world: WorldKind = "fixed"
    assumption: str | None = None
    strength: float = 1.0


def compare(experiment: Experiment, workers: int = 0, on_progress: Progress | None = None) -> Comparison:
    """Run an experiment. `workers` processes (0: one per core) never change a number."""
    tasks = tasks_of(experiment)
    compile_ahead(experiment)
    lived = run_all(partial(_live, experiment), tasks, workers, on_progress)
    runs: list[Run] = []
    what_if: dict[tuple[str, float], list[Run]] = {}
    for task, batch in zip(tasks, lived, strict=True):
        if task.assumption is None:
            runs += batch
        else:
            what_if.setdefault((task.assumption, task.strength), []).extend(batch)
    return Comparison(experiment.baseline.name, experiment.design.replications, _tables(experiment, runs, what_if))


def tasks_of(experiment: Experiment) -> list[Task]:
    """All replications of an experiment, in the order in which their results are put together."""
    replications = range(experiment.design.replications)
    tasks = [Task(r) for r in replications]
    if experiment.design.unknowns:
        tasks += [Task(r, "sampled") for r in replications]
    if len(experiment.arms) > 1:  # one arm has nothing to break even with
        few = replications[:BREAKEVEN_REPLICATIONS]
        tasks += [Task(r, "fixed", assumption, strength) for assumption, strength in STRENGTHS for r in few]
    return tasks


def compile_ahead(experiment: Experiment) -> None:
    """Live one week of every arm on a handful of people, so that workers inherit compiled code."""
    for arm in experiment.arms:
        Market(experiment.world, arm.plays, customers=10, seed=experiment.design.seed).run(2)


def _live(experiment: Experiment, task: Task) -> list[Run]:
    if task.assumption is None:
        return live_replication(experiment, task.replication, task.world)
    world = strengthened(experiment.world, task.assumption, task.strength)
    return [replace(run, tables={}) for run in live_replication(experiment, task.replication, world=world)]


def _tables(
    experiment: Experiment, runs: list[Run], what_if: Mapping[tuple[str, float], list[Run]]
) -> dict[str, pd.DataFrame]:
    readings = pd.DataFrame(
        [{"arm": run.arm, "world": run.world, "replication": run.replication, **run.kpis} for run in runs]
    )
    tables = {"runs": readings, "effects": effects_table(experiment, readings)}
    fixed = [run for run in runs if run.world == "fixed"]
    for name in fixed[0].tables:
        by_arm: dict[str, list[pd.DataFrame]] = {}
        for run in fixed:
            by_arm.setdefault(run.arm, []).append(run.tables[name])
        tables[name] = averaged(name, by_arm)
        if name == "personas":
            tables[name] = with_gains(tables[name], by_arm, experiment.baseline.name, experiment.design.confidence)
    tables["breakeven"] = breakeven_table(experiment, readings, what_if)
    tables["assumptions"] = assumptions_table(experiment)
    return tables


def effects_table(experiment: Experiment, readings: pd.DataFrame) -> pd.DataFrame:
    """Effects of every arm on every KPI, the baseline's own readings first; Holm over the arms of a KPI."""
    design, base = experiment.design, experiment.baseline.name
    by = {key: group.sort_values("replication") for key, group in readings.groupby(["arm", "world"])}
    nobody = readings.iloc[:0]
    rows: list[dict[str, Any]] = []
    for arm in experiment.arms:
        for kpi in KPIS.values():
            effect = paired_effect(
                by[arm.name, "fixed"][kpi.id],
                by[base, "fixed"][kpi.id],
                by.get((arm.name, "sampled"), nobody)[kpi.id],
                by.get((base, "sampled"), nobody)[kpi.id],
                kpi.direction,
                design.confidence,
            )
            rows.append({"arm": arm.name, "kpi": kpi.id, "label": kpi.label, "unit": kpi.unit,
                         "direction": kpi.direction, "hidden": kpi.hidden, **asdict(effect)})  # fmt: skip
    table = pd.DataFrame(rows)
    table["p_holm"] = np.nan
    others = table["arm"] != base
    for _, group in table[others].groupby("kpi"):
        table.loc[group.index, "p_holm"] = holm(group["p_value"].tolist())
    undecided = ["difference", "low", "high", "low_unknowns", "high_unknowns", "p_better", "p_value",
                 "variance_reduction", "replications_needed"]  # fmt: skip
    table.loc[~others, undecided] = np.nan
    return table
