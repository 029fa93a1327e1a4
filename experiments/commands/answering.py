"""From an experiment to the run that answers it: the one already there, or one that is played now and kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from crmlab.experiments.printing import print_json, progress, remark, say, say_prose

if TYPE_CHECKING:
    from crmlab.experiments.execution.cluster import Dask
    from crmlab.experiments.experiment import Experiment
    from crmlab.experiments.runs.store import RunFolder, StoredRun

    More = Callable[[RunFolder, object], None]


def answered(
    experiment: Experiment, file: Path, out: Path, workers: int | Dask, force: bool, more: More | None = None
) -> StoredRun:
    """The run that answers an experiment: the one already there, or a new one that is kept whatever happens.

    What an earlier attempt has finished is not played again, unless by `force`. `more` adds to the run folder what
    only this command keeps of the answer.
    """
    from crmlab.experiments.runs.store import RunFolder, finished_run
    from crmlab.experiments.service import doing, play, store_news

    known = finished_run(out, experiment)
    if known and not force:
        remark(f"This run is already there: {known.path} (--force plays it again).")
        return known
    text = file.read_text(encoding="utf-8-sig")
    with nullcontext(workers) if isinstance(workers, int) else workers as executor:
        recorded = executor if isinstance(executor, int) else str(executor)
        folder = RunFolder.create(out, experiment, text, recorded, force)
        for news in store_news(folder):
            remark(news)
        with progress(doing(experiment)) as show:
            return play(experiment, folder, executor, show, more, remark)


def tell(
    run: StoredRun,
    printed: Callable[[StoredRun], None],
    details: str,
    as_json: bool,
    after: Callable[[Path], None] | None = None,
) -> None:
    """Tell the answer of a run: as JSON and nothing else, or in words, with what it rests on and where it lies.

    `printed` prints the answer itself; `details` says where there is more of it, `after` what follows the report
    (default: to open it). Ends with exit code 1 where something failed and was left out.
    """
    from crmlab.experiments.questions.table import KINDS

    if as_json:
        answer = run.json(KINDS[run.json("spec")["question"]["kind"]].file)
        print_json(answer | {"run": str(run.path), "fit": fit_of(run), "notes": notes_of(run)})
    else:
        printed(run)
        say_if_quick(run)
        say_fit(run)
        say(f"Run: {run.path} ({details})")
    report = report_of(run)  # comes last: a report that cannot be drawn loses no answer
    if not as_json and after:
        after(report)
    elif not as_json:
        say(f"Next: open {report} in a browser.")
    end_on_failures(run)


def say_if_quick(run: StoredRun) -> None:
    """Mark what comes from `--quick`, so that nobody takes it for the answer."""
    from crmlab.experiments.statistics.verdict import QUICK

    if (asked := run.json("spec")).get("quick"):
        say(f"{QUICK} {_each(asked)}")


def _each(asked: dict[str, Any]) -> str:
    rows, arms = asked["design"]["customers"], len(asked["arms"])
    return f"{rows:,} customers" + (f" in each of {arms} arms." if arms > 1 else ".")


def end_on_failures(run: StoredRun) -> None:
    """Say in one line which tasks failed while the others went on, and end with exit code 1; nothing if none did."""
    failures = run.failures
    if not failures:
        return
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    remark(f"Failed and left out: {failures[0]['task']} ({failures[0]['error']}){more}; see {run.path}/failures.json.")
    raise typer.Exit(1)


def say_fit(run: StoredRun) -> None:
    """The traffic light of the fit beside a verdict, on stdout; nothing where the world was written by hand."""
    light = fit_of(run)
    if light:
        say_prose(f"Fit {light['colour'].upper()}: {light['sentence']}")
    for note in notes_of(run):
        remark(f"Note: {note}")


def fit_of(run: StoredRun) -> dict[str, Any] | None:
    """The traffic light of the fit as JSON: {"colour", "sentence", "miss"}."""
    from crmlab.experiments.calibration.trust import light_of

    light = light_of(run.json("calibration") if (run.path / "calibration.json").is_file() else None)
    return light.to_json() if light else None


def notes_of(run: StoredRun) -> list[str]:
    """What is hardly meant in the question or its world, and what turned out to be overloaded."""
    return list(run.json("notes")) if (run.path / "notes.json").is_file() else []


def report_of(run: StoredRun) -> Path:
    """Write the report of a run."""
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.reporting.report import write_report

    with disk_trouble(run.path):
        return write_report(run.path)
