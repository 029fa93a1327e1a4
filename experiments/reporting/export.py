"""What a run found, for other programs: its tables as CSV, Excel or LaTeX, its figures as SVG, PNG or PDF.

Tables are exact: every column of the run folder with its full numbers, where reports round. In every exported table a
text that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a return) is written with an
apostrophe before it, so that nothing that came in with a name or a note is ever carried out.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.experiments.charts import Chart
from crmlab.experiments.errors import UserError
from crmlab.experiments.reporting.report_sections import sections
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.wording.names import not_known

TABLES, FIGURES = ("csv", "xlsx", "latex"), ("svg", "png", "pdf")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
WIDTH, HEIGHT, SHARPNESS = 1000, 560, 2.0  # pixels of a figure, and dots per pixel of a PNG
MAX_ROWS, LONGEST_SHEET_NAME = 1_048_575, 31  # of Excel, a line of headings left out


def export_run(
    run: RunFiles, names: Iterable[str], folder: Path, tables: Sequence[str] = (), figures: Sequence[str] = ()
) -> list[Path]:
    """Write the named tables of a run, and all figures of its report, into a folder. Returns the files written.

    Nothing is written when a format is not known or what it needs is not installed: raises `UserError`.
    """
    checked(tables, TABLES, "format of tables")
    checked(figures, FIGURES, "format of figures")
    if "xlsx" in tables:
        needed("openpyxl", "Excel tables")
    draw = drawing() if figures else None
    found = {name: table for name in names if (table := run.table(name)) is not None}
    folder.mkdir(parents=True, exist_ok=True)
    written = [file for kind in tables for file in write_tables(found, folder, kind)]
    if draw:
        for chart in [chart for section in sections(run) for chart in section.charts]:
            written += [draw(chart, folder, kind) for kind in figures]
    return list(dict.fromkeys(written))


def checked(wanted: Sequence[str], known: Sequence[str], what: str) -> None:
    """Raises `UserError` for a word that is not known."""
    for word in wanted:
        if word not in known:
            raise UserError(f'"{word}" is {not_known(word, what, known)}')


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path, kind: str) -> list[Path]:
    """Write tables in one format: a file for each, or for Excel one workbook with a sheet for each."""
    if kind == "xlsx":
        return [_workbook(tables, folder / "tables.xlsx")]
    written = []
    for name, table in tables.items():
        path = folder / f"{name}.{'tex' if kind == 'latex' else kind}"
        safe = without_formulas(table)
        if kind == "csv":
            safe.to_csv(path, index=False)
        else:
            path.write_text(_latex(safe, name), encoding="utf-8")
        written.append(path)
    return written


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with an apostrophe before every text that a spreadsheet would take for a formula."""
    safe = table.rename(columns=lambda name: _harmless(str(name)))
    for position, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_datetime64_any_dtype(kind):
            safe.isetitem(position, safe.iloc[:, position].map(_harmless).array)
    return safe


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _workbook(tables: Mapping[str, pd.DataFrame], path: Path) -> Path:
    for name, table in tables.items():
        if len(table) > MAX_ROWS:
            raise UserError(f"The table {name} has {len(table):,} rows, more than a sheet of Excel holds: use csv.")
    with pd.ExcelWriter(path, engine="openpyxl") as workbook:
        for name, table in tables.items():
            sheet = name[:LONGEST_SHEET_NAME]
            without_formulas(table).to_excel(workbook, sheet_name=sheet, index=False, freeze_panes=(1, 0))
    return path


def _latex(table: pd.DataFrame, name: str) -> str:
    """A table of the package booktabs, long tables over pages (package longtable); special characters are escaped."""
    lines = table.to_latex(index=False, escape=True, longtable=len(table) > 40, na_rep="", float_format="%.6g")
    return f"% {name}: needs \\usepackage{{booktabs,longtable}}\n{lines}"


def drawing() -> Callable[[Chart, Path, str], Path]:
    """What draws a chart into a file. No browser is needed: the package kaleido brings its own. Raises `UserError`."""
    needed("kaleido", "Figures as files")
    try:
        from kaleido.scopes.plotly import PlotlyScope
    except ImportError:
        raise UserError(
            'Figures as files need kaleido 0.2.1, which works without a browser: pip install "crmlab[export]".'
        ) from None
    from plotly.offline import offline

    script = Path(offline.__file__).parents[1] / "package_data" / "plotly.min.js"
    scope = PlotlyScope(plotlyjs=str(script), mathjax=None)

    def draw(chart: Chart, folder: Path, kind: str) -> Path:
        height = int(chart.figure.layout.height or HEIGHT)
        content = scope.transform(
            chart.figure.to_dict(), format=kind, width=WIDTH, height=height, scale=SHARPNESS if kind == "png" else 1.0
        )
        path = folder / f"{slug(chart.title)}.{kind}"
        path.write_bytes(content)
        return path

    return draw


def needed(package: str, what: str) -> None:
    """Raises `UserError` where a package of the extra `export` is not installed."""
    if importlib.util.find_spec(package) is None:
        raise UserError(f'{what} need the package {package}: pip install "crmlab[export]".')


def slug(title: str) -> str:
    """A title as the name of a file, or of a chart in Python."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
