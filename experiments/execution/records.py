"""The lines of a ledger. Each says its place and ends with a checksum, so that a changed one is never believed.

A line is one JSON object: {"at": 3, "key": ..., "result": ..., "parts": {file: sha256}, "sum": ...}. `at` counts from 0
(the header); `sum` is over the name of the run and all bytes of the line before it. So a digit that was changed, a line
that stands there twice or elsewhere, and one that came out of another run are all found; a gap is found by the next
`at`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 2
_SUM = b', "sum": "'
_TAIL = len(_SUM) + 16 + len(b'"}')


@dataclass
class Records:
    """What a ledger holds: its header ({} when that cannot be believed) and its records by key, in order.

    `damage` says in words what is not as it was written; of that nothing is among the records. `size` counts the bytes
    up to the last whole line: what follows is a torn writing, which is no damage. `said` holds what damaged lines say,
    where they can still be read: for whoever wants to name the difference.
    """

    header: dict[str, Any] = field(default_factory=dict)
    by_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    size: int = 0


def processors_of(path: Path) -> list[str]:
    """The processors on which the tasks of a ledger were run. A line says its own where it is not the header's."""
    found = read_records(path)
    return sorted({str(record.get("on", found.header.get("on"))) for record in found.by_key.values()})


def line_of(record: Mapping[str, Any], at: int, run: str) -> bytes:
    """A record as the line at a place of the ledger of a run."""
    text = json.dumps({"at": at} | dict(record), ensure_ascii=False, allow_nan=False)
    body = text.encode()[:-1]
    return body + _SUM + _sum(body, run) + b'"}\n'


def read_records(path: Path, run: str | None = None) -> Records:
    """The records of a ledger, and what is wrong with it. `run` is whose it has to be (None: whom it names)."""
    found = Records()
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    found.size = len(whole)
    lines = whole.split(b"\n")[:-1]
    if not lines:
        return found
    run = str((_parsed(lines[0]) or {}).get("run", "")) if run is None else run
    found.header = _believed(lines[0], run) or {}
    if found.header.get("at") != 0:
        found.header = {}
        found.damage.append("its first line is not as it was written")
        return found
    expected = 1
    for number, line in enumerate(lines[1:], start=2):
        expected = _take(found, line, number, expected, run)
    return found


def _take(found: Records, line: bytes, number: int, expected: int, run: str) -> int:
    """Take a line up, or say why not. Returns the place that the next one should have."""
    record = _believed(line, run)
    if record is None:
        found.damage.append(f"line {number} is not as it was written")
        said = _parsed(line)
        if said and isinstance(said.get("key"), str):
            found.said[said["key"]] = said
        return expected + 1
    at, key = record["at"], record.get("key")
    if key is None or key in found.by_key:
        found.damage.append(f"line {number} stands there twice")
        return expected
    if at != expected:
        what = f"a line before line {number} is gone" if at > expected else f"line {number} is not in its place"
        found.damage.append(what)
    found.by_key[key] = record
    return at + 1


def _believed(line: bytes, run: str) -> dict[str, Any] | None:
    """A line as data, if its checksum fits."""
    body, tail = line[:-_TAIL], line[-_TAIL:]
    return _parsed(line) if tail == _SUM + _sum(body, run) + b'"}' else None


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _sum(body: bytes, run: str) -> bytes:
    return hashlib.sha256(run.encode() + b"\n" + body).hexdigest()[:16].encode()


def whole_parts(records: Mapping[str, Mapping[str, Any]], folder: Path) -> Iterator[str]:
    """The parts files that records name and that are as they were written."""
    named = {name: digest for record in records.values() for name, digest in record.get("parts", {}).items()}
    for name, digest in named.items():
        path = folder / name
        if path.is_file() and file_sum(path) == digest:
            yield name


def file_sum(path: Path) -> str:
    """Hash of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
