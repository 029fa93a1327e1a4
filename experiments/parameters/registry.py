"""The registry of parameters: every number of a world by its path, to be listed, read and set.

    price.elasticity                     a number of a section: any field of `World` that holds numbers with ranges
    channels.paid_search.leads_max      one of a named record in a list of them
    personas.bulk.tilt.order_rate        one of a persona, also in a table inside of it
    correlation.order_rate/elasticity    a correlation of two traits

Sections follow from the fields of `World`: what the world gains, files, sampled worlds, sweeps, stress tests and the
table of assumptions have too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING
from typing import Any, NamedTuple

from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.world import Persona, World

PERSONAS, CORRELATION = "personas", "correlation"
PARAMETERS = {  # of the models of purchase and of spend
    "pareto_nbd": ("r", "alpha", "s", "beta"),
    "bg_nbd": ("r", "alpha", "a", "b"),
    "nbd": ("r", "alpha"),
    "spend": ("p", "q", "gamma"),
}
OWN_SPEND = ("q", "gamma")  # the spread of one customer's baskets, p, is the same for all


class Parameter(NamedTuple):
    """One number of a world. `default` is `MISSING` where every world has to state its own."""

    unknown: Unknown
    value: float
    default: object = MISSING


def sections_of(world: World) -> dict[str, object]:
    """The records that hold numbers, by prefix of their paths: sections in the order of the world's fields, then the
    named records of its lists. Personas, which nest, are apart."""
    single: dict[str, object] = {}
    listed: dict[str, object] = {}
    for field in dataclasses.fields(world):
        value = getattr(world, field.name)
        if dataclasses.is_dataclass(value) and unknowns_of(value):
            single[field.name] = value
        elif isinstance(value, Mapping):
            single |= {str(key): record for key, record in value.items() if dataclasses.is_dataclass(record)}
        elif isinstance(value, tuple) and field.name != PERSONAS:
            named = [record for record in value if hasattr(record, "name") and unknowns_of(record)]
            listed |= {f"{field.name}.{record.name}": record for record in named}
    return single | listed


def parameters_of(world: World, ranged: Collection[str] = (), idle: bool = False) -> dict[str, Parameter]:
    """Every number that the world makes use of, by path; with `idle`, those of a section that is off too.

    `ranged` are paths of persona numbers for which the file states a range: these count even where the value says
    nothing.
    """
    found = {}
    for prefix, record in sections_of(world).items():
        skipped = _unused(world, prefix)
        for name, field in unknowns_of(record).items() if idle or getattr(record, "on", True) else ():
            if name not in skipped and isinstance(field.range, Unknown):
                found[f"{prefix}.{name}"] = Parameter(field.range, float(getattr(record, name)), field.default)
    return found | {
        path: Parameter(unknown, float(value)) for path, unknown, value in persona_parameters(world, ranged)
    }


def group_of(path: str) -> str:
    """The part of the world that a number belongs to, from its path."""
    group = path.partition(".")[0]
    return PERSONAS if group == CORRELATION else group


def get_parameter(world: World, path: str) -> float:
    """A number of a world by its path. Raises `KeyError` where there is none."""
    if group_of(path) == PERSONAS:
        return {found: value for found, _, value in persona_parameters(world, (path,))}[path]
    record, name = _place(world, path)
    return float(getattr(record, name))


def set_parameter(world: World, path: str, value: float) -> World:
    """The same world with one number changed. Raises `KeyError` where there is none of this path."""
    if group_of(path) == PERSONAS:
        return _with_persona_parameter(world, path, value)
    record, name = _place(world, path)
    prefix, changed = path.removesuffix(f".{name}"), dataclasses.replace(record, **{name: value})
    group, _, of_list = prefix.partition(".")
    field, held = group, changed
    if of_list or not hasattr(world, group):
        field = next(f.name for f in dataclasses.fields(world) if _holds(getattr(world, f.name), f.name, prefix))
        old: Any = getattr(world, field)
        named = isinstance(old, Mapping)
        held = {**old, prefix: changed} if named else tuple(changed if r.name == of_list else r for r in old)
    new: Any = {field: held}
    return dataclasses.replace(world, **new)


def _place(world: World, path: str) -> tuple[Any, str]:
    """The record in which a number stands, and its name there. Raises `KeyError`."""
    prefix, _, name = path.rpartition(".")
    record = getattr(world, prefix, None)  # nearly always a section of its own; what stands in a list is looked up
    if not dataclasses.is_dataclass(record):
        record = sections_of(world)[prefix]
    if name not in unknowns_of(record):
        raise KeyError(path)
    return record, name


def _holds(value: object, field: str, prefix: str) -> bool:
    if isinstance(value, Mapping):
        return dataclasses.is_dataclass(value.get(prefix))
    return isinstance(value, tuple) and prefix in {f"{field}.{getattr(record, 'name', '')}" for record in value}


def _unused(world: World, section: str) -> set[str]:
    """The numbers of a section that this world makes no use of."""
    if section == "base":
        every = set(unknowns_of(world.base))
        return every if world.authored else every - set(PARAMETERS[world.base.model])
    if section == "spend" and world.authored:
        return set(OWN_SPEND)
    return {"history_weeks"} if section == "population" and world.history is not None else set()


def persona_parameters(world: World, ranged: Collection[str] = ()) -> Iterator[tuple[str, Unknown, float]]:
    """(path, range, value) of every number that personas state, persona by persona in the order of the world, then the
    correlations. A number that says nothing (no tilt, reach as everybody's) is left out, unless its path is `ranged`:
    unless the file states a range for it."""
    for persona in world.personas:
        for path, unknown, value, neutral in _of_persona(world, persona):
            if value != neutral or path in ranged:
                yield path, unknown, value
    correlation = _range_of(world, CORRELATION)
    yield from ((f"{CORRELATION}.{pair}", correlation, value) for pair, value in world.correlation.items())


def _of_persona(world: World, persona: Persona) -> Iterator[tuple[str, Unknown, float, float | None]]:
    """(path, range, value, the value that says nothing)."""
    path = f"{PERSONAS}.{persona.name}"
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


def _range_of(group: object, name: str) -> Unknown:
    unknown = unknowns_of(group)[name].range
    assert isinstance(unknown, Unknown)
    return unknown


def _with_persona_parameter(world: World, path: str, value: float) -> World:
    group, _, rest = path.partition(".")
    if group == CORRELATION:
        return dataclasses.replace(world, correlation={**world.correlation, rest: value})
    name, _, number = rest.partition(".")
    if name not in {persona.name for persona in world.personas}:
        raise KeyError(path)
    personas = tuple(_changed(p, number, value) if p.name == name else p for p in world.personas)
    return dataclasses.replace(world, personas=personas)


def _changed(record: Any, number: str, value: float) -> Any:
    name, _, inside = number.partition(".")
    if not inside:
        return dataclasses.replace(record, **{name: value})
    table = getattr(record, name)
    changed: Any = {**table, inside: value} if isinstance(table, dict) else _changed(table, inside, value)
    return dataclasses.replace(record, **{name: changed})
