"""Results as plain JSON data and back, bit for bit; the tables of a `Run` go to Parquet files beside them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.experiments.execution.records import file_sum
from crmlab.experiments.execution.run import Run

RUN, FLOAT = "$run", "$float"  # marks of what JSON has no word for
OPEN_FILES = 16
_NUMBERED = re.compile(r"([0-9]{1,12})-")


class Parts:
    """Parquet files of one folder. A table is one row group of a file; its place is (file name, number of the group).

    What `encoded` has written is whole after `close`, which returns when it is on the disk. The index of a table is
    not kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        numbers = [int(found[1]) for path in folder.glob("*-*.parquet") if (found := _NUMBERED.match(path.name))]
        self._number = max(numbers, default=0) + 1  # what an interrupted writing left is not touched
        self._writers: dict[tuple[str, bytes], _Writer] = {}

    def encoded(self, value: object) -> object:
        """A result as JSON data. Raises `TypeError` for what is neither plain data nor a `Run`."""
        if isinstance(value, Run):
            tables = {name: self.keep(name, table) for name, table in value.tables.items()}
            return {RUN: [value.arm, value.world, value.replication, self.encoded(value.kpis), tables]}
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return {FLOAT: repr(value)}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {key: self.encoded(v) for key, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.encoded(v) for v in value]
        raise TypeError(f"a task may return numbers, texts, lists and tables of them and Runs, no {type(value)}")

    def decoded(self, data: object) -> Any:
        """A result from its JSON data. The tables of a `Run` are read when they are asked for."""
        if isinstance(data, list):
            return [self.decoded(v) for v in data]
        if not isinstance(data, dict):
            return data
        if FLOAT in data:
            return float(data[FLOAT])
        if RUN in data:
            arm, world, replication, kpis, places = data[RUN]
            return Run(arm, world, replication, self.decoded(kpis), StoredTables(self, places))
        return {key: self.decoded(v) for key, v in data.items()}

    def keep(self, name: str, table: pd.DataFrame) -> tuple[str, int]:
        """Write a table, beside others of its name and columns. Returns its place."""
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        kind = (name, arrow.schema.serialize().to_pybytes())
        if kind not in self._writers:
            self.folder.mkdir(exist_ok=True)
            path = self.folder / f"{self._number:06d}-{len(self._writers)}-{name}.parquet"
            self._writers[kind] = _Writer(path, arrow.schema)
        return self._writers[kind].keep(arrow)

    def close(self) -> dict[str, str]:
        """Put all that was kept on the disk; what follows goes into new files. Returns checksums by file name."""
        writers, self._writers = list(self._writers.values()), {}
        sums = {writer.path.name: writer.close() for writer in writers}
        if writers:
            synced(self.folder)
            self._number += 1
        return sums

    def read(self, place: tuple[str, int]) -> pd.DataFrame:
        """A table by its place."""
        file, group = place
        path = self.folder / file
        found = path.stat()
        return _opened(path, found.st_ino, found.st_mtime_ns).read_row_group(group).to_pandas()


class _Writer:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self._n_groups = path, 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def keep(self, table: pa.Table) -> tuple[str, int]:
        self._writer.write_table(table, row_group_size=max(len(table), 1))
        self._n_groups += 1
        return self.path.name, self._n_groups - 1

    def close(self) -> str:
        self._writer.close()
        synced(self.path)
        return file_sum(self.path)


@dataclass(frozen=True)
class StoredTables(Mapping[str, pd.DataFrame]):
    """The tables of a run that lie in parts: each is read when it is asked for, so that many runs need no memory."""

    parts: Parts
    places: Mapping[str, tuple[str, int]]

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.parts.read(self.places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def files_of(data: object) -> Iterator[str]:
    """The files that the JSON data of a result name."""
    if isinstance(data, list):
        for item in data:
            yield from files_of(item)
    elif isinstance(data, dict) and RUN in data:
        yield from (file for file, _ in data[RUN][4].values())
    elif isinstance(data, dict):
        yield from files_of(list(data.values()))


def synced(path: Path) -> None:
    """Return when a file, or the list of files of a folder, is on the disk and not only on its way."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=OPEN_FILES)
def _opened(path: Path, inode: int, written: int) -> pq.ParquetFile:
    """A file that stays open for further reading. Another file that takes its place is opened anew."""
    return pq.ParquetFile(path)
