"""Whether two tables hold the same numbers, bit for bit, and where they first do not."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa

from crmlab.experiments.runs.closeness import all_close


def difference(stored: Path, now: pd.DataFrame) -> tuple[str, str, str, bool] | None:
    """The first place at which a table differs from its Parquet file: where, what was stored, what was found.

    Numbers, texts, their types and the order of rows and columns count; undefined equals undefined. The last entry says
    whether the whole table is equal up to last digits (`experiments/runs/closeness.py`).
    """
    try:
        then, now = pd.read_parquet(stored), _as_stored(now)
    except (OSError, ValueError, pa.ArrowException):
        return "the file", "no table that can be read", "a table", False
    if list(then.columns) != list(now.columns):
        return "columns", ", ".join(map(str, then.columns)), ", ".join(now.columns), False
    if len(then) != len(now):
        return "rows", str(len(then)), str(len(now)), False
    for column in then.columns:
        a, b = then[column], now[column]
        if a.dtype != b.dtype:
            return str(column), str(a.dtype), str(b.dtype), False
        unequal = ~((a == b) | (a.isna() & b.isna()))
        if unequal.any():
            row = int(unequal.to_numpy().argmax())
            return f"row {row}, {column}", str(a[row]), str(b[row]), all_close(then, now)
    return None


def _as_stored(table: pd.DataFrame) -> pd.DataFrame:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return pd.read_parquet(file)
