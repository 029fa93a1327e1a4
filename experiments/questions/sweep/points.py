"""The points of a sweep as settings of levers and unknowns; point 0 is the experiment as stated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.levers.space import with_levers
from crmlab.experiments.parameters.registry import get_parameter, set_parameter
from crmlab.experiments.questions.sweep.designs import places_of
from crmlab.experiments.questions.sweep.question import Factor, Sweep
from crmlab.sim.world import World

Settings = tuple[tuple[str, float], ...]  # (path, value) in order of the factors


@dataclass(frozen=True)
class Point:
    """What is changed at a point; whatever it does not name is as stated."""

    number: int
    levers: Settings = ()
    unknowns: Settings = ()

    @property
    def values(self) -> dict[str, float]:
        """The values it sets, by path."""
        return dict(self.levers + self.unknowns)


def points_of(sweep: Sweep, seed: int) -> list[Point]:
    """All points, the stated one first. A tornado has two for each factor, low and high, all others as stated."""
    if sweep.design == "tornado":
        ends = [(factor, value) for factor in sweep.factors for value in (factor.low, factor.high)]
        return [Point(0), *(_point(n, {factor: value}) for n, (factor, value) in enumerate(ends, 1))]
    places = places_of(sweep, seed)
    along = [
        {factor: factor.value(float(place)) for factor, place in zip(sweep.factors, row, strict=True)} for row in places
    ]
    return [Point(0), *(_point(n, values) for n, values in enumerate(along, 1))]


def _point(number: int, values: Mapping[Factor, float]) -> Point:
    levers = tuple((factor.path, value) for factor, value in values.items() if factor.lever)
    unknowns = tuple((factor.path, value) for factor, value in values.items() if not factor.lever)
    return Point(number, levers, unknowns)


def changed_world(world: World, unknowns: Settings) -> World:
    """The world with some of its unknowns set."""
    for path, value in unknowns:
        world = set_parameter(world, path, value)
    return world


def changed_arm(arm: Arm, sweep: Sweep, levers: Settings) -> Arm:
    """The swept arm with some of its levers set. Raises `ValueError` where a strategy refuses them."""
    values = dict(levers)
    moved = [factor.lever for factor in sweep.levers if factor.lever and factor.path in values]
    return with_levers(arm, moved, values, arm.name)


def stated_values(sweep: Sweep, experiment: Experiment) -> dict[str, float]:
    """What every factor is where nobody moves it, by path; NaN for a lever that the arm does not set."""
    arm = experiment.arm(sweep.arm)
    return {factor.path: _stated(factor, experiment.world, arm) for factor in sweep.factors}


def _stated(factor: Factor, world: World, arm: Arm) -> float:
    if factor.lever is None:
        return get_parameter(world, factor.path)
    lever = factor.lever
    strategy = next(play.strategy for play in arm.plays if play.name == lever.play)
    value = getattr(strategy, lever.lever)
    value = value if lever.key is None else value.get(lever.key)
    return math.nan if value is None else float(value)


def refusals(points: Sequence[Point], arm: Arm, sweep: Sweep) -> dict[int, str]:
    """The points whose levers a strategy does not take, with its reason."""
    refused = {}
    for point in points:
        try:
            changed_arm(arm, sweep, point.levers)
        except (ValueError, TypeError) as error:
            refused[point.number] = str(error)
    return refused
