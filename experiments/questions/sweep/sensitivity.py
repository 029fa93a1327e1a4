"""Sensitivity indices: how much of what an arm changes hangs on each factor, by SALib.

Morris (1991), Campolongo et al. (2007): `mu_star`, the mean size of what one factor moves over its whole range, and
`sigma`, how much that differs from place to place (curvature or interaction). Sobol' indices by Saltelli et al. (2010):
`s1`, the share of the variance over the points that a factor explains alone, `st` with all its interactions.

The luck is the same at every point, so it cancels from the contrasts that indices are made of. What is left, because
luck and factors interact, is told as `noise`: the index that luck alone would show. One below it means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.questions.sweep.designs import (
    MORRIS_LEVELS,
    RESAMPLES,
    run_length,
    salib,
    salib_problem,
    seed_of,
)
from crmlab.experiments.questions.sweep.question import Sweep

N_RESAMPLES = 200  # bootstrap samples behind the confidence of an index


def sensitivity_table(
    sweep: Sweep,
    kpis: Sequence[str],
    places: NDArray[np.float64],
    effects: Sequence[NDArray[np.float64]],
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """One row per KPI and factor, the most important factor of a KPI first. `effects`: one matrix per KPI, as below."""
    tables = [
        indices(sweep, places, found, confidence, seed).assign(kpi=kpi)
        for kpi, found in zip(kpis, effects, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["kpi", *(name for name in table.columns if name != "kpi")]]


def indices(
    sweep: Sweep, places: NDArray[np.float64], effects: NDArray[np.float64], confidence: float, seed: int
) -> pd.DataFrame:
    """Indices of one KPI. `places` [points, factors] are the design, `effects` [points, replications] what was run.

    A run of points (a trajectory, or a base point with its crosses) in which a value is missing is left out. Columns:
    factor, the indices with their half-widths (`..._conf`: bootstrap over the runs), `noise` (NaN for one replication),
    `beyond_luck` (the index less its half-width is above the noise) and `runs`.
    """
    length = run_length(sweep)
    whole = np.isfinite(effects).all(axis=1).reshape(-1, length).all(axis=1)
    kept = np.repeat(whole, length)
    names = [factor.path for factor in sweep.factors]
    columns = (
        ("mu", "mu_star", "mu_star_conf", "sigma") if sweep.design == "morris" else ("s1", "s1_conf", "st", "st_conf")
    )
    index = "mu_star" if sweep.design == "morris" else "st"
    if whole.sum() < 2:
        found: dict[str, Any] = dict.fromkeys(columns, math.nan)
        noise: object = math.nan
    else:
        found = _analysed(sweep, places[kept], effects[kept].mean(axis=1), confidence, seed, columns)
        noise = _noise(sweep, places[kept], effects[kept])
    table = pd.DataFrame({"factor": names} | found | {"noise": noise})
    beyond = table[index] - table[f"{index}_conf"]
    table["beyond_luck"] = (beyond > table["noise"].fillna(0.0)) & (beyond > 0)
    table["runs"] = int(whole.sum())
    return table.sort_values(index, ascending=False, kind="stable", ignore_index=True)


def _analysed(
    sweep: Sweep,
    places: NDArray[np.float64],
    y: NDArray[np.float64],
    confidence: float,
    seed: int,
    columns: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    if np.ptp(y) == 0:  # SALib divides by the standard deviation
        return {name: np.zeros(len(sweep.factors)) for name in columns}
    problem, bootstrap = salib_problem(sweep.factors), seed_of(seed, RESAMPLES)
    common: dict[str, object] = {"num_resamples": N_RESAMPLES, "conf_level": confidence, "seed": bootstrap}
    if sweep.design == "morris":
        found = salib("analyze.morris").analyze(problem, places, y, num_levels=MORRIS_LEVELS, **common)
        return {name: np.asarray(found[name], np.float64) for name in columns}
    found = salib("analyze.sobol").analyze(problem, y, calc_second_order=False, **common)
    keys = {"s1": "S1", "s1_conf": "S1_conf", "st": "ST", "st_conf": "ST_conf"}
    return {name: np.asarray(found[keys[name]], np.float64) for name in columns}


def _noise(sweep: Sweep, places: NDArray[np.float64], effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """The index of every factor that luck alone would show, from how contrasts differ between replications."""
    replications = effects.shape[1]
    if replications < 2:
        return np.full(places.shape[1], math.nan)
    luck = np.array([_contrasts(sweep, places, effects, j).var(axis=1, ddof=1).mean() for j in range(places.shape[1])])
    luck = luck / replications
    if sweep.design == "morris":
        return np.sqrt(2 / math.pi * luck)  # the mean size of normal noise
    y = effects.mean(axis=1).reshape(-1, run_length(sweep))
    variance = y[:, [0, -1]].var()
    return 0.5 * luck / variance if variance > 0 else np.zeros(places.shape[1])


def _contrasts(
    sweep: Sweep, places: NDArray[np.float64], effects: NDArray[np.float64], factor: int
) -> NDArray[np.float64]:
    """What moving one factor alone changes, per run. Shape [runs, replications]."""
    length = run_length(sweep)
    runs = effects.reshape(-1, length, effects.shape[1])
    if sweep.design == "saltelli":
        return runs[:, factor + 1] - runs[:, 0]
    moves = np.diff(places.reshape(-1, length, places.shape[1]), axis=1)[:, :, factor]
    step = np.abs(moves).argmax(axis=1)
    run = np.arange(len(runs))
    return (runs[run, step + 1] - runs[run, step]) / moves[run, step][:, None]
