"""From an experiment to its answer: the one way that the command line, Python and any other front end take.

`answer` runs whatever is asked. `play` does it inside a run folder, so that nothing that was finished is lost and the
answer can be read, verified and repeated later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmlab.experiments.errors import Interrupted, UserError
from crmlab.experiments.execution.executor import Executor
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.kind import Result
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.runs.contents import write_found
from crmlab.experiments.runs.store import RunFolder, StoredRun

Progress = Callable[[int, int], None]
Told = Callable[[str], None]
More = Callable[[RunFolder, Any], None]


def answer(
    experiment: Experiment,
    executor: int | Executor = 0,
    store: TaskStore | None = None,
    progress: Progress | None = None,
) -> Result:
    """The answer to what an experiment asks.

    `executor` is a number of local processes (0: one per core, 1: this process) or an executor; it changes no number.
    Tasks that the `store` holds are not run again, those that finish are added to it. `progress(done, total)` is called
    as they do. Raises `UserError` for what cannot be asked, `NothingRan` where nothing is left to answer from.
    """
    return kind_asked(experiment).answer(experiment, workers=executor, on_progress=progress, store=store)


def play(
    experiment: Experiment,
    folder: RunFolder,
    executor: int | Executor = 0,
    progress: Progress | None = None,
    more: More | None = None,
    told: Told = lambda text: None,
) -> StoredRun:
    """Answer an experiment in its run folder, and close the folder however it ends.

    `more` adds to the folder what only this caller keeps of the answer; `told` hears what becomes of a run that does
    not reach its end. Raises `Interrupted` with a sentence that says what was kept, and whatever `answer` raises.
    """

    def show(done: int, total: int) -> None:
        if progress:
            progress(done, total)
        folder.progress(done, total)

    try:
        found = answer(experiment, executor, folder.store, show)
        return keep(experiment, folder, found, more)
    except KeyboardInterrupt:
        kept = folder.finish("interrupted")
        said = f"Interrupted. What there was is kept in {kept}; the same command goes on from there."
        raise Interrupted(said) from None
    except UserError:
        if folder.leave():
            told(f"What was finished is kept ({len(folder.store)} tasks); the same command goes on from there.")
        raise
    except Exception as error:
        folder.failures = [{"task": "the run", "error": f"{type(error).__name__}: {error}"}]
        told(f"The run failed; what there was is kept in {folder.finish('failed')}.")
        raise


def keep(experiment: Experiment, folder: RunFolder, found: Result, more: More | None = None) -> StoredRun:
    """Write an answer into its run folder, and give the folder its name."""
    write_found(folder, experiment, found)
    if more:
        more(folder, found)
    return StoredRun(folder.finish("done"))


def doing(experiment: Experiment) -> str:
    """What its answer does, in a word, for whoever watches."""
    return kind_asked(experiment).doing


def store_news(folder: RunFolder) -> list[str]:
    """What is to be said of the tasks that an earlier attempt at a run has left, a sentence each."""
    store, news = folder.store, []
    if store.begun_anew:
        news.append(f"What was finished earlier cannot be used ({store.begun_anew}); the run begins anew.")
    elif len(store):
        of_all = f" of {folder.total}" if folder.total >= len(store) else ""
        news.append(f"Resumed: {len(store)}{of_all} tasks were there.")
    if store.damage:
        more = f", and {len(store.damage) - 3} more" if len(store.damage) > 3 else ""
        damage = ", ".join(store.damage[:3])
        news.append(f"The ledger is damaged ({damage}{more}); what it said there is run again.")
    return news
