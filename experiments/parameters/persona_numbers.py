"""Every number that the personas of a world state, with its range: what sampled worlds draw and the report lists.

Paths are `personas.NAME.share`, `personas.NAME.tilt.order_rate`, `personas.NAME.reach.CHANNEL`, `personas.NAME.base.r`
and `correlation.order_rate/elasticity`. A number that says nothing (no tilt, reach as everybody's) is not listed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from crmlab.experiments.files.persona_form import OWN_SPEND, PARAMETERS
from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.world import Persona, World


class PersonaNumber(NamedTuple):
    """One number of a persona, or one correlation."""

    path: str
    unknown: Unknown
    value: float


def persona_numbers(world: World, ranged: Collection[str] = ()) -> Iterator[PersonaNumber]:
    """All of them, persona by persona in the order of the world, then the correlations.

    `ranged` are the paths for which the file states a range: these are listed even where the value says nothing.
    """
    for persona in world.personas:
        for path, unknown, value, neutral in _of_persona(world, persona):
            if value != neutral or path in ranged:
                yield PersonaNumber(path, unknown, value)
    correlation = _range_of(world, "correlation")
    yield from (PersonaNumber(f"correlation.{pair}", correlation, value) for pair, value in world.correlation.items())


def _of_persona(world: World, persona: Persona) -> Iterator[tuple[str, Unknown, float, float | None]]:
    """(path, range, value, the value that says nothing)."""
    path = f"personas.{persona.name}"
    yield f"{path}.share", _range_of(persona, "share"), persona.share, None
    for name in ("price_sensitivity", "social") if world.authored else ("social",):
        yield f"{path}.{name}", _range_of(persona, name), getattr(persona, name), 1.0
    for channel, reach in persona.reach.items():
        yield f"{path}.reach.{channel}", _range_of(persona, "reach"), reach, None
    for name in unknowns_of(persona.tilt):
        yield f"{path}.tilt.{name}", _range_of(persona.tilt, name), getattr(persona.tilt, name), 0.0
    for table, used in (("base", PARAMETERS[world.base.model]), ("spend", OWN_SPEND)):
        group = getattr(persona, table)
        for name in used if group else ():
            made_up = dataclasses.replace(_range_of(group, name), source="scenario", evidence="A")
            yield f"{path}.{table}.{name}", made_up, getattr(group, name), None


def _range_of(group: Any, name: str) -> Unknown:
    unknown = unknowns_of(group)[name].range
    assert isinstance(unknown, Unknown)
    return unknown


def persona_value(world: World, path: str) -> float:
    """One number of a persona, or one correlation, of a world. Raises `KeyError` where there is none of this path."""
    return {number.path: number.value for number in persona_numbers(world, (path,))}[path]


def with_persona_value(world: World, path: str, value: float) -> World:
    """The same world with one number of a persona, or one correlation, changed."""
    group, _, rest = path.partition(".")
    if group == "correlation":
        return dataclasses.replace(world, correlation={**world.correlation, rest: value})
    name, _, number = rest.partition(".")
    personas = tuple(_changed(p, number, value) if p.name == name else p for p in world.personas)
    return dataclasses.replace(world, personas=personas)


def _changed(record: Any, number: str, value: float) -> Any:
    name, _, inside = number.partition(".")
    if not inside:
        return dataclasses.replace(record, **{name: value})
    table = getattr(record, name)
    changed: Any = {**table, inside: value} if isinstance(table, dict) else _changed(table, inside, value)
    return dataclasses.replace(record, **{name: changed})
