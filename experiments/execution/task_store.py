"""Where the results of finished tasks are kept: the protocol of task stores, and the simplest of them."""

from __future__ import annotations

from typing import Any, Protocol


class TaskStore(Protocol):
    """Finished tasks by key. `check_task_store` is its published contract test.

    A task is named by the stage of its run, its place in the list and its content: the same key in every process and on
    every day, another one for another task. Results are plain JSON data and `Run`s.
    """

    def key(self, stage: str, position: int, task: object) -> str:
        """The name of a task."""

    def __contains__(self, key: str) -> bool:
        """Whether the result of a task is there, so that the task need not be run; at the latest after `write`."""

    def add(self, key: str, result: object) -> None:
        """Keep the result of a task that has just finished."""

    def result(self, key: str) -> Any:
        """The result of a task that is there, equal to what was added."""

    def write_when_due(self) -> None:
        """Called often; what waits may now be put where it survives the process."""

    def write(self) -> None:
        """Called at the end, also after an interrupt; nothing may wait any longer."""


class MemoryStore:
    """Results for as long as one call lasts. Nobody asks for a task again, so its place is name enough."""

    def __init__(self) -> None:
        self._results: dict[str, object] = {}

    def key(self, stage: str, position: int, task: object) -> str:
        return f"{stage} {position}"

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def add(self, key: str, result: object) -> None:
        self._results[key] = result

    def result(self, key: str) -> Any:
        return self._results[key]

    def write_when_due(self) -> None:
        """There is nowhere to write to."""

    def write(self) -> None:
        """There is nowhere to write to."""
