"""How good is a policy when nobody knows which of many worlds is the real one? Scores over sampled worlds.

A *gain* is the difference to the baseline in a world, in the direction in which the KPI is good: more is better. The
baseline's own gains are 0, so it can be scored beside the others. All scores are "more is better" but regret.

Sources: regret: Savage 1951; CVaR: Rockafellar & Uryasev 2000; robustness metrics side by side: McPhail et al. 2018.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Score = Literal["mean", "worst", "cvar", "pays"]
SCORES: tuple[Score, ...] = get_args(Score)
TAIL = 0.1  # the share of worlds that CVaR looks at, the worst ones


def robust_score(gains: ArrayLike, score: Score, tail: float = TAIL) -> NDArray[np.float64]:
    """One score of each policy from its gains. Shape [..., worlds] -> [...]. More is better.

    A policy whose gain is undefined (NaN) in some world has no score: NaN. Raises `ValueError` without worlds.
    """
    gains = np.asarray(gains, np.float64)
    if not gains.shape or not gains.shape[-1]:
        raise ValueError("a score over worlds needs at least one world")
    if score == "cvar":
        return cvar(gains, tail)
    return {"mean": _mean, "worst": _worst, "pays": pays}[score](gains)


def cvar(gains: NDArray[np.float64], tail: float = TAIL) -> NDArray[np.float64]:
    """Mean gain over the worst `tail` share of the worlds (conditional value at risk). Shape [..., worlds] -> [...].

    Where the share is no whole number of worlds, the last world counts by the part of it that belongs to the tail. With
    `tail` = 1 it is the mean; with less than one world in the tail it is the worst case.
    """
    if not 0 < tail <= 1:
        raise ValueError(f"tail = {tail}: a share of the worlds above 0 and at most 1")
    n = gains.shape[-1]
    weights = np.clip(tail * n - np.arange(n), 0.0, 1.0)
    return np.sort(gains, axis=-1) @ weights / weights.sum()


def pays(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the worlds in which the policy gains something (more than 0). Shape [..., worlds] -> [...]."""
    return np.where(np.isnan(gains).any(axis=-1), np.nan, (gains > 0).mean(axis=-1))


def regret(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """What was lost in each world by not having the policy that is best there. Shape [policies, worlds], 0 or more."""
    return gains.max(axis=0) - gains


def _mean(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    return gains.mean(axis=-1)


def _worst(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    return gains.min(axis=-1)
