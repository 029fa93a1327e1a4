"""`crmlab stress`: does the recommendation hold in other possible worlds, and where does it not?"""

from __future__ import annotations

from dataclasses import replace
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
from crmlab.experiments.errors import UserError
from crmlab.experiments.printing import print_table, say, say_prose

if TYPE_CHECKING:
    from crmlab.experiments.experiment import Experiment
    from crmlab.experiments.runs.store import StoredRun

QUICK_WORLDS = 60

Worlds = Annotated[int | None, typer.Option("--worlds", min=2, help="Possible worlds to draw; default: 200.")]
Replications = Annotated[int, typer.Option("--replications", min=1, help="Markets run in each of them.")]
Arm = Annotated[
    str | None, typer.Option("--arm", help="The policy on trial; default: the best one in the world as stated.")
]
Primary = Annotated[
    str | None, typer.Option("--primary", metavar="KPI", help="Judge by this KPI; default: the file's.")
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--table", metavar="TABLE",
        help="Worlds from a CSV or Parquet file instead: a row each, columns such as price.elasticity.",
    ),
]  # fmt: skip


def stress(
    file: ExperimentFile,
    worlds: Worlds = None,
    arm: Arm = None,
    primary: Primary = None,
    table: Table = None,
    replications: Replications = 2,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    on: On = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Try every policy in many possible worlds, and say in which of them the recommendation flips."""
    from crmlab.experiments.spec.experiment_file import load_experiment
    from crmlab.experiments.spec.subsets import quick as small

    experiment = load_experiment(file, overrides(settings, seed), world)
    experiment = small(experiment) if quick else experiment
    if primary:
        experiment = replace(experiment, design=replace(experiment.design, primary=primary))
    experiment = _asked(experiment, worlds, arm, table, replications, quick)
    run = answered(experiment, file, out, place(workers, on), force)
    tell(run, print_stress, "every world: in worlds.parquet, or --json", as_json)


def print_stress(run: StoredRun) -> None:
    """Scores of all policies, what each score recommends, and where the recommendation flips."""
    from crmlab.experiments.questions.stress import listings
    from crmlab.experiments.statistics.verdict import verdict_sentence
    from crmlab.experiments.wording.provenance import provenance

    answer, spec = run.json("stress"), run.json("spec")
    currency, confidence = spec["currency"], spec["design"]["confidence"]
    say(listings.setting_words(answer))
    say()
    for listing in (
        listings.gain_listing(answer, currency, confidence),
        listings.regret_listing(answer, currency, confidence),
        listings.recommendation_listing(answer),
        *(listings.flip_listing(f, listings.luck_words(answer, f, currency)) for f in answer["flips"]),
    ):
        say(listing.sentence)
        if not listing.table.empty:
            rows = list(listing.table.itertuples(index=False, name=None))
            amounts = listing.table.columns[0] == "Policy"
            origin = provenance(spec["fitted"]) if amounts else ""
            print_table(listing.title, list(listing.table.columns), rows, origin, left=1 if amounts else 2)
        say(listing.note)
        say()
    effects = run.table("effects")
    for arm in dict.fromkeys(effects.loc[effects["arm"] != answer["baseline"], "arm"]):
        said = verdict_sentence(effects, arm, answer["baseline"], answer["kpi"], currency)
        say_prose(f"{arm}: {said}")
    say()


def _asked(
    experiment: Experiment, worlds: int | None, arm: str | None, table: Path | None, replications: int, quick: bool
) -> Experiment:
    from crmlab.experiments.questions.stress.posing import posed_stress
    from crmlab.experiments.questions.stress.question import Stress
    from crmlab.experiments.questions.stress.world_table import read_world_table

    if table and worlds:
        raise UserError("--worlds and --table exclude each other: every row of the table is a world.")
    rows = read_world_table(table, experiment.world) if table else None
    wanted = worlds or (QUICK_WORLDS if quick else Stress.worlds)
    asked = Stress(arm, len(rows.rows) if rows else wanted, replications, table=rows)
    return posed_stress(experiment, asked)  # mistakes are told before a run folder is opened
