"""From measurements of single replications to estimates with both intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.experiments.replication.worlds import by_market
from crmlab.experiments.statistics.effects import both_ranges, without_luck
from crmlab.experiments.statistics.verdict import judge_differences

KEYS = ["part", "group", "item", "measure"]


class Measurement(NamedTuple):
    """One number of one replication: of which part of the explanation, which group and item, and what it measures."""

    part: str
    group: str
    item: str
    measure: str
    value: float


def measurements_table(outcomes: Iterable[tuple[Mapping[str, Any], Sequence[Sequence[Any]]]]) -> pd.DataFrame:
    """All measurements of a run, from (place, measurements): the fields of `Measurement`, and those of the place:
    world, number of the world, replication."""
    parts = [
        pd.DataFrame(list(measurements), columns=list(Measurement._fields)).assign(**place)
        for place, measurements in outcomes
    ]
    return pd.concat(parts, ignore_index=True)


def estimates(measurements: pd.DataFrame, confidence: float, directions: Mapping[str, int]) -> pd.DataFrame:
    """One row per part, group, item and measure, in the order in which they were first read.

    `value` is the mean over the replications of the world as stated, `low` and `high` its interval (luck only);
    `low_unknowns` and `high_unknowns` say where it lies in one more sampled world, luck taken out; NaN where none were
    sampled. Replications in which a number is undefined are left out; `replications` counts the others. Of what plays
    contribute `verdict` is that of the one rule; `directions` says by KPI which sign is better.
    """
    rows = []
    for keys, group in measurements.groupby(KEYS, sort=False):
        fixed, pair = group.loc[group["world"] == "fixed", "value"], group[group["world"] == "sampled"]
        fixed = fixed[np.isfinite(fixed)].to_numpy(np.float64)
        outcomes = by_market(pair)("value")
        outcomes = outcomes[np.isfinite(outcomes).all(axis=1)]
        sampled, _ = without_luck(outcomes, confidence)
        judged = keys[0] == "contributions"  # what a play does to a KPI: the question of a verdict
        verdict = judge_differences(fixed, directions[str(keys[3])], confidence, outcomes).word if judged else ""
        low, high, low_unknowns, high_unknowns = both_ranges(fixed, sampled, confidence)
        mean = float(fixed.mean()) if fixed.size else np.nan
        rows.append((*keys, mean, low, high, low_unknowns, high_unknowns, fixed.size, verdict))
    return pd.DataFrame(
        rows, columns=[*KEYS, "value", "low", "high", "low_unknowns", "high_unknowns", "replications", "verdict"]
    )
