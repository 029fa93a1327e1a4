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
