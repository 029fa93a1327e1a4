"""The finished tasks behind an answer, in memory: so that a run folder made of it later can be verified."""

from __future__ import annotations

from typing import Any

from crmlab.experiments.execution.task_keys import task_key
from crmlab.experiments.execution.task_store import MemoryStore, TaskStore
from crmlab.experiments.runs.sampled_store import without_tables


class KeptTasks(MemoryStore):
    """Finished tasks by the keys that a run folder would give them; `put_into` writes them there."""

    def key(self, stage: str, position: int, task: Any) -> str:
        return task_key(stage, position, task)

    def put_into(self, store: TaskStore) -> None:
        """Write all tasks into the store of a run folder, as a finished run keeps them."""
        for key, result in self._results.items():
            if key not in store:
                store.add(key, without_tables(result))
        store.write()
