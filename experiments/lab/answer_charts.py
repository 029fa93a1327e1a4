"""What an answer found, drawn: the charts of its report, and how it shows itself."""

from __future__ import annotations

import html
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from crmlab.experiments.charts import Chart
from crmlab.experiments.reporting.export import slug
from crmlab.experiments.reporting.report_sections import sections
from crmlab.experiments.sections.listings import Listing
from crmlab.experiments.sections.section import Section
from crmlab.experiments.wording.provenance import provenance
from crmlab.sim.kpis import HEADLINE, KPIS

if TYPE_CHECKING:
    import plotly.graph_objects as go

from crmlab.experiments.lab.answer_tables import AnswerTables, named


class AnswerCharts(AnswerTables):
    """The tables of an answer, and the charts of its report.

    In a notebook it shows itself: the main findings, with their intervals and what they rest on.
    """

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
        return named(name, first | self.charts, "chart")

    def figure(self, name: str) -> go.Figure:
        """The Plotly figure of a chart."""
        return self.chart(name).figure

    def headline(self) -> pd.DataFrame:
        """The main findings for reading: cells are texts with their units. Exact numbers are in `tables`."""
        return self._headline[1]

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
