"""`crmlab sweep`: how what an arm changes depends on its levers and on the unknowns of the world."""

from __future__ import annotations

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
from crmlab.experiments.printing import print_table, say, say_prose

if TYPE_CHECKING:
    from crmlab.experiments.runs.store import StoredRun
    from crmlab.experiments.sections.listings import Listing

Csv = Annotated[Path | None, typer.Option("--csv", metavar="CSV", help="Also write the table of points to this file.")]


def sweep(
    file: ExperimentFile,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    on: On = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    csv: Csv = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Move the levers and unknowns that the file names, and say what the effect of an arm hangs on."""
    from crmlab.experiments.spec.experiment_file import load_sweep
    from crmlab.experiments.spec.subsets import quick as small

    experiment = load_sweep(file, overrides(settings, seed), world)
    experiment = small(experiment) if quick else experiment
    run = answered(experiment, file, out, place(workers, on), force)
    if csv:
        _write_csv(run, csv)
    tell(run, print_sweep, "every point and KPI: in sweep.parquet, --csv or --json", as_json)


def print_sweep(run: StoredRun) -> None:
    """What the design of the sweep allows to be said, table by table."""
    from crmlab.experiments.statistics.verdict import verdict_sentence
    from crmlab.experiments.wording.provenance import provenance

    answer, spec = run.json("sweep"), run.json("spec")
    n = len(answer["factors"])
    say(
        f"{len(answer['points']) - 1} points over {n} factor{'s' if n > 1 else ''} ({answer['design']}) and the stated "
        f"one, {answer['replications']} replications each: {answer['arm']} against {answer['baseline']}, on the same "
        "people with the same luck."
    )
    effects, primary = run.table("effects"), spec["design"]["primary"]
    if not effects.empty:
        said = verdict_sentence(effects, answer["arm"], answer["baseline"], primary, spec["currency"])
        say_prose(f"{answer['arm']} as stated: {said}")
    say()
    for listing in _listings(run, answer, spec["currency"]):
        say(listing.sentence)
        if not listing.table.empty:
            rows = list(listing.table.itertuples(index=False, name=None))
            columns = list(listing.table.columns)
            left = 1 if columns[0] == "What" else 2
            print_table(listing.title, columns, rows, provenance(spec["fitted"]), left)
        if listing.note:
            say(listing.note)
        say()


def _listings(run: StoredRun, answer: dict[str, object], currency: str) -> list[Listing]:
    from crmlab.experiments.questions.sweep import listings

    found = []
    if "tornado" in answer:
        found.append(listings.tornado_listing(answer, run.table("tornado"), run.table("swings"), currency))
    elif "sensitivity" in answer:
        found.append(listings.sensitivity_listing(answer, run.table("sensitivity"), currency))
    else:
        found.append(listings.points_listing(answer, run.table("sweep"), currency))
        found.append(listings.shapes_listing(answer, run.table("shapes")))
    if "assumptions_that_matter" in answer:
        found.append(listings.key_assumptions_listing(answer, run.table("assumptions_that_matter"), currency))
    return found


def _write_csv(run: StoredRun, path: Path) -> None:
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.reporting.export import without_formulas

    with disk_trouble(path):
        without_formulas(run.table("sweep")).to_csv(path, index=False)
