"""`crmlab runs` and `crmlab report`: what is in the results folder."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from crmlab.experiments.commands.options import RESULTS, AsJson, Out, RunName, Trust
from crmlab.experiments.errors import UserError
from crmlab.experiments.printing import print_json, print_table, say

app = typer.Typer(help="List, show and remove runs.", no_args_is_help=True)


@app.command("list")
def list_all(out: Out = RESULTS, as_json: AsJson = False) -> None:
    """All runs of the results folder, the latest last."""
    from crmlab.experiments.runs.store import list_runs

    runs = list_runs(out)
    if as_json:
        print_json(
            [
                {
                    "run": r.run_id,
                    "command": r.command,
                    "experiment": r.experiment,
                    "status": r.status,
                    "path": str(r.path),
                }
                for r in runs
            ]
        )
        return
    if not runs:
        say(f"There are no runs in {out} yet.\nNext: crmlab init")
        return
    rows = [(r.experiment, r.command, r.run_id, r.status, f"{r.ended.astimezone():%Y-%m-%d %H:%M}") for r in runs]
    print_table(f"Runs in {out}", ["experiment", "command", "run", "status", "ended"], rows)
    say(f"Next: crmlab runs show {runs[-1].run_id}")


@app.command()
def show(run: RunName = None, out: Out = RESULTS, as_json: AsJson = False) -> None:
    """The question and the findings of a run."""
    from crmlab.experiments.commands.running import print_comparison
    from crmlab.experiments.runs.damage import readable, sound
    from crmlab.experiments.runs.store import open_run

    found = open_run(out, run)
    with sound(found) if found.status == "done" else readable(found.path):
        spec = found.json("spec")
        words = f"{spec['name']} ({found.run_id}, {found.status})\n{spec['purpose']}\n"
        comparison = found.json("comparison") if found.status == "done" else None
    if as_json:
        print_json({"run": found.run_id, "status": found.status, "spec": spec, "comparison": comparison})
        return
    say(words)
    if found.status == "done":
        with sound(found):
            print_comparison(found)
        say(f"Next: crmlab report {found.run_id}")
    elif found.status != "running":
        say("Not finished. The command that started it goes on from there.")


@app.command()
def rm(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id or its beginning, or folder.")],
    out: Out = RESULTS,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a run from the disk."""
    from crmlab.experiments.runs.store import open_run, remove_run

    found = open_run(out, run)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"This would delete {found.path}; say --yes.")
        typer.confirm(f"Delete {found.path}?", abort=True, err=True)
    remove_run(found)
    if as_json:
        print_json({"removed": str(found.path)})
        return
    say(f"Removed {found.path}.")


def report(run: RunName = None, out: Out = RESULTS, trust: Trust = False, as_json: AsJson = False) -> None:
    """Write the report of a run again: one HTML file that needs nothing else."""
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.reporting.report import write_report
    from crmlab.experiments.runs.damage import sound
    from crmlab.experiments.runs.store import open_run

    found = open_run(out, run)
    if found.status != "done":
        raise UserError(f"Run {found.run_id} is {found.status}; only a finished run has a report.")
    with disk_trouble(found.path), sound(found):
        path = write_report(found.path)
    if as_json:
        print_json({"report": str(path)})
        return
    say(f"Wrote {path}.")
    say("Next: open it in a browser.")
