"""What becomes of runs that fail. One rule for every question that is put to the simulation:

- A run that fails is left out together with the same replication of every arm that it is compared with, so that pairs
  stay pairs; everything else goes on.
- It is told: in the answer, in `failures.json` of the run, among the limits of the report, and on the command line,
  which ends with exit code 1.
- Where nothing is left to answer from, `NothingRan` says why in one sentence, and what was finished is kept.
- A candidate of a search cannot win once one of its runs has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from crmlab.experiments.execution.chunks import Failed, failed

Task = TypeVar("Task")
Failure = dict[str, str]  # {"task", "error", "trace"}: what was to be run, a sentence, and where it comes from


class NothingRan(Exception):
    """Nothing is left to answer a question from. The message says what, and why the first of them failed."""

    def __init__(self, what: str, failures: Sequence[Failure]) -> None:
        super().__init__(f"{what} could be run; {failures[0]['error']}")


def settled(tasks: Sequence[Task], outcomes: Iterable[Any]) -> tuple[list[tuple[Task, Any]], list[Failure]]:
    """What tasks have brought, and those that failed as they are told."""
    done, failures = [], []
    for task, outcome in zip(tasks, outcomes, strict=True):
        if isinstance(outcome, Failed):
            failures.append(failure(str(task), outcome))
        else:
            done.append((task, outcome))
    return done, failures


def failure(task: str, what: Failed) -> Failure:
    """A failure as it is told."""
    return {"task": task, "error": what.error, "trace": what.trace}


def attempt(work: Callable[[], object]) -> Any:
    """What a run inside a task brings, or its `Failed`, so that its neighbours are not taken along.

    Too little memory says nothing about the run, so that is the whole task's failure.
    """
    try:
        return work()
    except MemoryError:
        raise
    except Exception as error:
        return failed("", error)
