"""Points add up in every legal market, however extreme, or it is refused in a sentence: files that once broke it, and
random experiments of several strategies at once."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from crmlab.experiments.errors import SpecError, UserError
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.lab import load_world
from crmlab.sim.actions import ActionError
from crmlab.sim.levers import Ranged, levers_of, unknowns_of
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.plays import Play
from crmlab.sim.strategy import needs_of
from crmlab.sim.world import World
from crmlab.strategies import STRATEGIES, PointsAndTiers
from tests.places import CASES

FILES = CASES / "points-identity"
OVERFLOW = "points or more, which cannot be kept: give fewer"
REACTIONS = ("price", "loyalty", "word_of_mouth", "acquisition", "calendar")


def assert_points_add_up(market: Market) -> None:
    """Issued = burnt + expired + outstanding in every week, nobody owes points, shares are shares."""
    out = Loyalty.of(market).books.opening.outstanding
    for week in Loyalty.of(market).weeks.values():
        out += week.issued - week.burnt - week.expired
        assert week.outstanding == out
        assert min(week.issued, week.burnt, week.expired, week.outstanding, week.liability, week.reward_cost) >= 0
    people = Loyalty.of(market).columns
    assert people.points.sum(dtype=np.int64) == out
    for column in (people.points, people.points_pending, people.points_recent, people.progress):
        assert column.min(initial=0) >= 0
    assert 0 <= market.guarded_weeks <= market.weeks_simulated


def simulated(
    world: World, plays: Sequence[Play], weeks: int, replication: int = 0, customers: int = 100
) -> Market | None:
    """The market after its weeks if points added up in each of them; None if it was refused for too many points."""
    try:
        market = Market(world, tuple(plays), customers=customers, replication=replication).run(weeks)
    except ActionError as refused:
        if OVERFLOW not in str(refused):
            raise
        return None
    assert_points_add_up(market)
    return market


@pytest.mark.parametrize("name", sorted(path.stem for path in FILES.glob("*.toml")))
@pytest.mark.parametrize("scale", [1.0, 1e-5], ids=["as it was", "at everyday prices"])
def test_files_that_once_broke_the_books(name: str, scale: float) -> None:
    """At 1e11 currency units an order points outgrow their column and the market is refused; at a hundred thousandth
    of it nothing but the books keeps them from going wrong."""
    experiment = load_experiment(FILES / f"{name}.toml")
    arm = next(arm for arm in experiment.arms if arm.name == "x")
    for replication in range(2):
        for world in (experiment.world, sampled_world(experiment, replication)):
            world = replace(world, spend=replace(world.spend, gamma=world.spend.gamma * scale))
            market = simulated(world, arm.plays, 30, replication)
            assert market is not None or (scale == 1.0 and name != "guard-share")


def drawn(rng: np.random.Generator, ranged: Ranged) -> Any:
    """A value within range: an end as often as one between them, whole where the default is."""
    low, high = ranged.range.low, ranged.range.high
    if rng.random() < 0.5:
        value = float(rng.choice([low, high]))
    elif getattr(ranged.range, "log", False):
        value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    else:
        value = float(rng.uniform(low, high))
    return int(value) if isinstance(ranged.default, int) and not isinstance(ranged.default, bool) else value


def random_strategy(rng: np.random.Generator, cls: type) -> Any:
    values = {n: drawn(rng, f) for n, f in levers_of(cls).items() if isinstance(f.default, int | float)}
    for name, hint in typing.get_type_hints(cls).items():
        if typing.get_origin(hint) is typing.Literal:
            values[name] = str(rng.choice(typing.get_args(hint)))
    return cls(**{name: value for name, value in values.items() if rng.random() < 0.7})


ANYWHERE = [cls for cls in STRATEGIES.values() if not needs_of(cls)]


def random_experiment(seed: int) -> Experiment:
    """A shop that reacts in some random way, and one to four random plays beside a programme in it."""
    rng = np.random.default_rng(seed)
    while True:
        world = load_world("shop").world
        groups: dict[str, Any] = {}
        for name in REACTIONS:
            group = getattr(world, name)
            assert is_dataclass(group)
            told = {n: drawn(rng, field) for n, field in unknowns_of(group).items() if rng.random() < 0.7}
            groups[name] = lambda group=group, told=told: replace(group, **told)
        kinds = [PointsAndTiers, *rng.choice(ANYWHERE[1:], rng.integers(1, 5))]
        try:
            world = replace(world, **{name: make() for name, make in groups.items()})
            plays = []
            for number, cls in enumerate(kinds):
                start = int(rng.integers(0, 12))
                stop = int(start + rng.integers(1, 30)) if rng.random() < 0.3 else None
                plays.append(Play(f"play {number}", random_strategy(rng, cls), start=start, stop=stop))
            return new_experiment(world, x=plays, weeks=40, customers=100, replications=2, unknowns=False)
        except (ValueError, UserError, SpecError):
            continue  # contradicts itself, and a file that says it is told so


def check(seed: int) -> None:
    experiment = random_experiment(seed)
    arm = next(arm for arm in experiment.arms if arm.name == "x")
    market = simulated(experiment.world, arm.plays, 40, seed, customers=40)
    assert market is not None, "ordinary prices need not be refused"


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_points_add_up_in_random_markets(first: int) -> None:
    for seed in range(first, first + 10):
        check(seed)


@pytest.mark.slow
def test_points_add_up_in_many_random_markets() -> None:
    for seed in range(40, 168):
        check(seed)


def test_a_balance_that_does_not_add_up_would_be_noticed() -> None:
    world = load_world("shop").world
    market = simulated(world, [Play("programme", PointsAndTiers())], 12)
    assert market is not None
    assert Loyalty.of(market).weeks[11].issued > 0
    Loyalty.of(market).columns.points[0] += 1
    with pytest.raises(AssertionError):
        assert_points_add_up(market)
