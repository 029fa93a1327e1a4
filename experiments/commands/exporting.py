"""`crmlab export`: the tables and figures of a run for spreadsheets, papers and slides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmlab.experiments.commands.options import RESULTS, AsJson, Out, RunName, Trust
from crmlab.experiments.printing import print_json, say

EXPORTS = Path("exports")
Tables = Annotated[
    list[str] | None,
    typer.Option("--tables", metavar="FORMAT", help="csv, xlsx or latex: all tables, exact. Repeatable."),
]
Figures = Annotated[
    list[str] | None,
    typer.Option("--figures", metavar="FORMAT", help="svg, png or pdf: all figures of the report. Repeatable."),
]
To = Annotated[
    Path | None, typer.Option("--to", metavar="FOLDER", help="Where to write; default: exports/EXPERIMENT-RUN.")
]


def export(
    run: RunName = None,
    tables: Tables = None,
    figures: Figures = None,
    to: To = None,
    out: Out = RESULTS,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Write the tables and figures of a run for spreadsheets, papers and slides; the report: crmlab report."""
    from crmlab.experiments.commands.repeating import finished
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.errors import UserError
    from crmlab.experiments.reporting.export import export_run
    from crmlab.experiments.run_files import RunFiles
    from crmlab.experiments.runs.damage import sound

    if not tables and not figures:
        raise UserError("Say what to write: --tables csv, xlsx or latex, --figures svg, png or pdf, or both.")
    found = finished(out, run)
    folder = to or EXPORTS / f"{found.experiment}-{found.run_id}"
    with disk_trouble(folder), sound(found):
        written = export_run(RunFiles(found.path), found.tables, folder, tables or (), figures or ())
    if as_json:
        print_json({"run": found.run_id, "folder": str(folder), "files": [path.name for path in written]})
        return
    for path in written:
        say(str(path))
    say(f"{len(written)} files of run {found.run_id} in {folder}.")
