"""The parts of a report that are tables without a picture: assumptions, break-even, KPI glossary, reproducibility."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.experiments.rows import each_row
from crmlab.experiments.sections.bibliography import works
from crmlab.experiments.wording.quantities import change, quantity
from crmlab.sim.levers import EVIDENCE

KINDS = {
    "real": "real: estimated from your data",
    "known": "known: you said so",
    "published": "published, read in the source",
    "public data": "computed from public data",
    "memory": "cited from memory",
    "practitioner": "practitioner or secondary page",
    "assumed": "assumed",
}


@dataclass(frozen=True)
class Listing:
    """A table for reading, with the sentence that sums it up and a note on how to read it."""

    title: str
    table: pd.DataFrame
    sentence: str
    note: str = ""


def assumption_listing(assumptions: pd.DataFrame) -> Listing:
    """Every number of the world with its range and where it comes from, the real ones first."""
    order = {kind: rank for rank, kind in enumerate(KINDS)}
    rows = assumptions.sort_values("kind", key=lambda kinds: kinds.map(order).fillna(len(order)), kind="stable")
    table = pd.DataFrame(
        {
            "What": rows["name"],
            "Group": rows["group"],
            "Kind": rows["kind"].map(lambda kind: KINDS.get(kind, kind)),
            "Value": [_plain(value) for value in rows["value"]],
            "Range": [_range(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)],
            "Unit": rows["unit"],
            "Source": rows["source"],
            "Evidence": rows["evidence"].map(lambda tag: EVIDENCE.get(tag, tag)),
        }
    )
    counts = rows["kind"].value_counts()
    parts = [f"{counts[kind]} {kind}" for kind in KINDS if kind in counts]
    return Listing("Assumptions", table, f"The world has {len(rows)} numbers: {', '.join(parts)}.")


def reference_listing(assumptions: pd.DataFrame) -> Listing:
    """The works that the numbers of the world cite, and what of each was read."""
    cited = works(assumptions["source"])
    table = pd.DataFrame(
        {
            "Cited as": [source.citation for source in cited],
            "Work": [source.reference for source in cited],
            "Read": [source.read or "nothing: cited from memory" for source in cited],
        }
    )
    read = sum(bool(source.read) for source in cited)
    return Listing("References", table, f"The numbers cite {len(cited)} works, of which {read} were read in part.")


def breakeven_listing(breakeven: pd.DataFrame, effects: pd.DataFrame, currency: str) -> Listing:
    """How large the assumed effect behind each policy must be for the policy to pay."""
    kpis = effects.drop_duplicates("kpi").set_index("kpi")
    sure = {row.arm: (row.low, row.high) for row in each_row(effects[effects["kpi"].isin(breakeven["kpi"])])}
    rows = []
    for row in each_row(breakeven):
        unit = kpis["unit"].get(row.kpi, "")
        rows.append(
            {
                "Arm": row.arm,
                "KPI": kpis["label"].get(row.kpi, row.kpi),
                "Assumption": row.assumption,
                "Difference as assumed": change(row.at_default, unit, currency, sure.get(row.arm)),
                "Difference without the effect": change(row.at_zero, unit, currency, sure.get(row.arm)),
                "Break-even, times as assumed": quantity(row.break_even)
                if math.isfinite(row.break_even)
                else "none found",
                "In words": row.sentence,
            }
        )
    found = int(breakeven["break_even"].notna().sum())
    sentence = f"{found} of {len(rows)} assumed effects have a strength at which the policy changes sides."
    note = (
        "Mean differences in the world as stated, that as assumed being the verdict's own; the verdict counts luck and "
        "all unknowns together."
    )
    return Listing("Break-even", pd.DataFrame(rows), sentence, note)


def glossary_listing(glossary: Iterable[Mapping[str, Any]]) -> Listing:
    """What every KPI means: formula, window, who counts, and what is left out."""
    better = {1: "higher is better", -1: "lower is better", 0: "neither"}
    rows = [
        {
            "KPI": kpi.get("label", kpi["id"]),
            "Unit": kpi.get("unit", ""),
            "Formula": kpi.get("formula", ""),
            "Window": kpi.get("window", ""),
            "Who counts": kpi.get("eligible", ""),
            "Censoring": kpi.get("censoring", ""),
            "Good direction": better.get(kpi.get("direction", 0), "neither"),
            "Reference": kpi.get("reference", ""),
        }
        for kpi in glossary
    ]
    return Listing("KPI glossary", pd.DataFrame(rows), f"{len(rows)} KPIs, as this run computed them.")


HOW_TO_REPEAT = (("To check some of its numbers", "verify"), ("To play all of it again", "rerun"))


def reproducibility_listing(manifest: Mapping[str, Any]) -> Listing:
    """What is needed to repeat the run: seeds, versions, hashes of everything that determines the numbers."""
    long = ("config", "sources", "results")  # full configuration, a hash per source and result file: too many to read
    shown = {key: manifest[key] for key in manifest if key not in long}
    rows = [{"Item": path, "Value": value} for path, value in _leaves(shown) if value]
    rows += [
        {"Item": key, "Value": f"{len(manifest[key])} hashes, in manifest.json"} for key in long[1:] if key in manifest
    ]
    if run_id := manifest.get("run_id"):
        rows = [{"Item": what, "Value": f"crmlab {command} {run_id}"} for what, command in HOW_TO_REPEAT] + rows
    sentence = (
        f"Run {manifest.get('run_id', '(no manifest)')}; the same configuration gives the same id and the same numbers."
    )
    return Listing("How to repeat this run", pd.DataFrame(rows), sentence)


def kpi_listing(runs: pd.DataFrame, glossary: Iterable[Mapping[str, Any]], arm: str, currency: str) -> Listing:
    """The KPIs of a run that compares nothing: mean and middle 95 % over the replications of the stated world."""
    mine = runs[(runs["arm"] == arm) & (runs["world"] == "fixed")]
    rows = []
    for kpi in glossary:
        values = mine[kpi["id"]].dropna() if kpi["id"] in mine else pd.Series(dtype=float)
        if len(values):
            low, high = (quantity(float(values.quantile(q)), kpi["unit"], currency) for q in (0.025, 0.975))
            mean = quantity(float(values.mean()), kpi["unit"], currency)
            rows.append({"KPI": kpi["label"], "Mean": mean, "Middle 95% of replications": f"{low} to {high}"})
    sentence = f"{len(rows)} KPIs under {arm}, over {len(mine)} replications."
    return Listing(f"KPIs under {arm}", pd.DataFrame(rows), sentence)


def _leaves(node: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list) and any(isinstance(item, Mapping | list) for item in node):
        for number, item in enumerate(node):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, ", ".join(map(str, node)) if isinstance(node, list) else str(node)


def _plain(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    return quantity(float(value)) if abs(value) >= 10 or value == 0 else f"{value:.4g}".replace("-", "\u2212")


def _range(low: float, high: float) -> str:
    return f"{_plain(low)} to {_plain(high)}" if pd.notna(low) and pd.notna(high) else "–"
