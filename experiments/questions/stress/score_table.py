"""The robust scores of all policies with their intervals, and which policy each of them recommends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlab.experiments.questions.stress.gains import Gains
from crmlab.experiments.statistics.scores import SCORES, regret, robust_score

CRITERIA = (*SCORES, "mean_regret", "max_regret")
EXTREMES = ("worst", "max_regret")  # of some worlds: no interval, more worlds can only make them worse
RESAMPLES = 1_000
HALF = 0.5  # what stands for the baseline among shares of worlds in which a policy pays


@dataclass(frozen=True)
class Recommendation:
    """The policy that is best by one criterion. `sure`: the share of resamples of the worlds and of the luck in which
    it would have been the same one."""

    criterion: str
    arm: str
    sure: float


def score_table(gains: Gains, tail: float, confidence: float) -> tuple[pd.DataFrame, list[Recommendation]]:
    """One row per arm and criterion (arm, score, value, low, high), and a recommendation per criterion.

    Intervals count the draw of the worlds and luck, by resampling both (`Gains.resamples`). The share of worlds in
    which a policy pays has the exact binomial interval, made wider where luck asks for it.
    """
    found = _criteria(gains.sampled, tail)
    resampled = np.array([_criteria(draw, tail) for draw in gains.resamples(RESAMPLES)])
    rows: list[dict[str, object]] = []
    for a, arm in enumerate(gains.arms):
        for c, criterion in enumerate(CRITERIA):
            low, high = _interval(criterion, resampled[:, c, a], gains.sampled[a], confidence)
            value = math.nan if criterion == "pays" and a == 0 else float(found[c, a])
            rows.append({"arm": arm, "score": criterion, "value": value, "low": low, "high": high})
    table = pd.DataFrame(rows)
    table.loc[(table["arm"] == gains.arms[0]) & ~table["score"].str.contains("regret"), ["low", "high"]] = math.nan
    best, again = _chosen(found), np.array([_chosen(draw) for draw in resampled])
    recommended = [
        Recommendation(criterion, gains.arms[best[c]], float((again[:, c] == best[c]).mean()))
        for c, criterion in enumerate(CRITERIA)
    ]
    return table, recommended


def _criteria(gains: NDArray[np.float64], tail: float) -> NDArray[np.float64]:
    """All scores of all arms. Shape [arms, worlds] -> [criteria, arms]."""
    lost = regret(gains)
    return np.stack([*(robust_score(gains, score, tail) for score in SCORES), lost.mean(axis=1), lost.max(axis=1)])


def _chosen(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The best arm by each criterion, the baseline where no arm is better. Shape [criteria, arms] -> [criteria]."""
    signs = np.array([-1.0 if "regret" in criterion else 1.0 for criterion in CRITERIA])
    better = scores * signs[:, None]
    better[CRITERIA.index("pays"), 0] = HALF
    return better.argmax(axis=1)


def _interval(
    criterion: str, resampled: NDArray[np.float64], gains: NDArray[np.float64], confidence: float
) -> tuple[float, float]:
    if criterion in EXTREMES or gains.size < 2:
        return math.nan, math.nan
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    if criterion == "pays":
        return share_interval(gains > 0, resampled, confidence)
    return float(low), float(high)


def share_interval(which: NDArray[np.bool_], resampled: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Interval of the share of worlds of a kind: exact for the draw of the worlds (Clopper and Pearson 1934), made
    wider where other luck would move it further. `resampled`: the share in resamples of worlds and luck."""
    exact = stats.binomtest(int(which.sum()), which.size).proportion_ci(confidence)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(min(exact.low, low)), float(max(exact.high, high))
