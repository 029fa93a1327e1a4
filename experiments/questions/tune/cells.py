"""What a tuning found and dropped, as tables for reading."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlab.experiments.charts.look import Look
from crmlab.experiments.questions.tune.charts import told
from crmlab.experiments.questions.tune.question import unit_of
from crmlab.experiments.rows import each_row
from crmlab.experiments.wording.lever_words import setting
from crmlab.experiments.wording.quantities import between, change, quantity
from crmlab.sim.kpis import KPIS


def winner_cells(winners: pd.DataFrame, trials: pd.DataFrame, look: Look, score: str = "mean") -> pd.DataFrame:
    """The winners for reading, a column each: levers, and search, fresh value and optimism of every KPI watched."""
    settings = trials.set_index("number")
    columns: dict[str, dict[str, str]] = {}
    for row in each_row(winners):
        cells = columns.setdefault(f"Candidate {row.number}", {})
        for name in (name for name in settings.columns if name.startswith("lever.")):
            cells[name.removeprefix("lever.")] = _meant(settings.loc[row.number, name])
        unit, label = unit_of(row.kpi, score), KPIS[row.kpi].label
        cells[f"{label}: search"] = told(row.search, row.kpi, look, score)
        cells[f"{label}: fresh luck"] = told(row.fresh, row.kpi, look, score)
        cells[f"{label}: range of fresh"] = between(row.fresh_low, row.fresh_high, unit, look.currency)
        cells[f"{label}: optimism"] = change(row.optimism, unit, look.currency)
    held = {f"Candidate {row.number}": "yes" if row.holds else "no" for row in each_row(winners)}
    columns = {name: cells | {"Keeps its limits on fresh luck": held[name]} for name, cells in columns.items()}
    return pd.DataFrame(columns).reset_index(names="What")


def race_cells(racing: pd.DataFrame) -> pd.DataFrame:
    """The race for reading: per round, how many were in it, how many were dropped, and why."""
    rows = []
    for n, lookers in racing.groupby("replications"):
        words = lookers["verdict"].value_counts()
        rows.append(
            {
                "Replications": str(n),
                "Candidates looked at": str(len(lookers)),
                "Beaten": str(words.get("beaten", 0)),
                "Beyond a limit": str(words.get("beyond a limit", 0)),
                "Without a value": str(words.get("no value", 0)),
                "Went on or finished": str(words.get("goes on", 0) + words.get("finished", 0)),
            }
        )
    return pd.DataFrame(rows)


def dropped_cells(racing: pd.DataFrame, look: Look) -> pd.DataFrame:
    """Who was dropped in the race, by whom, and by how much with its standard error."""
    rows = []
    for row in racing[racing["verdict"].isin(["beaten", "beyond a limit"])].to_dict("records"):
        behind = [name.removeprefix("behind.") for name in racing.columns if name.startswith("behind.")]
        if row["verdict"] == "beaten":
            by = [
                f"{KPIS[kpi].label} {quantity(row[f'behind.{kpi}'], KPIS[kpi].unit, look.currency)} ± "
                f"{quantity(row[f'behind_se.{kpi}'], KPIS[kpi].unit, look.currency)}"
                for kpi in behind
            ]
            why = f"beaten by candidate {row['beaten_by']}"
        else:
            kpi = KPIS[row["limit"].split()[0]]
            amounts = (quantity(row[end], kpi.unit, look.currency) for end in ("beyond", "beyond_se"))
            by = [f"{kpi.label} {' ± '.join(amounts)}"]
            why = f"beyond {row['limit']}"
        rows.append(
            {"Candidate": str(row["candidate"]), "After replications": str(row["replications"]), "Why": why,
             "By how much, ± standard error": "; ".join(by)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _meant(value: Any) -> str:
    return setting(None if pd.isna(value) else value)
