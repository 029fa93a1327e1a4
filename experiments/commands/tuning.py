"""`crmlab tune`: search the levers of an arm and confirm the winners on luck that the search has not seen."""

from __future__ import annotations

import json
import os
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands.options import (
    RESULTS,
    AsJson,
    ExperimentFile,
    Force,
    Out,
    Quick,
    Seed,
    Settings,
    Workers,
    WorldOption,
    overrides,
)
from experiments.commands.printing import print_json, print_table, progress, say
from experiments.commands.running import answered, glossary, report_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.experiment import Experiment
    from experiments.runs.store import RunFolder, StoredRun

WINNER = "winner.toml"


def tune(
    file: ExperimentFile,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Search the levers that the file names for tuning, and run the winners again on fresh luck."""
    from experiments.files.spec import load_tuning
    from experiments.files.spec import quick as small

    chosen = overrides(settings, seed)
    experiment = load_tuning(file, chosen, world)
    experiment = small(experiment) if quick else experiment
    play = partial(_search, file=file, settings=chosen, world=world)
    run = answered(experiment, file, out, workers, force, play)
    if as_json:
        print_json(run.json("tuning") | {"run": str(run.path)})
    else:
        print_tuning(run)
        say(f"Run: {run.path} (every candidate: in trials.parquet, or --json)")
    report = report_of(run)
    if not as_json:
        say(f"Report: {report}")
        say(_next_step(run, file, chosen))


def print_tuning(run: StoredRun) -> None:
    """The winners: their levers, and what each promised in the search and kept on fresh luck."""
    from experiments.reporting.provenance import provenance

    answer, resolved = run.json("tuning"), run.json("resolved")
    feasible = sum(trial["feasible"] for trial in answer["trials"])
    say(f"{len(answer['trials'])} candidates for {answer['arm']} ({answer['sampler']}), {feasible} within all limits.")
    for text in answer["added"]:
        say(f"Customer equity is neither an objective nor a constraint here, so this limit was added: {text}.")
    if not answer["winners"]:
        say("No candidate kept all limits: widen the levers or loosen [tune] constraints.")
        return
    columns = ["lever", "as written", *(f"candidate {winner['number']}" for winner in answer["winners"])]
    written = _written(resolved, answer["arm"])
    rows = [
        (path, written(path), *(f"{winner['levers'][path]:.4g}" for winner in answer["winners"]))
        for path in answer["winners"][0]["levers"]
    ]
    say()
    print_table("Levers of the winners, the winner first", columns, rows)
    _print_promises(answer, resolved, provenance(resolved["fitted"]))
    say(answer["rule"])
    say(
        "Values are mean differences over paired replications. Optimism: by how much the search looked better than luck"
    )
    say("that it had not seen; its interval is that of the fresh value.")
    broken = [f"candidate {winner['number']}" for winner in answer["winners"] if not winner["holds"]]
    if broken:
        say(f"On fresh luck a limit is broken by: {', '.join(broken)}.")


def _print_promises(answer: dict[str, Any], resolved: dict[str, Any], footer: str) -> None:
    from experiments.reporting.quantities import between, change
    from sim.readings import KPIS

    currency, search = resolved["currency"], resolved["search"]
    sure = f"{resolved['design']['confidence']:.0%}"
    columns = ["winner", "KPI", "search", "fresh", f"{sure} of fresh", "optimism", f"{sure} of optimism"]
    rows = []
    for winner in answer["winners"]:
        for kpi in winner["search"]:
            unit = KPIS[kpi].unit
            low, high = winner["fresh_interval"][kpi]
            optimism_low, optimism_high = winner["optimism_interval"][kpi]
            rows.append(
                (
                    f"candidate {winner['number']}",
                    KPIS[kpi].label,
                    change(winner["search"][kpi], unit, currency),
                    change(winner["fresh"][kpi], unit, currency),
                    between(low, high, unit, currency),
                    change(winner["optimism"][kpi], unit, currency),
                    between(optimism_low, optimism_high, unit, currency),
                )
            )
    title = (
        f"Difference to {answer['baseline']}: {search['replications']} replications in the search, "
        f"{search['confirm_replications']} fresh ones"
    )
    print_table(title, columns, rows, footer, left=2)


def _written(resolved: dict[str, Any], arm: str) -> Any:
    """How the arm sets a lever now, by path."""
    plays = next(found["plays"] for found in resolved["arms"] if found["name"] == arm)
    levers = {play["name"]: play["levers"] for play in plays}
    places = {lever["path"]: lever for lever in resolved["search"]["levers"]}

    def value(path: str) -> str:
        place = places[path]
        found = levers[place["play"]][place["lever"]]
        found = found if place["key"] is None else found.get(place["key"])
        return "–" if found is None else f"{found:.4g}"

    return value


def _search(
    experiment: Experiment, folder: RunFolder, workers: int, *, file: Path, settings: list[str], world: Path | None
) -> None:
    from experiments.tuning.tune import tune as tune_arm
    from experiments.tuning.winner_file import winner_text

    with progress("Tuning") as show:

        def on_progress(done: int, total: int) -> None:
            show(done, total)
            folder.progress(done, total)

        found = tune_arm(experiment, workers, on_progress, partial(_append, folder.path / "ledger.jsonl"))
    for name, table in found.tables.items():
        folder.write_table(name, table)
    folder.write_json("tuning", found.to_json())
    folder.write_json("comparison", found.comparison.to_json())
    folder.write_json("glossary", glossary())
    if found.winners:
        folder.write_text(
            WINNER, winner_text(file, folder.path, found.search, found.winners[0].levers, settings, world)
        )


def _append(ledger: Path, record: Mapping[str, Any]) -> None:
    """One line per batch, on the disk before the next batch begins."""
    from experiments.runs.store import disk_trouble, finite

    with disk_trouble(ledger), ledger.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(finite(record), ensure_ascii=False) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


def _next_step(run: StoredRun, file: Path, settings: list[str]) -> str:
    if not (run.path / WINNER).is_file():
        return f"Next: edit [tune] in {file}"
    of_world = "".join(f" --set {shlex.quote(s)}" for s in settings if s.startswith("world."))
    return f"Next: crmlab compare {run.path / WINNER}{of_world}"
