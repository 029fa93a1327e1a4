"""From readings of single replications to estimates with both intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.experiments.statistics.effects import both_ranges

KEYS = ["part", "group", "item", "measure"]


class Reading(NamedTuple):
    """One number of one replication: of which part of the explanation, which group and item, and what it measures."""

    part: str
    group: str
    item: str
    measure: str
    value: float


def readings_table(lived: Iterable[tuple[str, int, Sequence[Sequence[Any]]]]) -> pd.DataFrame:
    """All readings of a run, from (world, replication, readings): the fields of `Reading`, world and replication."""
    parts = [
        pd.DataFrame(list(readings), columns=list(Reading._fields)).assign(world=world, replication=replication)
        for world, replication, readings in lived
    ]
    return pd.concat(parts, ignore_index=True)


def estimates(readings: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """One row per part, group, item and measure, in the order in which they were first read.

    `value` is the mean over the replications of the world as stated, `low` and `high` its interval (luck only);
    `low_unknowns` and `high_unknowns` say where it lies in one more sampled world, NaN where none were sampled.
    Replications in which a number is undefined are left out; `replications` counts the others.
    """
    rows = []
    for keys, group in readings.groupby(KEYS, sort=False):
        fixed, sampled = (_defined(group, world) for world in ("fixed", "sampled"))
        low, high, low_unknowns, high_unknowns = both_ranges(fixed, sampled, confidence)
        mean = float(fixed.mean()) if fixed.size else np.nan
        rows.append((*keys, mean, low, high, low_unknowns, high_unknowns, fixed.size))
    return pd.DataFrame(rows, columns=[*KEYS, "value", "low", "high", "low_unknowns", "high_unknowns", "replications"])


def _defined(group: pd.DataFrame, world: str) -> np.ndarray:
    values = group.loc[group["world"] == world, "value"].to_numpy(np.float64)
    return values[np.isfinite(values)]
