"""Every number that a world makes use of, by its path: its range, its value, and the default it has elsewhere.

Paths are `price.elasticity`, `channels.NAME.leads_most`, and those of personas
(`experiments/parameters/persona_numbers.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING
from typing import Any, NamedTuple

from crmlab.experiments.parameters.persona_numbers import persona_numbers, persona_value
from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.world import World

GROUPS = ("base", "spend", "population", "price", "acquisition", "loyalty", "economics", "calendar", "word_of_mouth")
UNUSED = {"pareto_nbd": {"a", "b"}, "bg_nbd": {"s", "beta"}, "nbd": {"a", "b", "s", "beta"}}


class Number(NamedTuple):
    """One number of a world. `default` is `MISSING` where every world has to state its own."""

    unknown: Unknown
    value: float
    default: Any = MISSING


def numbers_of(world: World, ranged: Collection[str] = ()) -> dict[str, Number]:
    """Every number that the world makes use of, in the order of the table of assumptions.

    `ranged` are paths of persona numbers for which the file states a range: these count even where the value says
    nothing.
    """
    groups = {name: getattr(world, name) for name in (GROUPS if world.word_of_mouth.on else GROUPS[:-1])}
    groups |= {f"channels.{channel.name}": channel for channel in world.channels}
    found = {}
    for prefix, group in groups.items():
        skipped = _skipped(world, prefix)
        for name, field in unknowns_of(group).items():
            if name not in skipped and isinstance(field.range, Unknown):
                found[f"{prefix}.{name}"] = Number(field.range, float(getattr(group, name)), field.default)
    return found | {n.path: Number(n.unknown, float(n.value)) for n in persona_numbers(world, ranged)}


def group_of(path: str) -> str:
    """The part of the world that a number belongs to, from its path."""
    group = path.partition(".")[0]
    return "personas" if group == "correlation" else group


def value_of(world: World, path: str) -> float:
    """A number of a world by its path."""
    group, *rest = path.split(".")
    if group in ("personas", "correlation"):
        return persona_value(world, path)
    holder: Any = getattr(world, group)
    if group == "channels":
        holder = next(channel for channel in world.channels if channel.name == ".".join(rest[:-1]))
    return float(getattr(holder, rest[-1]))


def _skipped(world: World, group: str) -> set[str]:
    """The numbers of a group that this world makes no use of."""
    if group == "base":
        return {"r", "alpha", "s", "beta", "a", "b"} if world.authored else UNUSED[world.base.model]
    if group == "spend" and world.authored:
        return {"q", "gamma"}
    return {"history_weeks"} if group == "population" and world.history is not None else set()
