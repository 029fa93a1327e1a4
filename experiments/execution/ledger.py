"""The ledger of a run: every finished task, on the disk within a moment, so that nothing is lived twice.

`ledger.jsonl` is only ever appended to. Its first line says what it was made with, every other line is one finished
task: {"key": ..., "result": ...}. The tables of `Run`s lie beside it in `parts/`; a line names file and row group. A
part is on the disk before the line that names it, and a line counts from its newline on: a torn last line is cut off
at the next opening.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crmlab.experiments.execution.surroundings import difference, surroundings
from crmlab.experiments.execution.task_keys import task_key
from crmlab.experiments.runs.disk import StoreError, disk_trouble

WRITE_SECONDS = 0.3  # finished tasks wait at most so long for company, because each writing waits for the disk
LEDGER, PARTS = "ledger.jsonl", "parts"


class Ledger:
    """Finished tasks by key, in a folder of which this process is the only writer.

    It belongs to one run id, so to one experiment and its sources. A ledger that was begun with other libraries is not
    continued but begun anew; `begun_anew` then says why. Raises `StoreError` when the disk refuses.
    """

    def __init__(self, folder: Path, run_id: str = "") -> None:
        self.path = folder / LEDGER
        self.begun_anew = ""
        self._header = {"ledger": 1, "run": run_id, "made_with": dict(surroundings())}
        self._lines: dict[str, Any] = {}
        self._fresh: list[tuple[str, Any]] = []
        self._written_at, self._size = 0.0, 0
        self._refused = False
        with disk_trouble(self.path):
            self._open(folder / PARTS)

    def __len__(self) -> int:
        return len(self._lines)

    def key(self, stage: str, position: int, task: Any) -> str:
        """The key of a task: the same on every day for the same content."""
        return task_key(stage, position, task)

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    def result(self, key: str) -> Any:
        """What was kept under a key. Tables of a `Run` are read when they are asked for."""
        return self._parts.decoded(self._lines[key])

    def add(self, key: str, result: Any) -> None:
        """Keep a result: plain data, `Run`s, or lists and tables of them. It can be read after the next writing."""
        self._fresh.append((key, result))
        self.write_when_due()

    def write_when_due(self) -> None:
        """Write, if something has waited long enough."""
        if self._fresh and time.monotonic() - self._written_at >= WRITE_SECONDS:
            self.write()

    def write(self) -> None:
        """Put what is new on the disk: the tables first, then the lines that name them."""
        if self._refused or not self._fresh:
            return
        try:
            with disk_trouble(self.path):
                lines = {key: self._parts.encoded(result) for key, result in self._fresh}
                self._parts.close()
                self._append({"key": key, "result": result} for key, result in lines.items())
        except (StoreError, TypeError):
            self._refused = True
            raise
        self._lines |= lines
        self._fresh, self._written_at = [], time.monotonic()

    def _open(self, parts: Path) -> None:
        from crmlab.experiments.execution.parts import Parts  # heavy, and whoever only lists runs does without

        header, self._lines = self._read()
        if header != self._header:
            if header:
                self.begun_anew = difference(surroundings(), header.get("made_with", {})) or "it is of another run"
            self._lines, self._size = {}, 0
            self.path.unlink(missing_ok=True)
            shutil.rmtree(parts, ignore_errors=True)
            self._append([self._header])
        else:
            os.truncate(self.path, self._size)
        self._parts = Parts(parts)

    def _read(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The header and the finished tasks, up to the last whole line."""
        if not self.path.exists():
            return {}, {}
        records: list[dict[str, Any]] = []
        for line in self.path.read_bytes().splitlines(keepends=True):
            try:
                record = json.loads(line.decode()) if line.endswith(b"\n") else None
            except ValueError:
                record = None
            if not isinstance(record, dict):
                break
            records.append(record)
            self._size += len(line)
        found = {record["key"]: record["result"] for record in records[1:] if "key" in record}
        return (records[0] if records else {}), found

    def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)
        with self.path.open("ab") as file:
            file.truncate(self._size)  # an interrupt may have torn the last writing
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            self._size = file.tell()
