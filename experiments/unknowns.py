"""Other worlds that the evidence leaves open: one draw of everything we do not know.

What was fitted to data varies by the covariance of its estimates (of the logs of the parameters, jointly). What is
assumed varies within its range, or within a factor of its value, as the field says, by a triangular distribution whose
peak is the stated value. What the firm knows (margins, costs, budgets) and what is switched off stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.persona_numbers import persona_numbers, persona_value, with_persona_value
from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.world import World

UNKNOWNS = 10  # kind of use in the seed scheme, beside those of sim.draws
GROUPS = ("base", "spend", "population", "price", "acquisition", "loyalty", "economics", "calendar", "word_of_mouth")
UNUSED = {"pareto_nbd": {"a", "b"}, "bg_nbd": {"s", "beta"}, "nbd": {"a", "b", "s", "beta"}}


def sampled_world(experiment: Experiment, replication: int) -> World:
    """The world of one replication, shared by all its arms."""
    rng = np.random.default_rng(np.random.SeedSequence(experiment.design.seed, spawn_key=(UNKNOWNS, replication)))
    world = _draw_fitted(experiment, experiment.world, rng)
    return _draw_assumed(experiment, world, rng)


def _draw_fitted(experiment: Experiment, world: World, rng: np.random.Generator) -> World:
    for group in sorted(experiment.log_covariance):
        names, covariance = experiment.log_covariance[group]
        fitted = getattr(world, group)
        logs = np.log([getattr(fitted, name) for name in names])
        values = np.exp(rng.multivariate_normal(logs, np.asarray(covariance), method="eigh"))
        drawn = _inside(fitted, names, values)
        changed: Any = {group: dataclasses.replace(fitted, **drawn)}
        world = dataclasses.replace(world, **changed)
    return world


def _inside(group: Any, names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    """Keep draws from the far tail of an estimate within what the model can hold (finite mean spend, say)."""
    ranges = unknowns_of(group)
    return {
        name: float(np.clip(value, ranges[name].range.low, ranges[name].range.high))
        for name, value in zip(names, values, strict=True)
    }


def _draw_assumed(experiment: Experiment, world: World, rng: np.random.Generator) -> World:
    for path, unknown, value in assumed_unknowns(experiment):
        low, high = bounds_of(experiment, path, unknown, value)
        if not low < high:
            continue
        world = with_value(world, path, float(rng.triangular(low, min(max(value, low), high), high)))
    return world


def assumed_unknowns(experiment: Experiment) -> Iterator[tuple[str, Unknown, float]]:
    """(path, unknown, value) of every number that varies between sampled worlds, in a fixed order.

    Numbers are drawn in this order, channels by position, so that a new channel at the end changes no other draw.
    """
    world = experiment.world
    for group in ("base", "spend", "price", "acquisition", "loyalty", "economics", "calendar", "word_of_mouth"):
        if group not in experiment.log_covariance:
            yield from _varying(experiment, group, getattr(world, group))
    for number in persona_numbers(world, experiment.ranges):
        if number.unknown.vary != "no" or number.path in experiment.ranges:
            yield number.path, number.unknown, number.value
    for channel in world.channels:
        yield from _varying(experiment, f"channels.{channel.name}", channel)


def _varying(experiment: Experiment, prefix: str, group: Any) -> Iterator[tuple[str, Unknown, float]]:
    for name, field in unknowns_of(group).items():
        path, value, unknown = f"{prefix}.{name}", getattr(group, name), field.range
        assert isinstance(unknown, Unknown)
        stated = path in experiment.ranges
        if (unknown.vary != "no" or stated) and (stated or value not in (unknown.off, 0)):
            yield path, unknown, float(value)


def bounds_of(experiment: Experiment, path: str, unknown: Unknown, value: float) -> tuple[float, float]:
    """Between which values an assumed number is drawn: its own range, a factor around its value, or its field's."""
    if path in experiment.ranges:
        return experiment.ranges[path]
    if isinstance(unknown.vary, float):
        nearer, farther = sorted((value / unknown.vary, value * unknown.vary))  # of a negative number, the other way
        return max(unknown.low, nearer), min(unknown.high, farther)
    return unknown.low, unknown.high


def numbers_of(world: World, ranged: Collection[str] = ()) -> dict[str, tuple[Unknown, float]]:
    """Every number that the world makes use of, by path: its range and its value.

    The order is that of the table of assumptions. `ranged` are persona numbers that the file states a range for.
    """
    groups = {name: getattr(world, name) for name in (GROUPS if world.word_of_mouth.on else GROUPS[:-1])}
    groups |= {f"channels.{channel.name}": channel for channel in world.channels}
    found = {}
    for prefix, group in groups.items():
        skipped = _skipped(world, prefix)
        for name, field in unknowns_of(group).items():
            if name not in skipped and isinstance(field.range, Unknown):
                found[f"{prefix}.{name}"] = field.range, float(getattr(group, name))
    return found | {n.path: (n.unknown, float(n.value)) for n in persona_numbers(world, ranged)}


def _skipped(world: World, group: str) -> set[str]:
    """The numbers of a group that this world makes no use of."""
    if group == "base":
        return {"r", "alpha", "s", "beta", "a", "b"} if world.authored else UNUSED[world.base.model]
    if group == "spend" and world.authored:
        return {"q", "gamma"}
    return {"history_weeks"} if group == "population" and world.history is not None else set()


def value_of(world: World, path: str) -> float:
    """A number of a world; `path` as in `price.elasticity`, `channels.NAME.leads_most` or `personas.NAME.share`."""
    group, *rest = path.split(".")
    if group in ("personas", "correlation"):
        return persona_value(world, path)
    holder: Any = getattr(world, group)
    if group == "channels":
        holder = next(channel for channel in world.channels if channel.name == ".".join(rest[:-1]))
    return float(getattr(holder, rest[-1]))


def with_value(world: World, path: str, value: float) -> World:
    """The same world with one number changed; `path` as `value_of` takes it."""
    group, *rest = path.split(".")
    if group in ("personas", "correlation"):
        return with_persona_value(world, path, value)
    if group == "channels":
        name, changed = ".".join(rest[:-1]), {rest[-1]: value}
        channels = tuple(_replaced(channel, changed) if channel.name == name else channel for channel in world.channels)
        return dataclasses.replace(world, channels=channels)
    return _replaced(world, {group: _replaced(getattr(world, group), {rest[0]: value})})


def _replaced(record: Any, changed: dict[str, Any]) -> Any:
    return dataclasses.replace(record, **changed)
