"""The assumptions that decide a question, in words: lines for a terminal, a table for a report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.experiments.rows import each_row
from crmlab.experiments.sections.listings import KINDS, Listing
from crmlab.experiments.wording.quantities import change

CHANCE = "may be chance"


def deciding_lines(deciding: pd.DataFrame, arm: str, effects: pd.DataFrame, primary: str, currency: str) -> list[str]:
    """A heading, and one line per assumption on which an arm hangs; nothing for an arm that hangs on none."""
    mine = deciding[deciding["arm"] == arm]
    if mine.empty:
        return []
    unit = _unit(effects, primary)
    lines = [f"What decides {arm}: {rank_words(mine)}"]
    for row in each_row(mine):
        moved = moves(row, unit, currency)
        lines.append(f"  {row.rank}. {stated(row)}" + (f": {moved}" if moved else ""))
    return lines


def deciding_listing(
    deciding: pd.DataFrame, arm: str, effects: pd.DataFrame, primary: str, currency: str
) -> Listing | None:
    """The same as a table, None for an arm that hangs on no assumption."""
    mine = deciding[deciding["arm"] == arm]
    if mine.empty:
        return None
    unit = _unit(effects, primary)
    table = pd.DataFrame(
        {
            "Assumption": [row.words for row in each_row(mine)],
            "Stated value": [_number(row.value) for row in each_row(mine)],
            "Range": [f"{_number(row.low)} to {_number(row.high)}" for row in each_row(mine)],
            "Unit": mine["unit"].tolist(),
            "How the difference goes with it": [
                moves(row, unit, currency) or "not seen: too few worlds" for row in each_row(mine)
            ],
            "Source": [f"{row.source} ({KINDS.get(row.kind, row.kind)})" for row in each_row(mine)],
        }
    )
    return Listing(f"What decides {arm}", table, f"{arm}: {rank_words(mine)}")


def rank_words(rows: pd.DataFrame) -> str:
    """How the assumptions of one arm were ranked, in a sentence."""
    if (rows["by"] == "worlds").all():
        n = int(rows["worlds"].iloc[0])
        told = int(rows["beyond_chance"].sum())
        beyond = "none is" if not told else "one is" if told == 1 else f"{told} are"
        return (
            f"a rank over {n} sampled worlds, by how the difference went with each number (rank correlation); "
            f"{beyond} beyond what chance makes of so many numbers."
        )
    return (
        "too few sampled worlds (under 8) to see it, so by prior knowledge: assumptions without a citable number "
        "first, then the width of the range."
    )


def stated(row: Any) -> str:
    """A number with its stated value, range and source: one phrase."""
    return f"{row.words} {_number(row.value)}, {_number(row.low)} to {_number(row.high)} {row.unit} ({row.kind})"


def moves(row: Any, unit: str, currency: str) -> str:
    """How the difference went with a number over the worlds; empty where that was not seen."""
    if not math.isfinite(row.correlation):
        return ""
    low, high = (change(value, unit, currency) for value in (row.at_low, row.at_high))
    chance = "" if row.beyond_chance else f", {CHANCE}"
    return f"{low} in the lowest third, {high} in the highest (correlation {row.correlation:+.2f}{chance})".replace(
        "correlation -", "correlation \u2212"
    )


def _unit(effects: pd.DataFrame, primary: str) -> str:
    units: Mapping[str, str] = dict(zip(effects["kpi"], effects["unit"], strict=True))
    return units.get(primary, "")


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "\u2212")
