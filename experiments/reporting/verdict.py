"""What a comparison says about a policy, by rules fixed before the run, in plain words.

A KPI of an arm is decided when the interval of its paired difference to the baseline excludes 0. The interval counts
luck plus unknowns where the run sampled the unknowns of the world, and luck only where it did not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.experiments.reporting.quantities import between, change, relative
from crmlab.experiments.reporting.rows import each_row

ARROWS = {1: "▲", -1: "▼", 0: "○"}


@dataclass(frozen=True)
class Verdict:
    """The state of one KPI of one arm against the baseline.

    `word` is "better", "worse", "higher", "lower" (KPIs without a good direction), "not decided", "unchanged" (exactly
    the same in every replication) or "undefined"; `arrow` shows where the value went; `counts` says which interval
    decided: "luck and unknowns" or "luck only".
    """

    word: str
    arrow: str
    counts: str
    low: float
    high: float

    @property
    def decided(self) -> bool:
        return self.arrow in (ARROWS[1], ARROWS[-1])


def judge(effect: Any) -> Verdict:
    """The verdict on one row of the table of effects (fields low, high, low_unknowns, high_unknowns, direction)."""
    sampled = math.isfinite(effect.low_unknowns) and math.isfinite(effect.high_unknowns)
    low, high = (effect.low_unknowns, effect.high_unknowns) if sampled else (effect.low, effect.high)
    moved = 1 if low > 0 else -1 if high < 0 else 0
    words = {1: ("better", "worse"), -1: ("worse", "better")}.get(int(effect.direction), ("higher", "lower"))
    word = words[moved < 0] if moved else _undecided(effect.difference, low, high)
    return Verdict(word, ARROWS[moved], "luck and unknowns" if sampled else "luck only", low, high)


def _undecided(difference: float, low: float, high: float) -> str:
    if not math.isfinite(difference):
        return "undefined"
    return "unchanged" if difference == low == high == 0 else "not decided"


def verdict_sentence(effects: pd.DataFrame, arm: str, baseline: str, primary: str, currency: str = "USD") -> str:
    """What the run says about an arm: its primary KPI, the range, how often it wins, and what else moved.

    `effects` is the table of effects of a run; an arm or a primary KPI that it lacks gives a sentence that says so.
    """
    mine = effects[effects["arm"] == arm]
    rows = list(each_row(mine[mine["kpi"] == primary]))
    if not rows or not math.isfinite(rows[0].difference):
        return f"Not decided: the primary KPI ({primary}) is undefined for this arm."
    effect, verdict = rows[0], judge(rows[0])
    label = in_sentence(effect.label)
    if verdict.word == "unchanged":
        return f"Unchanged: {label} is exactly what it is under {baseline}. {_others(mine, primary)}".strip()
    moved = f"{change(effect.difference, effect.unit, currency)}, {relative(effect.difference, effect.baseline_value)}"
    head = f"{label} is {verdict.word} than under {baseline} ({moved})"
    if not verdict.decided:
        head = f"the difference in {label} to {baseline} ({moved}) may be luck or assumption"
    span = f"range {between(verdict.low, verdict.high, effect.unit, currency)} counting {verdict.counts}"
    if not math.isfinite(verdict.low):
        span = "too few replications for a range"
    odds, others = _odds(effect, baseline), _others(mine, primary)
    return f"{verdict.word.capitalize()}: {head}; {span}. {odds}{others}".strip()


def in_sentence(label: str) -> str:
    """A KPI label inside a sentence: lower case, but abbreviations stay (`CAC`, `LTV over 52 weeks`)."""
    first = label.split(" ")[0]
    return label if first[1:] != first[1:].lower() else label[:1].lower() + label[1:]


def _odds(effect: Any, baseline: str) -> str:
    if not math.isfinite(effect.p_better):
        return ""
    share = {0.0: "none", 1.0: "all"}.get(effect.p_better, f"{100 * effect.p_better:.0f}%")
    return f"It is ahead of {baseline} in {share} of the sampled worlds. "


def _others(mine: pd.DataFrame, primary: str) -> str:
    groups: dict[str, list[str]] = {"better": [], "worse": []}
    for effect in each_row(mine[mine["kpi"] != primary]):
        if getattr(effect, "hidden", False):
            continue  # the firm could not see it
        groups.get(judge(effect).word, []).append(in_sentence(str(effect.label)))
    parts = [f"Also {word}: {'; '.join(labels)}." for word, labels in groups.items() if labels]
    return " ".join(parts)
