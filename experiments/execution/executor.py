"""Where tasks are run: in this process, in several local ones, on a cluster. The results never depend on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from crmlab.experiments.execution.chunks import Chunk, Done, Failed, Lost, Waiting
from crmlab.experiments.execution.local import LocalProcesses, Serial
from crmlab.experiments.execution.task_store import MemoryStore, TaskStore

__all__ = ["Executor", "Failed", "run_all", "workers_for"]

Task = TypeVar("Task")
Result = TypeVar("Result")
TICK_SECONDS = 0.2  # how long an interrupt may go unnoticed, and a finished task unwritten


class Executor(Protocol):
    """A place where chunks of tasks are run: `room` chunks at a time, each of at least `trip_seconds` of work.

    `check_executor` is its published contract test.
    """

    trip_seconds: float

    @property
    def room(self) -> int: ...

    def begin(self, work: Callable[[Any], object]) -> None:
        """From now on, chunks are about this work."""

    def give(self, chunk: Chunk) -> None:
        """Start a chunk."""

    def take(self, seconds: float) -> list[tuple[Chunk, Done | Lost]]:
        """The chunks that have ended, after waiting at most so long for the first."""

    def end(self) -> None:
        """Cancel what is under way and forget the work."""


def workers_for(wanted: int, n_tasks: int) -> int:
    """Number of processes: as wanted, or (0) one per core; never more than there are tasks."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(wanted or cores, n_tasks))


def run_all(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int | Executor = 0,
    on_done: Callable[[int, int], None] | None = None,
    *,
    store: TaskStore | None = None,
    stage: str = "",
) -> list[Result | Failed]:
    """The result of every task, in the order of the tasks, wherever they are run.

    `work` and the tasks must be picklable. A task that raises, or kills three workers, becomes a `Failed`; the others
    are not touched by it. A task of several runs may return a list in which some are
    `Failed`. `workers` is a number of local processes (0: one per core, 1: this process) or an executor.
    `on_done(done, total)` is called after each task.

    With a `store`, results that it holds are not run again, and new ones are on the disk within a moment; results
    must then be plain data or `Run`s. `stage` keeps the calls of one run apart. An interrupt stops everything at once
    and is raised here; the store keeps what was finished.
    """
    kept = MemoryStore() if store is None else store
    keys = [kept.key(stage, position, task) for position, task in enumerate(tasks)]
    failed: dict[str, Any] = {}  # and tasks in which one run failed beside others: both are tried again next time
    missing = [(key, task) for key, task in zip(keys, tasks, strict=True) if key not in kept]
    done = len(tasks) - len(missing)
    if done and on_done:
        on_done(done, len(tasks))
    try:
        for outcomes in _outcomes(work, Waiting(missing), _executor(workers, len(missing))):
            for key, outcome in outcomes:
                if isinstance(outcome, Failed) or (isinstance(outcome, list) and any_failed(outcome)):
                    failed[key] = outcome
                else:
                    kept.add(key, outcome)
                done += 1
                if on_done:
                    on_done(done, len(tasks))
            kept.write_when_due()
    finally:
        kept.write()
    return [failed[key] if key in failed else kept.result(key) for key in keys]


def any_failed(outcomes: list[object]) -> bool:
    """Whether one of the runs of a task is a `Failed`."""
    return any(isinstance(outcome, Failed) for outcome in outcomes)


def _executor(workers: int | Executor, n_tasks: int) -> Executor:
    if not isinstance(workers, int):
        return workers
    processes = workers_for(workers, n_tasks)
    return Serial() if processes == 1 else LocalProcesses(processes)


def _outcomes(
    work: Callable[[Any], object], waiting: Waiting, executor: Executor
) -> Iterator[list[tuple[str, object]]]:
    """Outcomes by key as they come in; an empty list where nothing did for a moment."""
    under_way = 0
    executor.begin(work)
    try:
        while waiting or under_way:
            room = executor.room
            while waiting and under_way < room:
                executor.give(waiting.chunk(room, executor.trip_seconds))
                under_way += 1
            ended = executor.take(TICK_SECONDS)
            under_way -= len(ended)
            yield [outcome for chunk, back in ended for outcome in waiting.settle(chunk, back)]
    finally:
        executor.end()
