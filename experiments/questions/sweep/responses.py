"""What the arm changes at every point of a sweep, and which way each factor pushes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.own_kpis import all_kpis
from crmlab.experiments.questions.sweep.points import Point, stated_values
from crmlab.experiments.questions.sweep.question import Factor, Sweep
from crmlab.experiments.questions.sweep.simulate import SweepRuns, Variant, variant_of
from crmlab.experiments.statistics.effects import luck_interval
from crmlab.experiments.statistics.verdict import judge_differences

RISES, FALLS, BOTH, FLAT = "rises", "falls", "rises and falls", "no change beyond luck"
UNCLEAR = "no clear direction"


def effects_of(
    runs: SweepRuns, sweep: Sweep, points: Sequence[Point], arm: str, baseline: str, kpi: str
) -> NDArray[np.float64]:
    """Paired differences of an arm to the baseline. Shape [points, replications]; NaN where one has no value."""
    return np.array(
        [
            runs.of(point.unknowns, variant_of(sweep, point, arm), kpi)
            - runs.of(point.unknowns, Variant(baseline), kpi)
            for point in points
        ]
    )


def response_table(
    experiment: Experiment, sweep: Sweep, points: Sequence[Point], runs: SweepRuns, refused: Mapping[int, str]
) -> pd.DataFrame:
    """One row per point and KPI: factor values, the arm's and the baseline's mean, the difference and its luck.

    `low`, `high`: luck-only interval of the mean difference; `se`: its standard error; `pairs`: replications in which
    both have a value; `verdict`: by the one rule, luck only; `stated`: the experiment as written; `refused`: why a
    strategy does not take these levers.
    """
    base, confidence = experiment.baseline.name, experiment.design.confidence
    written = stated_values(sweep, experiment)
    rows: list[dict[str, object]] = []
    for kpi in sweep.watched(experiment.design.primary):
        effects = effects_of(runs, sweep, points, sweep.arm, base, kpi)
        for point, differences in zip(points, effects, strict=True):
            values = written | point.values
            own = runs.of(point.unknowns, variant_of(sweep, point, sweep.arm), kpi)
            rows.append(
                {"point": point.number, "stated": point.number == 0}
                | {factor.column: values[factor.path] for factor in sweep.factors}
                | {
                    "kpi": kpi,
                    "value": mean_of(own),
                    "baseline_value": mean_of(runs.of(point.unknowns, Variant(base), kpi)),
                }
                | _effect(differences, confidence)
                | {"verdict": judge_differences(differences, direction_of(experiment, kpi), confidence).word}
                | {"refused": refused.get(point.number, "")}
            )
    return pd.DataFrame(rows).sort_values("point", kind="stable", ignore_index=True)


def direction_of(experiment: Experiment, kpi: str) -> int:
    """Which sign of a difference in a KPI is better, 0 where neither is."""
    return next(known.direction for known in all_kpis(experiment.kpis) if known.id == kpi)


def _effect(differences: NDArray[np.float64], confidence: float) -> dict[str, float]:
    known = differences[np.isfinite(differences)]
    low, high = luck_interval(known, confidence)
    se = float(known.std(ddof=1) / math.sqrt(known.size)) if known.size > 1 else math.nan
    return {"difference": mean_of(known), "low": low, "high": high, "se": se, "pairs": known.size}


def mean_of(values: NDArray[np.float64]) -> float:
    """The mean of what has a value, NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def shape_table(experiment: Experiment, sweep: Sweep, points: Sequence[Point], runs: SweepRuns) -> pd.DataFrame:
    """Which way every factor pushes the effect on every KPI.

    On a grid: the effect averaged over all other factors, step by step; a step counts when its luck-only interval
    excludes 0. Elsewhere: the rank correlation (Spearman) of the factor with the effect, where it is beyond chance.
    """
    base, designed = experiment.baseline.name, [point for point in points if point.number > 0]
    alpha = 1 - experiment.design.confidence
    rows = []
    for kpi in sweep.watched(experiment.design.primary):
        effects = effects_of(runs, sweep, designed, sweep.arm, base, kpi)
        for factor in sweep.factors:
            values = np.array([point.values[factor.path] for point in designed])
            correlation, p_value = rank_correlation(values, effects.mean(axis=1))
            shape = UNCLEAR
            if sweep.design == "grid":
                shape = shape_of(curve(values, effects), experiment.design.confidence)
            elif p_value < alpha:
                shape = RISES if correlation > 0 else FALLS
            rows.append({"kpi": kpi, "factor": factor.path, "kind": kind_of(factor), "shape": shape,
                         "rank_correlation": correlation, "p_value": p_value})  # fmt: skip
    return pd.DataFrame(rows)


def kind_of(factor: Factor) -> str:
    """Whose number it is: "lever" (the firm's) or "unknown" (the world's)."""
    return "lever" if factor.lever else "unknown"


def curve(values: NDArray[np.float64], effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """The effect at each value of a factor, averaged over everything else on the grid. Shape [values, replications].

    Points without a value in some replication are left out.
    """
    known = np.isfinite(effects).all(axis=1)
    return np.array([effects[known & (values == value)].mean(axis=0) for value in np.unique(values[known])])


def shape_of(curve: NDArray[np.float64], confidence: float) -> str:
    """Whether a curve [values, replications] rises or falls, counting only steps beyond luck."""
    steps = [luck_interval(step, confidence) for step in np.diff(curve, axis=0)] if len(curve) > 1 else []
    up, down = any(low > 0 for low, _ in steps), any(high < 0 for _, high in steps)
    return {(True, True): BOTH, (True, False): RISES, (False, True): FALLS, (False, False): FLAT}[up, down]


def rank_correlation(values: NDArray[np.float64], effects: NDArray[np.float64]) -> tuple[float, float]:
    """Spearman's rank correlation and its p-value; NaN where either does not vary or fewer than four are known."""
    known = np.isfinite(values) & np.isfinite(effects)
    if known.sum() < 4 or np.ptp(values[known]) == 0 or np.ptp(effects[known]) == 0:
        return math.nan, math.nan
    found = stats.spearmanr(values[known], effects[known])
    return float(found.statistic), float(found.pvalue)
