"""What an answer found, as tables and JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmlab.experiments.calibration.trust import Light, light_of
from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.lab.answer_files import AnswerFiles
from crmlab.experiments.lab.memory_store import KeptTasks
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.runs.contents import json_files
from crmlab.experiments.wording.names import not_known

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, repr=False)
class AnswerTables:
    """What was asked (`experiment`) and what was found (`found`: the result, from `tasks`), in numbers."""

    experiment: Experiment
    found: Any
    tasks: KeptTasks
    started: datetime

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table by name, as a run folder keeps it."""
        return self.found.tables

    def table(self, name: str) -> pd.DataFrame:
        """One table, such as "effects" or "weekly". Raises `UserError` when there is none of this name."""
        return named(name, self.tables, "table")

    @property
    def effects(self) -> pd.DataFrame:
        """One row per arm and KPI: the difference to the baseline, both intervals, P(better), p values."""
        return self.table("effects")

    @property
    def failures(self) -> list[Any]:
        """The replications that could not be run, each with its error."""
        return list(self.found.failures)

    @property
    def winner(self) -> Arm | None:
        """Of a tuning: the advised candidate as an arm, None where today is to be kept. Raises `UserError` for another
        question."""
        if not hasattr(self.found, "winner"):
            raise UserError("Only a tuning has a winner: this answer is none.")
        return self.found.winner

    @property
    def fit(self) -> Light | None:
        """How far the world can be believed, by the weeks held back from its fit; None where it was written by hand."""
        return light_of(self.experiment.calibration)

    @property
    def notes(self) -> list[str]:
        """What is hardly meant in the question or its world, as `crmlab validate` would ask."""
        return list(self._files.json("notes"))

    def to_json(self) -> dict[str, object]:
        """The findings as JSON data, as `--json` prints them."""
        return self.found.to_json()

    @cached_property
    def _files(self) -> RunFiles:
        return AnswerFiles(Path(), self.tables, json_files(self.experiment, self.found))


def named(name: str, known: Mapping[str, object], what: str) -> Any:
    """What is known by a name. Raises `UserError` where nothing is."""
    if name not in known:
        raise UserError(f'"{name}" is {not_known(name, f"{what} of this answer", known)}')
    return known[name]
