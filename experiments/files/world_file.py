"""World files: a market as a page of TOML, with today's policy and what was estimated from real data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crmlab.experiments.errors import Loc, Problem, SpecError
from crmlab.experiments.files.forms import built, filled, numbers, own_ranges, problem
from crmlab.experiments.files.history_file import HistoryError, file_sha256, read_history
from crmlab.experiments.files.mechanism_form import mechanisms_of
from crmlab.experiments.files.persona_form import persona_ranges, personas_of
from crmlab.experiments.files.play_form import plays_of
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_form import PLAIN, REACTIONS, FitForm, WorldForm, contradictions
from crmlab.experiments.json_data import JsonObject
from crmlab.experiments.own_code.consent import trusting
from crmlab.experiments.wording.names import not_known
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.plays import Play
from crmlab.sim.world import Base, Population, Spend, World
from crmlab.strategies.today import Today

SHIPPED = Path(__file__).parents[1] / "worlds"
PRESETS = "assumed"  # lies with the shipped worlds, but is what `calibrate` assumes, not a world


@dataclass(frozen=True)
class WorldFile:
    """A world as its file states it: the market, today's plays, and which numbers are estimated from real data."""

    world: World
    today: tuple[Play, ...] = (Play("today", Today()),)
    fitted: frozenset[str] = frozenset()
    calibration: JsonObject | None = None
    log_covariance: Mapping[str, tuple[tuple[str, ...], list[list[float]]]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def shipped_worlds() -> list[str]:
    """Names of the worlds that come with the package."""
    return sorted(p.stem for p in SHIPPED.glob("*.toml") if p.stem != PRESETS)


def world_path(path_or_name: str | Path, folder: Path | None = None) -> Path:
    """Where a world lies: a path, relative to `folder`, or the name of a shipped world."""
    text = str(path_or_name)
    return SHIPPED / f"{text}.toml" if text in shipped_worlds() else (folder or Path()) / text


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; a name that is none is not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def load_world(path_or_name: str | Path, overrides: Sequence[str] = (), *, trust: bool = False) -> WorldFile:
    """Read and check a world. `overrides` are settings such as `economics.gross_margin=0.4`.

    `trust` lets strategies of today run that are not installed but lie beside the file. Raises `SpecError` with one
    line per mistake.
    """
    path = world_path(path_or_name)
    if not path.suffix and not is_there(path):
        names = shipped_worlds()
        raise SpecError(path_or_name, [Problem(f"is {not_known(str(path_or_name), 'world', names)}")])
    source = TomlSource.read(path)
    source.override(overrides)
    with trusting(trust):
        found, problems = world_of(source.data, (), source)
    if problems or found is None:
        raise SpecError(path, problems)
    return found


def world_of(data: object, loc: Loc, source: TomlSource) -> tuple[WorldFile | None, list[Problem]]:
    """A world from the table at `loc` of a file, with its mistakes."""
    filled_in, problems = filled(WorldForm, data, loc, source)
    form: Any = filled_in
    if form is None:
        strategies = data.get("today", {}) if isinstance(data, dict) else {}
        strategies = strategies.get("strategies") if isinstance(strategies, dict) else None
        return None, [*problems, *plays_of(strategies, (*loc, "today", "strategies"), source, None)[1]]
    channels = tuple(built(Channel, c) for c in form.channel)
    sections: dict[str, Any] = {name: built(kind, getattr(form, name)) for name, kind in PLAIN.items()}
    sections |= {name: built(kind, getattr(form.unknowns, name)) for name, kind in REACTIONS.items()}
    mechanisms, own, found = mechanisms_of(form.mechanism, (*loc, "mechanism"), source)
    problems += found + contradictions(form, loc, source)
    bare = World(channels=channels, mechanisms=mechanisms, **sections)
    today, found = plays_of(form.today.strategies, (*loc, "today", "strategies"), source, bare)
    problems += found
    population = form.population
    world = World(
        name=form.name or source.path.stem,
        base=built(Base, form.base, without=("spend",)),
        spend=built(Spend, form.base.spend),
        population=built(Population, population, without=("history", "history_sha256")),
        **sections,
        channels=channels,
        personas=personas_of(form),
        mechanisms=mechanisms,
        correlation=numbers(form.correlation),
        today_rate=form.today.discount,
    )
    if population.history:
        world, found = _with_history(world, population, (*loc, "population"), source)
        problems += found
    calibration, found = _calibration(form.fit, (*loc, "fit", "calibration"), source)
    problems += found
    fitted, ranges = _fitted(form.fit, loc, source), _ranges(form) | own
    return WorldFile(world, today, fitted, calibration, _covariances(form.fit), ranges), problems


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


def _calibration(fit: FitForm | None, loc: Loc, source: TomlSource) -> tuple[JsonObject | None, list[Problem]]:
    if fit is None or not fit.calibration:
        return None, []
    path, refused = source.path.parent / fit.calibration, "is no file that `crmlab calibrate` writes."
    try:
        if path.exists() and not path.is_file():
            return None, [problem("is not a file.", loc, source, fit.calibration)]
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [problem(f"cannot be read: {error.strerror}.", loc, source, fit.calibration)]
    except (ValueError, RecursionError):
        return None, [problem("is not a JSON file.", loc, source, fit.calibration)]
    if not isinstance(found, dict) or not _weeks_are_numbers(found.get("weekly_repeats", [])):
        return None, [problem(refused, loc, source, fit.calibration)]
    return found, []


def _weeks_are_numbers(rows: object) -> bool:
    """Whether the weekly repeats of a calibration are rows of finite numbers and a phase."""
    needed = {"week", "phase", "actual_cumulative"}
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and needed <= row.keys()
        and all(value is None or _plain_number(value) for name, value in row.items() if name != "phase")
        and _plain_number(row["week"])
        and _plain_number(row["actual_cumulative"])
        for row in rows
    )


def _plain_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


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
    """The ranges that the file itself gives to its numbers, by path."""
    ranges = own_ranges(form.base, "base") | own_ranges(form.base.spend, "spend")
    ranges |= own_ranges(form.population, "population")
    for name in REACTIONS:
        ranges |= own_ranges(getattr(form.unknowns, name), name)
    for name in PLAIN:
        ranges |= own_ranges(getattr(form, name), name)
    for channel in form.channel:
        ranges |= own_ranges(channel, f"channels.{channel.name}")
    return ranges | persona_ranges(form)
