"""The samplers that may propose candidates: Optuna's, always named, seeded anew for every batch.

Each is offered because a tuning that was killed and started again gives the same table with it
(`test_tune_resume.py`): all that it remembers is in the candidates that it was told of.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna

from crmlab.experiments.errors import UserError
from crmlab.experiments.questions.tune.question import OwnSampler, Tune
from crmlab.sim.draws import SEARCH

KNOW_NO_LIMITS = ("cmaes",)  # the sampler ranks by value alone
_SAMPLERS: Mapping[str, Callable[..., optuna.samplers.BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "nsga3": optuna.samplers.NSGAIIISampler,
    "random": optuna.samplers.RandomSampler,
    "qmc": optuna.samplers.QMCSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
}


def sampler_arguments(search: Tune) -> dict[str, Any]:
    """What the sampler is made with, besides its seed, by name. A generation is one batch."""
    if search.sampler == "tpe":
        return {"multivariate": True, "constant_liar": True, "n_startup_trials": max(10, search.batch)}
    if search.sampler in ("nsga2", "nsga3"):
        return {"population_size": search.batch, "crossover": "SBXCrossover", "mutation": "PolynomialMutation"}
    if search.sampler == "qmc":
        return {"qmc_type": "sobol", "scramble": True, "warn_independent_sampling": False}
    if search.sampler == "cmaes":
        return {"popsize": search.batch, "warn_independent_sampling": False}
    if search.sampler == "gp":
        return {"deterministic_objective": False, "n_startup_trials": max(10, search.batch)}
    return {}


def sampler_of(search: Tune, seed: int, batch: int) -> optuna.samplers.BaseSampler:
    """The sampler of one batch, from the seed of the design and the number of the batch. A Sobol' sequence is one for
    the whole search, so it has one seed."""
    arguments = sampler_arguments(search)
    key = (SEARCH,) if search.sampler == "qmc" else (SEARCH, batch)
    words = np.random.SeedSequence(seed, spawn_key=key).generate_state(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for operator in {"crossover", "mutation"} & set(arguments):  # for numbers; words are swapped between parents
            arguments[operator] = getattr(optuna.samplers.nsgaii, arguments[operator])()
        if isinstance(search.sampler, OwnSampler):
            return _checked(search.sampler.make(int(words[0])), search.sampler)
        return _SAMPLERS[search.sampler](seed=int(words[0]), **arguments)


def _checked(made: object, by: OwnSampler) -> optuna.samplers.BaseSampler:
    if not isinstance(made, optuna.samplers.BaseSampler):
        raise UserError(f"The sampler {by} must give an Optuna sampler, not {made!r:.60}.")
    return made
