"""The [tune] table of an experiment file: how a search is written down, and what a wrong one says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from experiments.experiment import Arm
from experiments.files.forms import Form, problem
from experiments.files.messages import Loc, Problem, did_you_mean, not_known, number_text
from experiments.files.toml_source import TomlSource
from experiments.tuning.search import EQUITY, Constraint, Sampler, Search, SearchedLever
from sim.levers import Lever, Ranged, levers_of
from sim.plays import Play
from sim.readings import KPIS
from sim.world import Channel
from strategies.channel_mix import ChannelMix

MOST_OBJECTIVES = 3
_CONSTRAINT = re.compile(r"\s*(\w+)(\s+gain)?\s*(\S+?)\s*([-+]?[\d_.]+(?:[eE][-+]?\d+)?)\s*")


def _lever_entry(value: Any) -> Any:
    table = value if isinstance(value, dict) else {"lever": value}
    numbers = [table[end] for end in ("low", "high") if end in table]
    fine = isinstance(table.get("lever"), str) and set(table) <= {"lever", "low", "high"}
    if not fine or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise PydanticCustomError(
            "refused", "{text}", {"text": 'must be "play.lever" or { lever = "play.lever", low = ..., high = ... }.'}
        )
    return table


_NUMBER = {"type": "number"}
_LEVER_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"lever": {"type": "string"}, "low": _NUMBER, "high": _NUMBER},
            "required": ["lever"],
            "additionalProperties": False,
        },
    ]
}
LeverEntry = Annotated[Any, BeforeValidator(_lever_entry), WithJsonSchema(_LEVER_SCHEMA)]


class TuneForm(Form):
    """What `crmlab tune` searches: levers of one arm, for one to three KPIs, under limits."""

    arm: str = Field(description="The arm whose levers are searched, one of [arms.NAME].")
    levers: list[LeverEntry] = Field(
        min_length=1, description='"play.lever" or "play.lever.key"; { lever, low, high } narrows the range.'
    )
    objectives: list[str] = Field(
        default=[EQUITY],
        min_length=1,
        description="One to three KPIs; default: customer_equity. Which way is better stands on the KPI.",
    )
    constraints: list[str] = Field(
        default=[], description='"KPI <= number" or ">=", on the arm\'s own mean; "KPI gain >= 0": on its difference.'
    )
    sampler: Literal["tpe", "nsga2", "nsga3", "random"] | None = Field(
        None, description="Default: `tpe` for one objective, `nsga2` for several."
    )
    candidates: int = Field(64, ge=1, le=100_000, strict=True, description="Settings of the levers that are tried.")
    batch: int = Field(8, ge=1, le=1_000, strict=True, description="Candidates proposed at a time; changes the search.")
    replications: int = Field(4, ge=1, le=10_000, strict=True, description="Markets on which each candidate is tried.")
    confirm: int = Field(5, ge=1, le=100, strict=True, description="How many winners are run again on fresh luck.")
    confirm_replications: int = Field(16, ge=2, le=100_000, strict=True, description="Fresh markets for each of them.")


def search_of(
    form: TuneForm, arms: Mapping[str, Arm], own_plays: Sequence[Play], channels: Sequence[Channel], source: TomlSource
) -> tuple[Search, list[Problem]]:
    """The search that a filled-in table describes, and what is wrong with it.

    `arms` are those that the file writes down, `own_plays` the plays that it writes into the arm to be tuned (those
    of today belong to the world).
    """
    problems: list[Problem] = []
    levers: list[SearchedLever] = []
    if form.arm not in arms:
        problems.append(problem(not_known(form.arm, "arm to tune", arms), ("tune", "arm"), source, form.arm))
    for position, entry in enumerate(form.levers if not problems else []):
        found = _lever_of(entry, form.arm, own_plays, channels)
        if isinstance(found, str):
            problems.append(problem(found, ("tune", "levers", position), source, entry["lever"]))
        elif found.path in {lever.path for lever in levers}:
            problems.append(problem("is named twice.", ("tune", "levers", position), source, found.path))
        else:
            levers.append(found)
    constraints, more = _constraints_of(form, source)
    problems += more + _objective_problems(form, source)
    sampler: Sampler = form.sampler or ("tpe" if len(form.objectives) == 1 else "nsga2")
    if sampler in ("nsga2", "nsga3") and form.batch < 2:
        text = f"must be at least 2 with {sampler}: a batch is a generation, and a generation has parents."
        problems.append(problem(text, ("tune", "batch"), source, form.batch))
    effort = {k: getattr(form, k) for k in ("candidates", "batch", "replications", "confirm", "confirm_replications")}
    search = Search(form.arm, tuple(levers), tuple(form.objectives), tuple(constraints), sampler, **effort)
    return search, problems


def _lever_of(
    entry: Mapping[str, Any], arm: str, plays: Sequence[Play], channels: Sequence[Channel]
) -> SearchedLever | str:
    """A lever with its range, or the sentence that says why it cannot be searched."""
    path = entry["lever"]
    play = max((p for p in plays if path.startswith(f"{p.name}.")), key=lambda p: len(p.name), default=None)
    if play is None:
        names = [p.name for p in plays]
        hint = did_you_mean(path.partition(".")[0], names)
        return f'is not "play.lever" of a play written in the arm {arm}.{hint} Its plays: {", ".join(names) or "none"}.'
    lever, _, key = path.removeprefix(f"{play.name}.").partition(".")
    known = levers_of(play.strategy)
    if lever not in known:
        return not_known(lever, f'lever of the play "{play.name}"', known)
    wrong_key = _key_problem(play, lever, key, channels)
    return wrong_key or _with_range(entry, play.name, known[lever], key or None, getattr(play.strategy, lever))


def _key_problem(play: Play, lever: str, key: str, channels: Sequence[Channel]) -> str:
    value = getattr(play.strategy, lever)
    if not isinstance(value, Mapping):
        return f'is one number: write "{play.name}.{lever}".' if key else ""
    if isinstance(play.strategy, ChannelMix):
        keys = [channel.name for channel in channels if channel.half_budget > 0]
    else:
        keys = list(value)
    if not key:
        return f'is a table: name one entry, as in "{play.name}.{lever}.{keys[0] if keys else "key"}".'
    return "" if key in keys else not_known(key, f"entry of {play.name}.{lever}", keys)


def _with_range(entry: Mapping[str, Any], play: str, field: Ranged, key: str | None, value: Any) -> SearchedLever | str:
    allowed = field.range
    assert isinstance(allowed, Lever)
    low, high = entry.get("low", allowed.low), entry.get("high", allowed.high)
    if not (allowed.low <= low <= allowed.high and allowed.low <= high <= allowed.high):
        unit = f" ({allowed.unit})" if allowed.unit else ""
        return f"can be searched between {number_text(allowed.low)} and {number_text(allowed.high)}{unit} only."
    whole = isinstance(value, int) and not isinstance(value, bool)
    step = allowed.step
    if step:
        off = (low - allowed.low) / step
        if abs(off - round(off)) > 1e-9:
            return f"moves in steps of {number_text(step)} from {number_text(allowed.low)}: low = {low:g} is none."
        high = low + step * int((high - low) / step + 1e-9)
    elif whole and (low != int(low) or high != int(high)):
        return "takes whole numbers: so must low and high be."
    if not low < high:
        return "needs low < high."
    log = allowed.log and low > 0 and not step
    return SearchedLever(entry["lever"], play, field.name, key, low, high, log, step, whole)


def _objective_problems(form: TuneForm, source: TomlSource) -> list[Problem]:
    loc: Loc = ("tune", "objectives")
    problems = []
    for kpi in form.objectives:
        if kpi not in KPIS:
            problems.append(problem(not_known(kpi, "KPI", KPIS), loc, source, kpi))
        elif KPIS[kpi].direction == 0:
            text = "is neither better high nor low, so it cannot be an objective; use it in constraints."
            problems.append(problem(text, loc, source, kpi))
    if len(set(form.objectives)) < len(form.objectives):
        problems.append(problem("names a KPI twice.", loc, source))
    if len(form.objectives) > MOST_OBJECTIVES:
        text = f"has {len(form.objectives)} KPIs; at most {MOST_OBJECTIVES} can be weighed: use constraints."
        problems.append(problem(text, loc, source))
    return problems


def _constraints_of(form: TuneForm, source: TomlSource) -> tuple[list[Constraint], list[Problem]]:
    """The limits; customer equity must not fall unless the file itself says how it is looked at."""
    constraints, problems = [], []
    for position, text in enumerate(form.constraints):
        loc = ("tune", "constraints", position)
        found = _CONSTRAINT.fullmatch(text)
        if not found:
            problems.append(problem('must look like "media <= 50000" or "cac gain <= 0".', loc, source, text))
            continue
        kpi, gain, op, bound = found[1], bool(found[2]), found[3], found[4]
        if kpi not in KPIS:
            problems.append(problem(f'"{kpi}" is {not_known(kpi, "KPI", KPIS)}', loc, source, text))
        elif op not in ("<=", ">="):
            problems.append(problem(f'"{op}" is not a comparison; use <= or >=.', loc, source, text))
        else:
            constraints.append(Constraint(kpi, "<=" if op == "<=" else ">=", float(bound), gain))
    if EQUITY not in (*form.objectives, *(c.kpi for c in constraints)):
        constraints.append(Constraint(EQUITY, ">=", 0.0, gain=True, added=True))
    return constraints, problems
