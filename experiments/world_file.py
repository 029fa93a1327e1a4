"""World files: a market as a page of TOML, with today's policy and what was estimated from real data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, create_model

from experiments.forms import Form, built, filled, form_of, own_ranges, problem
from experiments.history_file import HistoryError, file_sha256, read_history
from experiments.messages import Loc, Problem, SpecError, not_known
from experiments.play_form import plays_of
from experiments.toml_source import TomlSource
from sim.plays import Play
from sim.world import (
    Acquisition,
    Base,
    Calendar,
    Channel,
    Economics,
    Population,
    PriceResponse,
    PurchaseModel,
    Spend,
    World,
)
from strategies.today import Today

SHIPPED = Path(__file__).parent / "worlds"
PRESETS = "assumed"  # lies with the shipped worlds, but is what `calibrate` assumes, not a world
LARGEST = 50_000_000  # people in a market; beyond this a mistyped number is likelier than a market

FittedGroup = Literal["base", "spend", "history"]
PARAMETERS = {
    "pareto_nbd": ("r", "alpha", "s", "beta"),
    "bg_nbd": ("r", "alpha", "a", "b"),
    "nbd": ("r", "alpha"),
    "spend": ("p", "q", "gamma"),
}

_PEOPLE = {"ge": 0, "le": LARGEST}
SpendForm = form_of(Spend)
BaseForm = form_of(Base, spend=(SpendForm, Field(default_factory=SpendForm)))
PopulationForm = form_of(
    Population,
    limits={"customers": _PEOPLE, "prospects": _PEOPLE},
    history=(str | None, Field(None, description="CSV file with columns customer, weeks_before, amount.")),
    history_sha256=(str | None, Field(None, description="Checked when the history is read.")),
)
ChannelForm = form_of(Channel, limits={"budget": {"ge": 0}, "name": {"min_length": 1}})
AcquisitionForm = form_of(Acquisition)
EconomicsForm = form_of(Economics)
CalendarForm = form_of(Calendar)
PriceForm = form_of(PriceResponse)
UnknownsForm = create_model("UnknownsForm", __base__=Form, price=(PriceForm, Field(default_factory=PriceForm)))


class CovarianceForm(Form):
    """How sure an estimate is: covariance of the logs of its parameters, in the order stated."""

    parameters: list[str]
    log_covariance: list[list[float]]


class FitForm(Form):
    """Written by `crmlab calibrate`: which parts of the world were estimated from real data."""

    model: PurchaseModel
    groups: list[FittedGroup] = Field(default_factory=list)
    base: CovarianceForm | None = None
    spend: CovarianceForm | None = None
    calibration: str | None = Field(None, description="JSON file beside the world, for the report.")


class TodayForm(Form):
    """The policy in force today: the plays of the baseline arm."""

    strategies: list[dict[str, Any]] = Field(default_factory=lambda: [{"kind": "today"}])


class WorldForm(Form):
    """A market: its people, how they react, what things cost, and the policy in force today."""

    name: str | None = None
    description: str = ""
    base: BaseForm  # type: ignore[valid-type]
    population: PopulationForm  # type: ignore[valid-type]
    today: TodayForm = Field(default_factory=TodayForm)
    channel: list[ChannelForm] = Field(default_factory=list)  # type: ignore[valid-type]
    acquisition: AcquisitionForm = Field(default_factory=AcquisitionForm)  # type: ignore[valid-type]
    economics: EconomicsForm = Field(default_factory=EconomicsForm)  # type: ignore[valid-type]
    calendar: CalendarForm = Field(default_factory=CalendarForm)  # type: ignore[valid-type]
    unknowns: UnknownsForm = Field(default_factory=UnknownsForm)  # type: ignore[valid-type]
    fit: FitForm | None = None


@dataclass(frozen=True)
class WorldFile:
    """A world as its file states it: the market, today's plays, and which numbers are estimated from real data."""

    world: World
    today: tuple[Play, ...] = (Play("today", Today()),)
    fitted: frozenset[str] = frozenset()
    calibration: Mapping[str, Any] | None = None
    log_covariance: Mapping[str, tuple[tuple[str, ...], list[list[float]]]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def shipped_worlds() -> list[str]:
    """Names of the worlds that come with the package."""
    return sorted(p.stem for p in SHIPPED.glob("*.toml") if p.stem != PRESETS)


def world_path(path_or_name: str | Path, folder: Path | None = None) -> Path:
    """Where a world lies: a path, relative to `folder`, or the name of a shipped world."""
    text = str(path_or_name)
    return SHIPPED / f"{text}.toml" if text in shipped_worlds() else (folder or Path()) / text


def load_world(path_or_name: str | Path, overrides: Sequence[str] = ()) -> WorldFile:
    """Read and check a world. `overrides` are settings such as `economics.gross_margin=0.4`.

    Raises `SpecError` with one line per mistake.
    """
    path = world_path(path_or_name)
    if not path.suffix and not path.exists():
        names = shipped_worlds()
        raise SpecError(path_or_name, [Problem(f"is {not_known(str(path_or_name), 'world', names)}")])
    source = TomlSource.read(path)
    source.override(overrides)
    found, problems = world_of(source.data, (), source)
    if problems or found is None:
        raise SpecError(path, problems)
    return found


def world_of(data: Any, loc: Loc, source: TomlSource) -> tuple[WorldFile | None, list[Problem]]:
    """A world from the table at `loc` of a file, with its mistakes."""
    form, problems = filled(WorldForm, data, loc, source)
    if form is None:
        strategies = data.get("today", {}) if isinstance(data, dict) else {}
        strategies = strategies.get("strategies") if isinstance(strategies, dict) else None
        return None, [*problems, *plays_of(strategies, (*loc, "today", "strategies"), source, None)[1]]
    channels = tuple(built(Channel, c) for c in form.channel)
    today, found = plays_of(form.today.strategies, (*loc, "today", "strategies"), source, channels)
    problems += found + _contradictions(form, loc, source)
    population: Any = form.population
    world = World(
        name=form.name or source.path.stem,
        base=built(Base, form.base, without=("spend",)),
        spend=built(Spend, form.base.spend),  # type: ignore[attr-defined]
        population=built(Population, population, without=("history", "history_sha256")),
        price=built(PriceResponse, form.unknowns.price),  # type: ignore[attr-defined]
        acquisition=built(Acquisition, form.acquisition),
        economics=built(Economics, form.economics),
        calendar=built(Calendar, form.calendar),
        channels=channels,
    )
    if population.history:
        world, found = _with_history(world, population, (*loc, "population"), source)
        problems += found
    calibration, found = _calibration(form.fit, (*loc, "fit", "calibration"), source)
    problems += found
    read = WorldFile(world, today, _fitted(form.fit, loc, source), calibration, _covariances(form.fit), _ranges(form))
    return read, problems


def _with_history(world: World, form: Any, loc: Loc, source: TomlSource) -> tuple[World, list[Problem]]:
    path = source.path.parent / form.history
    try:
        history = read_history(path)
    except HistoryError as error:
        return world, [problem(str(error), (*loc, "history"), source, form.history)]
    if form.history_sha256 and file_sha256(path) != form.history_sha256:
        text = "is not the file this world was written with (its sha256 differs from history_sha256)."
        return world, [problem(text, (*loc, "history"), source, form.history)]
    if "customers" not in form.model_fields_set:
        world = replace(world, population=replace(world.population, customers=history.n_customers))
    return replace(world, history=history), []


def _contradictions(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """What is wrong although each number is fine by itself."""
    found = []
    if form.population.prospects == 0 and form.population.customers == 0 and not form.population.history:
        text = "customers and prospects are both 0: there is nobody in this market."
        found.append(problem(text, (*loc, "population"), source))
    names = [c.name for c in form.channel]
    for position, channel in enumerate(form.channel):
        place = (*loc, "channel", position)
        if channel.name == "before":
            found.append(problem("stands for customers from before week 0.", (*place, "name"), source, channel.name))
        if channel.name in names[:position]:
            found.append(problem("two channels have this name.", (*place, "name"), source, channel.name))
        if channel.budget > 0 and not _value(channel.half_budget):
            text = "is spent on an organic channel; give it a half_budget or no budget."
            found.append(problem(text, (*place, "budget"), source, channel.budget))
    if _value(form.unknowns.price.elasticity_most) < _value(form.unknowns.price.elasticity):
        place = (*loc, "unknowns", "price", "elasticity_most")
        found.append(problem("must not be below elasticity, which it truncates.", place, source))
    return found + (_fit_contradictions(form, (*loc, "fit"), source) if form.fit else [])


def _fit_contradictions(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    found = []
    if form.fit.model != form.base.model:
        text = f'is not the model in use: [base] says "{form.base.model}".'
        found.append(problem(text, (*loc, "model"), source, form.fit.model))
    for group, model in (("base", form.base.model), ("spend", "spend")):
        fit = getattr(form.fit, group)
        if fit is None:
            continue
        if sorted(fit.parameters) != sorted(PARAMETERS[model]):
            text = f"must name {', '.join(PARAMETERS[model])}."
            found.append(problem(text, (*loc, group, "parameters"), source))
        elif not _is_covariance(fit.log_covariance, len(fit.parameters)):
            size = len(fit.parameters)
            text = f"must be a covariance: {size} rows of {size} numbers, symmetric, no negative variance."
            found.append(problem(text, (*loc, group, "log_covariance"), source))
    return found


def _is_covariance(rows: list[list[float]], size: int) -> bool:
    if [len(row) for row in rows] != [size] * size or not all(math.isfinite(v) for row in rows for v in row):
        return False
    matrix = np.array(rows)
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-12):
        return False
    return bool(np.linalg.eigvalsh(matrix).min() >= -1e-9 * max(1.0, float(np.abs(matrix).max())))


def _calibration(fit: FitForm | None, loc: Loc, source: TomlSource) -> tuple[Mapping[str, Any] | None, list[Problem]]:
    if fit is None or not fit.calibration:
        return None, []
    try:
        return json.loads((source.path.parent / fit.calibration).read_text(encoding="utf-8")), []
    except OSError as error:
        return None, [problem(f"cannot be read: {error.strerror}.", loc, source, fit.calibration)]
    except ValueError:
        return None, [problem("is not a JSON file.", loc, source, fit.calibration)]


def _fitted(fit: FitForm | None, loc: Loc, source: TomlSource) -> frozenset[str]:
    """What still is an estimate: a number overruled on the command line is an assumption."""
    own: set[str] = set()
    for place in source.set_at:
        head = place[len(loc) :]
        if head[:1] == ("base",):
            own |= {"spend"} if "spend" in head else {"base"}
        elif head[:2] in (("population", "history"), ("population",)):
            own.add("history")
    return frozenset(fit.groups if fit else ()) - own


def _covariances(fit: FitForm | None) -> dict[str, tuple[tuple[str, ...], list[list[float]]]]:
    groups = {"base": fit.base, "spend": fit.spend} if fit else {}
    return {name: (tuple(g.parameters), g.log_covariance) for name, g in groups.items() if g}


def _ranges(form: Any) -> dict[str, tuple[float, float]]:
    ranges = own_ranges(form.base, "base") | own_ranges(form.base.spend, "spend")
    ranges |= own_ranges(form.population, "population") | own_ranges(form.unknowns.price, "price")
    for group in ("acquisition", "economics", "calendar"):
        ranges |= own_ranges(getattr(form, group), group)
    for channel in form.channel:
        ranges |= own_ranges(channel, f"channels.{channel.name}")
    return ranges


def _value(number: Any) -> float:
    return getattr(number, "value", number)
