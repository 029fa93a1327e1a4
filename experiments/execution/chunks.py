"""Tasks on their way: grouped so that a trip to a worker is worth it, given out again when their worker dies."""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRIP_SECONDS = 0.2  # of work that a trip to another process should bring, so that its milliseconds do not count
TRACED = 4  # places in the code that a failure names, without folders: those say who ran it
DEATHS = 3  # of workers, after which a task is held to be what kills them


@dataclass(frozen=True)
class Failed:
    """A task without a result: it raised an error, or it killed every worker that tried it.

    `error` is one sentence, `trace` the way to the place in the code where it was raised, the last place first (empty
    for a killed worker).
    """

    key: str
    error: str
    trace: str = ""


@dataclass(frozen=True)
class Chunk:
    """Tasks that travel together, each with its key. `number` counts the chunks of one call."""

    number: int
    tasks: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Done:
    """A chunk that came back: the result of every task or its `Failed`, in order, and the seconds it took."""

    outcomes: list[object]
    seconds: float


@dataclass(frozen=True)
class Lost:
    """A chunk that did not come back, because `deaths` workers died with it, and what is known of their end."""

    reason: str
    deaths: int = 1


def run_chunk(work: Callable[[Any], object], tasks: Iterable[tuple[str, object]]) -> Done:
    """Run the tasks of a chunk one after the other. What one of them raises becomes its outcome."""
    started = time.perf_counter()
    outcomes = [_outcome(work, key, task) for key, task in tasks]
    return Done(outcomes, time.perf_counter() - started)


def failed(key: str, error: BaseException) -> Failed:
    """A failure in one sentence, and where it came from."""
    sentence = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)[1:][-TRACED:]
    trace = (f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
    return Failed(key, sentence, ", called from ".join(trace))


def _outcome(work: Callable[[Any], object], key: str, task: object) -> Any:
    try:
        return work(task)
    except (Exception, SystemExit) as error:
        return failed(key, error)


class Waiting:
    """The tasks that nobody runs at the moment.

    The first ones travel alone; once their duration is known, as many go together as make a trip worth it.
    """

    def __init__(self, tasks: Iterable[tuple[str, object]]) -> None:
        self._tasks = deque(tasks)
        self._alone: deque[tuple[str, object]] = deque()  # tasks that have lost a worker
        self._deaths: Counter[str] = Counter()
        self._n_chunks = self._n_run = 0
        self._seconds = 0.0

    def __len__(self) -> int:
        return len(self._tasks) + len(self._alone)

    def chunk(self, room: int, trip_seconds: float) -> Chunk:
        """The tasks to run next: `trip_seconds` of work, where `room` chunks are under way at a time."""
        self._n_chunks += 1
        if self._alone:
            return Chunk(self._n_chunks, (self._alone.popleft(),))
        size = min(self._in(trip_seconds), max(1, len(self._tasks) // (2 * room)))  # the last ones end together
        return Chunk(self._n_chunks, tuple(self._tasks.popleft() for _ in range(size)))

    def settle(self, chunk: Chunk, back: Done | Lost) -> list[tuple[str, object]]:
        """The outcomes by key that a chunk brings. Tasks whose worker died wait again, until `DEATHS` is reached."""
        if isinstance(back, Done):
            self._seconds += back.seconds
            self._n_run += len(chunk.tasks)
            return [(key, outcome) for (key, _), outcome in zip(chunk.tasks, back.outcomes, strict=True)]
        given_up: list[tuple[str, object]] = []
        for key, task in chunk.tasks:
            # Of several tasks nobody knows which one it was: each gets a worker of its own.
            self._deaths[key] += back.deaths if len(chunk.tasks) == 1 else 1
            if self._deaths[key] < DEATHS:
                self._alone.append((key, task))
            else:
                given_up.append((key, Failed(key, back.reason)))
        return given_up

    def _in(self, seconds: float) -> int:
        """How many tasks are run in so much time, as far as is known; at least one."""
        return max(1, int(seconds * self._n_run / max(self._seconds, 1e-6)))
