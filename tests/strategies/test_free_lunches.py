"""Nothing is had for nothing: an effect vanishes with what is given, and grows no faster than its cost."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from crmlab.lab import load_world
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy
from crmlab.sim.world import World
from crmlab.strategies import (
    CouponCampaign,
    DiscountLadder,
    DiscountTiers,
    PointsAndTiers,
    PriceCut,
    ReferralReward,
    TargetedDiscount,
    WelcomeOffer,
    WinBackCoupon,
)

ROWS, WEEKS, REPLICATIONS = 800, 78, 6
PLAIN_TIERS = {"silver_multiplier": 1.0, "gold_extra_multiplier": 0.0}
EFFECTS = {"goal_gradient": 5.0, "head_start": 0.5, "member": 0.14, "pressure": 0.1, "success": 0.18, "reward": 0.08}

NOTHING_GIVEN: dict[str, Strategy] = {
    "price_cut": PriceCut(rate=0.0),
    "discount_tiers": DiscountTiers(silver_rate=0.0, gold_extra=0.0),
    "discount_ladder": DiscountLadder(rates=(0.0, 0.0, 0.0)),
    "targeted_discount": TargetedDiscount(rate=0.0),
    "coupon": CouponCampaign(rate=0.0),
    "win_back_coupon": WinBackCoupon(rate=0.0),
    "first_order_offer": WelcomeOffer(rate=0.0),
    "a price cut from a basket on that nobody fills": PriceCut(rate=0.3, min_spend=1e6),
    "a coupon for a basket that nobody fills": CouponCampaign(rate=0.3, min_spend=1e6),
    "a discount capped at nothing": TargetedDiscount(rate=0.3, max_off=1e-6),
    "a first-order offer for a basket that nobody fills": WelcomeOffer(rate=0.3, min_spend=1e6, stacks=True),
    "referral_reward": ReferralReward(reward_share=0.0, reward=0.0, friend_rate=0.0),
    "tiers that give nothing": PointsAndTiers(earn_rate=0.0, **PLAIN_TIERS),
    "a reward nobody can reach": PointsAndTiers(reward_value=1e6, **PLAIN_TIERS),
    "a reward nobody can reach, begun for them": PointsAndTiers(reward_value=1e6, welcome_share=0.8, **PLAIN_TIERS),
}


@cache
def reactive() -> World:
    """The shop with every reaction to a programme at the strong end of its range."""
    world = load_world("shop").world
    return replace(world, loyalty=replace(world.loyalty, **EFFECTS))


@cache
def played(strategy: Strategy | None, strong: bool = True) -> tuple[tuple[float, float], ...]:
    """(orders, what customers got in discounts and in rewards at face value) of every replication."""
    plays = (*load_world("shop").today, *([Play("it", strategy)] if strategy else []))
    found = []
    for replication in range(REPLICATIONS):
        world = reactive() if strong else load_world("shop").world
        market = Market(world, plays, customers=ROWS, seed=3, replication=replication).run(WEEKS)
        orders = market.order_log.table(since=0)[1]
        given = float((orders.value - orders.paid).sum()) / market.minor
        if isinstance(strategy, PointsAndTiers) and (rule := Loyalty.of(market).points_rule):
            given += float(orders.burnt.sum(dtype=np.int64)) * rule.reward_value / rule.reward_points
        found.append((float(orders.n), given))
    return tuple(found)


def gain(strategy: Strategy) -> tuple[float, float]:
    """Mean and standard error of the orders that a strategy adds, as a share of today's."""
    added = np.array([with_[0] / without[0] - 1 for with_, without in zip(played(strategy), played(None), strict=True)])
    return float(added.mean()), float(added.std(ddof=1) / np.sqrt(added.size))


def per_unit_given(strategy: Strategy) -> float:
    """Orders added for each currency unit that customers got, in the shop as it is."""
    pairs = list(zip(played(strategy, False), played(None, False), strict=True))
    return sum(a[0] - b[0] for a, b in pairs) / sum(a[1] - b[1] for a, b in pairs)


@pytest.mark.parametrize("strategy", NOTHING_GIVEN.values(), ids=NOTHING_GIVEN)
def test_who_gives_nothing_moves_nobody(strategy: Strategy) -> None:
    mean, se = gain(strategy)
    assert abs(mean) <= max(2 * se, 1e-12)


WORTHS = {
    "points": [PointsAndTiers(earn_rate=rate, **PLAIN_TIERS) for rate in (0.0005, 0.01, 0.02, 0.04, 0.08)],
    "price cut": [PriceCut(rate=rate) for rate in (0.0, 0.05, 0.1, 0.2)],
    "tiers": [DiscountTiers(silver_rate=rate, gold_extra=rate) for rate in (0.0, 0.02, 0.05, 0.1)],
    "coupon": [CouponCampaign(rate=rate) for rate in (0.0, 0.1, 0.2)],
    "price cut from a basket on": [PriceCut(rate=0.2, min_spend=spend) for spend in (1e6, 70.0, 40.0, 0.0)],
    "price cut with a cap": [PriceCut(rate=0.2, max_off=cap) for cap in (1e-6, 3.0, 8.0, 0.0)],
    "coupon from a basket on": [CouponCampaign(rate=0.3, min_spend=spend) for spend in (1e6, 50.0, 0.0)],
    "win-back": [WinBackCoupon(rate=rate) for rate in (0.0, 0.15, 0.3)],
    "first order": [WelcomeOffer(rate=rate) for rate in (0.0, 0.1, 0.3)],
    "friend's offer": [ReferralReward(reward_share=0.0, friend_rate=rate) for rate in (0.0, 0.1, 0.3)],
    "reward for friends": [ReferralReward(reward_share=share, friend_rate=0.0) for share in (0.0, 0.05, 0.1, 0.3)],
    "reward in kind": [
        ReferralReward(reward_share=share, friend_rate=0.0, reward_kind="in_kind") for share in (0.0, 0.05, 0.1, 0.3)
    ],
    "perks": [
        PointsAndTiers(earn_rate=0.0, silver_spend=40.0, gold_perks=worth, **PLAIN_TIERS) for worth in (0.0, 5.0, 20.0)
    ],
}


@pytest.mark.parametrize("ladder", WORTHS.values(), ids=WORTHS)
def test_the_effect_begins_at_nothing_and_does_not_fall_as_worth_rises(ladder: list[Strategy]) -> None:
    gains = [gain(strategy) for strategy in ladder]
    least, se = gains[0]
    assert abs(least) <= max(2 * se, 2e-3)
    for (below, se_below), (above, se_above) in pairwise(gains):
        assert above - below >= -2 * np.hypot(se_below, se_above)
    assert gains[-1][0] > 0


@pytest.mark.parametrize("reward", [1.0, 5.0, 15.0])
@pytest.mark.parametrize("rate", [0.01, 0.04, 0.10])
def test_a_reward_brings_no_more_orders_for_its_money_than_a_price_cut_by_more_than_half(
    rate: float, reward: float
) -> None:
    programme = PointsAndTiers(earn_rate=rate, reward_value=reward, **PLAIN_TIERS)
    assert per_unit_given(programme) < 1.5 * per_unit_given(PriceCut(rate=0.05))
