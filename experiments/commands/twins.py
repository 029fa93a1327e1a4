"""`crmlab twins`: one customer under two policies, side by side."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from crmlab.experiments.commands.options import (
    RESULTS,
    AsJson,
    ExperimentFile,
    Quick,
    Seed,
    Settings,
    Trust,
    WorldOption,
    overrides,
)
from crmlab.experiments.printing import print_json, print_table, say

if TYPE_CHECKING:
    from crmlab.experiments.charts import Chart
    from crmlab.experiments.twins.twins import Twins


def twins(
    file: ExperimentFile,
    arm: Annotated[
        str | None, typer.Option("--arm", help="The policy beside the baseline; default: the first arm.")
    ] = None,
    customer: Annotated[
        int | None, typer.Option("--customer", help="Whose lives, by number; default: as --like says.")
    ] = None,
    like: Annotated[
        Literal["typical", "most_changed", "won", "lost"],
        typer.Option(
            "--like", help="Whom to choose among those whose orders changed; won and lost: who bring in more, less."
        ),
    ] = "typical",
    weeks: Annotated[
        int | None, typer.Option("--weeks", min=1, max=1040, help="Length of the lives: overrules design.weeks.")
    ] = None,
    world: WorldOption = None,
    quick: Quick = False,
    settings: Settings = None,
    seed: Seed = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Where to draw them; default: in results/twins.")
    ] = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Show one customer under the baseline and under an arm: same person, same luck, another policy."""
    from crmlab.experiments.charts import Look
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.spec.experiment_file import load_experiment
    from crmlab.experiments.spec.subsets import quick as small
    from crmlab.experiments.twins.chart import twin_chart
    from crmlab.experiments.twins.twins import simulate_twins
    from crmlab.experiments.twins.twins_page import write_page
    from crmlab.experiments.wording.provenance import provenance

    length = [f"design.weeks={weeks}"] if weeks is not None else []
    experiment = load_experiment(file, [*overrides(settings, seed), *length], world)
    experiment = small(experiment) if quick else experiment
    found = simulate_twins(experiment, arm, customer, like)
    look = Look(experiment.baseline.name, tuple(a.name for a in experiment.arms), found.currency)
    chart = twin_chart(found, look)
    path = out or RESULTS / "twins" / f"{experiment.name}-{found.arm.arm}-{found.customer}.html"
    origin = provenance(experiment.fitted)
    with disk_trouble(path):
        write_page(path, chart, origin, "crmlab " + shlex.join(sys.argv[1:]))
    if as_json:
        print_json(found.to_json() | {"sentence": chart.sentence, "page": str(path)})
        return
    _print(found, chart, origin)
    say(f"Next: open {path} in a browser.")


def _print(found: Twins, chart: Chart, origin: str) -> None:
    from crmlab.experiments.wording.quantities import change, quantity

    units = {"orders": "orders", "paid": "currency", "discounts": "currency", "contribution": "currency"}
    before, after = found.baseline.totals, found.arm.totals
    rows = [
        (
            name.capitalize(),
            quantity(before[name], unit, found.currency),
            quantity(after[name], unit, found.currency),
            change(found.difference[name], unit, found.currency),
        )
        for name, unit in units.items()
    ]
    say(chart.sentence)
    say()
    columns = ["", found.baseline.arm, found.arm.arm, "difference"]
    print_table(f"Customer {found.customer}, {found.weeks} weeks", columns, rows, origin)
