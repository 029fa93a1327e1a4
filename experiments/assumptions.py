"""The assumption table: every number of the world with its range, source and evidence, real or assumed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.unknowns import assumed_unknowns, numbers_of
from crmlab.sim.levers import Unknown


def assumptions_table(experiment: Experiment) -> pd.DataFrame:
    """Columns name, value, low, high, unit, source, evidence, kind, group, varied.

    `kind` is "real" for what was fitted to the firm's own data, "published" for what a source was read for, else
    "assumed". `varied` says whether the number is drawn anew in sampled worlds.
    """
    world = experiment.world
    varied = {path for path, _, _ in assumed_unknowns(experiment)} | {
        f"{group}.{name}" for group, (names, _) in experiment.log_covariance.items() for name in names
    }
    numbers = numbers_of(world, experiment.ranges)
    return pd.DataFrame(
        [_row(experiment, group_of(path), path, *number, path in varied) for path, number in numbers.items()]
    )


def group_of(path: str) -> str:
    """The part of the world that a number belongs to, from its path."""
    group = path.partition(".")[0]
    return "personas" if group == "correlation" else group


def _row(experiment: Experiment, group: str, path: str, unknown: Unknown, value: float, varied: bool) -> dict[str, Any]:
    low, high = experiment.ranges.get(path, (unknown.low, unknown.high))
    fitted = group in experiment.fitted
    return {
        "name": path,
        "value": float(value),
        "low": low,
        "high": high,
        "unit": unknown.unit,
        "source": "estimated from the imported orders" if fitted else unknown.source,
        "evidence": "C" if fitted else unknown.evidence,
        "kind": "real" if fitted else "assumed" if unknown.evidence == "A" else "published",
        "group": group,
        "varied": varied,
    }
