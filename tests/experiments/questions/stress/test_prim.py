"""PRIM: planted boxes are found, noise is left alone, and the EMA Workbench finds the same boxes."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.experiments.questions.stress.discovery import MAX_BOXES, MIN_WORLDS, discover, roundest
from crmlab.experiments.questions.stress.prim import HIGH, LOW, Box, Peeling, quality, quasi_p, trajectory

NAMES = ["a", "b", "c", "d", "e", "f"]


def planted(seed: int, n: int = 300, wrong: float = 0.0, unknowns: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Worlds that flip where a < 0.5 and b > 0.4, but for a share of `wrong` ones."""
    rng = np.random.default_rng(seed)
    worlds = rng.random((n, unknowns))
    return worlds, ((worlds[:, 0] < 0.5) & (worlds[:, 1] > 0.4)) ^ (rng.random(n) < wrong)


@pytest.fixture(scope="module")
def witness():
    """The EMA Workbench's PRIM, an independent implementation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ema_workbench.analysis.prim")


@pytest.mark.parametrize("peel", [0.05, 0.1])
@pytest.mark.parametrize("seed", [0, 1, 2, 4])
@pytest.mark.slow
def test_every_step_and_the_last_box_are_those_of_the_ema_workbench(witness, seed: int, peel: float) -> None:
    rng = np.random.default_rng(seed)
    worlds = rng.random((300, 5))
    flips = rng.random(300) < np.where((worlds[:, 0] < 0.4) & (worlds[:, 1] > 0.55), 0.9, 0.1)
    table = pd.DataFrame(worlds, columns=NAMES[:5])
    theirs = witness.Prim(table, flips.astype(int), threshold=0.5, peel_alpha=peel, paste_alpha=0.05, mass_min=0.05)
    theirs = theirs.find_box()
    boxes = trajectory(worlds, flips, Peeling(peel, 0.05, 0.05))
    qualities = [quality(box.holds(worlds), flips) for box in boxes]
    assert theirs.peeling_trajectory["coverage"].tolist() == pytest.approx([q.coverage for q in qualities])
    assert theirs.peeling_trajectory["density"].tolist() == pytest.approx([q.density for q in qualities])
    ends = np.stack([worlds.min(axis=0), worlds.max(axis=0)])  # where they have the ends of all data, a box is open
    mine = np.where(np.isfinite(boxes[-1].limits), boxes[-1].limits, ends)
    assert mine == pytest.approx(theirs.box_lims[-1].to_numpy(float), abs=1e-12)


def test_quasi_p_values_are_those_of_the_ema_workbench(witness) -> None:
    worlds, flips = planted(1, wrong=0.1)
    theirs = witness.Prim(pd.DataFrame(worlds, columns=NAMES), flips.astype(int), threshold=0.5).find_box()
    box = trajectory(worlds, flips)[-1]
    found = {(NAMES[unknown], side): p for (side, unknown), p in quasi_p(box, worlds, flips).items()}
    expected = {(name, side): p for name, both in theirs.qp[-1].items() for side, p in enumerate(both) if p >= 0}
    assert found == pytest.approx(expected)


def test_density_coverage_and_correlation_by_hand() -> None:
    inside = np.array([True, True, True, False, False, False, False, False])
    flips = np.array([True, True, False, True, False, False, False, False])
    found = quality(inside, flips)
    assert (found.density, found.coverage, found.mass, found.n, found.hits) == (2 / 3, 2 / 3, 3 / 8, 3, 2)
    assert found.correlation == pytest.approx(np.corrcoef(inside, flips)[0, 1])
    assert quality(np.ones(8, bool), flips).correlation == 0


@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.1, 0.2]))
def test_boxes_shrink_while_peeling_and_their_density_never_falls(seed: int, peel: float) -> None:
    worlds, flips = planted(seed, n=80, wrong=0.2)
    found = [quality(box.holds(worlds), flips) for box in trajectory(worlds, flips, Peeling(peel))]
    assert all(a.density < b.density for a, b in itertools.pairwise(found))
    assert all(q.mass >= 0.05 for q in found)


def test_worlds_of_equal_value_stay_on_one_side() -> None:
    """Whole numbers, as in a table written by hand."""
    rng = np.random.default_rng(3)
    worlds = rng.integers(0, 4, (200, 2)).astype(float)
    box = trajectory(worlds, worlds[:, 0] >= 2)[-1]
    assert box.limits[LOW].tolist() == [1.5, -np.inf]
    assert np.isinf(box.limits[HIGH]).all()


def test_unknowns_that_do_not_vary_are_never_restricted() -> None:
    worlds, flips = planted(0)
    worlds[:, 2] = 7.0
    assert all(unknown != 2 for box in trajectory(worlds, flips) for _, unknown in box.restrictions)


def test_a_box_without_a_restriction_holds_everything() -> None:
    worlds, _ = planted(0)
    assert Box.everything(6).holds(worlds).all()
    assert Box.everything(6).moved(HIGH, 2, 0.5).opened(HIGH, 2).holds(worlds).all()


@pytest.mark.parametrize("wrong", [0.0, 0.05])
def test_a_planted_box_is_found_with_its_limits(wrong: float) -> None:
    worlds, flips = planted(5, wrong=wrong)
    (scenario,) = discover(worlds, flips, NAMES)
    assert {(r.unknown, r.side) for r in scenario.restrictions} == {("a", "below"), ("b", "above")}
    for restriction, truth in zip(scenario.restrictions, (0.5, 0.4), strict=True):
        assert restriction.limit == pytest.approx(truth, abs=0.06)
        assert restriction.found > 0.8
        assert restriction.p < 1e-4
    assert scenario.density > 0.85
    assert scenario.coverage > 0.8
    assert scenario.density_fresh <= scenario.density
    assert scenario.where.startswith("a < 0.")
    assert " and b > 0." in scenario.where


def test_the_pattern_is_found_also_where_most_worlds_flip() -> None:
    worlds, flips = planted(5)
    (scenario, *_) = discover(worlds, ~flips & (worlds[:, 0] < 0.9), NAMES)
    assert scenario.density > 0.95


def test_two_separate_patterns_need_two_boxes() -> None:
    rng = np.random.default_rng(7)
    worlds = rng.random((400, 4))
    flips = ((worlds[:, 0] < 0.25) & (worlds[:, 1] < 0.6)) | ((worlds[:, 2] > 0.75) & (worlds[:, 3] > 0.4))
    first, second, *_ = discover(worlds, flips, NAMES[:4])
    assert {r.unknown for r in first.restrictions} | {r.unknown for r in second.restrictions} == {"a", "b", "c", "d"}
    assert first.coverage + second.coverage > 0.85
    assert len(discover(worlds, flips, NAMES[:4])) <= MAX_BOXES


def test_in_noise_no_pattern_is_seen() -> None:
    """40 unknowns that do nothing. Measured over 1 000 data sets: a box in 14; here: in 2 of 30 at most."""
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found += bool(discover(rng.random((120, 40)), rng.random(120) < 0.3, [f"u{i}" for i in range(40)]))
    assert found <= 2


def test_a_handful_of_flipping_worlds_is_no_pattern() -> None:
    worlds, _ = planted(0)
    few = np.argsort(worlds[:, 0]).argsort() < MIN_WORLDS - 1
    assert discover(worlds, few, NAMES) == []
    assert discover(worlds, ~few, NAMES) == []
    assert discover(worlds, np.argsort(worlds[:, 0]).argsort() < 2 * MIN_WORLDS, NAMES)


def test_the_same_worlds_give_the_same_boxes() -> None:
    worlds, flips = planted(2, wrong=0.1)
    assert discover(worlds, flips, NAMES) == discover(worlds, flips, NAMES)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.3921, 1.4087, 1.4),
        (0.17612, 0.18391, 0.18),
        (118.0, 131.0, 120.0),
        (-0.031, -0.0262, -0.03),
        (0.0, 0.01, 0.005),
    ],
)
def test_limits_are_numbers_that_are_easy_to_say(low: float, high: float, said: float) -> None:
    assert roundest(low, high) == said


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e3))
def test_a_rounded_limit_parts_the_same_worlds(low: float, gap: float) -> None:
    assert low < roundest(low, low + gap) < low + gap


@pytest.mark.slow
def test_limits_of_planted_boxes_lie_in_their_stated_ranges_and_fresh_density_is_not_flattered() -> None:
    """40 planted boxes, 5 % of the worlds wrong: nine of ten ranges should hold the planted limit, and density among
    worlds not seen be no better than in 20 000 new ones. Measured: 0.90 of 80 ranges; 0.92 against 0.94."""
    held, fresh, true = [], [], []
    new, _ = planted(0, n=20_000)
    rng = np.random.default_rng(99)
    for seed in range(40):
        scenario, *_ = discover(*planted(seed, n=200, wrong=0.05), NAMES)
        ends = {(r.unknown, r.side): r for r in scenario.restrictions}
        for end, truth in ((("a", "below"), 0.5), (("b", "above"), 0.4)):
            if end in ends:
                held.append(ends[end].low <= truth <= ends[end].high)
        box = np.ones(len(new), bool)
        for r in scenario.restrictions:
            values = new[:, NAMES.index(r.unknown)]
            box &= values > r.limit if r.side == "above" else values < r.limit
        flips = ((new[:, 0] < 0.5) & (new[:, 1] > 0.4)) ^ (rng.random(len(new)) < 0.05)
        fresh.append(scenario.density_fresh)
        true.append(flips[box].mean())
    assert np.mean(held) > 0.9 - 2 * np.sqrt(0.9 * 0.1 / len(held))
    assert np.mean(fresh) < np.mean(true) + 2 * np.std(np.subtract(fresh, true)) / np.sqrt(40)
