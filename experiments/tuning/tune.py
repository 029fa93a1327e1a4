"""Tune an arm: propose levers, try them on paired markets, confirm the best on luck that the search has not seen.

1 baseline   lived once per replication
2 search     batch by batch: the sampler proposes, every candidate meets the baseline's people and luck, the sampler
             is told of the whole batch
3 confirm    the best candidates, the arm as written and the baseline on fresh luck
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from experiments.assumptions import assumptions_table
from experiments.compare import Comparison, Progress, compile_ahead, effects_table
from experiments.experiment import Arm, Experiment
from experiments.files.messages import UserError
from experiments.recentre import recentred
from experiments.tuning.candidates import Judged, Lives, judge, live_arms, records, refused, trial_table
from experiments.tuning.confirm import Winner, confirmed, effect_readings, picked, winner_table
from experiments.tuning.proposals import Proposals, importance_table, sampler_arguments
from experiments.tuning.search import Search
from experiments.tuning.search_space import as_written, with_levers
from sim.draws import CONFIRM, MODEL
from sim.readings import KPIS
from sim.world import World

Keep = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Tuning:
    """The answer of a tuning: every candidate tried, the winners with their fresh values, and the tables of both.

    `lives` are the readings on fresh luck: of the baseline, the arm as written and the `arms` of the winners.
    """

    experiment: Experiment
    trials: pd.DataFrame
    winners: tuple[Winner, ...]
    arms: tuple[Arm, ...]
    lives: Lives

    @cached_property
    def comparison(self) -> Comparison:
        """The winners and the arm as written against the baseline on fresh luck, every KPI."""
        readings = effect_readings(self.lives)
        lived = replace(self.experiment, arms=(*self.experiment.arms, *self.arms))
        tables = {
            "runs": readings,
            "effects": effects_table(lived, readings),
            "assumptions": assumptions_table(self.experiment),
        }
        return Comparison(self.experiment.baseline.name, self.experiment.design.replications, tables)

    @property
    def search(self) -> Search:
        """What was asked."""
        return search_in(self.experiment)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What a run folder keeps."""
        own = {"trials": self.trials, "importances": importance_table(self.search, self.trials)}
        return {**self.comparison.tables, **own, "winners": winner_table(list(self.winners))}

    def to_json(self) -> dict[str, Any]:
        """{"baseline", "arm", "sampler", "trials": [...], "winners": [...], ...}; undefined numbers are null."""
        search = self.search
        return {
            "baseline": self.experiment.baseline.name,
            "arm": search.arm,
            "sampler": search.sampler,
            "sampler_arguments": sampler_arguments(search),
            "objectives": {kpi: "maximize" if search.direction(kpi) > 0 else "minimize" for kpi in search.objectives},
            "constraints": [str(c) for c in search.constraints],
            "added": [str(c) for c in search.constraints if c.added],
            "rule": search.rule,
            "trials": [_trial_json(row) for row in records(self.trials)],
            "winners": [winner.to_json() for winner in self.winners],
        }


def search_in(experiment: Experiment) -> Search:
    """The search of an experiment. Raises `UserError` where there is none."""
    if experiment.search is None:
        raise UserError(f'The experiment "{experiment.name}" says nothing about what to tune.')
    return experiment.search


def tune(
    experiment: Experiment, workers: int = 0, on_progress: Progress | None = None, keep: Keep | None = None
) -> Tuning:
    """Search the levers that `experiment.search` names. `workers` processes (0: one per core) never change a number.

    `keep` is given the record of every batch as soon as it is judged: numbers, levers and the readings of every
    replication. Raises `UserError` when an objective has no value under the baseline.
    """
    search, baseline = search_in(experiment), experiment.baseline
    show = on_progress or (lambda done, total: None)
    total = search.candidates + search.confirm_replications
    compile_ahead(experiment)
    world = recentred(experiment.world, experiment.today, experiment.design.seed)
    base = live_arms(world, experiment.design, [baseline], search.replications, MODEL, workers)[baseline.name]
    _check_defined(search, experiment, base)
    trials = trial_table(search, _searched(experiment, search, world, base, workers, lambda n: show(n, total), keep))
    chosen = picked(search, trials)
    arms = {row["number"]: _arm(search, experiment, row) for row in records(chosen)}
    lives = live_arms(
        world, experiment.design, [*experiment.arms, *arms.values()], search.confirm_replications, CONFIRM, workers,
        lambda done, tasks: show(search.candidates + search.confirm_replications * done // tasks, total),
    )  # fmt: skip
    winners = tuple(
        confirmed(search, row, lives[arms[row["number"]].name], lives[baseline.name], experiment.design.confidence)
        for row in records(chosen)
    )
    return Tuning(experiment, trials, winners, tuple(arms.values()), lives)


def _searched(
    experiment: Experiment,
    search: Search,
    world: World,
    base: pd.DataFrame,
    workers: int,
    show: Callable[[int], None],
    keep: Keep | None,
) -> list[Judged]:
    arm = arm_to_tune(experiment)
    proposals = Proposals(search, experiment.design.seed, as_written(arm, search.levers))
    judged: list[Judged] = []
    for batch, start in enumerate(range(0, search.candidates, search.batch)):
        proposed = proposals.ask(batch, min(search.batch, search.candidates - start))
        numbered = dict(enumerate(proposed, start))
        arms, no_arms = _arms(arm, search, numbered)
        lives = live_arms(
            world, experiment.design, list(arms.values()), search.replications, MODEL, workers,
            partial(_show_batch, show, start, len(proposed)),
        )  # fmt: skip
        fresh = [
            refused(search, n, batch, values, no_arms[n]) if n in no_arms
            else judge(search, n, batch, values, lives[arms[n].name], base)
            for n, values in numbered.items()
        ]  # fmt: skip
        proposals.tell(fresh)
        judged += fresh
        if keep:
            keep(_record(batch, fresh, arms, lives))
    return judged


def _show_batch(show: Callable[[int], None], start: int, n: int, done: int, tasks: int) -> None:
    show(start + n * done // tasks)


def arm_to_tune(experiment: Experiment) -> Arm:
    """The arm whose levers are searched, as written."""
    return next(arm for arm in experiment.arms if arm.name == search_in(experiment).arm)


def _arms(
    arm: Arm, search: Search, numbered: Mapping[int, Mapping[str, float]]
) -> tuple[dict[int, Arm], dict[int, str]]:
    """The arms of candidates by number, and the reasons why some cannot be."""
    arms, no_arms = {}, {}
    for number, values in numbered.items():
        try:
            arms[number] = with_levers(arm, search.levers, values, f"candidate {number}")
        except (ValueError, TypeError) as error:
            no_arms[number] = str(error)
    return arms, no_arms


def _arm(search: Search, experiment: Experiment, row: Mapping[str, Any]) -> Arm:
    values = {lever.path: row[f"lever.{lever.path}"] for lever in search.levers}
    return with_levers(arm_to_tune(experiment), search.levers, values, f"candidate {row['number']}")


def _check_defined(search: Search, experiment: Experiment, base: pd.DataFrame) -> None:
    for kpi in search.watched:
        if not np.isfinite(base[kpi]).all():
            about = KPIS[kpi]
            raise UserError(
                f"{kpi} cannot be tuned: it has no value under {experiment.baseline.name} in this design "
                f"({about.eligible}; {about.censoring})."
            )


def _record(batch: int, judged: list[Judged], arms: Mapping[int, Arm], lives: Lives) -> dict[str, Any]:
    evaluations = [
        {
            "number": c.number,
            "levers": dict(c.values),
            "feasible": c.feasible,
            "refused": c.refused,
            "replications": lives[arms[c.number].name].to_dict("records") if c.number in arms else [],
        }
        for c in judged
    ]
    return {"batch": batch, "candidates": evaluations}


def _trial_json(row: Mapping[str, Any]) -> dict[str, Any]:
    def part(prefix: str) -> dict[str, float]:
        return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}

    return {
        "number": row["number"],
        "levers": part("lever."),
        "values": part("gain."),
        "constraints": part("constraint."),
        "feasible": row["feasible"],
        "front": row["front"],
    } | ({"refused": row["refused"]} if row["refused"] else {})
