"""The assumption table: every number of the world with its range, source and evidence, real or assumed."""

from __future__ import annotations

from dataclasses import MISSING, replace
from typing import Any

import pandas as pd

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.parameters.registry import group_of, parameters_of
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns
from crmlab.sim.levers import Unknown

KIND_OF = {"R": "published", "R2": "practitioner", "M": "memory", "C": "public data", "A": "assumed", "K": "known"}


def assumptions_table(experiment: Experiment) -> pd.DataFrame:
    """Columns name, value, low, high, unit, source, evidence, kind, group, varied.

    `kind` is "real" for what was fitted to the firm's own data, "known" for what the world file says is known;
    otherwise what stands behind the number (`KIND_OF`): "published" only for what was read in a source. A number that
    the world states itself, other than the default, does not have the default's source and is "assumed". `varied` says
    whether the number is drawn anew in sampled worlds.
    """
    world = experiment.world
    varied = {number.path for number in assumed_unknowns(experiment)} | {
        f"{group}.{name}" for group, (names, _) in experiment.log_covariance.items() for name in names
    }
    rows = []
    for path, (unknown, value, default) in parameters_of(world, experiment.ranges).items():
        rows.append(_row(experiment, group_of(path), path, _as_stated(unknown, value, default), value, path in varied))
    return pd.DataFrame(rows)


def _as_stated(unknown: Unknown, value: Any, default: Any) -> Unknown:
    """The range of a number with the source of the value that this world states."""
    if value == default or default is MISSING or unknown.evidence == "A":
        return unknown
    words = f"stated in the world file; default {default:g}: {unknown.source}"
    return replace(unknown, source=words, evidence="A")


def _row(
    experiment: Experiment, group: str, path: str, unknown: Unknown, value: float, varied: bool
) -> dict[str, object]:
    low, high = experiment.ranges.get(path, (unknown.low, unknown.high))
    source, evidence, kind = unknown.source, unknown.evidence, KIND_OF[unknown.evidence]
    if group in experiment.fitted:
        source, evidence, kind = "estimated from the imported orders", "C", "real"
    elif path in experiment.ranges and low == high:
        source, evidence, kind = "stated as known", "K", "known"
    return {
        "name": path,
        "value": float(value),
        "low": low,
        "high": high,
        "unit": unknown.unit,
        "source": source,
        "evidence": evidence,
        "kind": kind,
        "group": group,
        "varied": varied,
    }
