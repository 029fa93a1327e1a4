"""The answer of an experiment in Python's hands: tables, figures, and a run folder when it is worth keeping."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crmlab.experiments.disk import disk_trouble
from crmlab.experiments.errors import UserError
from crmlab.experiments.questions.tune.winner_file import winner_text
from crmlab.experiments.reporting.export import export_run
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.runs.run_id import run_id
from crmlab.experiments.runs.store import RunFolder, StoredRun, finished_run
from crmlab.experiments.runs.verify import compared_tables
from crmlab.experiments.service import keep
from crmlab.experiments.spec.experiment_file import load_tuning

if TYPE_CHECKING:
    pass

from crmlab.experiments.lab.answer_charts import AnswerCharts

ASKED_FROM_PYTHON = "# Asked from Python, not from a file. The whole experiment stands in spec.json.\n"


class Answer(AnswerCharts):
    """What was asked and what was found: tables, charts, and files when it is worth keeping."""

    def write_winner(
        self,
        path: str | Path = "winner.toml",
        *,
        file: str | Path,
        overrides: Sequence[str] = (),
        world: str | Path | None = None,
    ) -> Path:
        """Write the winner of a tuning as an experiment file for `crmlab compare`, the text that `crmlab tune` writes,
        and return its path.

        `file` is the experiment file that was tuned, `overrides` and `world` what `load_tuning` was given besides.
        Raises `UserError` for another question, another file, and where today is to be kept.
        """
        if self.winner is None:  # raises for another question than a tuning
            raise UserError(f"There is no winner to write: {self.found.advice.sentence}")
        path, file, world = Path(path), Path(file), None if world is None else Path(world)
        if run_id(load_tuning(file, overrides, world)) != run_id(self.experiment):
            raise UserError(
                f"{file} does not ask what this answer answers: name the file that load_tuning has read, with the same "
                "overrides and world. A search that was put together in Python has the winner as an arm: answer.winner."
            )
        levers = self.found.advice.winner.levers
        text = winner_text(file, path.parent, self.found.search, levers, overrides, world)
        with disk_trouble(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return path

    def save(self, results: str | Path = "results", *, force: bool = False) -> Path:
        """Keep the answer as a run folder with its report, as the command line would, and return its path.

        The same question has the same run id however it is asked. A run that is already there is left alone, unless
        `force` replaces it. Raises `UserError` when its numbers are not those of this answer, and `StoreError` when the
        disk refuses.
        """
        known = finished_run(Path(results), self.experiment)
        if known and not force:
            _refuse_other_numbers(known, self.tables)
            return known.path
        folder = RunFolder.create(Path(results), self.experiment, ASKED_FROM_PYTHON)
        folder.started = self.started
        self.tasks.put_into(folder.store)
        path = keep(self.experiment, folder, self.found).path
        with disk_trouble(path):
            write_report(path)
        return path

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report, one HTML file that needs nothing else, and return its path."""
        path = Path(path)
        with tempfile.TemporaryDirectory() as nowhere, disk_trouble(path):
            written = self.save(nowhere) / "report.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(written, path)
        return path

    def export(self, folder: str | Path, *, tables: Sequence[str] = (), figures: Sequence[str] = ()) -> list[Path]:
        """Write all tables ("csv", "xlsx", "latex") and figures ("svg", "png", "pdf") into a folder, as `crmlab export`
        does. Returns the files written. Raises `UserError`."""
        return export_run(self._files, self.tables, Path(folder), tables, figures)


def _refuse_other_numbers(known: StoredRun, tables: Mapping[str, pd.DataFrame]) -> None:
    """An old run must not stand for numbers that it does not hold."""
    _, mismatches = compared_tables(known.path, tables)
    wrong = [mismatch for mismatch in mismatches if not mismatch.close]
    if wrong:
        raise UserError(
            f"Run {known.run_id} is already there with other numbers ({wrong[0]}): something has changed that is no "
            f"part of its id. save(force=True) replaces {known.path}."
        )
