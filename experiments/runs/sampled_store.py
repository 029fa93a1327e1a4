"""A ledger that remembers every finished task of a run but a few, and compares these with what it was told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crmlab.experiments.execution.checkpoint import PARTS
from crmlab.experiments.execution.records import Records, read_records
from crmlab.experiments.execution.result_codec import RUN, Parts
from crmlab.experiments.execution.run import Run
from crmlab.experiments.execution.task_keys import task_key
from crmlab.experiments.runs.changes import Changed
from crmlab.experiments.runs.closeness import close
from crmlab.experiments.runs.deserialize import differences


@dataclass(frozen=True)
class Mismatch:
    """A number that did not come out again: in which run or table, and what was stored and found."""

    where: str
    stored: str
    found: str
    close: bool = False  # equal up to last digits, as it may be on another processor

    def __str__(self) -> str:
        return f"{self.where}: {self.stored} was stored, {self.found} found"


class SampledStore:
    """The ledger at `path`, without `n_sampled` of its tasks at even distances (None: without all of them).

    Lines that are not as they were written are always among these, and named. Nothing is written. Tables of `Run`s are
    left out: a finished run no longer has them task by task. Raises `Changed` when the ledger cannot be read.
    """

    def __init__(self, path: Path, n_sampled: int | None) -> None:
        try:
            found = read_records(path)
        except OSError:
            found = Records()
        believed = {key: _without_places(record["result"]) for key, record in found.by_key.items()}
        changed = {key: _without_places(r.get("result")) for key, r in found.said.items() if key not in believed}
        self.stored = believed | changed
        if not self.stored:
            raise Changed(f"{path} holds no finished task that can be read: nothing of the run can be compared.")
        self.repeated: dict[str, object] = {}
        self.mismatches = [Mismatch(path.name, "what was written", what) for what in found.damage]
        self.numbers = 0
        self._sample = _spread(list(believed), n_sampled) | changed.keys()
        self._task: dict[str, str] = {}
        self._codec = Parts(path.parent / PARTS)

    def key(self, stage: str, position: int, task: object) -> str:
        key = task_key(stage, position, task)
        self._task[key] = f"{stage}, {_named(task)}" if stage else _named(task)
        return key

    def __contains__(self, key: str) -> bool:
        return key in self.repeated or (key in self.stored and key not in self._sample)

    def result(self, key: str) -> object:
        return self._codec.decoded(self.repeated[key] if key in self.repeated else self.stored[key])

    def add(self, key: str, result: object) -> None:
        now = json.loads(json.dumps(self._codec.encoded(without_tables(result))))
        self.repeated[key] = now
        self.numbers += _count(now)
        then = self.stored.get(key, "no result")
        largest = _largest(now)
        for place, stored, found in differences(_by_arm(then), _by_arm(now)):
            where = self._task[key] + (f", {place}" if place else "")
            self.mismatches.append(Mismatch(where, stored, found, _close(stored, found, largest)))

    def not_asked(self) -> list[Mismatch]:
        """Sampled tasks of the stored run that it no longer consists of."""
        missing = (key for key in self._sample if key not in self._task)
        return [Mismatch(f"task {key}", "a result", "no such task") for key in sorted(missing)]

    def write_when_due(self) -> None:
        """Nothing is written: the run stays as it is."""

    def write(self) -> None:
        """Nothing is written: the run stays as it is."""


def _spread(keys: list[str], n: int | None) -> set[str]:
    """`n` keys at even distances."""
    if n is None or n >= len(keys):
        return set(keys)
    return {keys[int((i + 0.5) * len(keys) / n)] for i in range(n)}


def _named(task: object) -> str:
    """A task in words, cut short: tasks may hold whole arms."""
    text = str(task)
    return text if len(text) <= 100 else f"{text[:97]}..."


def without_tables(result: object) -> object:
    """A result as a finished run keeps it: `Run`s without their tables."""
    if isinstance(result, Run):
        return replace(result, tables={})
    if isinstance(result, Mapping):
        return {key: without_tables(item) for key, item in result.items()}
    return [without_tables(item) for item in result] if isinstance(result, list | tuple) else result


def _without_places(data: object) -> object:
    if isinstance(data, dict):
        return {k: [*v[:4], {}] if k == RUN and isinstance(v, list) else _without_places(v) for k, v in data.items()}
    return [_without_places(item) for item in data] if isinstance(data, list) else data


def _by_arm(data: object) -> object:
    """A list of `Run`s as a table by arm, so that a place in it can be read."""
    if isinstance(data, list) and data and all(isinstance(item, dict) and len(item.get(RUN, ())) == 5 for item in data):
        return {item[RUN][0]: item[RUN][3] for item in data}
    return data


def _close(stored: str, found: str, largest: float) -> bool:
    try:
        one, other = json.loads(stored), json.loads(found)
    except ValueError:
        return False
    return isinstance(one, float) and isinstance(other, float) and close(one, other, largest)


def _largest(data: object) -> float:
    """The size of the largest number there is."""
    if isinstance(data, dict | list):
        return max(map(_largest, data.values() if isinstance(data, dict) else data), default=0.0)
    return abs(float(data)) if isinstance(data, int | float) else 0.0


def _count(data: object) -> int:
    """How many numbers there are."""
    if isinstance(data, dict | list):
        return sum(_count(item) for item in (data.values() if isinstance(data, dict) else data))
    return int(isinstance(data, int | float))
