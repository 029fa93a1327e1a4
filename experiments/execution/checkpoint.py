"""The ledger of a run: every finished task, on the disk within a moment, so that nothing is run twice.

`ledger.jsonl` is only ever appended to. Its first line says what it was made with, every other line is one finished
task (`experiments/execution/records.py`). The tables of `Run`s lie beside it in `parts/`; a line names file and row
group, and the checksum of the file. A part is on the disk before the line that names it, and a line counts from its
newline on: a torn last line is cut off at the next opening. What was changed since it was written is named and left
out, so that it is run again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crmlab.experiments.disk import StoreError, disk_trouble
from crmlab.experiments.execution.environment import difference, environment, processor
from crmlab.experiments.execution.records import FORMAT, Records, line_of, read_records, whole_parts
from crmlab.experiments.execution.task_keys import task_key

WRITE_SECONDS = 0.3  # finished tasks wait at most so long for company, because each writing waits for the disk
LEDGER, PARTS = "ledger.jsonl", "parts"


class Checkpoint:
    """Finished tasks by key, in a folder of which this process is the only writer.

    It belongs to one run id, so to one experiment and its sources. A ledger that was begun with other libraries is not
    continued but begun anew; `begun_anew` then says why. `damage` says what was changed since it was written and is
    therefore run again. Raises `StoreError` when the disk refuses.
    """

    def __init__(self, folder: Path, run_id: str = "") -> None:
        self.path = folder / LEDGER
        self.begun_anew = ""
        self.damage: tuple[str, ...] = ()
        self._run = run_id
        self._header = {"ledger": FORMAT, "run": run_id, "made_with": dict(environment())}
        self._begun_on = processor()
        self._lines: dict[str, object] = {}
        self._fresh: list[tuple[str, object]] = []
        self._written_at, self._size, self._n_lines = 0.0, 0, 0
        self._refused = False
        with disk_trouble(self.path):
            self._open(folder / PARTS)

    def __len__(self) -> int:
        return len(self._lines)

    def key(self, stage: str, position: int, task: object) -> str:
        """The key of a task: the same on every day for the same content."""
        return task_key(stage, position, task)

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    def result(self, key: str) -> Any:
        """What was kept under a key. Tables of a `Run` are read when they are asked for."""
        return self._parts.decoded(self._lines[key])

    def add(self, key: str, result: object) -> None:
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
                results = {key: self._parts.encoded(result) for key, result in self._fresh}
                parts = self._parts.close()
                on = {} if self._begun_on == processor() else {"on": processor()}
                self._append({"key": key, "result": r} | _named_parts(r, parts) | on for key, r in results.items())
        except (StoreError, TypeError):
            self._refused = True
            raise
        self._lines |= results
        self._fresh, self._written_at = [], time.monotonic()

    def _open(self, parts: Path) -> None:
        from crmlab.experiments.execution.result_codec import Parts  # heavy, and whoever only lists runs does without

        found = read_records(self.path, self._run)
        self._size = found.size
        if {name: found.header.get(name) for name in self._header} != self._header:
            self._begin_anew(found, parts)
        else:
            kept = _without_broken_parts(found, parts)
            self._begun_on = str(found.header.get("on"))
            self.damage = tuple(found.damage)
            if self.damage:
                self._write_again(kept)
            else:
                os.truncate(self.path, self._size)
                self._n_lines = 1 + len(kept)
            self._lines = {key: record["result"] for key, record in kept.items()}
        self._parts = Parts(parts)

    def _begin_anew(self, found: Records, parts: Path) -> None:
        if self._size:
            differs = difference(environment(), found.header.get("made_with", {})) if found.header else ""
            self.begun_anew = differs or ", ".join(found.damage) or "it is of another run"
        self._lines, self._size, self._n_lines = {}, 0, 0
        self.path.unlink(missing_ok=True)
        shutil.rmtree(parts, ignore_errors=True)
        self._append([self._header | {"on": self._begun_on}])

    def _write_again(self, kept: Mapping[str, Mapping[str, object]]) -> None:
        """Replace a damaged ledger by what of it can be believed, in one step."""
        records = [
            self._header | {"on": self._begun_on},
            *({k: v for k, v in r.items() if k not in ("at", "sum")} for r in kept.values()),
        ]
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        with temporary.open("wb") as file:
            file.write(b"".join(line_of(record, at, self._run) for at, record in enumerate(records)))
            file.flush()
            os.fsync(file.fileno())
            self._size, self._n_lines = file.tell(), len(records)
        os.replace(temporary, self.path)

    def _append(self, records: Iterable[Mapping[str, object]]) -> None:
        lines = [line_of(record, at, self._run) for at, record in enumerate(records, start=self._n_lines)]
        with self.path.open("ab") as file:
            file.truncate(self._size)  # an interrupt may have torn the last writing
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
            self._size, self._n_lines = file.tell(), self._n_lines + len(lines)


def _named_parts(result: object, sums: Mapping[str, str]) -> dict[str, object]:
    """The parts files in which the tables of a result lie, with their checksums."""
    from crmlab.experiments.execution.result_codec import files_of

    files = sorted(set(files_of(result)))
    return {"parts": {file: sums[file] for file in files}} if files else {}


def _without_broken_parts(found: Records, folder: Path) -> dict[str, dict[str, object]]:
    """The records whose tables are as they were written; the others are damage."""
    whole = set(whole_parts(found.by_key, folder))
    broken = {name for record in found.by_key.values() for name in record.get("parts", {})} - whole
    found.damage += [f"{folder.name}/{name} is not as it was written" for name in sorted(broken)]
    return {key: record for key, record in found.by_key.items() if not broken & record.get("parts", {}).keys()}
