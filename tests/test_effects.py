"""The statistics of a paired comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from crmlab.experiments.effects import holm, luck_interval, paired_effect, range_of_worlds, variance_reduction


def test_the_paired_interval_is_students() -> None:
    rng = np.random.default_rng(1)
    b = rng.normal(100, 10, 16)
    a = b + rng.normal(2, 1, 16)
    effect = paired_effect(a, b)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high))
    assert effect.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert effect.difference == pytest.approx(np.mean(a - b))
    assert effect.value - effect.baseline_value == pytest.approx(effect.difference)


def test_coupled_noise_cancels_and_the_factor_says_how_much() -> None:
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 10, 4000)
    a, b = shared + rng.normal(1, 1, 4000), shared + rng.normal(0, 1, 4000)
    assert variance_reduction(a, b) == pytest.approx((101 + 101) / 2, rel=0.1)
    assert variance_reduction(np.round(b) + 3, np.round(b)) == math.inf
    assert math.isnan(variance_reduction(np.ones(5), np.ones(5)))


def test_the_luck_interval_covers_the_truth_as_often_as_it_says() -> None:
    """2 000 experiments of 16 pairs: 95 % +- 4 standard errors of a proportion (2 points)."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        low, high = luck_interval(rng.normal(0.3, 1, 16), 0.95)
        hits += low <= 0.3 <= high
    assert abs(hits / 2000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)


@pytest.mark.parametrize("n", [8, 16, 400])
def test_the_range_of_worlds_holds_one_more_world_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(2000):
        low, high = range_of_worlds(rng.normal(0, 1, n), 0.95)
        hits += low <= rng.normal(0, 1) <= high
    assert abs(hits / 2000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)


def test_more_replications_narrow_the_luck_and_not_the_range_of_worlds() -> None:
    rng = np.random.default_rng(5)
    few, many = rng.normal(0, 1, 16), rng.normal(0, 1, 1600)
    width = [np.diff(luck_interval(sample, 0.95))[0] for sample in (few, many)]
    assert width[1] < width[0] / 6
    spread = [np.diff(range_of_worlds(sample, 0.95))[0] for sample in (few, many)]
    assert spread[1] > 0.6 * spread[0]


def test_skewed_differences_get_a_bootstrap_interval() -> None:
    rng = np.random.default_rng(6)
    skewed = rng.exponential(1, 60) ** 2
    low, high = luck_interval(skewed, 0.95)
    mean = skewed.mean()
    assert high - mean > 1.2 * (mean - low)  # t would be symmetric
    assert luck_interval(skewed, 0.95) == (low, high)  # and it is the same every time


def test_p_better_is_a_share_of_worlds_and_knows_which_direction_is_better() -> None:
    worlds = np.array([1.0, 2.0, -1.0, 0.0])
    zero = np.zeros(4)
    assert paired_effect(worlds, zero, worlds, zero, direction=1).p_better == pytest.approx(2.5 / 4)
    assert paired_effect(worlds, zero, worlds, zero, direction=-1).p_better == pytest.approx(1.5 / 4)
    assert math.isnan(paired_effect(worlds, zero).p_better)  # no sampled worlds, no statement


def test_pairs_with_an_undefined_reading_are_left_out_together() -> None:
    effect = paired_effect([1.0, math.nan, 3.0, 4.0], [0.0, 1.0, math.nan, 2.0])
    assert effect.pairs == 2
    assert effect.difference == pytest.approx(1.5)
    assert math.isnan(paired_effect([math.nan], [1.0]).difference)
    assert math.isnan(paired_effect([2.0], [1.0]).low)


def test_replications_needed_reach_the_precision_they_promise() -> None:
    rng = np.random.default_rng(7)
    b = rng.normal(100, 20, 30)
    a = b + rng.normal(5, 6, 30)
    needed = int(paired_effect(a, b).replications_needed)
    more = rng.normal(5, np.std(a - b, ddof=1), 4 * needed)
    half_widths = [np.diff(luck_interval(part, 0.95))[0] / 2 for part in np.array_split(more, 4)]
    assert np.mean(half_widths) == pytest.approx(1.0, rel=0.25)  # 1 % of 100


def test_holm_agrees_with_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    for seed in range(3):
        p = np.random.default_rng(seed).random(7) ** 3
        np.testing.assert_allclose(holm(p.tolist()), multipletests(p, method="holm")[1])


def test_holm_is_strict_with_many_arms_and_leaves_undefined_ones_alone() -> None:
    adjusted = holm([0.01, 0.04, math.nan, 0.03])
    assert adjusted[0] == pytest.approx(0.03)
    assert adjusted[1] == adjusted[3] == pytest.approx(0.06)
    assert math.isnan(adjusted[2])
    assert all(math.isnan(p) for p in holm([math.nan]))
