"""The assumption table: every number of the world with its range, source and evidence, real or assumed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from experiments.experiment import Experiment
from experiments.unknowns import assumed_unknowns
from sim.levers import Unknown, unknowns_of

UNUSED = {"pareto_nbd": {"a", "b"}, "bg_nbd": {"s", "beta"}, "nbd": {"a", "b", "s", "beta"}}
GROUPS = ("base", "spend", "population", "price", "acquisition", "loyalty", "economics", "calendar", "word_of_mouth")


def assumptions_table(experiment: Experiment) -> pd.DataFrame:
    """Columns name, value, low, high, unit, source, evidence, kind, group, varied.

    `kind` is "real" for what was fitted to the firm's own data, "published" for what a source was read for, else
    "assumed". `varied` says whether the number is drawn anew in sampled worlds.
    """
    world = experiment.world
    varied = {path for path, _, _ in assumed_unknowns(experiment)} | {
        f"{group}.{name}" for group, (names, _) in experiment.log_covariance.items() for name in names
    }
    rows: list[dict[str, Any]] = []
    for group in GROUPS if world.word_of_mouth.on else GROUPS[:-1]:
        rows += _rows(experiment, group, group, getattr(world, group), varied)
    for channel in world.channels:
        rows += _rows(experiment, "channels", f"channels.{channel.name}", channel, varied)
    return pd.DataFrame(rows)


def _rows(experiment: Experiment, group: str, prefix: str, values: Any, varied: set[str]) -> list[dict[str, Any]]:
    rows = []
    skipped = UNUSED[experiment.world.base.model] if group == "base" else set()
    if group == "population" and experiment.world.history is not None:
        skipped = {"history_weeks"}
    for name, field in unknowns_of(values).items():
        unknown = field.range
        assert isinstance(unknown, Unknown)
        if name in skipped:
            continue
        path = f"{prefix}.{name}"
        low, high = experiment.ranges.get(path, (unknown.low, unknown.high))
        fitted = group in experiment.fitted
        rows.append(
            {
                "name": path,
                "value": float(getattr(values, name)),
                "low": low,
                "high": high,
                "unit": unknown.unit,
                "source": "estimated from the imported orders" if fitted else unknown.source,
                "evidence": "C" if fitted else unknown.evidence,
                "kind": "real" if fitted else "assumed" if unknown.evidence == "A" else "published",
                "group": group,
                "varied": path in varied,
            }
        )
    return rows
