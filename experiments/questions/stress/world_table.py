"""Possible worlds from a file: CSV or Parquet, a column per unknown, a row per world."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.parameters.registry import parameters_of
from crmlab.experiments.questions.stress.question import WorldTable
from crmlab.experiments.wording.names import did_you_mean, number_text
from crmlab.sim.levers import Unknown
from crmlab.sim.world import World

NUMBER, FOUND = "world", "gain."  # what the `worlds` table of a run has beside the unknowns


def read_world_table(path: Path, world: World) -> WorldTable:
    """The worlds of a file, to be tried as variants of `world`. Raises `SpecError`, one line per mistake."""
    return world_table(_read(path), world, path)


def world_table(table: pd.DataFrame, world: World, path: Path | str = "The table of worlds") -> WorldTable:
    """The same from a table. `path` is what the sentences about mistakes call it."""
    table = table[[name for name in table if name != NUMBER and not str(name).startswith(FOUND)]]
    known = settable_unknowns(world)
    problems = [] if len(table) else [Problem("has no rows: each is a world.")]
    if not len(table.columns):
        problems.append(Problem("has no columns: each is an unknown, such as price.elasticity."))
    columns = {}
    for name in map(str, table.columns):
        if name not in known:
            hint = did_you_mean(name, known) or " Unknowns are listed in docs/assumptions.md."
            problems.append(Problem(f'column "{name}" is not an unknown of this world.{hint}'))
            continue
        columns[name] = pd.to_numeric(table[name], errors="coerce")
        problems += _value_problem(name, table[name], columns[name], known[name])
    if problems:
        raise SpecError(path, problems)
    rows = zip(*(columns[name] for name in columns), strict=True)
    return WorldTable(tuple(columns), tuple(tuple(map(float, row)) for row in rows))


def settable_unknowns(world: World) -> dict[str, Unknown]:
    """Every number that the world makes use of, by its path, with the range in which it may lie. Word of mouth may be
    switched on."""
    return {path: found.unknown for path, found in parameters_of(world, idle=True).items()}


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise SpecError(path, [Problem("does not exist.")])
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, skipinitialspace=True)
    except pd.errors.EmptyDataError:
        raise SpecError(path, [Problem("is empty: it needs a line of names and a line per world.")]) from None
    except (ValueError, OSError) as error:  # what pandas and pyarrow raise for what they cannot read
        what = "Parquet" if path.suffix == ".parquet" else "CSV"
        raise SpecError(path, [Problem(f"cannot be read as {what}: {str(error).splitlines()[0]}")]) from None


def _value_problem(name: str, given: pd.Series, numbers: pd.Series, unknown: Unknown) -> list[Problem]:
    """The first row whose value cannot be, and how many more there are."""
    wrong = [row for row, value in enumerate(numbers) if not unknown.allows(float(value))]
    if not wrong:
        return []
    value = given.iloc[wrong[0]]
    said = "is empty" if pd.isna(value) else f"= {number_text(value) if isinstance(value, int | float) else value}"
    off = f", or {number_text(unknown.off)} (switched off)" if unknown.off is not None else ""
    allowed = (
        f"but must be a number from {number_text(unknown.low)} to {number_text(unknown.high)}{off} ({unknown.unit})"
    )
    more = f"; {len(wrong) - 1} more such" if len(wrong) > 1 else ""
    return [Problem(f"row {wrong[0] + 1}: {name} {said}, {allowed}{more}.")]
