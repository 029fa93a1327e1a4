"""Sampled worlds lie around the world that was stated: number by number, and in what a firm sees of its market."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crmlab.experiments.parameters.registry import get_parameter
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, drawn, sampled_world
from crmlab.experiments.spec.builder import new_experiment
from crmlab.lab import load_world
from crmlab.sim.market import Market
from crmlab.strategies import PointsAndTiers

WORLDS = 24


def test_the_stated_value_is_the_middle_of_what_is_drawn_however_lopsided_its_range() -> None:
    """Of 400 draws of each number, half lie on either side: 4.5 standard errors of a share of a half, for some 80
    numbers. Of a number at an end of its range the draws on that side are the value itself."""
    experiment = new_experiment("shop", programme=PointsAndTiers())
    worlds = [sampled_world(experiment, number) for number in range(400)]
    for path, _, value, _ in assumed_unknowns(experiment):
        values = np.array([get_parameter(world, path) for world in worlds])
        same = np.isclose(values, value, rtol=1e-12)
        below, above = ((side & ~same).mean() for side in (values < value, values > value))
        assert max(abs(side - 0.5) for side in (below, above) if side) < 4.5 * 0.5 / math.sqrt(400), path


def test_a_range_of_several_fold_is_drawn_in_ratios() -> None:
    """Twice as much is as likely as half as much: the mean of the logs is the log of the value."""
    logs = [math.log2(drawn((k + 0.5) / 1000, 1 / 8, 1.0, 8.0)) for k in range(1000)]
    assert np.mean(logs) == pytest.approx(0.0, abs=1e-9)
    assert np.quantile(logs, [0, 1]) == pytest.approx([-3, 3], abs=0.1)


@pytest.mark.parametrize("name", ["shop", pytest.param("personas", marks=pytest.mark.slow)])
def test_sampled_markets_are_as_large_as_the_stated_one(name: str) -> None:
    """New customers and orders of two years under today's policy, the same luck: on average within 3 % of the stated
    world, give or take 4 standard errors; no world is another shop (new customers within a third)."""
    file = load_world(name)
    experiment = new_experiment(file)
    changes = []
    for replication in range(WORLDS):
        markets = [
            Market(world, file.today, customers=500, replication=replication).run(104)
            for world in (experiment.world, sampled_world(experiment, replication))
        ]
        stated, sampled = (np.array([m.books["first_orders"].sum(), m.books["orders"].sum()]) for m in markets)
        changes.append(sampled / stated - 1)
    mean, sd = np.mean(changes, axis=0), np.std(changes, axis=0, ddof=1)
    assert (np.abs(mean) < 0.03 + 4 * sd / math.sqrt(WORLDS)).all()
    assert (sd < 0.15).all()
    assert np.abs(np.array(changes)[:, 0]).max() < 1 / 3
