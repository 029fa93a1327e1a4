"""One part of a report, whatever it is about."""

from __future__ import annotations

from dataclasses import dataclass

from crmlab.experiments.charts import Chart
from crmlab.experiments.sections.listings import Listing


@dataclass(frozen=True)
class Section:
    """One part of the report. `missing` says in words why something is not there; small charts stand side by side."""

    id: str
    title: str
    intro: str
    charts: tuple[Chart, ...] = ()
    listings: tuple[Listing, ...] = ()
    missing: str = ""
    side_by_side: bool = False


def without(table: str, title: str, intro: str) -> Section:
    """The section of a table that the run does not have."""
    return Section(table, title, intro, missing=f"This run has no table “{table}”.")
