"""The [sweep] table of an experiment file: which numbers move, by which design, and what a wrong one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from crmlab.experiments.errors import Problem
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.files.forms import Form, problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.levers.form import lever_of
from crmlab.experiments.parameters.registry import Parameter, parameters_of
from crmlab.experiments.questions.sweep.designs import min_points, usual_points
from crmlab.experiments.questions.sweep.question import DesignKind, Factor, Sweep
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, bounds_of, fitted_bounds
from crmlab.experiments.wording.names import did_you_mean, not_known, number_text
from crmlab.sim.kpis import HEADLINE, KPIS
from crmlab.sim.levers import Unknown
from crmlab.sim.plays import Play

ALL = "all"
MAX_GRID_FACTORS = 2  # from three factors on, a grid wastes points
_NUMBER, _WHOLE = {"type": "number"}, {"type": "integer", "minimum": 2}


def _entry(word: str, value: object) -> dict[str, object]:
    """A factor as a file writes it: its name, or a table with a range and a number of grid points."""
    table = value if isinstance(value, dict) else {word: value}
    numbers = [table[end] for end in ("low", "high") if end in table]
    points = table.get("points", 2)
    fine = isinstance(table.get(word), str) and set(table) <= {word, "low", "high", "points"}
    fine = fine and not any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers)
    if not fine or isinstance(points, bool) or not isinstance(points, int) or points < 2:
        raise _refused(f'must be a name or {{ {word} = "...", low = ..., high = ..., points = 2 or more }}')
    return table


def _entry_schema(word: str) -> dict[str, object]:
    table = {
        "type": "object",
        "properties": {word: {"type": "string"}, "low": _NUMBER, "high": _NUMBER, "points": _WHOLE},
        "required": [word],
        "additionalProperties": False,
    }
    return {"anyOf": [{"type": "string"}, table]}


def _list_or_all(value: object) -> object:
    if value == ALL:
        return ALL
    if not isinstance(value, list):
        raise _refused(f'must be a list of names, or "{ALL}": every assumed number that varies')
    return [_entry("unknown", entry) for entry in value]


def _refused(text: str) -> PydanticCustomError:
    # a brace in the text would be read as a place to fill in
    return PydanticCustomError("refused", "{text}", {"text": text})


_LIST_OR_ALL = {"anyOf": [{"type": "array", "items": _entry_schema("unknown")}, {"const": ALL}]}
LeverEntry = Annotated[Any, BeforeValidator(partial(_entry, "lever")), WithJsonSchema(_entry_schema("lever"))]
UnknownEntries = Annotated[Any, BeforeValidator(_list_or_all), WithJsonSchema(_LIST_OR_ALL)]


class SweepForm(Form):
    """What `crmlab sweep` moves: levers of one arm, unknowns of the world, or both."""

    arm: str = Field(description="The arm whose effect against the baseline is swept.")
    levers: list[LeverEntry] = Field(
        default=[], description="As in [tune]; { lever, low, high, points } narrows the range and sets its grid points."
    )
    unknowns: UnknownEntries = Field(
        default=[],
        description='Names as in the table of assumptions, or { unknown, low, high, points }; or "all": every assumed '
        "number that varies.",
    )
    design: DesignKind | None = Field(
        None,
        description="Default: `grid` for one or two factors, `lhs` for more. Indices: `morris`, `saltelli`. One number "
        "at a time: `tornado`.",
    )
    points: int | None = Field(
        None, ge=2, le=1_000_000, strict=True,
        description="Points run at most; default: 64, or as many as give sure indices.",
    )  # fmt: skip
    replications: int = Field(4, ge=2, le=10_000, strict=True, description="Markets on which each point is run.")
    kpis: list[str] = Field(default=list(HEADLINE), description="KPIs that are told; default: the headline ones.")


def sweep_of(
    form: SweepForm, experiment: Experiment, own_plays: Sequence[Play], source: TomlSource
) -> tuple[Sweep, list[Problem]]:
    """The sweep that a filled-in table describes, and what is wrong with it.

    `own_plays` are those that the file writes into the arm; those of today belong to the world.
    """
    problems = _arm_problems(form, experiment, source)
    factors: list[Factor] = []
    for position, entry in enumerate(form.levers if not problems else []):
        lever = lever_of(entry, form.arm, own_plays, experiment.world, ())
        if not isinstance(lever, str) and lever.options:
            lever = f"is one of {', '.join(map(str, lever.options))}: a sweep moves numbers only."
        found = (
            lever if isinstance(lever, str) else Factor(lever.path, lever.low, lever.high, lever, entry.get("points"))
        )
        _keep(found, factors, problems, ("sweep", "levers", position), source, entry["lever"])
    known = parameters_of(experiment.world, experiment.ranges)
    for position, entry in enumerate(_swept_unknowns(form, experiment)):
        found = _unknown_of(entry, experiment, known)
        _keep(found, factors, problems, ("sweep", "unknowns", position), source, entry["unknown"])
    if not factors and not problems:
        text = "names neither levers nor unknowns: there is nothing to move."
        problems.append(problem(text, ("sweep",), source))
    for kpi in (kpi for kpi in form.kpis if kpi not in KPIS):
        problems.append(problem(not_known(kpi, "KPI", KPIS), ("sweep", "kpis"), source, kpi))
    design = form.design or ("grid" if len(factors) <= MAX_GRID_FACTORS else "lhs")
    sweep = Sweep(form.arm, tuple(factors), design, form.points or 2, form.replications, tuple(form.kpis))
    if form.points is None:
        return replace(sweep, points=usual_points(sweep)), problems
    if not problems and form.points < (least := min_points(sweep)):
        text = f"is too few: {design} over {len(factors)} factors needs at least {least}."
        problems.append(problem(text, ("sweep", "points"), source, form.points))
    return sweep, problems


def _arm_problems(form: SweepForm, experiment: Experiment, source: TomlSource) -> list[Problem]:
    arms = [arm.name for arm in experiment.arms]
    if form.arm not in arms:
        return [problem(not_known(form.arm, "arm to sweep", arms[1:]), ("sweep", "arm"), source, form.arm)]
    if form.arm == arms[0]:
        text = "is the baseline: it cannot differ from itself."
        return [problem(text, ("sweep", "arm"), source, form.arm)]
    return []


def _keep(
    found: Factor | str, factors: list[Factor], problems: list[Problem], loc: Any, source: TomlSource, name: str
) -> None:
    """Add a factor, or the sentence that says why it is none."""
    if isinstance(found, Factor) and found.path in {factor.path for factor in factors}:
        found = "is named twice."
    if isinstance(found, str):
        problems.append(problem(found, loc, source, name))
    else:
        factors.append(found)


def _swept_unknowns(form: SweepForm, experiment: Experiment) -> list[Mapping[str, Any]]:
    if form.unknowns == ALL:
        return [{"unknown": number.path} for number in assumed_unknowns(experiment)]
    return list(form.unknowns)


def _unknown_of(entry: Mapping[str, Any], experiment: Experiment, known: Mapping[str, Parameter]) -> Factor | str:
    """An unknown with its range, or the sentence that says why it cannot be swept."""
    path = entry["unknown"]
    if path not in known:
        return f"is not a number of this world.{did_you_mean(path, known)} docs/assumptions.md lists them."
    unknown, value = known[path].unknown, known[path].value
    usual = _usual_range(experiment, path, unknown, value)
    if usual is None and not {"low", "high"} <= set(entry):
        return f'does not vary by itself; say between which values: {{ unknown = "{path}", low = ..., high = ... }}.'
    low, high = entry.get("low", (usual or (0.0, 0.0))[0]), entry.get("high", (usual or (0.0, 0.0))[1])
    if not (unknown.low <= low <= unknown.high and unknown.low <= high <= unknown.high):
        unit = f" ({unknown.unit})" if unknown.unit not in ("", "-") else ""
        return f"can be swept between {number_text(unknown.low)} and {number_text(unknown.high)}{unit} only."
    if not low < high:
        return "needs low < high."
    return Factor(path, float(low), float(high), None, entry.get("points"))


def _usual_range(experiment: Experiment, path: str, unknown: Unknown, value: float) -> tuple[float, float] | None:
    """Between which values a number lies when nobody says otherwise: the middle 95 % of a fitted one, the range in
    which sampled worlds draw an assumed one; None for what the firm knows."""
    if fitted := fitted_bounds(experiment, path, unknown, value):
        return fitted
    if path in experiment.ranges or unknown.vary != "no":
        low, high = bounds_of(experiment, path, unknown, value)
        return (low, high) if low < high else None
    return None
