"""Sections of the report of the user's own: drawn from the tables of the run by functions that the run keeps.

A function that fails, or gives something else than it should, leaves a sentence in its place: a report is never lost
for a picture. What it gives is taken as text, so that nothing of it is carried out in the reader's browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from crmlab.experiments.charts import Chart
from crmlab.experiments.files.play_form import NoSuchStrategy
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.runs.kept_code import function_of
from crmlab.experiments.sections.listings import Listing
from crmlab.experiments.sections.section import Section

HEIGHT = 380  # pixels of a figure that says none
RESERVED = ("verdict", "kpis", "limits", "repeat")  # what the page itself calls its parts


def own_sections(run: RunFiles, others: Iterable[Section]) -> list[Section]:
    """The sections that the experiment names, in its order. None of them has the id of one of the `others`."""
    places = run.spec.get("sections", [])
    tables = run.tables_by_name() if places else {}
    taken = {*RESERVED, *(section.id for section in others)}
    found: list[Section] = []
    for place in places:
        name = place.partition(":")[2].rpartition(".")[2]
        name = f"own_{name}" if name in taken else name
        found.append(_drawn(place, name, run.folder, tables))
    return found


def _drawn(place: str, name: str, folder: Path, tables: Mapping[str, pd.DataFrame]) -> Section:
    copies = {title: table.copy() for title, table in tables.items()}
    try:
        return _as_section(function_of(place, folder)(copies), name)
    except NoSuchStrategy as error:  # the sentence about code that may not run
        why = f"This section is not drawn: {error}"
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        why = f"This section could not be drawn: {place} ends with {said}"
    return Section(name, name.replace("_", " ").capitalize(), "", missing=why if why.endswith(".") else f"{why}.")


def _as_section(found: Any, name: str) -> Section:
    """What a function gave, as plain text and under its own id. Raises `TypeError` and what Plotly raises."""
    if isinstance(found, Chart):
        found = Section(name, found.title, "", (found,))
    if not isinstance(found, Section):
        raise TypeError(f"it must return a Section or a Chart, not {type(found).__name__}")
    return Section(
        name,
        _text(found.title),
        _text(found.intro),
        tuple(_chart(chart) for chart in found.charts),
        tuple(_listing(listing) for listing in found.listings),
        _text(found.missing),
        bool(found.side_by_side),
    )


def _chart(chart: Any) -> Chart:
    if not isinstance(chart, Chart):
        raise TypeError(f"charts holds Chart, not {type(chart).__name__}")
    if not isinstance(chart.figure, go.Figure):
        raise TypeError(f"the figure of a chart is one of Plotly, not {type(chart.figure).__name__}")
    figure = go.Figure(chart.figure)
    figure.update_layout(height=figure.layout.height or HEIGHT)
    figure.to_json()  # fails here rather than in the page
    return Chart(_text(chart.title), figure, _cells(chart.table), _text(chart.sentence), _text(chart.note))


def _listing(listing: Any) -> Listing:
    if not isinstance(listing, Listing):
        raise TypeError(f"listings holds Listing, not {type(listing).__name__}")
    return Listing(_text(listing.title), _cells(listing.table), _text(listing.sentence), _text(listing.note))


def _text(value: Any) -> str:
    """A text that is no markup, whatever it calls itself."""
    if not isinstance(value, str):
        raise TypeError(f"titles, sentences and notes are texts, not {type(value).__name__}")
    return "".join(str.__iter__(value))


def _cells(table: Any) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"the table is one of pandas, not {type(table).__name__}")
    plain = table.astype(object).map(lambda cell: _text(cell) if isinstance(cell, str) else _text(str(cell)))
    return plain.set_axis([_text(str(heading)) for heading in table.columns], axis=1)
