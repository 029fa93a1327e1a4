"""Who proposes the next candidates: an Optuna study, told of each batch as a whole before it is asked for the next.

The sampler is always named and is made anew for every batch, from the seed of the design and the number of the batch,
so that what is proposed depends on nothing but the candidates judged so far.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution

from experiments.tuning.candidates import Judged
from experiments.tuning.search import UNDEFINED, Search
from experiments.tuning.search_space import space_of
from sim.draws import SEARCH

optuna.logging.set_verbosity(optuna.logging.WARNING)

FEWEST_TOP = 5  # candidates that importances are read from, at least
_DIRECTIONS = {1: optuna.study.StudyDirection.MAXIMIZE, -1: optuna.study.StudyDirection.MINIMIZE}
_SAMPLERS: dict[str, Callable[..., optuna.samplers.BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "nsga3": optuna.samplers.NSGAIIISampler,
    "random": optuna.samplers.RandomSampler,
}


def sampler_arguments(search: Search) -> dict[str, Any]:
    """What the sampler is made with, besides its seed, by name. A generation of NSGA is one batch."""
    if search.sampler == "tpe":
        return {"multivariate": True, "constant_liar": True, "n_startup_trials": max(10, search.batch)}
    if search.sampler in ("nsga2", "nsga3"):
        return {"population_size": search.batch, "crossover": "SBXCrossover", "mutation": "PolynomialMutation"}
    return {}


class Proposals:
    """Asks for batches of candidates and tells what became of them, in order of their numbers."""

    def __init__(self, search: Search, seed: int, first: Mapping[str, float] | None = None) -> None:
        """`first` is tried first: the levers as the arm sets them now."""
        self.search, self.seed = search, seed
        self.space: dict[str, BaseDistribution] = space_of(search.levers)
        directions = [_DIRECTIONS[search.direction(kpi)] for kpi in search.objectives]
        self.study = optuna.create_study(directions=directions, sampler=self._sampler(0))
        self._asked: list[optuna.Trial] = []
        if first is not None:
            self.study.enqueue_trial(dict(first))

    def ask(self, batch: int, n: int) -> list[dict[str, float]]:
        """The levers of the next `n` candidates, by path."""
        self.study.sampler = self._sampler(batch)
        self._asked = [self.study.ask(self.space) for _ in range(n)]
        for trial in self._asked:
            _ = trial.relative_params  # gives the candidate that was set by hand its place in the first generation
        return [{path: trial.params[path] for path in self.space} for trial in self._asked]

    def tell(self, judged: Sequence[Judged]) -> None:
        """What became of the candidates asked for last. One without a value counts as infeasible, not as bad."""
        for trial, candidate in zip(self._asked, judged, strict=True):
            values = [candidate.gains[kpi] for kpi in self.search.objectives]
            defined = all(map(math.isfinite, candidate.gains.values()))
            trial.set_constraint("has a value", 0.0 if defined else UNDEFINED)
            for constraint, violation in zip(self.search.constraints, candidate.violations, strict=True):
                trial.set_constraint(str(constraint), violation)
            self.study.tell(trial, values if defined else [0.0] * len(values))

    def _sampler(self, batch: int) -> optuna.samplers.BaseSampler:
        words = np.random.SeedSequence(self.seed, spawn_key=(SEARCH, batch)).generate_state(1)
        arguments = sampler_arguments(self.search)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            for operator in {"crossover", "mutation"} & set(arguments):  # for numbers, which all levers are
                arguments[operator] = getattr(optuna.samplers.nsgaii, arguments[operator])()
            return _SAMPLERS[self.search.sampler](seed=int(words[0]), **arguments)


def importance_table(search: Search, trials: pd.DataFrame) -> pd.DataFrame:
    """How much each lever decides whether a candidate is among the best on an objective: shares, per objective.

    PED-ANOVA (Watanabe et al. 2023) over the candidates that have a value. Undefined where fewer than ten have one.
    """
    space, rows = space_of(search.levers), []
    for kpi in search.objectives:
        known = trials[np.isfinite(trials[f"gain.{kpi}"])]
        shares = dict.fromkeys(space, math.nan)
        if len(known) >= 2 * FEWEST_TOP and known[f"gain.{kpi}"].nunique() > 1:
            shares = _importances(space, known, -search.direction(kpi) * known[f"gain.{kpi}"])
        rows += [{"kpi": kpi, "lever": path, "importance": shares[path]} for path in space]
    return pd.DataFrame(rows)


def _importances(space: dict[str, BaseDistribution], known: pd.DataFrame, losses: pd.Series) -> dict[str, float]:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={path: row[f"lever.{path}"] for path in space}, distributions=space, value=float(loss)
            )
            for row, loss in zip(known.to_dict("records"), losses, strict=True)
        ]
    )
    top = max(0.1, FEWEST_TOP / len(known))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=top)
    return optuna.importance.get_param_importances(study, evaluator=evaluator, params=list(space))
