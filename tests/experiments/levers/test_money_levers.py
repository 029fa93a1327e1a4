"""Ranges of money belong to a mean order: a shop that sells in dong searches in dong, and may state any amount."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmlab.experiments.levers.form import lever_of
from crmlab.experiments.spec.template import money_of
from crmlab.sim.levers import levers_of
from crmlab.sim.plays import Play
from crmlab.sim.world import Spend, World
from crmlab.strategies import STRATEGIES, DiscountTiers, PointsAndTiers

DOLLARS = World()
DONG = replace(DOLLARS, spend=replace(Spend(), gamma=Spend().gamma * 25_000))


def search_range(world: World, path: str = "tiers.silver_spend") -> tuple[float, float]:
    plays = (Play("tiers", DiscountTiers()),)
    found = lever_of({"lever": path}, "arm", plays, world, ())
    assert not isinstance(found, str), found
    return found.low, found.high


def test_a_search_over_money_grows_with_the_mean_order_and_one_over_shares_does_not() -> None:
    dollars, dong = search_range(DOLLARS), search_range(DONG)
    assert dong == pytest.approx([25_000 * end for end in dollars], rel=0.06)  # two digits
    assert search_range(DONG, "tiers.silver_rate") == search_range(DOLLARS, "tiers.silver_rate")


def test_the_file_of_init_states_the_same_share_of_an_order_in_any_currency() -> None:
    for money, in_dong in zip(money_of(DOLLARS), money_of(DONG), strict=True):
        assert in_dong / DONG.mean_order == pytest.approx(money / DOLLARS.mean_order, rel=0.25)  # round numbers
    assert money_of(DONG)[1] > 100_000


def test_every_default_amount_lies_in_the_range_of_a_usual_shop() -> None:
    for cls in STRATEGIES.values():
        for name, field in levers_of(cls).items():
            if field.range.is_money:
                assert field.range.allows(field.default), name


def test_the_same_programme_in_dong_is_the_same_programme() -> None:
    in_dollars, in_dong = PointsAndTiers(), PointsAndTiers(reward_value=5.0 * 25_000)
    rules = [strategy.decide(None)[0] for strategy in (in_dollars, in_dong)]
    assert rules[0].reward_points == rules[1].reward_points
    assert rules[0].per_unit == pytest.approx(rules[1].per_unit * 25_000)
