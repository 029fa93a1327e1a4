"""Where the points of a sweep lie: grids, Latin hypercubes, Sobol' points, trajectories, and one number at a time.

Places run from 0 to 1 along every factor, all equally likely. They are drawn from the seed of the experiment under a
purpose of their own, so that they never meet the luck of the people.

Latin hypercubes and Sobol' points are scipy's (`scipy.stats.qmc`), Morris trajectories and Saltelli samples SALib's.
"""

from __future__ import annotations

import importlib
import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.errors import UserError
from crmlab.experiments.questions.sweep.question import Factor, Sweep

SWEEP = 11  # kind of use in the seed scheme, beside those of sim.draws and replication.sampled_worlds
PLACES, RESAMPLES = 0, 1  # what is drawn: where the points lie, and the bootstrap of indices
MORRIS_LEVELS = 4
USUAL_POINTS, QUICK_POINTS, QUICK_REPLICATIONS = 64, 16, 4
USUAL_TRAJECTORIES, MIN_TRAJECTORIES = 12, 4
USUAL_BASE_POINTS, MIN_BASE_POINTS = 64, 16


def places_of(sweep: Sweep, seed: int) -> NDArray[np.float64]:
    """The points of a design as places between 0 (low) and 1 (high). Shape [points, factors]. Not for a tornado.

    Raises `UserError` where `points` is too small for the design.
    """
    if sweep.points < (least := min_points(sweep)):
        raise UserError(
            f"sweep.points = {sweep.points} is too few: {sweep.design} over {_factors(sweep)} needs at least {least}."
        )
    return {"grid": _grid, "lhs": _lhs, "sobol": _sobol, "morris": _morris, "saltelli": _saltelli}[sweep.design](
        sweep, seed
    )


def min_points(sweep: Sweep) -> int:
    """How many points the design needs at least to say anything."""
    n = len(sweep.factors)
    if sweep.design == "grid":
        return math.prod(factor.points or min(2, _max(factor)) for factor in sweep.factors)
    least = {"morris": MIN_TRAJECTORIES * (n + 1), "saltelli": MIN_BASE_POINTS * (n + 2), "tornado": 1}
    return least.get(sweep.design, 2)


def usual_points(sweep: Sweep) -> int:
    """How many points are run when nobody says how many."""
    n = len(sweep.factors)
    usual = {"morris": USUAL_TRAJECTORIES * (n + 1), "saltelli": USUAL_BASE_POINTS * (n + 2)}
    return max(usual.get(sweep.design, USUAL_POINTS), min_points(sweep))


def quick_sweep(sweep: Sweep) -> Sweep:
    """The same sweep with as few points as still say something."""
    return replace(
        sweep,
        points=min(sweep.points, max(QUICK_POINTS, min_points(sweep))),
        replications=min(sweep.replications, QUICK_REPLICATIONS),
    )


def run_length(sweep: Sweep) -> int:
    """How many points in a row belong together: a trajectory, or a base point of a Saltelli sample with its crosses."""
    return len(sweep.factors) + {"morris": 1, "saltelli": 2}[sweep.design]


def seed_of(seed: int, purpose: int) -> int:
    """A seed for a library that takes whole numbers, from the seed of the experiment."""
    return int(np.random.SeedSequence(seed, spawn_key=(SWEEP, purpose)).generate_state(1)[0]) | 1  # SALib ignores 0


def salib_problem(factors: tuple[Factor, ...]) -> dict[str, object]:
    """The factors as SALib takes them, all between 0 and 1."""
    names = [factor.path for factor in factors]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _grid(sweep: Sweep, seed: int) -> NDArray[np.float64]:
    """Every combination. Factors without a number of their own share what `points` leaves, equally."""
    own = math.prod(factor.points or 1 for factor in sweep.factors)
    free = sum(factor.points is None for factor in sweep.factors)
    each = int((sweep.points / own) ** (1 / free) + 1e-9) if free else 1
    along = [np.linspace(0, 1, min(factor.points or each, _max(factor))) for factor in sweep.factors]
    return np.array(list(itertools.product(*along)))


def _max(factor: Factor) -> int:
    """How many values a factor can take at most."""
    step = factor.lever and (factor.lever.step or (1 if factor.lever.whole else 0))
    return round((factor.high - factor.low) / step) + 1 if step else 2**31


def _lhs(sweep: Sweep, seed: int) -> NDArray[np.float64]:
    from scipy.stats import qmc

    return qmc.LatinHypercube(len(sweep.factors), rng=np.random.default_rng(seed_of(seed, PLACES))).random(sweep.points)


def _sobol(sweep: Sweep, seed: int) -> NDArray[np.float64]:
    """Scrambled; a power of two of them, for only then are they balanced."""
    from scipy.stats import qmc

    return qmc.Sobol(len(sweep.factors), rng=np.random.default_rng(seed_of(seed, PLACES))).random_base2(
        _power_of_two(sweep.points)
    )


def _morris(sweep: Sweep, seed: int) -> NDArray[np.float64]:
    trajectories = sweep.points // run_length(sweep)
    sample = salib("sample.morris").sample
    return sample(salib_problem(sweep.factors), trajectories, MORRIS_LEVELS, seed=seed_of(seed, PLACES))


def _saltelli(sweep: Sweep, seed: int) -> NDArray[np.float64]:
    base_points = 2 ** _power_of_two(sweep.points // run_length(sweep))
    sample = salib("sample.sobol").sample
    return sample(salib_problem(sweep.factors), base_points, calc_second_order=False, seed=seed_of(seed, PLACES))


def _power_of_two(n: int) -> int:
    return n.bit_length() - 1


def salib(module: str) -> Any:
    """A module of SALib. Raises `UserError` where it is not installed."""
    try:
        return importlib.import_module(f"SALib.{module}")
    except ImportError:
        raise UserError('Sensitivity indices need SALib: pip install "crmlab[sensitivity]".') from None


def _factors(sweep: Sweep) -> str:
    n = len(sweep.factors)
    return f"{n} factor{'s' if n > 1 else ''}"
