"""What a comparison says about a policy, by one rule fixed before the run, in plain words.

Where the unknowns were sampled, a KPI of an arm is decided when the range of its difference over the sampled worlds
excludes 0, the interval of the share of worlds in which it wins lies beyond one half (six worlds at least, at 95 %),
and the world as stated says the same. Where they were not, when the interval of luck excludes 0. Commands, reports,
charts and JSON all ask `judge`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab.experiments.rows import each_row
from crmlab.experiments.statistics.effects import MIN_REPLICATIONS, EffectRow, paired_effect
from crmlab.experiments.wording.quantities import between, change, percent, relative

ARROWS = {1: "▲", -1: "▼", 0: "○"}


@dataclass(frozen=True)
class Verdict:
    """The state of one KPI of one arm against the baseline.

    `word` is "better", "worse", "higher", "lower" (KPIs without a good direction), "not decided", "unchanged" (exactly
    the same in every replication) or "undefined"; `arrow` shows where the value went; `counts` says which range
    decided, from `low` to `high`: "luck and unknowns" or "luck only".
    """

    word: str
    arrow: str
    counts: str
    low: float
    high: float

    @property
    def decided(self) -> bool:
        return self.arrow in (ARROWS[1], ARROWS[-1])


def judge(effect: EffectRow) -> Verdict:
    """The verdict on one row of the table of effects (the fields of `Effect`, and direction)."""
    sampled = effect.worlds > 0
    low, high = (effect.low_unknowns, effect.high_unknowns) if sampled else (effect.low, effect.high)
    moved = 1 if low > 0 and effect.difference > 0 else -1 if high < 0 and effect.difference < 0 else 0
    if sampled and moved and not _enough_worlds(effect):
        moved = 0
    words = {1: ("better", "worse"), -1: ("worse", "better")}.get(int(effect.direction), ("higher", "lower"))
    word = words[moved < 0] if moved else _undecided(effect)
    return Verdict(word, ARROWS[moved], "luck and unknowns" if sampled else "luck only", low, high)


def judge_differences(stated: ArrayLike, direction: int, confidence: float, sampled: ArrayLike = ()) -> Verdict:
    """The verdict on paired differences themselves: `stated` [replications], `sampled` [worlds, markets].

    Undefined ones are left out."""
    effect = paired_effect(stated, np.zeros_like(stated), sampled, np.zeros_like(sampled), direction, confidence)
    return judge(EffectRow(direction=direction, **asdict(effect)))


def rule(unknowns: bool, confidence: float) -> str:
    """The rule of all verdicts of a run in words, fixed before it began."""
    if not unknowns:
        return (
            f"Rule, fixed before the run: a policy is better or worse when the {confidence:.0%} interval of its "
            "difference excludes 0, otherwise not decided. It counts luck only: the unknowns were not sampled."
        )
    enough = round(2 / (1 - confidence)) - 1
    return (
        "Rule, fixed before the run: a policy is better or worse when the range of its difference over the sampled "
        f"worlds excludes 0 ({confidence:.0%} of them; of fewer than {enough}, all of them), and they are too many for "
        "that to be chance if it won in half of all worlds; otherwise not decided."
    )


def _enough_worlds(effect: EffectRow) -> bool:
    """Whether so many worlds say the same that they could not have been drawn where half of them say the contrary."""
    return bool(effect.p_low > 0.5 or effect.p_high < 0.5)


def _undecided(effect: EffectRow) -> str:
    if not math.isfinite(effect.difference):
        return "undefined"
    return "unchanged" if effect.no_difference_in else "not decided"


def ranked_arms(effects: pd.DataFrame, baseline: str, primary: str) -> list[str]:
    """The arms by their difference to the baseline in the primary KPI in the world as stated, the best first; those
    in which it is undefined last."""
    arms = list(dict.fromkeys(effects.loc[effects["arm"] != baseline, "arm"]))
    rows = effects[effects["kpi"] == primary]
    gain = {row.arm: row.difference * (row.direction or 1) for row in each_row(rows)}
    gain = {arm: value for arm, value in gain.items() if math.isfinite(value)}
    return sorted(arms, key=lambda arm: -gain.get(arm, -math.inf))


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
        same = f"no difference to {baseline} in {label} was seen in {effect.no_difference_in:.0f} replications."
        return f"Unchanged: {same} {_others(mine, primary)}".strip()
    moved = f"{difference(effect, currency)}, {relative(effect.difference, effect.baseline_value)}"
    head = f"{label} is {verdict.word} than under {baseline} ({moved})"
    if not verdict.decided:
        head = f"the difference in {label} to {baseline} ({moved}) may be luck or assumption"
    said = [f"{verdict.word.capitalize()}: {head}.", *how_sure(effect, baseline, currency), _others(mine, primary)]
    return " ".join(part for part in said if part)


def difference(effect: EffectRow, currency: str = "USD") -> str:
    """The difference in words, in as many digits as luck leaves it."""
    return change(effect.difference, effect.unit, currency, (effect.low, effect.high))


def interval(effect: EffectRow, currency: str = "USD") -> str:
    """The luck-only interval of the difference in words, or that no difference was seen."""
    if effect.no_difference_in:
        return f"none seen in {effect.no_difference_in:.0f}"
    return between(effect.low, effect.high, effect.unit, currency)


def ahead(effect: EffectRow) -> str:
    """In how many of the sampled worlds the arm is better (higher, of a KPI without a good direction): `15 of 16`."""
    if not effect.worlds > 0:
        return ""
    ties = f", {effect.worlds_tied:.0f} equal" if effect.worlds_tied else ""
    return f"{effect.worlds_better:.0f} of {effect.worlds:.0f}{ties}"


def how_sure(effect: EffectRow, baseline: str, currency: str = "USD") -> list[str]:
    """The range of the difference, what it holds and what it is made of: one sentence each."""
    verdict = judge(effect)
    span = between(verdict.low, verdict.high, effect.unit, currency)
    if not math.isfinite(verdict.low):
        return ["Too few replications for a range."]
    if verdict.counts == "luck only":
        return [f"Range {span} counting luck only: the unknowns of the world were not sampled."]
    word = "ahead of" if effect.direction else "higher than"
    share = f"{percent(effect.p_low)} to {percent(effect.p_high)}"
    held = f"{percent(effect.range_holds)} of such worlds lie there, surely {percent(effect.range_holds_at_least)}"
    said = [
        f"It is {word} {baseline} in {ahead(effect)} sampled worlds (so in {share} of such worlds); "
        f"range {span} ({held})."
    ]
    if not _enough_worlds(effect) and (verdict.low > 0 or verdict.high < 0):
        few = "So few worlds decide nothing: it takes six at least."
        said.append(few if effect.worlds < 6 else "Luck could have made that of so few worlds, so nothing is decided.")
    elif (verdict.low > 0 or verdict.high < 0) and not verdict.decided:
        said.append("The world as stated says the contrary, so nothing is decided.")
    if how_simulated := luck_words(effect):
        said.append(how_simulated)
    return said


def luck_words(effect: EffectRow) -> str:
    """Which part of the spread over sampled worlds is the luck of one market, and what was done about it; empty where
    nobody can tell."""
    share, low, high = effect.luck_share, effect.luck_share_low, effect.luck_share_high
    if not math.isfinite(share):
        return ""
    span = f"{percent(share)} (between {percent(low)} and {percent(high)})"
    words = (
        f"Of what one market in such a world shows, {span} of the variance is its luck, {percent(1 - share)} the world"
    )
    if effect.luck_left < 0.05:
        return words + "; luck is taken out of the range."
    return words + (
        "; luck is taken out of the range as far as it is surely there, so the range may be "
        f"up to {percent(effect.luck_left)} too wide: more customers would tell more."
    )


def few_replications(replications: float) -> str:
    """The warning beside everything that was found on too few replications; empty where they are enough."""
    if replications >= MIN_REPLICATIONS:
        return ""
    only = "replication says" if replications == 1 else "replications say"
    why = "ranges are wide and nothing tells luck from effect"
    return f"{replications:.0f} {only} little: {why}. Take {MIN_REPLICATIONS} or more."


QUICK = "Quick: a smaller market, fewer replications than asked for. A first look, not the answer."


def in_sentence(label: str) -> str:
    """A KPI label inside a sentence: lower case, but abbreviations stay (`CAC`, `LTV over 52 weeks`)."""
    first = label.split(" ")[0]
    return label if first[1:] != first[1:].lower() else label[:1].lower() + label[1:]


def _others(mine: pd.DataFrame, primary: str) -> str:
    groups: dict[str, list[str]] = {"better": [], "worse": []}
    for effect in each_row(mine[mine["kpi"] != primary]):
        if getattr(effect, "hidden", False):
            continue  # the firm could not see it
        groups.get(judge(effect).word, []).append(in_sentence(str(effect.label)))
    parts = [f"Also {word}: {'; '.join(labels)}." for word, labels in groups.items() if labels]
    return " ".join(parts)
