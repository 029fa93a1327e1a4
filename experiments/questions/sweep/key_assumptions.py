"""The assumptions that matter: the unknowns of the world that move what an arm does to the primary KPI."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.sweep.question import Sweep
from crmlab.experiments.questions.sweep.tornado import NO, PERHAPS, YES
from crmlab.experiments.rows import each_row

MEASURES = {"tornado": "swing", "morris": "mu_star", "saltelli": "st"}
MIN_SHARE = 0.01  # of the effect as stated, or of the variance over the points: what moves it less does not matter
COLUMNS = ("rank", "name", "kpi", "measure", "size", "size_low", "size_high", "share", "flips", "value", "low", "high",
           "unit", "source", "evidence", "kind")  # fmt: skip


def key_assumptions_table(
    experiment: Experiment, sweep: Sweep, sizes: pd.DataFrame, stated: float, tornado: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every swept unknown on which the effect on the primary KPI hangs, beyond luck and by more than 1 %; the strongest
    first.

    `sizes` are swings or sensitivity indices, `stated` the effect in the experiment as stated. `size` is what `measure`
    says: the swing of the effect over the range, `mu_star`, or the share `st`; `share`: as a share of the stated effect
    (of the variance for `st`). `low` and `high` are the range that was swept; value, unit, source, evidence and kind
    ("assumed", "memory", "published", "real" ...) are those of the table of assumptions.
    """
    about = assumptions_table(experiment).set_index("name")
    ranges = {factor.path: factor for factor in sweep.unknowns}
    rows: list[dict[str, object]] = []
    for row in each_row(_of_unknowns(experiment, sweep, sizes)):
        size = _size(sweep, row, stated)
        if not row.beyond_luck or not size["share"] >= MIN_SHARE:
            continue
        known, factor = about.loc[row.factor], ranges[row.factor]
        rows.append(
            {"rank": len(rows) + 1, "name": row.factor, "kpi": row.kpi}
            | size
            | {"flips": _flips(tornado, row.factor), "value": known["value"], "low": factor.low, "high": factor.high}
            | {word: known[word] for word in ("unit", "source", "evidence", "kind")}
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def undecided(experiment: Experiment, sweep: Sweep, sizes: pd.DataFrame, stated: float) -> list[str]:
    """The unknowns that seem to move the effect by more than 1 %, which may be luck."""
    rows = each_row(_of_unknowns(experiment, sweep, sizes))
    return [row.factor for row in rows if not row.beyond_luck and _size(sweep, row, stated)["share"] >= MIN_SHARE]


def _of_unknowns(experiment: Experiment, sweep: Sweep, sizes: pd.DataFrame) -> pd.DataFrame:
    paths = [factor.path for factor in sweep.unknowns]
    return sizes[(sizes["kpi"] == experiment.design.primary) & sizes["factor"].isin(paths)]


def _size(sweep: Sweep, row: Any, stated: float) -> dict[str, Any]:
    measure = MEASURES[sweep.design]
    size = getattr(row, measure)
    if measure == "swing":
        low, high = row.swing_low, row.swing_high
    else:
        half = getattr(row, f"{measure}_conf")
        low, high = max(size - half, 0.0), size + half
    share = size if measure == "st" else abs(size / stated) if stated else math.inf if size else 0.0
    return {"measure": measure, "size": size, "size_low": low, "size_high": high, "share": share}


def _flips(tornado: pd.DataFrame | None, factor: str) -> str:
    """The firmest word of both ends; nothing where no tornado was run."""
    if tornado is None:
        return ""
    words = set(tornado[tornado["factor"] == factor]["flips"])
    return next((word for word in (YES, PERHAPS) if word in words), NO)


def words_of(key_assumptions: pd.DataFrame, undecided: list[str], n_unknowns: int) -> str:
    """How many assumptions matter, in a sentence."""
    least = f"beyond luck and by {MIN_SHARE:.0%} or more"
    text = f"None of the {n_unknowns} unknowns moves the effect on the primary KPI {least}."
    if not key_assumptions.empty:
        assumed = int((key_assumptions["kind"] == "assumed").sum())
        turning = int((key_assumptions["flips"] == YES).sum())
        text = f"{len(key_assumptions)} of {n_unknowns} unknowns move the effect on the primary KPI {least}; "
        text += f"{assumed} of these are assumed."
        text += f" {turning} can turn the decision." if turning else ""
    if undecided:
        text += f" Not decided, because it may be luck (more replications tell): {', '.join(undecided)}."
    return text
