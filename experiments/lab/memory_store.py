"""The lives behind an answer, kept in memory so that a run folder made of it later can be verified like any other."""

from __future__ import annotations

from typing import Any

from crmlab.experiments.execution.checkpoint import Ledger
from crmlab.experiments.execution.task_keys import task_key
from crmlab.experiments.runs.sampled_ledger import without_tables


class Lives:
    """Finished tasks by key. To `run_all` it is a `Ledger`, but nothing is written before `put_into`."""

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}

    def key(self, stage: str, position: int, task: Any) -> str:
        return task_key(stage, position, task)

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def add(self, key: str, result: Any) -> None:
        self._results[key] = result

    def result(self, key: str) -> Any:
        return self._results[key]

    def write_when_due(self) -> None:
        """Nothing is written yet."""

    def write(self) -> None:
        """Nothing is written yet."""

    def put_into(self, ledger: Ledger) -> None:
        """Write all lives into the ledger of a run folder, as a finished run keeps them."""
        for key, result in self._results.items():
            if key not in ledger:
                ledger.add(key, without_tables(result))
        ledger.write()
