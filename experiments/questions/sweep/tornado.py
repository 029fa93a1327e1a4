"""A tornado on the decision: one number at a time at either end of its range, all others as stated.

A decision flips at an end where the sign of the effect on the primary KPI, or the arm that is best on it, is another
than in the experiment as stated. It flips for sure where the luck-only interval says so too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.sweep.points import Point, stated_values
from crmlab.experiments.questions.sweep.question import Factor, Sweep
from crmlab.experiments.questions.sweep.responses import effects_of, kind_of, mean_of
from crmlab.experiments.questions.sweep.simulate import SweepRuns
from crmlab.experiments.statistics.effects import luck_interval
from crmlab.sim.kpis import KPIS

NO, PERHAPS, YES = "no", "within luck", "yes"
Effects = NDArray[np.float64]  # [points, replications]


@dataclass(frozen=True)
class Decision:
    """What the primary KPI says at every point. `effects`: by arm, the differences to the baseline."""

    arm: str
    baseline: str
    direction: int
    effects: Mapping[str, Effects]
    confidence: float

    def at(self, number: int, stated: float, value: float) -> dict[str, object]:
        """Whether the decision is another one at a point where a factor goes from `stated` to `value`."""
        before, here = mean_of(self.effects[self.arm][0]), mean_of(self.effects[self.arm][number])
        turned = before * here < 0
        best = self.best(number)
        flips = NO
        if turned:
            flips = self._sure(self.effects[self.arm][number] * np.sign(here))
        if flips != YES and best != self.best(0):
            flips = self._sure(self._gain(best, number) - self._gain(self.best(0), number))
        turns_at = stated + (value - stated) * before / (before - here) if turned else math.nan
        return {"flips": flips, "best_arm": best, "turns_at": turns_at}

    def best(self, number: int) -> str:
        """The best arm at a point, the baseline among them; nothing where neither more nor less is better."""
        if not self.direction:
            return ""
        means = {arm: mean_of(self._gain(arm, number)) for arm in (self.baseline, *self.effects)}
        return max(means, key=lambda arm: means[arm] if math.isfinite(means[arm]) else -math.inf)

    def _gain(self, arm: str, number: int) -> NDArray[np.float64]:
        return self.direction * self.effects[arm][number] if arm in self.effects else np.zeros(1)

    def _sure(self, gain: NDArray[np.float64]) -> str:
        low, _ = luck_interval(gain[np.isfinite(gain)], self.confidence)
        return YES if low > 0 else PERHAPS


def tornado_table(
    experiment: Experiment, sweep: Sweep, points: Sequence[Point], runs: SweepRuns, arms: Sequence[str]
) -> pd.DataFrame:
    """Two rows per KPI and factor, its low and its high end.

    `difference`: effect of the arm at that end with its luck-only interval; `shift`: by how much that is another than
    as stated, on the same luck. For the primary KPI: `flips`, the `best_arm` there (the baseline among them), and
    `turns_at`: where the effect changes its sign on a straight line from the stated value.
    """
    base, primary, confidence = experiment.baseline.name, experiment.design.primary, experiment.design.confidence
    written = stated_values(sweep, experiment)
    rivals = {arm: effects_of(runs, sweep, points, arm, base, primary) for arm in arms}
    decision = Decision(sweep.arm, base, KPIS[primary].direction, rivals, confidence)
    rows: list[dict[str, object]] = []
    for kpi in sweep.watched(primary):
        effects = effects_of(runs, sweep, points, sweep.arm, base, kpi)
        for number, (factor, end) in enumerate(itertools.product(sweep.factors, ("low", "high")), 1):
            at = factor.low if end == "low" else factor.high
            row = {"kpi": kpi, "factor": factor.path, "kind": kind_of(factor), "end": end, "at": at}
            row |= _interval("difference", effects[number], confidence)
            row |= _interval("shift", effects[number] - effects[0], confidence)
            nothing = {"flips": "", "best_arm": "", "turns_at": math.nan}
            rows.append(row | (decision.at(number, written[factor.path], at) if kpi == primary else nothing))
    return pd.DataFrame(rows)


def swing_table(experiment: Experiment, sweep: Sweep, points: Sequence[Point], runs: SweepRuns) -> pd.DataFrame:
    """How far every factor moves the effect on every KPI, the farthest first: the largest difference between its low
    end, its stated value and its high end, with its luck-only interval. `beyond_luck`: the interval excludes 0."""
    rows = []
    for kpi in sweep.watched(experiment.design.primary):
        effects = effects_of(runs, sweep, points, sweep.arm, experiment.baseline.name, kpi)
        swings = [
            _swing(kpi, factor, effects[[0, 2 * j + 1, 2 * j + 2]], experiment.design.confidence)
            for j, factor in enumerate(sweep.factors)
        ]
        rows += sorted(swings, key=lambda row: -abs(row["swing"]) if math.isfinite(row["swing"]) else math.inf)
    return pd.DataFrame(rows)


def _swing(kpi: str, factor: Factor, effects: Effects, confidence: float) -> dict[str, Any]:
    stated, low, high = effects
    spans = [high - low, high - stated, low - stated]
    far = max(spans, key=lambda span: abs(mean_of(span)) if math.isfinite(mean_of(span)) else -1.0)
    found = _interval("swing", far, confidence)
    beyond_luck = found["swing_low"] > 0 or found["swing_high"] < 0
    return {"kpi": kpi, "factor": factor.path, "kind": kind_of(factor), **found, "beyond_luck": beyond_luck}


def _interval(name: str, differences: NDArray[np.float64], confidence: float) -> dict[str, float]:
    known = differences[np.isfinite(differences)]
    low, high = luck_interval(known, confidence)
    return {name: mean_of(known), f"{name}_low": low, f"{name}_high": high}
