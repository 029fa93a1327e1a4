"""`crmlab tune`: search the levers of an arm and confirm the winners on luck that the search has not seen."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmlab.experiments.commands.answering import answered, tell
from crmlab.experiments.commands.options import (
    RESULTS,
    AsJson,
    ExperimentFile,
    Force,
    On,
    Out,
    Quick,
    Seed,
    Settings,
    Trust,
    Workers,
    WorldOption,
    overrides,
    place,
)
from crmlab.experiments.commands.tuning_answer import print_tuning
from crmlab.experiments.printing import print_json, say

if TYPE_CHECKING:
    from crmlab.experiments.questions.tune.tune import Tuning
    from crmlab.experiments.runs.store import RunFolder, StoredRun

WINNER = "winner.toml"


def tune(
    file: ExperimentFile,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    on: On = None,
    start_from: Annotated[
        str | None, typer.Option("--from", metavar="RUN", help="Try the best candidates of a past tuning first.")
    ] = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Search the levers that the file names for tuning, and run the winners again on fresh luck."""
    from crmlab.experiments.spec.experiment_file import load_tuning
    from crmlab.experiments.spec.subsets import quick as small

    chosen = overrides(settings, seed)
    experiment = load_tuning(file, chosen, world)
    experiment = small(experiment) if quick else experiment
    if start_from:
        from crmlab.experiments.questions.tune.warm_start import warm_started
        from crmlab.experiments.runs.store import open_run

        experiment = warm_started(experiment, open_run(out, start_from))
    winner = partial(_write_winner, file=file, settings=chosen, world=world)
    run = answered(experiment, file, out, place(workers, on), force, winner)

    def next_step(report: Path) -> None:
        say(f"Report: {report}")
        say(_next_step(run, file, chosen))

    tell(run, print_tuning, "every candidate: in trials.parquet, or --json", as_json, next_step)


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id or its beginning, experiment name, or folder.")],
    optuna: Annotated[Path, typer.Option("--optuna", metavar="FILE", help="New Optuna journal file, e.g. study.log.")],
    out: Out = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write a tuning as an Optuna study, to be looked at in optuna-dashboard."""
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.errors import UserError
    from crmlab.experiments.questions.tune.optuna_export import export_study
    from crmlab.experiments.questions.tune.tune import search_in
    from crmlab.experiments.runs.deserialize import deserialize_experiment
    from crmlab.experiments.runs.store import open_run

    found = open_run(out, run)
    if "trials" not in found.tables:
        raise UserError(f"Run {found.run_id} is no finished tuning: there are no trials to write.")
    search = search_in(deserialize_experiment(found.path))
    with disk_trouble(optuna):
        n = export_study(found.table("trials"), search, found.run_id, optuna)
    if as_json:
        print_json({"run": found.run_id, "file": str(optuna), "study": found.run_id, "trials": n})
        return
    say(f"{n} trials of run {found.run_id} are in {optuna}, as the study {found.run_id}.")
    say(f"Next: pip install optuna-dashboard && optuna-dashboard {shlex.quote(str(optuna))}")


def _write_winner(folder: RunFolder, found: Tuning, *, file: Path, settings: list[str], world: Path | None) -> None:
    from crmlab.experiments.questions.tune.winner_file import winner_text

    if winner := found.advice.winner:
        levers = winner.levers
        folder.write_text(WINNER, winner_text(file, folder.path, found.search, levers, settings, world))


def _next_step(run: StoredRun, file: Path, settings: list[str]) -> str:
    if not (run.path / WINNER).is_file():
        return f"Next: nothing to change; to search elsewhere, edit [tune] in {file}"
    of_world = "".join(f" --set {shlex.quote(s)}" for s in settings if s.startswith("world."))
    return f"Next: crmlab compare {run.path / WINNER}{of_world}"
