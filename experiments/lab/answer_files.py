"""An answer as a run folder: read without a disk by the charts of the report, and written to one on request."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmlab.experiments.disk import disk_trouble
from crmlab.experiments.errors import UserError
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.runs.contents import write_found
from crmlab.experiments.runs.store import RunFolder, StoredRun, finished_run
from crmlab.experiments.runs.verify import compared_tables

if TYPE_CHECKING:
    from crmlab.experiments.lab.answer import Answer

ASKED_FROM_PYTHON = "# Asked from Python, not from a file. The whole experiment stands in resolved.json.\n"


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


def write_answer(answer: Answer, results: Path, force: bool = False) -> Path:
    """Keep an answer as a run folder with its report. Returns the folder; one that is already there is left alone."""
    from crmlab.experiments.reporting.report import write_report

    known = finished_run(results, answer.experiment)
    if known and not force:
        _refuse_other_numbers(known, answer)
        return known.path
    folder = RunFolder.create(results, answer.experiment, ASKED_FROM_PYTHON)
    folder.started = answer.started
    answer.lives.put_into(folder.ledger)
    write_found(folder, answer.experiment, answer.found)
    path = folder.finish("done")
    with disk_trouble(path):
        write_report(path)
    return path


def _refuse_other_numbers(known: StoredRun, answer: Answer) -> None:
    """An old run must not stand for numbers that it does not hold."""
    _, mismatches = compared_tables(known.path, answer.tables)
    wrong = [mismatch for mismatch in mismatches if not mismatch.close]
    if wrong:
        raise UserError(
            f"Run {known.run_id} is already there with other numbers ({wrong[0]}): something has changed that is no "
            f"part of its id. save(force=True) replaces {known.path}."
        )


def write_report_to(answer: Answer, path: Path) -> Path:
    """Write the report of an answer to a file of its own."""
    with tempfile.TemporaryDirectory() as nowhere, disk_trouble(path):
        written = write_answer(answer, Path(nowhere)) / "report.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, path)
    return path


def write_winner_to(answer: Answer, path: Path, file: Path, overrides: Sequence[str], world: Path | None) -> Path:
    """Write the winner of a tuning of `file` as an experiment file of its own."""
    from crmlab.experiments.questions.tune.winner_file import winner_text
    from crmlab.experiments.runs.run_id import run_id
    from crmlab.experiments.spec.experiment_file import load_tuning

    if answer.winner is None:  # raises for another question than a tuning
        raise UserError(f"There is no winner to write: {answer.found.advice.sentence}")
    if run_id(load_tuning(file, overrides, world)) != run_id(answer.experiment):
        raise UserError(
            f"{file} does not ask what this answer answers: name the file that load_tuning has read, with the same "
            "overrides and world. A search that was put together in Python has the winner as an arm: answer.winner."
        )
    levers = answer.found.advice.winner.levers
    text = winner_text(file, path.parent, answer.found.search, levers, overrides, world)
    with disk_trouble(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path
