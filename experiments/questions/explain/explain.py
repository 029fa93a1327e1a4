"""Explain what an arm does: which of its plays, through which people, for whom, and with how much waste.

1 simulate    every replication: the baseline with each combination of the arm's changes, on the same people and luck
2 take      contributions of the plays, composition against treatment, winners and losers, deadweight: one set of
  apart     numbers per replication
3 estimate  the mean of each over replications, and two intervals, as in a comparison
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.execution.executor import Executor, Failed, run_all
from crmlab.experiments.execution.failures import NothingRan, settled
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.own_kpis import all_kpis
from crmlab.experiments.questions.compare.compare import (
    Comparison,
    Progress,
    ReplicationTask,
    compile_ahead,
    effects_table,
)
from crmlab.experiments.questions.explain import deadweight, winners
from crmlab.experiments.questions.explain.composition import composition
from crmlab.experiments.questions.explain.contributions import contributions
from crmlab.experiments.questions.explain.estimates import estimates, measurements_table
from crmlab.experiments.questions.explain.paired_outcomes import PairedOutcomes
from crmlab.experiments.questions.explain.players import (
    EXACT_PLAYERS,
    SAMPLED_ORDERS,
    Player,
    coalitions_of,
    orders_of,
    plays_with,
)
from crmlab.experiments.questions.explain.posing import arm_to_explain, asked, changes_of
from crmlab.experiments.replication.replication import Replication
from crmlab.experiments.replication.worlds import markets_of_sampled_worlds, number_of_world
from crmlab.sim.kpis import KPIS, read_all
from crmlab.sim.outcome import MarketOutcome

# The parts of an explanation, and what group, item and measure of a measurement are called in the table of each.
PARTS = {
    "contributions": ("method", "player", "kpi"),
    "composition": ("kind", "line", "kpi"),
    "segments": ("division", "group", "measure"),
    "deadweight": ("kind", "orders", "measure"),
}
UNITS = {kpi.id: kpi.unit for kpi in KPIS.values()} | {"people": "people"}
UNITS_OF = {"segments": winners.UNITS, "deadweight": deadweight.UNITS}


@dataclass(frozen=True)
class Explanation:
    """The answer: the parts of the effect of an arm, each number with its intervals.

    `measurements` has a row per world, its number, replication, part, group, item and measure; `runs` the KPIs of the
    baseline and the arm; `failures` the replications that could not be run, and why.
    """

    experiment: Experiment
    players: tuple[str, ...]
    measurements: pd.DataFrame
    runs: pd.DataFrame
    failures: tuple[Mapping[str, object], ...] = ()

    @property
    def arm(self) -> str:
        """The arm that is explained."""
        return arm_to_explain(self.experiment).name

    @cached_property
    def comparison(self) -> Comparison:
        """The arm against the baseline on every KPI."""
        tables = {
            "runs": self.runs,
            "effects": effects_table(_pair(self.experiment), self.runs),
            "assumptions": assumptions_table(self.experiment),
        }
        return Comparison(self.experiment.baseline.name, self.experiment.design.replications, tables)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """All parts in one table: part, group, item, measure, value, both intervals, replications, verdict."""
        directions = {kpi.id: kpi.direction for kpi in all_kpis(self.experiment.kpis)}
        return estimates(self.measurements, self.experiment.design.confidence, directions)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What a run folder keeps: a table per part, the measurements behind them, and the tables of a comparison."""
        return {**self.comparison.tables, **{part: self._part(part) for part in PARTS}, "explained": self.measurements}

    def _part(self, part: str) -> pd.DataFrame:
        table = self.estimates[self.estimates["part"] == part].drop(columns="part").reset_index(drop=True)
        own = {kpi.id: kpi.unit for kpi in self.experiment.kpis}
        units = table["measure"].map(UNITS_OF.get(part, UNITS | own))
        table.insert(3, "unit", units)
        return table.rename(columns=dict(zip(("group", "item", "measure"), PARTS[part], strict=True)))

    def to_json(self) -> dict[str, object]:
        """{"baseline", "arm", "verdicts": {kpi: word}, "players", "joining", part: {group: {item: {measure: {value,
        low, high, ...}}}}}; numbers that are undefined are null."""
        tree: dict[str, Any] = {}
        for row in self.estimates.to_dict("records"):
            part, group, item, measure = (str(row.pop(key)) for key in ("part", "group", "item", "measure"))
            verdict = {"verdict": word} if (word := row.pop("verdict")) else {}
            estimate = verdict | {name: number if math.isfinite(number) else None for name, number in row.items()}
            tree.setdefault(part, {}).setdefault(group, {}).setdefault(item, {})[measure] = estimate
        exact = len(self.players) <= EXACT_PLAYERS
        return {
            "baseline": self.experiment.baseline.name,
            "arm": self.arm,
            "verdicts": {
                kpi: kpi_value["verdict"] for kpi, kpi_value in self.comparison.to_json()["arms"][self.arm].items()
            },
            "players": list(self.players),
            "joining": "all orders" if exact else f"{SAMPLED_ORDERS} orders drawn per replication",
            "replications": self.experiment.design.replications,
            "sampled_worlds": self.experiment.design.unknowns,
            "known_to_the_simulation_only": ["composition", "segments", "deadweight"],
            "failures": list(self.failures),
            **tree,
        }


def explain(
    experiment: Experiment,
    arm: str | None = None,
    workers: int | Executor = 0,
    on_progress: Progress | None = None,
    store: TaskStore | None = None,
) -> Explanation:
    """Why `arm` (default: the first after the baseline) does what it does. `workers` never change a number.

    Replications that `store` holds are not run again. One that fails is left out and named in `failures`; raises
    `NothingRan` when all of the stated world do, `UserError` when there is no such arm, or when it plays
    exactly what the baseline plays.
    """
    experiment = asked(experiment, arm)
    players = changes_of(experiment)
    replications = range(experiment.design.replications)
    tasks = [ReplicationTask(r) for r in replications]
    if experiment.design.unknowns:
        tasks += [ReplicationTask(r, "sampled") for r in markets_of_sampled_worlds(experiment.design)]
    compile_ahead(experiment)
    outcomes = run_all(partial(_run, experiment), tasks, workers, on_progress, store=store, stage="explain")
    return _explanation(experiment, players, tasks, outcomes)


def _pair(experiment: Experiment) -> Experiment:
    return replace(experiment, arms=(experiment.baseline, arm_to_explain(experiment)))


def _run(experiment: Experiment, task: ReplicationTask) -> dict[str, object]:
    """One replication taken apart: the KPIs of the baseline and the arm, and all measurements. Plain JSON data."""
    baseline, arm = experiment.baseline, arm_to_explain(experiment)
    players = changes_of(experiment)
    orders = orders_of(len(players), experiment.design.seed, task.replication)
    if task.world == "sampled":
        replication = Replication.sampled(experiment, task.replication)
    else:
        replication = Replication(experiment, index=task.replication)
    segments = winners.segments_of(replication.opened())
    kpis, ends = {}, []
    for coalition in coalitions_of(len(players), orders):  # nobody comes first, everybody last
        market = replication.simulate(plays_with(baseline, arm, players, coalition))
        kpis[coalition] = read_all(market, experiment.kpis)
        if len(coalition) in (0, len(players)):
            ends.append(market)
    pair = PairedOutcomes(*map(MarketOutcome, ends))
    effect = kpis[()], kpis[tuple(range(len(players)))]
    measurements = [
        *contributions(kpis, [player.name for player in players], orders),
        *composition(pair, effect),
        *winners.winners_and_losers(pair, segments),
        *deadweight.deadweight(pair),
    ]
    return {
        "kpis": dict(zip((baseline.name, arm.name), effect, strict=True)),
        "measurements": [list(r) for r in measurements],
    }


def _explanation(
    experiment: Experiment,
    players: Sequence[Player],
    tasks: Sequence[ReplicationTask],
    outcomes: Sequence[dict[str, object] | Failed],
) -> Explanation:
    done, failures = settled(tasks, outcomes)
    measurements, runs = [], []
    for task, outcome in done:
        number = number_of_world(experiment.design, task.world, task.replication)
        place = {"world": task.world, "number": number, "replication": task.replication}
        measurements.append((place, outcome["measurements"]))
        runs += [{"arm": arm, **place, **kpis} for arm, kpis in outcome["kpis"].items()]
    if not any(run["world"] == "fixed" for run in runs):
        raise NothingRan("no replication of the stated world", failures)
    names = tuple(player.name for player in players)
    return Explanation(experiment, names, measurements_table(measurements), pd.DataFrame(runs), tuple(failures))
