"""The statistics of a paired comparison: what coupling makes of a handful of replications.

Two ranges answer two questions. *Luck only*: how well do the replications pin down the effect in the world as it is
stated? It shrinks with their number. *Luck plus unknowns*: what could the effect be in a world that we do not know, one
draw of the unknowns each? It does not shrink: more replications only show it more sharply.

The second speaks of states of the world, not of single markets. What one market shows is the effect in its world and
the luck of that market; so every sampled world is run on several, and variance components tell the two apart: the
markets of one world differ by luck alone, whatever its size is in that world. As much luck as is surely in the means of
the worlds is taken out of their spread (`without_luck`). Of what is left the range is made: quantiles at Weibull's
positions k / (n + 1), which hold the stated share of further worlds whatever the distribution. Of few worlds that is
the range from the lowest to the highest, XX
1941).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import betaincinv, fdtri, stdtrit

SKEWED = 1.0  # beyond this sample skewness the luck-only interval of many pairs is a BCa bootstrap, not Student's t
MANY = 50  # pairs: of fewer, the sample skewness says little, and choosing by it costs a point of coverage
MIN_REPLICATIONS = 4  # replications, below which a spread is not told apart from anything
MAX_NEEDED = 10**12  # replications: beyond this "never" is the better answer
PRECISION = 0.01  # half-width, relative to the baseline, for which `replications_needed` is told


@dataclass(frozen=True)
class Effect:
    """One KPI of one arm against the baseline. Undefined parts are NaN.

    `low`, `high`: interval of the difference in the world as stated. `low_unknowns`, `high_unknowns`: range of the
    difference over the sampled `worlds`; `range_holds` is the share of further worlds that it holds on average, and
    `range_holds_at_least` with the stated confidence. In `worlds_better` the arm wins, in `worlds_tied` it is equal;
    `p_better` is the share of worlds in which it wins, a tie counting half, and lies between `p_low` and `p_high`,
    counting the draw of the worlds and the luck that all of them may share.
    All of these are of the worlds' effects with luck taken out. `luck_share` is the part that luck has in the variance
    of one market in an unknown world, between `luck_share_low` and `luck_share_high`, each held with the stated
    confidence; `luck_left` is the part by which the range is too wide at most, since only sure luck is taken out.
    `no_difference_in`: the number of replications, if every one of them came out exactly equal (there
    is no interval then), else 0.
    """

    value: float
    baseline_value: float
    difference: float
    low: float
    high: float
    low_unknowns: float
    high_unknowns: float
    range_holds: float
    range_holds_at_least: float
    worlds: int
    worlds_better: int
    worlds_tied: int
    p_better: float
    p_low: float
    p_high: float
    luck_share: float
    luck_share_low: float
    luck_share_high: float
    luck_left: float
    p_value: float
    variance_reduction: float
    replications_needed: float
    pairs: int
    no_difference_in: int


@dataclass(frozen=True)
class EffectRow(Effect):
    """One row of the table of effects: an `Effect`, of which KPI of which arm it is, and which direction is good."""

    arm: str = ""
    kpi: str = ""
    label: str = ""
    unit: str = ""
    direction: int = 0


def paired_effect(
    arm: ArrayLike,
    baseline: ArrayLike,
    arm_sampled: ArrayLike = (),
    baseline_sampled: ArrayLike = (),
    direction: int = 1,
    confidence: float = 0.95,
) -> Effect:
    """Compare an arm with the baseline, replication by replication.

    `arm`, `baseline`: KPI values of the fixed world, shape [replications]; `..._sampled`: of sampled worlds, shape
    [worlds] or [worlds, markets], each market with luck of its own. Pairs (worlds) in which a KPI value is undefined
    are left out. `direction` says which sign is better (0: neither, P is of "higher").
    """
    a, b = _pairs(arm, baseline)
    a_s, b_s = _pairs(_by_life(arm_sampled), _by_life(baseline_sampled))
    difference, sampled = a - b, a_s - b_s
    over_worlds, luck = without_luck(sampled, confidence)
    same = difference.size + sampled.size if not difference.any() and not sampled.any() else 0
    low, high, low_unknowns, high_unknowns = both_ranges(difference, over_worlds, confidence)
    holds, at_least = range_holds(over_worlds.size, confidence)
    gains = over_worlds * (direction or 1)
    wins, ties = int((gains > 0).sum()), int((gains == 0).sum())
    p_low = share_of_worlds(int((gains > luck.error).sum()), 0, over_worlds.size, confidence)[0]
    p_high = share_of_worlds(int((gains >= -luck.error).sum()), 0, over_worlds.size, confidence)[1]
    return Effect(
        value=_mean(a),
        baseline_value=_mean(b),
        difference=_mean(difference),
        low=low,
        high=high,
        low_unknowns=low_unknowns,
        high_unknowns=high_unknowns,
        range_holds=holds,
        range_holds_at_least=at_least,
        worlds=over_worlds.size,
        worlds_better=wins,
        worlds_tied=ties,
        p_better=(wins + ties / 2) / over_worlds.size if over_worlds.size else math.nan,
        p_low=p_low,
        p_high=p_high,
        luck_share=luck.share,
        luck_share_low=luck.low,
        luck_share_high=luck.high,
        luck_left=luck.left,
        p_value=_p_value(difference),
        variance_reduction=variance_reduction(a, b),
        replications_needed=_replications_needed(difference, _mean(b), confidence),
        pairs=difference.size,
        no_difference_in=same,
    )


def both_ranges(
    stated: NDArray[np.float64], sampled: NDArray[np.float64], confidence: float
) -> tuple[float, float, float, float]:
    """The luck-only interval of a difference and its range over sampled worlds, as (low, high, low, high).

    Undefined where no replication shows any difference: that none was seen is no measurement of nothing.
    """
    if not stated.any() and not sampled.any():
        return math.nan, math.nan, math.nan, math.nan
    return *luck_interval(stated, confidence), *range_of_worlds(sampled, confidence)


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
    """Where the difference lies in sampled worlds: quantiles at Weibull's positions, of few worlds their extremes.

    How much it holds is `range_holds`: `confidence` of further worlds from 2 / (1 - confidence) - 1 worlds on, less
    where they are fewer.
    """
    if difference.size < 2:
        return math.nan, math.nan
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(difference, tails, method="weibull")
    return float(low), float(high)


def range_holds(n: int, confidence: float) -> tuple[float, float]:
    """Which share of further worlds the range of `n` worlds holds: on average, and at least with `confidence`.

    Of the range between the order statistics i and j that share is Beta(j - i, n + 1 - j + i), whatever the
    distribution of the differences.
    """
    if n < 2:
        return math.nan, math.nan
    tail = max((1 - confidence) / 2, 1 / (n + 1))
    inside, outside = (n + 1) * (1 - 2 * tail), (n + 1) * 2 * tail
    return 1 - 2 * tail, float(betaincinv(inside, outside, 1 - confidence))


def share_of_worlds(wins: int, ties: int, n: int, confidence: float) -> tuple[float, float]:
    """Interval of the share of worlds in which an arm wins, exact for the draw of the worlds (Clopper and Pearson
    1934). A tie is taken for a defeat at the lower end and for a win at the upper one."""
    if not n:
        return math.nan, math.nan
    tail, most = (1 - confidence) / 2, wins + ties
    low = betaincinv(wins, n - wins + 1, tail) if wins else 0.0
    high = betaincinv(most + 1, n - most, 1 - tail) if most < n else 1.0
    return float(low), float(high)


class Luck(NamedTuple):
    """What luck has to do with the spread over sampled worlds; the fields of `Effect`. NaN where nobody can tell.

    `error`: standard error that luck leaves in what all worlds have in common, their mean.
    """

    share: float = math.nan
    low: float = math.nan
    high: float = math.nan
    left: float = math.nan
    error: float = 0.0


def without_luck(sampled: NDArray[np.float64], confidence: float) -> tuple[NDArray[np.float64], Luck]:
    """The effects in sampled worlds, freed from the luck of the markets in which they were seen, and its share.

    `sampled` [worlds, markets] are differences, each market of a world with luck of its own. Means over the markets
    spread by the worlds and by luck / markets. They are drawn together about their common mean until their variance is
    that of the worlds (constrained empirical Bayes; Louis 1984, Ghosh 1992), but only by as much luck as there surely
    is, so that the range made of them is never too narrow for it. Luck is measured within each world; that it is not
    equally large in all of them counts through its degrees of freedom (Satterthwaite 1946). A world in which nothing
    ever differed stays at nothing. With one market per world, or fewer than `FEWEST` worlds, luck stays in and is not
    told.
    """
    worlds, markets = sampled.shape
    means = sampled.mean(axis=1)
    if markets < 2 or worlds < MIN_REPLICATIONS or not np.ptp(means) > 0:
        return means, Luck()
    within = sampled.var(axis=1, ddof=1)
    if not within.any():
        return means, Luck(0.0, 0.0, 0.0, 0.0)
    ratio = within.mean() / (markets * means.var(ddof=1))  # luck in the variance of the means, F times its true part
    freedom = np.clip((markets + 1) * within.sum() ** 2 / (within**2).sum() - 2, 1, worlds * (markets - 1))
    surely, at_most = (ratio / fdtri(freedom, worlds - 1, p) for p in (confidence, 1 - confidence))
    low, share, high = (min(1.0, float(part)) for part in (surely, ratio, at_most))
    drawn = means.mean() + math.sqrt(1 - low) * (means - means.mean())
    left = 1 - math.sqrt((1 - high) / (1 - low)) if low < 1 else 0.0
    error = math.sqrt(within.mean() / sampled.size)
    of_one = [markets * part / (1 + (markets - 1) * part) for part in (share, low, high)]
    return np.where(sampled.any(axis=1), drawn, 0.0), Luck(of_one[0], of_one[1], of_one[2], left, error)


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
    undefined = ~(np.isfinite(a) & np.isfinite(b))
    left_out = undefined if a.ndim == 1 else undefined.any(axis=1)
    return a[~left_out], b[~left_out]


def _by_life(kpi_values: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(kpi_values, np.float64)
    return values if values.ndim == 2 else values[:, None]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _p_value(difference: NDArray[np.float64]) -> float:
    if difference.size < 2 or np.ptp(difference) == 0:
        return math.nan if difference.size < 2 else float(difference[0] == 0)
    return float(stats.ttest_1samp(difference, 0.0).pvalue)


def _replications_needed(difference: NDArray[np.float64], baseline: float, confidence: float) -> float:
    """The fewest replications whose luck-only interval is +- 1 % of the baseline value, if they spread as these do.

    Solved for n: Student's t shrinks with the number that is asked for, not with the number that was run.
    """
    if difference.size < 2 or not abs(baseline) > 0:
        return math.nan
    spread, wanted = float(difference.std(ddof=1)), PRECISION * abs(baseline)
    tail = (1 + confidence) / 2

    def enough(n: int) -> bool:
        return float(stdtrit(n - 1, tail)) * spread / math.sqrt(n) <= wanted

    high = 2
    while not enough(high):
        if high > MAX_NEEDED:
            return math.inf
        high *= 2
    low = high // 2  # too few, or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(high)
