"""Walking over a table row by row, with columns as attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """The rows of a table; `row.spend` is the cell of column `spend`."""
    yield from table.itertuples(index=False)
