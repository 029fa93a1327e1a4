"""Whether two tables hold the same numbers, bit for bit, and where they first do not."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd


def difference(stored: Path, now: pd.DataFrame) -> tuple[str, str, str] | None:
    """The first place at which a table differs from its Parquet file: where, what was stored, what was found.

    Numbers, texts, their types and the order of rows and columns count; undefined equals undefined.
    """
    then, now = pd.read_parquet(stored), _as_stored(now)
    if list(then.columns) != list(now.columns):
        return "columns", ", ".join(then.columns), ", ".join(now.columns)
    if len(then) != len(now):
        return "rows", str(len(then)), str(len(now))
    for column in then.columns:
        a, b = then[column], now[column]
        if a.dtype != b.dtype:
            return str(column), str(a.dtype), str(b.dtype)
        unequal = ~((a == b) | (a.isna() & b.isna()))
        if unequal.any():
            row = int(unequal.to_numpy().argmax())
            return f"row {row}, {column}", str(a[row]), str(b[row])
    return None


def _as_stored(table: pd.DataFrame) -> pd.DataFrame:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return pd.read_parquet(file)
