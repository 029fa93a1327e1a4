"""The statistics of a paired comparison: what coupling makes of a handful of replications.

Two intervals answer two questions. *Luck only*: how well do the replications pin down the effect in the
world as it is stated? It shrinks with their number. *Luck plus unknowns*: what could the effect be in a world that we
do not know, one draw of the unknowns each? It does not shrink: more replications only show it more sharply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

SKEWED = 1.0  # beyond this sample skewness the luck-only interval of many pairs is a BCa bootstrap, not Student's t
MANY = 50  # pairs: of fewer, the sample skewness says little, and choosing by it costs a point of coverage
PRECISION = 0.01  # half-width, relative to the baseline, for which `replications_needed` is told


@dataclass(frozen=True)
class Effect:
    """One KPI of one arm against the baseline. Undefined parts are NaN."""

    value: float
    baseline_value: float
    difference: float
    low: float
    high: float
    low_unknowns: float
    high_unknowns: float
    p_better: float
    p_value: float
    variance_reduction: float
    replications_needed: float
    pairs: int


def paired_effect(
    arm: ArrayLike,
    baseline: ArrayLike,
    arm_sampled: ArrayLike = (),
    baseline_sampled: ArrayLike = (),
    direction: int = 1,
    confidence: float = 0.95,
) -> Effect:
    """Compare an arm with the baseline, replication by replication.

    `arm`, `baseline`: readings of the fixed world; `..._sampled`: of sampled worlds. Shape [replications] each. Pairs
    in which a reading is undefined are left out. `direction` says which sign is better (0: neither, P is of "higher").
    """
    a, b = _pairs(arm, baseline)
    a_s, b_s = _pairs(arm_sampled, baseline_sampled)
    difference = a - b
    low, high = luck_interval(difference, confidence)
    low_unknowns, high_unknowns = range_of_worlds(a_s - b_s, confidence)
    return Effect(
        value=_mean(a),
        baseline_value=_mean(b),
        difference=_mean(difference),
        low=low,
        high=high,
        low_unknowns=low_unknowns,
        high_unknowns=high_unknowns,
        p_better=_p_better((a_s - b_s) * (direction or 1)),
        p_value=_p_value(difference),
        variance_reduction=variance_reduction(a, b),
        replications_needed=_replications_needed(difference, _mean(b), confidence),
        pairs=difference.size,
    )


def luck_interval(difference: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Interval of the mean difference: Student's t, or BCa bootstrap where many differences are skewed."""
    n = difference.size
    if n < 2:
        return math.nan, math.nan
    if np.ptp(difference) == 0:
        return float(difference[0]), float(difference[0])
    if n >= MANY and abs(stats.skew(difference)) > SKEWED:
        found = stats.bootstrap(
            (difference,), np.mean, confidence_level=confidence, method="BCa", rng=np.random.default_rng(n)
        ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            return float(found.low), float(found.high)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * difference.std(ddof=1) / math.sqrt(n)
    return float(difference.mean() - half), float(difference.mean() + half)


def range_of_worlds(difference: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Where the difference lies in one more sampled world: quantiles of many, a t prediction interval of few."""
    n = difference.size
    if n < 2:
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    if n * tail >= 5:
        return float(np.quantile(difference, tail)), float(np.quantile(difference, 1 - tail))
    half = stats.t.ppf(1 - tail, n - 1) * difference.std(ddof=1) * math.sqrt(1 + 1 / n)
    return float(difference.mean() - half), float(difference.mean() + half)


def variance_reduction(arm: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    """Variance of the difference with independent people and luck / with coupled ones: how many times fewer
    replications the coupling needs. Infinite when the coupled difference has no noise at all."""
    if arm.size < 2:
        return math.nan
    coupled = np.var(arm - baseline, ddof=1)
    independent = np.var(arm, ddof=1) + np.var(baseline, ddof=1)
    if coupled == 0:
        return math.inf if independent > 0 else math.nan
    return float(independent / coupled)


def holm(p_values: list[float]) -> list[float]:
    """p-values adjusted for having looked at several arms (Holm 1979). Undefined ones stay undefined.

    The step-down rule is written out here because statsmodels' own (the witness in the tests) collects garbage on
    every call, which took half the time of a comparison.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # undefined ones are sorted last
    stepped = np.maximum.accumulate(p[order] * np.arange(order.size, 0, -1))
    p[order] = np.minimum(stepped, 1.0)
    return p.tolist()


def _pairs(arm: ArrayLike, baseline: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(arm, np.float64), np.asarray(baseline, np.float64)
    defined = np.isfinite(a) & np.isfinite(b)
    return a[defined], b[defined]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _p_better(gain: NDArray[np.float64]) -> float:
    """Share of sampled worlds in which the arm wins; a tie counts half."""
    return float(((gain > 0) + 0.5 * (gain == 0)).mean()) if gain.size else math.nan


def _p_value(difference: NDArray[np.float64]) -> float:
    if difference.size < 2 or np.ptp(difference) == 0:
        return math.nan if difference.size < 2 else float(difference[0] == 0)
    return float(stats.ttest_1samp(difference, 0.0).pvalue)


def _replications_needed(difference: NDArray[np.float64], baseline: float, confidence: float) -> float:
    """Replications for a luck-only interval of +- 1 % of the baseline value."""
    if difference.size < 2 or not abs(baseline) > 0:
        return math.nan
    t = stats.t.ppf((1 + confidence) / 2, max(difference.size - 1, 1))
    return max(2.0, math.ceil((t * difference.std(ddof=1) / (PRECISION * abs(baseline))) ** 2))
