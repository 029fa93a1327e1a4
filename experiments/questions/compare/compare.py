"""Compare arms with the baseline over paired replications: the page on which an experiment is read.

1 run     every replication of the fixed world, and as many worlds drawn from the unknowns (each on two markets, to
           tell its luck from the world), all arms on the same people and the same luck
2 pair     per arm and KPI: difference, two intervals, P(better) over sampled worlds, variance reduction, Holm
3 ask      how strong would the assumed effects have to be for each arm to pay (break-even)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.executor import Executor, run_all
from crmlab.experiments.execution.failures import NothingRan, settled
from crmlab.experiments.execution.run import Run, WorldKind
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.own_kpis import all_kpis
from crmlab.experiments.questions.compare.breakeven import (
    FACTORS,
    Families,
    breakeven_table,
    concerned,
    replications_asked,
    strengthened,
)
from crmlab.experiments.questions.compare.deciding import deciding_table, worlds_table
from crmlab.experiments.replication.persona_table import with_gains
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.replication.tables import averaged
from crmlab.experiments.replication.worlds import by_market, markets_of_sampled_worlds, number_of_world
from crmlab.experiments.rows import each_row
from crmlab.experiments.statistics.effects import Effect, holm, paired_effect
from crmlab.experiments.statistics.ratios import dividing
from crmlab.experiments.statistics.verdict import judge
from crmlab.sim.actions import ActionError
from crmlab.sim.kpis import HEADLINE
from crmlab.sim.market import Market

Progress = Callable[[int, int], None]
OF_A_PAIR = tuple(f.name for f in fields(Effect) if f.name not in ("value", "baseline_value", "pairs"))


@dataclass(frozen=True)
class Comparison:
    """The answer of an experiment: effects by arm and KPI, and the tables behind every chart.

    `failures` are replications without a result, as {"task", "error", "trace"}. They are missing from all arms, so that
    pairs stay pairs.
    """

    baseline: str
    replications: int
    tables: Mapping[str, pd.DataFrame]
    failures: tuple[Mapping[str, str], ...] = ()

    @property
    def effects(self) -> pd.DataFrame:
        """One row per arm (the baseline included) and KPI."""
        return self.tables["effects"]

    def to_json(self) -> dict[str, Any]:
        """{"baseline", "replications", "arms": {arm: {kpi: {...}}}, "failures"}; undefined numbers are null."""
        keys = ("value", *(name for name in OF_A_PAIR if name != "p_value"), "p_holm")
        arms: dict[str, dict[str, dict[str, object]]] = {}
        for row in each_row(self.effects):
            found = {key: getattr(row, key) for key in keys}
            kpi_value: dict[str, object] = {k: float(v) if math.isfinite(v) else None for k, v in found.items()}
            if row.arm != self.baseline:
                verdict = judge(row)
                kpi_value |= {"verdict": verdict.word, "verdict_counts": verdict.counts}
            arms.setdefault(row.arm, {})[row.kpi] = kpi_value
        failures = [dict(failure) for failure in self.failures]
        return {"baseline": self.baseline, "replications": self.replications, "arms": arms, "failures": failures}

    @property
    def comparison(self) -> Comparison:
        """Itself: every answer has a comparison."""
        return self

    def headline(self) -> pd.DataFrame:
        """The rows of `effects` that a first look needs."""
        return self.effects[self.effects["kpi"].isin(HEADLINE)].reset_index(drop=True)


class ReplicationTask(NamedTuple):
    """One replication to run: in the world as stated, in a sampled one, or with a family of assumptions scaled."""

    replication: int
    world: WorldKind = "fixed"
    assumption: str | None = None
    strength: float = 1.0

    def __str__(self) -> str:
        if self.assumption:
            return f"replication {self.replication}, {self.assumption} {self.strength:g} times as strong"
        return f"replication {self.replication} of the {'stated' if self.world == 'fixed' else 'sampled'} world"


def compare(
    experiment: Experiment,
    workers: int | Executor = 0,
    on_progress: Progress | None = None,
    *,
    store: TaskStore | None = None,
) -> Comparison:
    """Run an experiment. `workers` (processes, 0: one per core; or an executor) never change a number.

    Replications found in the `store` are not run again. Those that fail are left out and named in the answer;
    raises `NothingRan` when none of the stated world is left.
    """
    compile_ahead(experiment)
    asked = concerned(experiment) if len(experiment.arms) > 1 else {}  # one arm has nothing to break even with
    tasks = tasks_of(experiment, asked)
    outcomes = run_all(partial(_run, experiment, asked), tasks, workers, on_progress, store=store)
    runs: list[Run] = []
    what_if: dict[tuple[str, float], list[Run]] = {}
    done, failures = settled(tasks, outcomes)
    for task, batch in done:
        if task.assumption is None:
            runs += batch
        else:
            what_if.setdefault((task.assumption, task.strength), []).extend(batch)
    if not any(run.world == "fixed" for run in runs):
        raise NothingRan("no replication of the stated world", failures)
    tables = _tables(experiment, runs, what_if, asked)
    return Comparison(experiment.baseline.name, experiment.design.replications, tables, tuple(failures))


def tasks_of(experiment: Experiment, asked: Families) -> list[ReplicationTask]:
    """All replications of an experiment, in the order in which their results are put together."""
    replications = range(experiment.design.replications)
    tasks = [ReplicationTask(r) for r in replications]
    if experiment.design.unknowns:
        tasks += [ReplicationTask(r, "sampled") for r in markets_of_sampled_worlds(experiment.design)]
    few = replications[: replications_asked(experiment.design)]
    return tasks + [
        ReplicationTask(r, "fixed", family, strength) for family in asked for strength in FACTORS for r in few
    ]


def compile_ahead(experiment: Experiment) -> None:
    """Run two weeks of every arm on a handful of people, so that workers inherit compiled code.

    Raises `UserError` where a strategy asks for something that this world does not have.
    """
    for arm in experiment.arms:
        try:
            Market(experiment.world, arm.plays, customers=10, seed=experiment.design.seed).run(2)
        except ActionError as error:
            raise UserError(f"The arm {arm.name} cannot be played: {error}.") from None


def _run(experiment: Experiment, asked: Families, task: ReplicationTask) -> list[Run]:
    if task.assumption is None:
        return run_replication(experiment, task.replication, task.world)
    world = strengthened(experiment.world, task.assumption, task.strength)
    return run_replication(experiment, task.replication, world=world, arms=asked[task.assumption])


def _tables(
    experiment: Experiment, runs: list[Run], what_if: Mapping[tuple[str, float], list[Run]], asked: Families
) -> dict[str, pd.DataFrame]:
    kpi_values = kpi_table(experiment, runs)
    effects = effects_table(experiment, kpi_values)
    tables = {"runs": kpi_values, "effects": effects}
    fixed = [run for run in runs if run.world == "fixed"]
    for name in dict.fromkeys(name for run in fixed for name in run.tables):
        by_arm: dict[str, list[pd.DataFrame]] = {}
        for run in fixed:
            if name in run.tables:
                by_arm.setdefault(run.arm, []).append(run.tables[name])
        tables[name] = averaged(name, by_arm)
        if name == "personas":
            tables[name] = with_gains(tables[name], by_arm, experiment.baseline.name, experiment.design.confidence)
    if "ltv" in tables:  # a verification has the KPI values without the tables
        tables["ltv"] = _same_payback(tables["ltv"], tables["effects"])
    whole = set.intersection(*({run.replication for run in batch} for batch in (fixed, *what_if.values())))
    tables["breakeven"] = breakeven_table(
        experiment,
        kpi_values[kpi_values["replication"].isin(whole)],
        {strength: [run for run in batch if run.replication in whole] for strength, batch in what_if.items()},
        asked,
        {row.arm: row.difference for row in each_row(effects) if row.kpi == experiment.design.primary},
    )
    tables["assumptions"] = assumptions_table(experiment)
    sampled = sorted(set(kpi_values.loc[kpi_values["world"] == "sampled", "number"]))
    tables["worlds"] = worlds_table(experiment, sampled)
    tables["deciding"] = deciding_table(experiment, kpi_values, tables["worlds"])
    return tables


def _same_payback(ltv: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """The payback of the table of effects in that of the curve too: means over the same replications."""
    payback = effects[effects["kpi"] == "payback_weeks"].set_index("arm")["value"]
    return ltv.assign(payback=ltv["arm"].map(payback))


def kpi_table(experiment: Experiment, runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run: arm, world ("fixed", "sampled"), the number of that world, replication, then every KPI."""
    return pd.DataFrame(
        [
            {
                "arm": run.arm,
                "world": run.world,
                "number": number_of_world(experiment.design, run.world, run.replication),
                "replication": run.replication,
                **run.kpis,
            }
            for run in runs
        ]
    )


def effects_table(experiment: Experiment, kpi_values: pd.DataFrame) -> pd.DataFrame:
    """Effects of every arm on every KPI, the baseline's own KPI values first; Holm over the arms of a KPI.

    `kpi_values`: columns arm, world ("fixed" or "sampled"), number (of the world), replication, KPIs. Rows of one world
    are its markets, each with luck of its own.
    """
    design, base = experiment.design, experiment.baseline.name
    by = {key: group.sort_values("replication") for key, group in kpi_values.groupby(["arm", "world"])}
    by |= {key: dividing(group) for key, group in by.items() if key[1] == "fixed"}
    nobody = kpi_values.iloc[:0]
    markets = {arm.name: by_market(by.get((arm.name, "sampled"), nobody)) for arm in experiment.arms}
    rows: list[dict[str, object]] = []
    for arm in experiment.arms:
        for kpi in all_kpis(experiment.kpis):
            effect = paired_effect(
                by[arm.name, "fixed"][kpi.id],
                by[base, "fixed"][kpi.id],
                markets[arm.name](kpi.id),
                markets[base](kpi.id),
                kpi.direction,
                design.confidence,
            )
            rows.append({"arm": arm.name, "kpi": kpi.id, "label": kpi.label, "unit": kpi.unit,
                         "direction": kpi.direction, "hidden": kpi.hidden, **asdict(effect)})  # fmt: skip
    table = pd.DataFrame(rows)
    counts = ["worlds", "worlds_better", "worlds_tied", "no_difference_in"]
    table[counts] = table[counts].astype(float)  # they have no value for the baseline
    table["p_holm"] = np.nan
    others = table["arm"] != base
    for _, group in table[others].groupby("kpi"):
        table.loc[group.index, "p_holm"] = holm(group["p_value"].tolist())
    table.loc[~others, list(OF_A_PAIR)] = np.nan
    return table
