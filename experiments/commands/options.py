"""Options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crmlab.experiments.execution.cluster import Dask

RESULTS = Path("results")


def _trusted(context: typer.Context, yes: bool) -> bool:
    """Let code of the user's own run for the rest of this command."""
    if yes:
        from crmlab.experiments.own_code.consent import trusting
        from crmlab.experiments.printing import remark

        context.with_resource(trusting(told=remark))
    return yes


ExperimentFile = Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file (TOML).", show_default=False)]
RunName = Annotated[
    str | None, typer.Argument(metavar="RUN", help="Run id or its beginning, experiment name, or folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Quick = Annotated[
    bool,
    typer.Option("--quick", help="Small and fast: at most 2 000 customers (14 000 over all arms), 4 replications."),
]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes; 0 is one per core. Changes no number.")]
On = Annotated[
    str | None,
    typer.Option(
        "--on", metavar="PLACE", help="A Dask cluster: dask (on this machine), tcp://HOST:PORT, or a scheduler file."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrule a setting, e.g. design.weeks=52. Repeatable."),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Other luck: overrules design.seed.")]
Out = Annotated[Path, typer.Option("--out", help="Results folder.")]
WorldOption = Annotated[
    Path | None, typer.Option("--world", metavar="WORLD", help="World file or shipped world instead of the file's.")
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Let strategies run that are not installed but lie beside the file or in the run; remembered.",
        callback=_trusted,
        is_eager=True,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Run again although this run is already there.")]


def overrides(settings: list[str] | None, seed: int | None) -> list[str]:
    """The settings of the command line, the seed among them."""
    return [*(settings or []), *([f"design.seed={seed}"] if seed is not None else [])]


def place(workers: int, on: str | None) -> int | Dask:
    """Where tasks are run: in so many processes here, or on a cluster."""
    if on is None:
        return workers
    from crmlab.experiments.execution.cluster import Dask

    return Dask(on, workers)
