"""The files of one run as the report reads them: tables, JSON, and what follows from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.experiments.charts import Look
from crmlab.sim.kpis import adopt_words

HISTORY = "history.parquet"  # of the world, not of the run


@dataclass(frozen=True)
class RunFiles:
    """A run folder, read and never written."""

    folder: Path

    def table(self, name: str) -> pd.DataFrame | None:
        """A Parquet table of the run, None when the run has none of that name or it is empty."""
        path = self.folder / f"{name}.parquet"
        table = pd.read_parquet(path) if path.is_file() else None
        return None if table is None or table.empty else table

    def tables_by_name(self) -> dict[str, pd.DataFrame]:
        """Every table of the run that has rows, by name; the order history that it was founded on is none of them."""
        names = sorted(path.stem for path in self.folder.glob("*.parquet") if path.name != HISTORY)
        return {name: table for name in names if (table := self.table(name)) is not None}

    def json(self, name: str) -> Any:
        """A JSON file of the run, None when there is none of that name."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The experiment with every default written out."""
        if "kpis" in (spec := self.json("spec") or {}):
            adopt_words(self.json("glossary") or [])  # words alone: nothing of a run folder is carried out
        return spec

    @cached_property
    def effects(self) -> pd.DataFrame:
        """The table of effects without the baseline's own rows; labels say which KPIs only the simulation knows."""
        effects = self.table("effects")
        if effects is None:
            return pd.DataFrame(columns=["arm", "kpi"])
        hidden = effects["hidden"].fillna(False).astype(bool) if "hidden" in effects else False
        effects = effects.assign(hidden=hidden)
        effects.loc[effects["hidden"], "label"] += " [known to the simulation only]"
        return effects[effects["arm"] != self.look.baseline]

    @cached_property
    def look(self) -> Look:
        """The arms of the run, the baseline first, and its currency."""
        named = [arm["name"] for arm in self.spec.get("arms", [])]
        baseline = (self.json("comparison") or {}).get("baseline") or (named[0] if named else "today")
        effects = self.table("effects")
        named += [] if effects is None else list(effects["arm"])  # the winners of a tuning are in no file
        return Look(baseline, tuple(dict.fromkeys([baseline, *named])), self.spec.get("currency", "USD"))

    @property
    def primary(self) -> str:
        """The KPI on which the decision rests."""
        known, stated = list(self.effects["kpi"]), self.spec.get("design", {}).get("primary", "")
        return stated if stated in known or not known else known[0]
