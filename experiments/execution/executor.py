"""Where replications run: in this process or over several local ones. The results never depend on it."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def workers_for(wanted: int, n_tasks: int) -> int:
    """Number of processes: as wanted, or (0) one per core; never more than there are tasks."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(wanted or cores, n_tasks))


def run_all(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int = 0,
    on_done: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """The result of every task, in the order of the tasks, whatever the number of processes.

    `work` and the tasks must be picklable. `on_done(done, total)` is called after each. An interrupt or a failing
    task stops the rest and is raised here.
    """
    results: dict[int, Result] = {}
    for number, result in _finished(work, tasks, workers_for(workers, len(tasks))):
        results[number] = result
        if on_done:
            on_done(len(results), len(tasks))
    return [results[number] for number in range(len(tasks))]


def _finished(work: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[tuple[int, Result]]:
    if workers == 1:
        yield from ((number, work(task)) for number, task in enumerate(tasks))
        return
    # Forked workers inherit the compiled functions; elsewhere they read them from the cache.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupts_to_the_parent)
    try:
        futures = {pool.submit(work, task): number for number, task in enumerate(tasks)}
        for future in _as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        for process in list((pool._processes or {}).values()):  # an interrupt should not wait for a long task
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _as_completed(futures: Iterable[Future[Result]]) -> Iterator[Future[Result]]:
    """Like `concurrent.futures.as_completed`, but wakes up often enough to notice an interrupt at once."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        yield from done


def _leave_interrupts_to_the_parent() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
