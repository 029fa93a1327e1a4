"""The statistics of a paired comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from crmlab.experiments.statistics.effects import (
    holm,
    luck_interval,
    paired_effect,
    range_holds,
    range_of_worlds,
    share_of_worlds,
    variance_reduction,
    without_luck,
)


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


@pytest.mark.parametrize("n", [8, 16, 39, 60, 400])
@pytest.mark.parametrize("skewed", [False, True])
def test_the_range_of_worlds_holds_further_worlds_as_often_as_it_says(n: int, skewed: bool) -> None:
    """2 000 experiments each, 4 standard errors; what it holds surely it holds in 95 % of them. Where an end lies
    between two worlds (60 of these) it is interpolated on a straight line, and a tail is convex: it may hold more than
    it says, by half a point, and never less."""
    rng = np.random.default_rng(4)
    held = []
    for _ in range(2000):
        low, high = range_of_worlds(rng.exponential(1, n) if skewed else rng.normal(0, 1, n), 0.95)
        law = stats.expon if skewed else stats.norm
        held.append(law.cdf(high) - law.cdf(low))
    expected, at_least = range_holds(n, 0.95)
    between_two = 0.005 if n == 60 else 0.0
    error = 4 * np.std(held) / math.sqrt(2000)
    assert expected - error < np.mean(held) < expected + error + between_two
    assert (expected == pytest.approx(0.95)) == (n >= 39)
    assert abs(np.mean(np.array(held) >= at_least) - 0.95) < (0.02 if n < 40 else 0.035)


def test_the_range_of_few_worlds_is_from_the_lowest_to_the_highest() -> None:
    worlds = np.random.default_rng(1).normal(0, 1, 16)
    assert range_of_worlds(worlds, 0.95) == (worlds.min(), worlds.max())
    assert range_holds(16, 0.95)[0] == pytest.approx(15 / 17)
    assert all(math.isnan(end) for end in range_of_worlds(worlds[:1], 0.95))


def planted(rng: np.random.Generator, worlds: int, luck: float) -> tuple[np.ndarray, np.ndarray]:
    """Effects of sampled worlds, N(2, 3^2), and two lives of each whose luck has on average the stated variance, but in
    some worlds ten times as much as in others, and more where the effect is large."""
    effects = rng.normal(2, 3, worlds)
    unequal = luck * np.exp((effects - 2) / 3 - 0.5)
    return effects, effects[:, None] + rng.normal(0, 1, (worlds, 2)) * np.sqrt(unequal)[:, None]


LUCKS = {0.5: 0.5 / 9.5, 9.0: 0.5, 36.0: 0.8}  # variance of luck, and its part of that of one market


def test_luck_and_differences_between_worlds_are_told_apart_whatever_the_size_of_the_market() -> None:
    """Worlds differ with variance 9. 600 experiments of 16 worlds per size of market; the ends of the share are
    one-sided at 95 %: within 4 standard errors of 5 %, and 3 points for luck that is unequal."""
    rng = np.random.default_rng(11)
    for luck, part in LUCKS.items():
        told = [without_luck(planted(rng, 16, luck)[1], 0.95)[1] for _ in range(600)]
        assert np.median([t.share for t in told]) == pytest.approx(part, abs=0.08), luck
        below, above = np.mean([t.low > part for t in told]), np.mean([t.high < part for t in told])
        assert max(below, above) < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 600) + 0.03, luck


@pytest.mark.slow
def test_the_range_of_the_worlds_effect_and_p_better_do_not_move_with_the_number_of_rows() -> None:
    """The range holds the worlds' true effects as often as it says in markets of any size, though one of a seventieth
    of the rows shows nearly twice the spread; it is wider than theirs by no more than `luck_left` says. The interval of
    P(better) holds that of the worlds, 75 %, in 95 % of experiments. All within 4 standard errors."""
    rng = np.random.default_rng(12)
    promised, truth = range_holds(16, 0.95)[0], stats.norm.cdf(2 / 3)
    for luck in LUCKS:
        held, wide, within, wide_seen, better, better_seen, sure = [], [], [], [], [], [], []
        for _ in range(600):
            effects, simulated = planted(rng, 16, luck)
            found = paired_effect(simulated[:, 0], np.zeros(16), simulated, np.zeros((16, 2)))
            law = stats.norm(2, 3)
            held.append(law.cdf(found.high_unknowns) - law.cdf(found.low_unknowns))
            wide.append((found.high_unknowns - found.low_unknowns) / np.ptp(effects))
            within.append((1 - found.luck_left) * wide[-1])
            wide_seen.append(np.ptp(simulated[:, 0]) / np.ptp(effects))
            sure.append(found.p_low <= truth <= found.p_high)
            better.append(found.p_better)
            better_seen.append((simulated[:, 0] > 0).mean())
        assert np.mean(held) > promised - 4 * np.std(held) / math.sqrt(600), luck
        assert np.median(wide) < 1.5, luck
        assert np.median(within) < 1.05, luck
        assert np.mean(sure) > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 600), luck
        assert abs(np.mean(better) - truth) < abs(np.mean(better_seen) - truth), luck
    assert np.median(wide_seen) > 1.8  # what worlds that are run once would say of so small a market


def test_a_world_in_which_nothing_differs_stays_a_tie_and_one_life_tells_no_luck() -> None:
    simulated = np.random.default_rng(13).normal(5, 2, (16, 2))
    simulated[3] = 0.0
    found, luck = without_luck(simulated, 0.95)
    assert found[3] == 0.0
    assert 0 < luck.low < luck.share < luck.high <= 1
    once, unknown = without_luck(simulated[:, :1], 0.95)
    assert once.tolist() == simulated[:, 0].tolist()
    assert math.isnan(unknown.share)
    assert math.isnan(without_luck(simulated[:3], 0.95)[1].share)  # too few to tell


def test_a_world_of_which_a_life_is_missing_is_left_out_of_both_arms() -> None:
    simulated = np.arange(12.0).reshape(6, 2)
    simulated[2, 1] = math.nan
    assert paired_effect([1.0, 2.0], [0.0, 0.0], simulated, np.zeros((6, 2))).worlds == 5


def test_the_share_of_worlds_in_which_an_arm_wins_has_the_exact_interval() -> None:
    for wins, n in ((0, 16), (11, 16), (16, 16), (59, 60)):
        exact = stats.binomtest(wins, n).proportion_ci(0.95)
        assert share_of_worlds(wins, 0, n, 0.95) == pytest.approx((exact.low, exact.high))
    assert share_of_worlds(0, 16, 16, 0.95) == (0.0, 1.0)  # all equal: nothing is known


def test_that_no_difference_was_seen_is_no_interval_of_width_nothing() -> None:
    effect = paired_effect(np.ones(4), np.ones(4), np.ones(4), np.ones(4))
    assert effect.no_difference_in == 8
    assert all(math.isnan(x) for x in (effect.low, effect.high, effect.low_unknowns, effect.high_unknowns))
    assert (effect.worlds, effect.worlds_better, effect.worlds_tied, effect.p_better) == (4, 0, 4, 0.5)


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


def test_replications_needed_from_two_are_those_from_many() -> None:
    """Student's t of the number asked for: two replications one SD apart do not ask for twenty times as many."""
    b = np.array([100.0, 100.0])
    two = paired_effect(b + np.array([5 - math.sqrt(50), 5 + math.sqrt(50)]), b)  # SD 10
    assert two.replications_needed == 387  # (1.966 * 10 / 1)^2
    assert (
        float(stats.t.ppf(0.975, 386)) * 10 / math.sqrt(387)
        <= 1.0
        < float(stats.t.ppf(0.975, 385)) * 10 / math.sqrt(386)
    )


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
