"""`crmlab verify` and `crmlab rerun`: does a run still hold, in part or as a whole?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlab.experiments.commands.answering import answered, report_of
from crmlab.experiments.commands.options import RESULTS, AsJson, Force, On, Out, RunName, Trust, Workers, place
from crmlab.experiments.printing import print_json, progress, remark, say

if TYPE_CHECKING:
    from crmlab.experiments.runs.sampled_store import Mismatch
    from crmlab.experiments.runs.store import StoredRun

RERUNS = Path("reruns")
MAX_SHOWN = 10
NOT_COMPARED = ("history",)  # what was given, not found

Anyway = Annotated[bool, typer.Option("--anyway", help="Go on although something has changed since the run.")]
Into = Annotated[Path, typer.Option("--into", help="Results folder of the repetition.")]


def verify(
    run: RunName = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Finished tasks to run again.")] = 4,
    every: Annotated[bool, typer.Option("--all", help="Run all of them again.")] = False,
    anyway: Anyway = False,
    workers: Workers = 0,
    on: On = None,
    out: Out = RESULTS,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Run some rows of a finished run again and compare every number; check the hash of every file."""
    from crmlab.experiments.runs.verify import verify as verified

    found = finished(out, run)
    with at(workers, on) as executor, progress("Verifying") as show:
        said = verified(found.path, None if every else rows, executor, show, anyway)
    _remark_on_changes(said.changes)
    if as_json:
        print_json({"run": found.run_id} | said.to_json())
    else:
        say(f"{said.files} files of {found.path} have the hash that the manifest states.")
        say(f"{said.repeated} of {said.tasks} finished tasks were run again: {said.numbers:,} numbers compared.")
        say(f"Tables computed again and equal bit for bit: {', '.join(said.tables) or 'none'}.")
        say(_judged(found.run_id, said.verdict, said.mismatches, said.processors))
        _print_mismatches(said.mismatches)
        say(f"Next: crmlab rerun {found.run_id}")
    if not said.holds:
        raise typer.Exit(1)


def rerun(
    run: RunName = None,
    into: Into = RERUNS,
    anyway: Anyway = False,
    workers: Workers = 0,
    on: On = None,
    out: Out = RESULTS,
    force: Force = False,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Build a run from its folder alone, play it again into a folder of its own, and compare all tables."""
    from crmlab.experiments.runs.verify import compared_tables, other_processor, unchanged

    found = finished(out, run)
    experiment, changes, _ = unchanged(found.path, anyway)
    _remark_on_changes(changes)
    again = answered(experiment, found.path / "experiment.toml", into, place(workers, on), force)
    tables = {name: again.table(name) for name in again.tables if name not in NOT_COMPARED}
    equal, mismatches = compared_tables(found.path, tables)
    report, processors = report_of(again), other_processor(found.path)
    if as_json:
        print_json(
            {"run": found.run_id, "again": str(again.path), "changes": changes, "equal": equal}
            | {"mismatches": [vars(mismatch) for mismatch in mismatches]}
        )
    else:
        say(f"Played again: {again.path}")
        say(f"Tables equal bit for bit: {len(equal)} of {len(tables)} ({', '.join(equal) or 'none'}).")
        if mismatches and processors and all(mismatch.close for mismatch in mismatches):
            say(f"The others are equal to 1e-12, on another processor: {' then, now '.join(processors)}.")
        _print_mismatches(mismatches)
        say(f"Next: open {report} in a browser.")
    if not all(mismatch.close for mismatch in mismatches) or (mismatches and processors is None):
        raise typer.Exit(1)


def finished(out: Path, run: str | None) -> StoredRun:
    """A run that is done. Raises `UserError` for one that is not."""
    from crmlab.experiments.errors import UserError
    from crmlab.experiments.runs.store import open_run

    found = open_run(out, run)
    if found.status != "done":
        raise UserError(f"Run {found.run_id} is {found.status}; only a finished run can be repeated.")
    return found


def at(workers: int, on: str | None) -> AbstractContextManager[Any]:
    """Where tasks are run, as a context."""
    chosen = place(workers, on)
    return nullcontext(chosen) if isinstance(chosen, int) else chosen


def _remark_on_changes(changes: Sequence[str]) -> None:
    if changes:
        remark(f"Going on although this has changed since the run: {'; '.join(changes)}.")


def _judged(run: str, verdict: str, mismatches: Sequence[Mismatch], processors: tuple[str, str] | None) -> str:
    """The verdict in a sentence."""
    if verdict == "equal":
        return f"Run {run} holds."
    if verdict == "close" and processors:
        then, now = processors
        return (
            f"Run {run} holds to 1e-12, as it must on another processor: last digits differ in {len(mismatches)} "
            f"places (played on {then}; this is {now})."
        )
    return f"Run {run} does not hold:"


def _print_mismatches(mismatches: Sequence[Mismatch]) -> None:
    for mismatch in mismatches[:MAX_SHOWN]:
        say(f"  {mismatch}")
    if len(mismatches) > MAX_SHOWN:
        say(f"  and {len(mismatches) - MAX_SHOWN} more (--json lists them all)")
