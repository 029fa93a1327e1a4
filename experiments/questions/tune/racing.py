"""The race: replications are spent on candidates that may still win, not on those that are surely beaten.

All candidates of a batch start with few replications. After every round (2, 4, 8, 16, ... up to the most) those are
dropped that are beaten, beyond a limit, or without a value, each beyond the interval; the others run as many
replications again. Everybody meets the same people, luck and worlds, so differences are taken replication by
replication, and the candidates that finished in earlier batches are rivals too, at no further cost.

A rival beats a candidate when it is better in every objective, each time beyond the interval (one-sided, 95 %). A
rival is nobody whom another one beats on average, and somebody whose own limits hold: beyond the interval, or after all
replications.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlab.experiments.questions.tune.pareto import undominated
from crmlab.experiments.questions.tune.question import Tune

MIN_REPLICATIONS = 2  # replications with which a candidate starts
SURE = 0.95  # one-sided confidence beyond which somebody is dropped: the end of the interval that counts

GOES_ON, FINISHED = "goes on", "finished"
BEATEN, BEYOND, NO_VALUE, REFUSED, FAILED = "beaten", "beyond a limit", "no value", "refused", "failed"


@dataclass(frozen=True)
class Entrant:
    """A candidate in the race, with what it run in the replications that are looked at.

    `gains`: differences to the baseline, more is better. Shape [replications, objectives]. For a score over worlds
    these are its pseudo-values. `beyond`: by how much its limits are broken, 0 or less is within. Shape
    [replications, limits].
    """

    number: int
    gains: NDArray[np.float64]
    beyond: NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """What a round said of a candidate.

    `rival` is the candidate that beat it; `behind` and `behind_se` by how much, per objective. For one that is beyond a
    limit: `limit` (its position), by how much, and the standard error.
    """

    number: int
    replications: int
    word: str
    rival: int | None = None
    behind: tuple[float, ...] = ()
    behind_se: tuple[float, ...] = ()
    limit: int | None = None
    beyond: float = math.nan
    beyond_se: float = math.nan


def rounds(most: int, racing: bool) -> list[int]:
    """Replications after which the candidates are looked at: doubling from the fewest to the most."""
    looked_at = [most]
    while racing and (few := MIN_REPLICATIONS * 2 ** (len(looked_at) - 1)) < most:
        looked_at.insert(-1, few)
    return looked_at


def judged(field: Sequence[Entrant], finished: Sequence[Entrant], last: bool) -> list[Verdict]:
    """One round: a verdict on every candidate of the field.

    `finished` are candidates of earlier batches that nobody has beaten, in the same replications. After the `last`
    round nobody is dropped any more: what was run is all that is known.
    """
    valued = [e for e in field if np.isfinite(e.gains).all()]
    known = [*finished, *(e for e in valued if _surely_within(e))]
    means = np.array([e.gains.mean(axis=0) for e in known])
    rivals = [e for e, unbeaten in zip(known, undominated(means), strict=True) if unbeaten]
    return [_verdict(entrant, rivals, last) for entrant in field]


def _verdict(entrant: Entrant, rivals: Sequence[Entrant], last: bool) -> Verdict:
    number, n = entrant.number, len(entrant.gains)
    if not (np.isfinite(entrant.gains).all() and np.isfinite(entrant.beyond).all()):
        return Verdict(number, n, NO_VALUE)
    if last:
        return Verdict(number, n, FINISHED)
    for limit, broken in enumerate(entrant.beyond.T):
        mean, se, half = _mean(broken)
        if mean - half > 0:
            return Verdict(number, n, BEYOND, limit=limit, beyond=mean, beyond_se=se)
    for rival in rivals:
        found = [_mean(column) for column in (rival.gains - entrant.gains).T]
        if all(mean - half > 0 for mean, _, half in found):
            behind, errors = tuple(mean for mean, _, _ in found), tuple(se for _, se, _ in found)
            return Verdict(number, n, BEATEN, rival.number, behind, errors)
    return Verdict(number, n, GOES_ON)


def _surely_within(entrant: Entrant) -> bool:
    """Whether all limits hold beyond the interval."""
    return all(mean + half <= 0 for mean, _, half in map(_mean, entrant.beyond.T))


def _mean(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, its standard error, and half the width of its interval (Student's t)."""
    n = values.size
    if n < 2:
        return float(values.mean()), math.inf, math.inf
    se = float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()), se, _quantile(n - 1) * se


@cache
def _quantile(degrees_of_freedom: int) -> float:
    return float(stats.t.ppf(SURE, degrees_of_freedom))


def race_rows(search: Tune, batch: int, round_: int, verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """The log of a round, one row per candidate: its verdict, who beat it, and by how much with standard errors, in the
    direction in which the KPI is good; or which limit it is beyond, and by how much."""
    nothing = (math.nan,) * len(search.objectives)
    return [
        {
            "batch": batch,
            "round": round_,
            "candidate": v.number,
            "replications": v.replications,
            "verdict": v.word,
            "beaten_by": v.rival,
            **{f"behind.{k}": x for k, x in zip(search.objectives, v.behind or nothing, strict=True)},
            **{f"behind_se.{k}": x for k, x in zip(search.objectives, v.behind_se or nothing, strict=True)},
            "limit": "" if v.limit is None else str(search.constraints[v.limit]),
            "beyond": v.beyond,
            "beyond_se": v.beyond_se,
        }
        for v in verdicts
    ]


def race_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """All rounds of all batches."""
    return pd.DataFrame(rows).astype({"beaten_by": "Int64"})
