"""The published contract tests of executors and task stores: whoever writes one runs its test in one line.

from crmlab.experiments.execution.contracts import check_executor, check_task_store

def test_my_executor():
    check_executor(MyExecutor)

def test_my_store(tmp_path):
    check_task_store(lambda: MyStore(tmp_path))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmlab.experiments.execution.chunks import Chunk, Done, Failed, Lost
from crmlab.experiments.execution.executor import Executor, run_all
from crmlab.experiments.execution.run import Run
from crmlab.experiments.execution.task_store import TaskStore

TASKS = tuple(range(23))
BAD = 7  # the task that raises


class ContractError(AssertionError):
    """An executor or a task store breaks its contract; the text says which clause."""


def check_executor(make: Callable[[], Executor]) -> None:
    """Raise `ContractError` unless an executor keeps the contract.

    `make` gives a fresh one, ready to be used (a context manager has to be entered). It has room for a chunk at least;
    every chunk that is given comes back exactly once with the outcomes of its tasks in their order; a task that raises
    is a `Failed` with its sentence and takes no other task along; after `end` it can begin with other work; and the
    results of `run_all` are those of this process, bit for bit.
    """
    executor = make()
    _require(executor.room >= 1, "room must be 1 at least: it is how many chunks may be under way")
    _require(executor.trip_seconds >= 0, "trip_seconds is a length of time")
    _check_chunks(executor)
    wanted = run_all(third_of, TASKS, 1)
    for _ in range(2):  # what has ended can begin again
        found = run_all(third_of, TASKS, executor)
        _require(found == wanted, "the results of tasks must not depend on where they were run")
    outcomes = run_all(stumble, TASKS, executor)
    lost = [task for task, outcome in zip(TASKS, outcomes, strict=True) if isinstance(outcome, Failed)]
    _require(lost == [BAD], f"exactly the task that raises must fail, not {lost}")
    bad = outcomes[BAD]
    said = bad.error if isinstance(bad, Failed) else ""
    _require(said == "ValueError: seven is refused", f"a failure is told as its error says, not {said!r}")


def check_task_store(make: Callable[[], TaskStore], *, survives: bool = True) -> None:
    """Raise `ContractError` unless a task store keeps the contract.

    `make` opens the store; with `survives`, opening it again must find what was written. Keys name the stage, the place
    and the content of a task; what was added is there once it is written and is given back equal, the tables of a
    `Run` left aside; and `run_all` does not run again what the store holds.
    """
    store = make()
    keys = [store.key(*task) for task in (("", 0, 1.5), ("", 1, 1.5), ("search", 0, 1.5))]
    _require(len(set(keys)) == len(keys), "a key must tell stages and places apart")
    _require(store.key("", 0, 1.5) == keys[0], "the same task must have the same key each time")
    _require(not any(key in store for key in keys), "a new store holds nothing")
    results: list[Any] = [{"cac": 1 / 3, "none": float("inf")}, [1, "two", None], [_a_run()]]
    for key, result in zip(keys, results, strict=True):
        store.add(key, result)
        store.write_when_due()
    store.write()
    _check_results(store, keys, results, "after it is written")
    done = run_all(third_of, TASKS, 1, store=store, stage="done")
    if survives:
        again = make()
        _check_results(again, keys, results, "when it is opened again")
        found = run_all(refuse, TASKS, 1, store=again, stage="done")
        _require(found == done, "what the store holds must not be run again")


def third_of(task: int) -> float:
    """The work of the contract tests: a number with all of its digits."""
    return task / 3


def stumble(task: int) -> float:
    """The same, but for one task that raises."""
    if task == BAD:
        raise ValueError("seven is refused")
    return third_of(task)


def refuse(task: int) -> float:
    """Work that nobody may do again."""
    raise AssertionError(f"task {task} was run again")


def _check_chunks(executor: Executor) -> None:
    executor.begin(third_of)
    given = [Chunk(n, tuple((f"task {t}", t) for t in TASKS[n * 3 : n * 3 + 3])) for n in range(executor.room)]
    for chunk in given:
        executor.give(chunk)
    back: list[tuple[Chunk, Done | Lost]] = []
    while len(back) < len(given):
        back += executor.take(0.2)
    numbers = sorted(chunk.number for chunk, _ in back)
    _require(numbers == [chunk.number for chunk in given], "every chunk must come back exactly once")
    for chunk, done in back:
        outcomes = getattr(done, "outcomes", None)
        _require(
            outcomes == [third_of(task) for _, task in chunk.tasks if isinstance(task, int)],
            "outcomes come in the order of the tasks",
        )
    executor.end()


def _check_results(store: TaskStore, keys: list[str], results: list[Any], when: str) -> None:
    for key, result in zip(keys, results, strict=True):
        _require(key in store, f"what was added must be there {when}")
        _require(_plain(store.result(key)) == _plain(result), f"a result must be equal to what was added {when}")


def _a_run() -> Run:
    return Run("tiers", "fixed", 3, {"cac": 20 / 7}, {})


def _plain(value: Any) -> Any:
    if isinstance(value, Run):
        return [value.arm, value.world, value.replication, dict(value.kpis)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _require(kept: bool, clause: str) -> None:
    if not kept:
        raise ContractError(f"{clause}.")
