"""An answer as the files that a run folder would hold, read without a disk by the charts of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.experiments.run_files import RunFiles


@dataclass(frozen=True)
class AnswerFiles(RunFiles):
    """The files that a run folder would hold."""

    tables: Mapping[str, pd.DataFrame]
    contents: Mapping[str, Any]

    def table(self, name: str) -> pd.DataFrame | None:
        table = self.tables.get(name)
        return None if table is None or table.empty else table

    def tables_by_name(self) -> dict[str, pd.DataFrame]:
        return {name: table for name in sorted(self.tables) if (table := self.table(name)) is not None}

    def json(self, name: str) -> Any:
        return self.contents.get(name)
