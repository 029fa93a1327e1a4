"""Tune an arm: propose levers, try them on paired markets, confirm the best on luck that the search has not seen.

1 baseline   run once per replication
2 search     batch by batch: the sampler proposes, every candidate meets the baseline's people and luck in a race, the
             sampler is told of the whole batch
3 confirm    the best candidates, the arm as written and the baseline on fresh luck, and in fresh sampled worlds
4 advise     a candidate that beats the baseline there, or to keep today
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.executor import Executor
from crmlab.experiments.execution.failures import Failure, NothingRan
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.levers.space import with_levers
from crmlab.experiments.questions.compare.compare import Comparison, Progress, compile_ahead, effects_table
from crmlab.experiments.questions.tune.advice import Advice, advice
from crmlab.experiments.questions.tune.candidates import records, trial_table
from crmlab.experiments.questions.tune.confirm import Winner, confirmed, effect_kpis, picked, winner_table
from crmlab.experiments.questions.tune.importances import importance_table
from crmlab.experiments.questions.tune.markets import KpisByArm, Markets, run_arms
from crmlab.experiments.questions.tune.question import Tune
from crmlab.experiments.questions.tune.racing import race_table
from crmlab.experiments.questions.tune.samplers import sampler_arguments
from crmlab.experiments.questions.tune.searching import Found, Searching
from crmlab.sim.draws import CONFIRM, MODEL
from crmlab.sim.kpis import KPIS


@dataclass(frozen=True)
class Tuning:
    """The answer of a tuning: every candidate tried, the winners with their fresh values, and the tables of both.

    `race` says round by round who was dropped and why. `kpi_values` are those on fresh luck in the world as stated:
    of the baseline, the arm as written and the `arms` of the winners; `kpis_sampled` those in fresh sampled worlds,
    over which winners are judged unless the design leaves the unknowns out. `simulations` counts the replications of
    candidates that were run, `stopped` says why the search ended, `failures` what could not be run.
    """

    experiment: Experiment
    trials: pd.DataFrame
    race: pd.DataFrame
    winners: tuple[Winner, ...]
    arms: tuple[Arm, ...]
    kpi_values: KpisByArm
    kpis_sampled: KpisByArm
    simulations: int
    stopped: str
    failures: tuple[dict[str, str], ...] = ()

    @property
    def _fresh_design(self) -> Design:
        return replace(self.experiment.design, replications=self.search.confirm_replications)

    @cached_property
    def comparison(self) -> Comparison:
        """The winners and the arm as written against the baseline on fresh luck, every KPI."""
        kpi_values = effect_kpis(self.kpi_values, "fixed", self._fresh_design)
        if self.kpis_sampled:
            sampled = effect_kpis(self.kpis_sampled, "sampled", self._fresh_design)
            kpi_values = pd.concat([kpi_values, sampled], ignore_index=True)
        simulated = replace(self.experiment, arms=(*self.experiment.arms, *self.arms))
        tables = {
            "runs": kpi_values,
            "effects": effects_table(simulated, kpi_values),
            "assumptions": assumptions_table(self.experiment),
        }
        return Comparison(self.experiment.baseline.name, self.experiment.design.replications, tables)

    @cached_property
    def advice(self) -> Advice:
        """A candidate that beats the baseline on fresh luck and in fresh worlds, or to keep today."""
        baseline, currency = self.experiment.baseline.name, self.experiment.world.economics.currency
        return advice(self.search, self.winners, self.comparison.effects, baseline, currency)

    @property
    def winner(self) -> Arm | None:
        """The advised candidate as an arm, None where today is to be kept."""
        found = self.advice.winner
        return next(arm for arm in self.arms if arm.name == found.arm) if found else None

    @property
    def search(self) -> Tune:
        """What was asked."""
        return search_in(self.experiment)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What a run folder keeps."""
        own = {
            "trials": self.trials,
            "racing": self.race,
            "importances": importance_table(self.search, self.trials),
            "winners": winner_table(list(self.winners)),
        }
        return {**self.comparison.tables, **own}

    def to_json(self) -> dict[str, object]:
        """{"baseline", "arm", "sampler", "trials": [...], "winners": [...], ...}; undefined numbers are null."""
        search = self.search
        return {
            "baseline": self.experiment.baseline.name,
            "arm": search.arm,
            "sampler": str(search.sampler),
            "sampler_arguments": sampler_arguments(search),
            "objectives": {kpi: "maximize" if search.direction(kpi) > 0 else "minimize" for kpi in search.objectives},
            "score": search.score if search.worlds else None,
            "constraints": [str(c) for c in search.constraints],
            "added": [str(c) for c in search.constraints if c.added],
            "why_added": [c.why_added for c in search.constraints if c.added],
            "soft": [str(c) for c in search.soft],
            "rule": search.rule,
            "simulations": {"run": self.simulations, "without_racing": len(self.trials) * search.replications},
            "stopped": self.stopped,
            "failures": list(self.failures),
            "trials": [_trial_json(row) for row in records(self.trials)],
            "winners": [winner.to_json() for winner in self.winners],
        } | self.advice.to_json()


def search_in(experiment: Experiment) -> Tune:
    """The search of an experiment. Raises `UserError` where there is none."""
    if not isinstance(experiment.question, Tune):
        raise UserError(f'The experiment "{experiment.name}" says nothing about what to tune.')
    return experiment.question


def arm_to_tune(experiment: Experiment) -> Arm:
    """The arm whose levers are searched, as written."""
    return experiment.arm(search_in(experiment).arm)


def tune(
    experiment: Experiment,
    workers: int | Executor = 0,
    on_progress: Progress | None = None,
    store: TaskStore | None = None,
) -> Tuning:
    """Search the levers that `experiment.question` names. `workers` (processes, 0: one per core, or an executor) never
    change a number.

    Runs that a `store` holds are not run again, so a search that was killed is taken up where it stopped. Raises
    `UserError` when an objective has no value under the baseline.
    """
    search, show = search_in(experiment), on_progress or (lambda done, total: None)
    total = search.candidates + search.confirm_replications
    compile_ahead(experiment)
    found = _searched(experiment, search, workers, lambda n: show(n, total), store)
    if not found.race:  # nobody came to the first look
        if found.failures:
            raise NothingRan("no candidate", found.failures)
        raise UserError(f"Every candidate is refused by its strategy: {found.judged[0].refused}.")
    trials = trial_table(search, found.judged)
    chosen = [found.judged[number] for number in picked(search, trials)["number"]]
    arms = tuple(with_levers(arm_to_tune(experiment), search.levers, c.values, f"candidate {c.number}") for c in chosen)

    def show_confirming(done: int, tasks: int) -> None:
        show(search.candidates + search.confirm_replications * done // tasks, total)

    over_worlds = search.worlds or experiment.design.unknowns
    fresh = _Fresh(experiment, search, arms, workers, store)
    kpi_values, failures = fresh.run(sampled=False, on_done=None if over_worlds else show_confirming)
    kpis_sampled, more = fresh.run(sampled=True, on_done=show_confirming) if over_worlds else ({}, [])
    judged_on = kpi_values if not search.worlds else _first_runs(kpis_sampled, search.confirm_replications)
    base = judged_on[experiment.baseline.name]
    winners = tuple(
        confirmed(search, c, judged_on[arm.name], base, experiment.design.confidence)
        for c, arm in zip(chosen, arms, strict=True)
    )
    return Tuning(
        experiment, trials, race_table(found.race), winners, arms, kpi_values, kpis_sampled,
        found.simulated, found.stopped, (*found.failures, *failures, *more),
    )  # fmt: skip


def _searched(
    experiment: Experiment, search: Tune, workers: int | Executor, show: Any, store: TaskStore | None
) -> Found:
    markets = Markets(experiment, MODEL, search.read, range(search.replications) if search.worlds else None)
    baseline = experiment.baseline
    kpi_values, failures = run_arms(
        markets, [baseline], range(search.replications), workers, store=store, stage="baseline"
    )
    told, base = failures.get(baseline.name, []), kpi_values[baseline.name]
    if base.empty:
        raise NothingRan(f"no replication of {baseline.name}, the baseline,", told)
    _check_defined(search, experiment, base)
    whole = replace(search, replications=len(base))  # those that the baseline could run
    found = Searching(whole, arm_to_tune(experiment), markets, base, workers, store, show).run()
    return replace(found, failures=[*told, *found.failures])


@dataclass(frozen=True)
class _Fresh:
    """Markets that the search has not seen."""

    experiment: Experiment
    search: Tune
    arms: tuple[Arm, ...]
    workers: int | Executor
    store: TaskStore | None

    def run(self, sampled: bool, on_done: Progress | None) -> tuple[KpisByArm, list[Failure]]:
        """Every arm, in the replications in which none of them failed."""
        n, seen = self.search.confirm_replications, self.search.replications
        kpi_values = n * self.experiment.design.markets_per_world if sampled else n
        markets = Markets(self.experiment, CONFIRM, worlds=range(seen, seen + n) if sampled else None)
        stage = "confirm in worlds" if sampled else "confirm"
        rows_of, failures = run_arms(
            markets, [*self.experiment.arms, *self.arms], range(kpi_values), self.workers, on_done, self.store, stage
        )
        told = [failure for of_arm in failures.values() for failure in of_arm]
        whole = [r for r in range(kpi_values) if all(r in rows.index for rows in rows_of.values())]
        if not whole:
            raise NothingRan("no replication of all the winners", told)
        return {arm: rows.loc[whole] for arm, rows in rows_of.items()}, told


def _first_runs(kpi_values: KpisByArm, worlds: int) -> KpisByArm:
    """One run of every sampled world: as often as the search has run them."""
    return {arm: rows[rows.index < worlds] for arm, rows in kpi_values.items()}


def _check_defined(search: Tune, experiment: Experiment, base: pd.DataFrame) -> None:
    for kpi in search.watched:
        if not np.isfinite(base[kpi]).all():
            about = KPIS[kpi]
            raise UserError(
                f"{kpi} cannot be tuned: it has no value under {experiment.baseline.name} in this design "
                f"({about.eligible}; {about.censoring})."
            )


def _trial_json(row: Mapping[str, Any]) -> dict[str, Any]:
    def part(prefix: str) -> dict[str, object]:
        named = {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
        return {name: None if pd.isna(value) else value for name, value in named.items()}

    return {
        "number": row["number"],
        "replications": row["replications"],
        "levers": part("lever."),
        "values": part("gain."),
        "constraints": part("constraint."),
        "feasible": row["feasible"],
        "verdict": row["verdict"],
        "front": row["front"],
    } | ({"refused": row["refused"]} if row["refused"] else {})
