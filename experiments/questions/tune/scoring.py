"""What a candidate gains over its replications, as one number with an interval: the mean, or a score over worlds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crmlab.experiments.statistics.effects import luck_interval
from crmlab.experiments.statistics.scores import TAIL, Score, robust_score

RESAMPLES = 2_000
MIN_IN_TAIL = 3  # worlds in the tail, for an interval of its mean: with fewer it is hardly more than the worst case


def scored(gains: NDArray[np.float64], score: Score, direction: int) -> float:
    """The score of the gains of one KPI (arm minus baseline), in the unit of the KPI, or a share for "pays".

    `direction` says which sign of a gain is good. NaN where one of the gains is undefined.
    """
    if not gains.size or not np.isfinite(gains).all():
        return math.nan
    if score == "mean":
        return float(gains.mean())
    found = float(robust_score(direction * gains, score))
    return found if score == "pays" else direction * found


def score_interval(gains: NDArray[np.float64], score: Score, direction: int, confidence: float) -> tuple[float, float]:
    """Interval of the score. Mean: as for every difference. "pays": exact (Clopper and Pearson). CVaR: percentile
    bootstrap over the worlds, where enough of them are in its tail. The worst of some worlds has none: more worlds can
    only make it worse."""
    if score == "mean":
        return luck_interval(gains, confidence)
    good = direction * gains
    if score == "pays":
        found = stats.binomtest(int((good > 0).sum()), good.size).proportion_ci(confidence)
        return float(found.low), float(found.high)
    if score == "worst" or TAIL * good.size < MIN_IN_TAIL:
        return math.nan, math.nan
    rng = np.random.default_rng(good.size)
    draws = robust_score(good[rng.integers(good.size, size=(RESAMPLES, good.size))], score)
    ends = direction * np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(ends.min()), float(ends.max())


def pseudo_values(good: NDArray[np.float64], score: Score) -> NDArray[np.float64]:
    """What each replication contributes to a score: its mean is the score, its spread the noise (jackknife).

    `good`: gains, more is better. Shape [replications, objectives]. For the mean these are the gains themselves; for
    the others n S - (n - 1) S without this one (Tukey 1958), with the bias that this would remove put back.
    """
    n = len(good)
    if score == "mean" or n < 3:
        return good
    whole = robust_score(good.T, score)
    without = np.array([robust_score(np.delete(good, i, axis=0).T, score) for i in range(n)])
    values = n * whole - (n - 1) * without
    return values - values.mean(axis=0) + whole
