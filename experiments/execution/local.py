"""Executors on this machine: this process itself, or several processes beside it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from crmlab.experiments.execution.chunks import TRIP_SECONDS, Chunk, Done, Lost, failed, run_chunk

PARENT_SECONDS = 0.3  # how often a worker looks whether its parent is still there


class Serial:
    """This process: the chunk is run when it is asked for."""

    room, trip_seconds = 1, 0.0  # no trip at all

    def begin(self, work: Callable[[Any], object]) -> None:
        self._work = work

    def give(self, chunk: Chunk) -> None:
        self._chunk = chunk

    def take(self, seconds: float) -> list[tuple[Chunk, Done | Lost]]:
        return [(self._chunk, run_chunk(self._work, self._chunk.tasks))]

    def end(self) -> None:
        pass


class LocalProcesses:
    """Several processes on this machine, one chunk at a time each.

    The pools of the standard library break as a whole when one of their processes dies, and do not say which task it
    had. Here every process has its own line, so that only its chunk is lost and a new process takes its place.
    """

    trip_seconds = TRIP_SECONDS

    def __init__(self, processes: int) -> None:
        self.room = processes
        self._busy: dict[Connection, tuple[Any, Chunk]] = {}
        self._idle: list[tuple[Connection, Any]] = []

    def begin(self, work: Callable[[Any], object]) -> None:
        self._work = work

    def give(self, chunk: Chunk) -> None:
        line, process = self._idle.pop() if self._idle else self._hired()
        self._busy[line] = (process, chunk)
        with suppress(OSError):  # it died while idle: `take` finds its line closed
            line.send(chunk.tasks)

    def take(self, seconds: float) -> list[tuple[Chunk, Done | Lost]]:
        back: list[tuple[Chunk, Done | Lost]] = []
        for line in wait(list(self._busy), seconds):
            assert isinstance(line, Connection)
            process, chunk = self._busy.pop(line)
            try:
                back.append((chunk, line.recv()))
                self._idle.append((line, process))
            except (EOFError, OSError):
                line.close()
                process.join()
                back.append((chunk, Lost(f"WorkerDied: its process ended with {_ending(process.exitcode)}.")))
        return back

    def end(self) -> None:
        """Stop at once: who is busy now is no longer wanted."""
        workers = [*self._idle, *((line, process) for line, (process, _) in self._busy.items())]
        for _, process in workers:
            process.terminate()
        for line, process in workers:
            process.join()
            line.close()
        self._busy, self._idle = {}, []

    def _hired(self) -> tuple[Connection, Any]:
        # Forked workers inherit the compiled functions; elsewhere they read them from the cache.
        context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        process.start()
        theirs.close()  # so that our end closes with the process
        return ours, process


def _serve(line: Connection, work: Callable[[Any], object]) -> None:
    """The run of a worker: a chunk comes, its outcomes go."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    while True:
        tasks = line.recv()
        done = run_chunk(work, tasks)
        try:
            line.send(done)
        except (TypeError, AttributeError, ValueError) as error:  # a result that cannot be sent
            line.send(Done([failed(key, error) for key, _ in tasks], done.seconds))


def _end_with(parent: int) -> None:
    """Leave when the parent was killed: nobody waits for the results any more."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {signal.Signals(-exitcode).name}"
    return f"exit code {exitcode}"
