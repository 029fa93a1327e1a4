"""Every number of a world has one path under which it is listed, read and set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

import pytest

from crmlab.experiments.files.world_file import load_world, shipped_worlds
from crmlab.experiments.parameters.registry import get_parameter, parameters_of, sections_of, set_parameter
from crmlab.experiments.replication.sampled_worlds import NAMED, place_of_section
from crmlab.sim.levers import Unknown
from crmlab.sim.world import World


@dataclass(frozen=True)
class Weather:
    """How the weather moves demand."""

    slope: Annotated[float, Unknown(0, 2, "log orders per degree", "made up", "A")] = 0.3


@dataclass(frozen=True)
class Windy(World):
    """A world with a section and a list that this version does not have."""

    weather: Weather = Weather()
    seasons: dict[str, Weather] = field(default_factory=lambda: {"winter": Weather(0.9)})


@pytest.mark.parametrize("name", shipped_worlds())
def test_what_is_listed_can_be_read_and_set_and_nothing_else_moves(name: str) -> None:
    world = load_world(name).world
    listed = parameters_of(world)
    assert {"economics.gross_margin", "price.elasticity"} <= listed.keys()
    for path, (unknown, value, _) in listed.items():
        assert get_parameter(world, path) == value
        other = unknown.high if value != unknown.high else unknown.low
        changed = set_parameter(world, path, other)
        assert get_parameter(changed, path) == other
        assert set_parameter(changed, path, value) == world


def test_a_path_that_names_nothing_is_a_key_error() -> None:
    world = load_world("personas").world
    for path in ("price.charm", "channels.pigeons.leads_max", "personas.nobody.share", "nothing.at_all"):
        with pytest.raises(KeyError):
            get_parameter(world, path)
        with pytest.raises(KeyError):
            set_parameter(world, path, 1.0)


def test_a_section_that_a_world_gains_is_listed_read_and_set_without_a_line_here() -> None:
    world = Windy()
    assert {"weather.slope", "winter.slope"} <= parameters_of(world).keys()
    warmer = set_parameter(set_parameter(world, "weather.slope", 1.5), "winter.slope", 0.1)
    assert (warmer.weather.slope, warmer.seasons["winter"].slope) == (1.5, 0.1)
    assert replace(warmer, weather=Weather(), seasons=world.seasons) == world
    assert place_of_section(world, "weather") >= NAMED  # and its draws disturb nobody's
    assert len({place_of_section(world, prefix) for prefix in sections_of(world) if prefix != "population"}) == (
        len(sections_of(world)) - 1
    )
