"""How much each KPI moved: the cards of the KPI strip and the lift forest."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crmlab.experiments.charts.blocks import block_figure, block_rows
from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import Look
from crmlab.experiments.rows import each_row
from crmlab.experiments.statistics.verdict import Verdict, ahead, difference, in_sentence, interval, judge
from crmlab.experiments.wording.quantities import UNDEFINED, between, percent, quantity, relative, signed_percent


@dataclass(frozen=True)
class CardRow:
    """One arm on the card of a KPI, in words."""

    arm: str
    colour: str
    value: str
    change: str
    relative: str
    interval: str
    verdict: Verdict


@dataclass(frozen=True)
class KpiCard:
    """One KPI of the strip: what it is under the baseline and what it becomes under each arm."""

    label: str
    baseline: str
    rows: list[CardRow]


def kpi_cards(effects: pd.DataFrame, look: Look, primary: str, headline: Collection[str]) -> list[KpiCard]:
    """The KPI strip: the primary KPI first, then those of `headline` in the order of the table.

    KPIs that are undefined for the baseline (a rate without a single case) get no card; the lift table has them.
    """
    cards: list[KpiCard] = []
    for kpi, rows in _by_kpi(effects, look, primary):
        first = rows[0]
        if math.isfinite(first.baseline_value) and (kpi == primary or kpi in headline):
            baseline = quantity(first.baseline_value, first.unit, look.currency)
            cards.append(KpiCard(first.label, baseline, [_card_row(row, look) for row in rows]))
    return cards


def lift_forest(effects: pd.DataFrame, look: Look, primary: str) -> Chart:
    """Every KPI of every arm as a difference to the baseline in per cent of the baseline, with both intervals.

    KPIs whose baseline is 0 or undefined have no per cent and stand in the table only. Differences far beyond the
    others are drawn as a pointer at the edge, with their number.
    """
    drawn, skipped = [], 0
    for kpi, rows in _by_kpi(effects[~_hidden(effects)], look, primary):
        kept = [row for row in rows if row.baseline_value and math.isfinite(row.difference / row.baseline_value)]
        skipped += not kept
        drawn += [(kpi, kept)] if kept else []
    blocks = {kpi: [row.arm for row in rows] for kpi, rows in drawn}
    headings = {kpi: rows[0].label + (" (primary)" if kpi == primary else "") for kpi, rows in drawn}
    figure = block_figure(blocks, headings, f"difference to {look.baseline}, % of its value")
    places = block_rows(blocks)
    limit = _limit([row for _, rows in drawn for row in rows])
    for arm in look.others:
        mine = [(row, places[kpi, arm]) for kpi, rows in drawn for row in rows if row.arm == arm]
        _draw_arm(figure, mine, look, limit)
    figure.update_xaxes(range=[-limit, limit], ticksuffix="%")
    note = (
        "Thick line: range due to luck alone, in the world as stated. Thin line: range of the sampled worlds. "
        "Filled mark: decided, by the rule of the verdict. "
        "Pointer at the edge: beyond the scale. "
        "Luck of one market: its part of the variance in sampled worlds; the rest is the worlds', as is the range."
    )
    if skipped:
        note += f" {skipped} KPI(s) that are 0 or undefined under {look.baseline} are in the table only."
    return Chart("Lift on every KPI", figure, _table(effects, look, primary), _sentence(effects, look, primary), note)


def _by_kpi(effects: pd.DataFrame, look: Look, primary: str) -> list[tuple[str, list[Any]]]:
    """The rows of the arms by KPI, the primary KPI first, arms in their order."""
    others = effects[effects["arm"].isin(look.others)]
    kpis = sorted(dict.fromkeys(others["kpi"]), key=lambda kpi: kpi != primary)
    rows = {(row.kpi, row.arm): row for row in each_row(others)}
    return [(kpi, [rows[kpi, arm] for arm in look.others if (kpi, arm) in rows]) for kpi in kpis]


def _hidden(effects: pd.DataFrame) -> pd.Series:
    """Which rows are of KPIs that only the simulation knows: never drawn beside what a firm could measure."""
    return effects.get("hidden", pd.Series(False, index=effects.index)).astype(bool)


def _card_row(effect: Any, look: Look) -> CardRow:
    verdict = judge(effect)
    return CardRow(
        effect.arm,
        look.style(effect.arm).colour,
        quantity(effect.value, effect.unit, look.currency),
        difference(effect, look.currency),
        relative(effect.difference, effect.baseline_value),
        between(verdict.low, verdict.high, effect.unit, look.currency),
        verdict,
    )


def _percent(effect: Any, value: float) -> float:
    return 100 * value / abs(effect.baseline_value)


def _limit(rows: list[Any]) -> float:
    """Half-width of the axis: everything, unless a few differences would squeeze all the others."""
    bounds = ("difference", "low", "high", "low_unknowns", "high_unknowns")
    reach = np.array([np.nanmax([abs(_percent(row, getattr(row, bound))) for bound in bounds]) for row in rows])
    if not reach.size or not np.isfinite(reach).any() or np.nanmax(reach) == 0:
        return 1.0
    return float(1.08 * min(np.nanmax(reach), 2.5 * max(np.nanquantile(reach, 0.75), 1e-9)))


def _draw_arm(figure: go.Figure, mine: list[tuple[Any, int]], look: Look, limit: float) -> None:
    if not mine:
        return
    style = look.style(mine[0][0].arm)
    y = [place for _, place in mine]
    at = np.array([_percent(row, row.difference) for row, _ in mine])
    beyond = np.abs(at) > limit
    for low, high, width in (("low_unknowns", "high_unknowns", 1.5), ("low", "high", 5)):
        ends = [
            (None, None) if far else (_percent(row, getattr(row, low)), _percent(row, getattr(row, high)))
            for (row, _), far in zip(mine, beyond, strict=True)
        ]
        line_x = [x for pair in ends for x in (*pair, None)]
        line_y = [end for at_row in y for end in (at_row, at_row, None)]
        line = {"color": style.colour, "width": width}
        figure.add_scatter(x=line_x, y=line_y, mode="lines", line=line, hoverinfo="skip", connectgaps=False)
    symbols = [
        ("triangle-right" if x > 0 else "triangle-left")
        if far
        else style.symbol + ("" if judge(row).decided else "-open")
        for x, far, (row, _) in zip(at, beyond, mine, strict=True)
    ]
    figure.add_scatter(
        x=np.clip(at, -0.97 * limit, 0.97 * limit),
        y=y,
        mode="markers+text",
        marker={"color": style.colour, "size": 10, "symbol": symbols, "line": {"width": 2, "color": style.colour}},
        text=[f"{signed_percent(x)} " if far else "" for x, far in zip(at, beyond, strict=True)],
        textposition=["middle left" if x > 0 else "middle right" for x in at],
        hovertext=[f"{row.arm}: {row.label} {signed_percent(x)}" for x, (row, _) in zip(at, mine, strict=True)],
        hoverinfo="text",
    )


def _table(effects: pd.DataFrame, look: Look, primary: str) -> pd.DataFrame:
    money = look.currency
    rows = [
        {
            "KPI": row.label,
            "Arm": row.arm,
            look.baseline: quantity(row.baseline_value, row.unit, money),
            "Value": quantity(row.value, row.unit, money),
            "Difference": difference(row, money),
            "In %": relative(row.difference, row.baseline_value),
            "Luck only": interval(row, money),
            "Range of worlds": between(row.low_unknowns, row.high_unknowns, row.unit, money),
            "Luck of one market": percent(row.luck_share) if math.isfinite(row.luck_share) else UNDEFINED,
            "Verdict": judge(row).word,
            "Ahead in": ahead(row) if row.direction else "",
            "p (Holm)": "< 0.1%" if row.p_holm < 0.001 else quantity(row.p_holm, "share"),
            "Variance reduction": _times(row.variance_reduction),
        }
        for _, rows in _by_kpi(effects, look, primary)
        for row in rows
    ]
    return pd.DataFrame(rows)


def _times(factor: float) -> str:
    return "∞" if factor == math.inf else f"{factor:,.0f}×" if math.isfinite(factor) else UNDEFINED


def _sentence(effects: pd.DataFrame, look: Look, primary: str) -> str:
    rows = dict(_by_kpi(effects, look, primary)).get(primary, [])
    rows = [row for row in rows if math.isfinite(row.difference)]
    if not rows:
        return "The primary KPI is undefined in every arm."
    parts = [f"{row.arm} {relative(row.difference, row.baseline_value)} ({judge(row).word})" for row in rows]
    return f"Against {look.baseline}, {in_sentence(rows[0].label)} moves by: {', '.join(parts)}."
