"""Mechanisms that a world file adds: `[[mechanism]] kind = "service_desk"`, or one of the user's own as
"package.module:Class", with numbers of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlab.experiments.errors import Loc, Problem
from crmlab.experiments.files.forms import built, filled, form_of, own_ranges, problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.own_code.loading import NotLoaded, loaded
from crmlab.experiments.wording.names import not_known
from crmlab.sim.mechanism import MechanismNumbers
from crmlab.sim.mechanisms.shipped import OPTIONAL
from crmlab.sim.world import World

Ranges = dict[str, tuple[float, float]]


def mechanisms_of(
    entries: Sequence[Mapping[str, object]], loc: Loc, source: TomlSource
) -> tuple[dict[str, MechanismNumbers], Ranges, list[Problem]]:
    """The numbers of the mechanisms in a list of tables, by name, the ranges that the file states for them, by path,
    and what is wrong."""
    found: dict[str, MechanismNumbers] = {}
    ranges: Ranges = {}
    problems: list[Problem] = []
    for position, entry in enumerate(entries):
        place = (*loc, position)
        numbers, own, wrong = _mechanism_of(entry, place, source)
        problems += wrong
        if numbers is None:
            continue
        if numbers.name in found or numbers.name in {field.name for field in dataclasses.fields(World)}:
            text = f'"{numbers.name}" is the name of another part of this world already.'
            problems.append(problem(text, (*place, "kind"), source, entry["kind"]))
        found[numbers.name] = numbers
        ranges |= own
    return found, ranges, problems


def _mechanism_of(
    entry: Mapping[str, object], loc: Loc, source: TomlSource
) -> tuple[MechanismNumbers | None, Ranges, list[Problem]]:
    kind = entry.get("kind")
    if not isinstance(kind, str):
        text = 'must be the name of a mechanism, or "package.module:Class".' if "kind" in entry else "is missing."
        return None, {}, [problem(text, (*loc, "kind"), source, kind)]
    try:
        cls = find_mechanism(kind, source.path.parent)
    except NotLoaded as error:
        return None, {}, [problem(str(error), (*loc, "kind"), source, kind)]
    form, problems = filled(form_of(cls, kind=(str, ...)), entry, loc, source)
    if form is None:
        return None, {}, problems
    try:
        return built(cls, form, without=("kind",)), own_ranges(form, cls.name), []
    except (ValueError, TypeError) as error:
        return None, {}, [problem(f"is refused by the mechanism: {error}.", loc, source)]


def find_mechanism(kind: str, folder: Path | None = None) -> Any:
    """The numbers of a mechanism behind its short name, or `package.module:Class` where the module may lie in `folder`.
    Raises `NotLoaded`."""
    if ":" not in kind and kind not in OPTIONAL:
        raise NotLoaded(
            f'{not_known(kind, "mechanism", OPTIONAL)} One of your own is written as "package.module:Class".'
        )
    found = loaded(OPTIONAL.get(kind, kind), folder)
    named = isinstance(getattr(found, "name", None), str)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and named and hasattr(found, "start")):
        raise NotLoaded(
            f'"{kind}" is no mechanism: it must be a frozen dataclass of numbers with a `name` and a method `start` '
            "(docs/adding-a-mechanism.md)."
        )
    return found
