"""No lever of a shipped strategy reaches where the composition guard binds; who combines too much is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from crmlab.experiments.replication.guard import guard_notes, strongest_world
from crmlab.experiments.spec.builder import new_experiment
from crmlab.sim import Play, levers_of
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.shipped import optional_numbers
from crmlab.sim.strategy import needs_of
from crmlab.strategies import STRATEGIES, PointsAndTiers, PriceCut
from tests.conftest import shop, today


def extremes(cls: type) -> Iterator[Any]:
    """A strategy at its defaults, with each lever at either end, and with all levers at the same end."""
    numbers = {n: f.range for n, f in levers_of(cls).items() if not isinstance(getattr(cls(), n), Mapping)}
    typed = {n: type(getattr(cls(), n)) for n in numbers}
    yield cls()
    for name, lever in numbers.items():
        yield from (dataclasses.replace(cls(), **{name: typed[name](end)}) for end in (lever.low, lever.high))
    for end in ("low", "high"):
        yield cls(**{n: typed[n](getattr(lever, end)) for n, lever in numbers.items()})


@pytest.mark.parametrize("kind", sorted(STRATEGIES))
def test_the_guard_binds_at_no_end_of_any_lever(kind: str) -> None:
    needs = needs_of(STRATEGIES[kind])
    added = {needs: optional_numbers(needs)} if needs else {}
    world = shop(word_of_mouth=WordOfMouth(p_invite=0.08), mechanisms=added)
    for strategy in extremes(STRATEGIES[kind]):
        plays = (Play("today", strategy),) if kind == "today" else today(Play("tried", strategy))
        market = Market(world, plays, customers=600).run(30)
        assert market.guarded_weeks == 0, strategy


def test_validate_says_where_the_guard_would_bind_and_nothing_where_it_does_not() -> None:
    much = [PriceCut(0.3), PointsAndTiers(earn_rate=0.1, reward_value=1.0, silver_spend=10.0)]
    experiment = new_experiment("shop", arms={"much": much, "little": [PriceCut(0.1)]}, customers=500, weeks=52)
    notes = guard_notes(experiment)
    assert len(notes) == 1, notes
    assert notes[0].startswith('arm "much": reactions add up')


def test_validate_looks_at_the_strongest_reactions_that_may_be_sampled_too() -> None:
    """A third off beside a programme is free of the guard as stated, not where people react most."""
    arms = {"both": [PointsAndTiers(), PriceCut(0.3)]}
    experiment = new_experiment("shop", arms=arms, customers=500, weeks=26)
    (note,) = guard_notes(experiment)
    assert "where all reactions are at the strong end of their ranges" in note
    assert (
        guard_notes(dataclasses.replace(experiment, design=dataclasses.replace(experiment.design, unknowns=False)))
        == []
    )


def test_the_corner_of_the_sampled_worlds_lies_at_the_end_away_from_absence() -> None:
    world = strongest_world(new_experiment("shop", cut=[PriceCut(0.1)]))
    assert world.price.gain > shop().price.gain
    assert world.loyalty.goal_gradient > shop().loyalty.goal_gradient
    assert world.spend == new_experiment("shop", cut=[PriceCut(0.1)]).world.spend
