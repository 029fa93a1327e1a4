"""One picture of a report: the figure, the same facts as a table, and what they say in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go


@dataclass(frozen=True)
class Chart:
    """A figure that never stands alone.

    `table` holds the facts of the figure for reading (headings in words, cells printed with their units); exact numbers
    are in the tables of the run folder. `sentence` says what the picture shows, for those who cannot see it and those
    in a hurry; `note` how to read it and what it leaves out.
    """

    title: str
    figure: go.Figure
    table: pd.DataFrame
    sentence: str
    note: str = ""
