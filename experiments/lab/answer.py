"""The answer of an experiment in Python's hands: tables, figures, and a run folder when it is worth keeping."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmlab.experiments.calibration.trust import Light, light_of
from crmlab.experiments.charts import Chart
from crmlab.experiments.disk import disk_trouble
from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.lab.answer_files import AnswerFiles
from crmlab.experiments.lab.memory_store import KeptTasks
from crmlab.experiments.questions.tune.winner_file import winner_text
from crmlab.experiments.reporting.export import export_run, slug
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.reporting.report_sections import sections
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.runs.contents import json_files
from crmlab.experiments.runs.run_id import run_id
from crmlab.experiments.runs.store import RunFolder, StoredRun, finished_run
from crmlab.experiments.runs.verify import compared_tables
from crmlab.experiments.sections.listings import Listing
from crmlab.experiments.sections.section import Section
from crmlab.experiments.service import keep
from crmlab.experiments.spec.experiment_file import load_tuning
from crmlab.experiments.wording.names import not_known
from crmlab.experiments.wording.provenance import provenance
from crmlab.sim.readings import HEADLINE, KPIS

if TYPE_CHECKING:
    import plotly.graph_objects as go

ASKED_FROM_PYTHON = "# Asked from Python, not from a file. The whole experiment stands in resolved.json.\n"


@dataclass(frozen=True, repr=False)
class Answer:
    """What was asked (`experiment`) and what was found (`found`: the result, from `tasks`).

    In a notebook it shows itself: the main findings, with their intervals and what they rest on.
    """

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
        return _named(name, self.tables, "table")

    @property
    def effects(self) -> pd.DataFrame:
        """One row per arm and KPI: the difference to the baseline, both intervals, P(better), p values."""
        return self.table("effects")

    @property
    def failures(self) -> list[Any]:
        """The replications that could not be lived, each with its error."""
        return list(self.found.failures)

    @cached_property
    def charts(self) -> dict[str, Chart]:
        """The charts of the report by title, each with its figure, its facts as a table, and a sentence."""
        return {slug(chart.title): chart for section in self._sections for chart in section.charts}

    @property
    def figures(self) -> dict[str, go.Figure]:
        """The Plotly figures of the report by title."""
        return {name: chart.figure for name, chart in self.charts.items()}

    def chart(self, name: str) -> Chart:
        """A chart by its title ("orders_a_week"), or the first of a section of the report ("lift", "weekly").

        Raises `UserError` when there is none.
        """
        first = {section.id: section.charts[0] for section in self._sections if section.charts}
        return _named(name, first | self.charts, "chart")

    def figure(self, name: str) -> go.Figure:
        """The Plotly figure of a chart."""
        return self.chart(name).figure

    def headline(self) -> pd.DataFrame:
        """The main findings for reading: cells are texts with their units. Exact numbers are in `tables`."""
        return self._headline[1]

    @property
    def winner(self) -> Arm | None:
        """Of a tuning: the advised candidate as an arm, None where today is to be kept. Raises `UserError` for another
        question."""
        if not hasattr(self.found, "winner"):
            raise UserError("Only a tuning has a winner: this answer is none.")
        return self.found.winner

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

    @property
    def fit(self) -> Light | None:
        """How far the world can be believed, by the weeks held back from its fit; None where it was written by hand."""
        return light_of(self.experiment.calibration)

    @property
    def notes(self) -> list[str]:
        """What is hardly meant in the question or its world, as `crmlab validate` would ask."""
        return list(self._files.json("notes"))

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON data, as `--json` prints them."""
        return self.found.to_json()

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

    def __repr__(self) -> str:
        sentence, _ = self._headline
        return f"<Answer to {self.experiment.name!r}: {sentence}>"

    def _repr_html_(self) -> str:
        sentence, table = self._headline
        words = (self.experiment.purpose, sentence, provenance(self.experiment.fitted))
        question, said, origin = (html.escape(text) for text in words)
        shown = table.to_html(index=False, border=0, na_rep="", justify="left")
        heading = f"<p><strong>{html.escape(self.experiment.name)}</strong> {question}</p>"
        fit = f"<p>{html.escape(self.fit.words)}</p>" if self.fit else ""
        return f"{heading}<p>{said}</p>{fit}{shown}<p><small>{origin}</small></p>"

    @cached_property
    def _files(self) -> RunFiles:
        return AnswerFiles(Path(), self.tables, json_files(self.experiment, self.found))

    @cached_property
    def _sections(self) -> list[Section]:
        return sections(self._files)

    @cached_property
    def _headline(self) -> tuple[str, pd.DataFrame]:
        """The first thing that the report shows, in a sentence, and the first table with something in it."""
        parts: list[Listing | Chart] = []
        for section in self._sections:
            parts += [*section.listings, *section.charts]
        if not parts:
            return "Nothing was found.", pd.DataFrame()
        filled = next((part.table for part in parts if not part.table.empty), parts[0].table)
        return parts[0].sentence, _main_rows(filled, self._files.primary)


def _main_rows(table: pd.DataFrame, primary: str) -> pd.DataFrame:
    """A table of all KPIs reduced to those that a first look needs."""
    if "KPI" not in table:
        return table
    main = {KPIS[kpi].label for kpi in (*HEADLINE, primary) if kpi in KPIS}
    kept = table[table["KPI"].isin(main)]
    return (kept if len(kept) else table).reset_index(drop=True)


def _named(name: str, known: Mapping[str, Any], what: str) -> Any:
    if name not in known:
        raise UserError(f'"{name}" is {not_known(name, f"{what} of this answer", known)}')
    return known[name]


def _refuse_other_numbers(known: StoredRun, tables: Mapping[str, pd.DataFrame]) -> None:
    """An old run must not stand for numbers that it does not hold."""
    _, mismatches = compared_tables(known.path, tables)
    wrong = [mismatch for mismatch in mismatches if not mismatch.close]
    if wrong:
        raise UserError(
            f"Run {known.run_id} is already there with other numbers ({wrong[0]}): something has changed that is no "
            f"part of its id. save(force=True) replaces {known.path}."
        )
