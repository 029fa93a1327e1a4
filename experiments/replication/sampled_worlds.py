"""Other worlds that the evidence leaves open: one draw of everything we do not know.

What was fitted to data varies by the covariance of its estimates (of the logs of the parameters, jointly). What is
assumed varies within its range, or within a factor of its value, as the field says. What is known and what is switched
off stays.

Each number is drawn by its place (group, channel or persona, field), from a stream of its own: a number that begins to
vary, a channel or a field that is added at the end changes no other draw. Places are append-only.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.parameters.registry import persona_parameters, sections_of, set_parameter
from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.world import World

UNKNOWNS = 10  # kind of use in the seed scheme, beside those of sim.draws
PLACES = (  # the place of a section is the key of its draws; those that came later are keyed by their names
    "base", "spend", "price", "acquisition", "loyalty", "economics", "calendar", "word_of_mouth",
)  # fmt: skip
KNOWN = ("population",)  # sections that are facts, not unknowns
RATIOS = 3.0  # high / low from which a number is drawn in ratios: twice as much is as likely as half
PERSONAS, CHANNELS = 100, 200  # places of what comes in any number; one more for each
NAMED = 1000  # and of sections that are keyed by name


class Assumed(NamedTuple):
    """A number that is drawn anew in every sampled world, and the `place` that keys its draws."""

    path: str
    unknown: Unknown
    value: float
    place: tuple[int, int]


def sampled_world(experiment: Experiment, replication: int) -> World:
    """The world of one replication, shared by all its arms."""
    world = experiment.world
    for group in sorted(experiment.log_covariance):
        world = _draw_fitted(experiment, world, group, replication)
    for path, unknown, value, place in assumed_unknowns(experiment):
        low, high = bounds_of(experiment, path, unknown, value)
        u = float(_stream(experiment, replication, *place).random())
        world = set_parameter(world, path, drawn(u, low, value, high, unknown.absent))
    return world


def _stream(experiment: Experiment, replication: int, *place: int) -> np.random.Generator:
    return np.random.default_rng(
        np.random.SeedSequence(experiment.design.seed, spawn_key=(UNKNOWNS, replication, *place))
    )


def _draw_fitted(experiment: Experiment, world: World, group: str, replication: int) -> World:
    names, covariance = experiment.log_covariance[group]
    fitted = getattr(world, group)
    logs = np.log([getattr(fitted, name) for name in names])
    rng = _stream(experiment, replication, PLACES.index(group))
    values = np.exp(rng.multivariate_normal(logs, np.asarray(covariance), method="eigh"))
    changed: Any = {group: dataclasses.replace(fitted, **_inside(fitted, names, values))}
    return dataclasses.replace(world, **changed)


def _inside(group: Any, names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    """Keep draws from the far tail of an estimate within what the model can hold (finite mean spend, say)."""
    ranges = unknowns_of(group)
    return {
        name: float(np.clip(value, ranges[name].range.low, ranges[name].range.high))
        for name, value in zip(names, values, strict=True)
    }


def drawn(u: float, low: float, value: float, high: float, absent: float | None = None) -> float:
    """The quantile `u` of what a number could be that is thought to be `value`, between `low` and `high`.

    Half of the draws lie on either side of the value, so that sampled worlds are centred on the stated one however
    lopsided the range is. On each side they are the fewer the nearer an end of the range is (a falling line), in
    ratios where the range spans a factor of `RATIOS` or more. Where one end is the absence of an effect they are even:
    a falling line hardly ever reaches its end, and the absence is one of them.
    """
    value = min(max(value, low), high)
    end, part = (low, 2 * u) if u < 0.5 else (high, 2 * (1 - u))  # part: 1 at the value, 0 at the end
    if absent is not None and absent in (low, high) and low < value < high:
        return end + part * (value - end)
    near = math.sqrt(part)
    if low > 0 and high >= RATIOS * low:
        return value * math.pow(end / value, 1 - near)
    return end + near * (value - end)


def assumed_unknowns(experiment: Experiment) -> Iterator[Assumed]:
    """Every number that varies between sampled worlds, in a fixed order: sections, personas, lists."""
    world = experiment.world
    listed: list[Assumed] = []
    for prefix, record in sections_of(world).items():
        if prefix in experiment.log_covariance or prefix in KNOWN:
            continue
        found = _varying(experiment, prefix, record, place_of_section(world, prefix))
        if "." in prefix:
            listed += found
        else:
            yield from found
    for position, (path, unknown, value) in enumerate(persona_parameters(world, experiment.ranges)):
        if unknown.vary != "no" or path in experiment.ranges:
            yield from _if_open(experiment, Assumed(path, unknown, value, (PERSONAS, position)))
    yield from listed


def place_of_section(world: World, prefix: str) -> int:
    """What keys the draws of a section: its place among the oldest ones, the position in the list of channels, or a
    number that follows from its name, so that a section that is added changes no other draw."""
    if prefix in PLACES:
        return PLACES.index(prefix)
    field, _, name = prefix.partition(".")
    if field == "channels":
        return CHANNELS + [channel.name for channel in world.channels].index(name)
    return NAMED + zlib.crc32(prefix.encode())


def _varying(experiment: Experiment, prefix: str, group: Any, position: int) -> Iterator[Assumed]:
    for place, (name, field) in enumerate(unknowns_of(group).items()):
        path, value, unknown = f"{prefix}.{name}", getattr(group, name), field.range
        assert isinstance(unknown, Unknown)
        stated = path in experiment.ranges
        nothing = (
            () if unknown.low < 0 < unknown.high else (0,)
        )  # in a range on both sides of 0, 0 is a value like others
        if stated or (unknown.vary != "no" and value not in (unknown.off, unknown.absent, *nothing)):
            yield from _if_open(experiment, Assumed(path, unknown, float(value), (position, place)))


def _if_open(experiment: Experiment, number: Assumed) -> Iterator[Assumed]:
    """The number, unless its range leaves nothing open: the file may say that a number is known."""
    low, high = bounds_of(experiment, number.path, number.unknown, number.value)
    if low < high:
        yield number


def fitted_bounds(experiment: Experiment, path: str, unknown: Unknown, value: float) -> tuple[float, float] | None:
    """Between which values a number lies that was fitted to the firm's data: the middle 95 % of its estimate, within
    the limits of its field. None for a number that was not fitted."""
    group, _, name = path.rpartition(".")
    names, covariance = experiment.log_covariance.get(group, ((), []))
    if name not in names:
        return None
    at = list(names).index(name)
    spread = 1.96 * math.sqrt(covariance[at][at])
    return max(unknown.low, value * math.exp(-spread)), min(unknown.high, value * math.exp(spread))


def bounds_of(experiment: Experiment, path: str, unknown: Unknown, value: float) -> tuple[float, float]:
    """Between which values an assumed number is drawn: its own range, a factor around its value, or its field's."""
    if path in experiment.ranges:
        return experiment.ranges[path]
    if isinstance(unknown.vary, float):
        nearer, farther = sorted((value / unknown.vary, value * unknown.vary))  # of a negative number, the other way
        return max(unknown.low, nearer), min(unknown.high, farther)
    return unknown.low, unknown.high
