"""What an effect hangs on: published indices are met, luck alone matters nowhere, and a planted decision turns where
the algebra says."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.sweep.designs import places_of
from crmlab.experiments.questions.sweep.listings import key_assumptions_listing, sensitivity_listing, tornado_listing
from crmlab.experiments.questions.sweep.question import Factor, Sweep
from crmlab.experiments.questions.sweep.sensitivity import indices
from crmlab.experiments.questions.sweep.sweep import SweepResult, sweep
from crmlab.experiments.questions.sweep.tornado import NO, PERHAPS, YES, Decision
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.runs.store import RunFolder
from crmlab.sim import Play
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.world import Base, Economics
from crmlab.strategies import PriceCut
from tests.conftest import cohort

EQUITY = "customer_equity"
XS = tuple(Factor(f"x.{name}", -np.pi, np.pi) for name in ("one", "two", "three"))


def ishigami(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ishigami & Homma 1990 with a = 7, b = 0.1. Shape [points, 1]: a world without luck."""
    x = -np.pi + 2 * np.pi * places
    return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]


def test_sobol_indices_of_the_ishigami_function_are_the_published_ones() -> None:
    """S = (0.3139, 0.4424, 0), ST = (0.5576, 0.4424, 0.2437); tolerance: the half-width at 99.7 %."""
    task = Sweep("arm", XS, "saltelli", points=1024 * 5)
    places = places_of(task, 1)
    found = indices(task, places, ishigami(places), 0.997, 1).set_index("factor")
    assert found["runs"].tolist() == [1024] * 3
    for name, s1, st in (("x.one", 0.3139, 0.5576), ("x.two", 0.4424, 0.4424), ("x.three", 0.0, 0.2437)):
        assert abs(found["s1"][name] - s1) < found["s1_conf"][name] < 0.15
        assert abs(found["st"][name] - st) < found["st_conf"][name] < 0.15
    assert list(found.index) == ["x.one", "x.two", "x.three"]  # the strongest first


def test_morris_of_the_ishigami_function_is_what_the_levels_allow() -> None:
    """With four levels sin²(x2) is 0 or 3/4, so every move changes 7 x 3/4 over 2/3 of the range: 7.875 up or down."""
    task = Sweep("arm", XS, "morris", points=400)
    places = places_of(task, 3)
    found = indices(task, places, ishigami(places), 0.95, 3).set_index("factor")
    assert found["mu_star"]["x.two"] == pytest.approx(7.875)
    assert found["mu_star_conf"]["x.two"] == pytest.approx(0, abs=1e-9)
    assert abs(found["mu"]["x.two"]) < 7.875
    assert found["beyond_luck"].all()


def test_the_indices_are_those_of_salib_on_the_same_points() -> None:
    analyze = importlib.import_module("SALib.analyze.sobol").analyze
    task = Sweep("arm", XS, "saltelli", points=64 * 5)
    places = places_of(task, 1)
    found = indices(task, places, ishigami(places), 0.95, 1).set_index("factor").loc[[x.path for x in XS]]
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0, 1]] * 3}
    theirs = analyze(problem, ishigami(places)[:, 0], calc_second_order=False, seed=1)
    assert found["s1"].to_numpy() == pytest.approx(theirs["S1"])
    assert found["st"].to_numpy() == pytest.approx(theirs["ST"])


@pytest.mark.parametrize("design", ["morris", "saltelli"])
def test_luck_that_is_the_same_at_every_point_changes_no_index(design: Any) -> None:
    task = Sweep("arm", XS, design, points=16 * 5)
    places, luck = places_of(task, 1), np.array([[-300.0, 100.0, 200.0, 0.0]])
    plain = indices(task, places, ishigami(places), 0.95, 1)
    lucky = indices(task, places, ishigami(places) + luck, 0.95, 1)
    numbers = [name for name in plain if name not in ("factor", "noise", "beyond_luck", "runs")]
    pd.testing.assert_frame_equal(plain[numbers], lucky[numbers])
    assert lucky["noise"].to_numpy() == pytest.approx(0, abs=1e-9)
    assert plain["noise"].isna().all()  # one replication does not show it


@pytest.mark.parametrize("design", ["morris", "saltelli"])
def test_an_index_made_of_luck_alone_is_not_beyond_it(design: Any) -> None:
    """200 designs in which nothing but luck moves the effect: the first factor is called relevant in hardly any, and
    the noise that is told is the index that is seen."""
    task = Sweep("arm", XS, design, points=16 * 5)
    places, rng = places_of(task, 1), np.random.default_rng(1)
    called, seen, told = 0, [], []
    for _ in range(200):
        found = indices(task, places, rng.normal(size=(len(places), 4)), 0.95, 1).set_index("factor").loc["x.one"]
        called += bool(found["beyond_luck"])
        seen.append(found["mu_star" if design == "morris" else "st"])
        told.append(found["noise"])
    assert called <= 10
    se = np.std(seen, ddof=1) / np.sqrt(200)
    assert abs(np.mean(seen) - np.mean(told)) < 4 * se + 0.02 * np.mean(seen)


def test_runs_with_a_missing_value_are_left_out_and_a_constant_hangs_on_nothing() -> None:
    task = Sweep("arm", XS, "saltelli", points=64 * 5)
    places = places_of(task, 1)
    effects = ishigami(places)
    holed = effects.copy()
    holed[7] = np.nan  # in the second base point
    kept = indices(task, np.delete(places, slice(5, 10), 0), np.delete(effects, slice(5, 10), 0), 0.95, 1)
    pd.testing.assert_frame_equal(indices(task, places, holed, 0.95, 1), kept)
    assert kept["runs"].unique().tolist() == [63]
    flat = indices(task, places, np.zeros((len(places), 3)), 0.95, 1)
    assert (flat[["s1", "st", "noise"]] == 0).all(axis=None)
    assert not flat["beyond_luck"].any()
    nothing = indices(task, places, np.full_like(effects, np.nan), 0.95, 1)
    assert nothing["st"].isna().all()
    assert not nothing["beyond_luck"].any()


def test_a_missing_salib_is_told_in_a_sentence(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "SALib.sample.morris", None)
    with pytest.raises(UserError, match=r'pip install "crmlab\[sensitivity\]"'):
        places_of(Sweep("arm", XS, "morris", points=100), 1)


# A price cut in a world without borrowing or leaving: customers order 0.2 times a week at list price and
# (1 - rate)^-elasticity as often at a discount, so the effect on the contribution is linear in the gross margin.
ELASTICITY, FULFILMENT, PAYMENT, RATE, WEEKS = 2.0, 1.0, 0.025, 0.2, 8
ORDERS_A_WEEK = 4.0 / 20.0
MARGIN = Factor("economics.gross_margin", 0.4, 0.9)
IDLE = Factor("loyalty.p_join", 0.05, 0.9)  # nobody offers a programme


def cut_world(*factors: Factor, deeper: bool = False, **changes: Any) -> Experiment:
    price = replace(PriceResponse(), elasticity=ELASTICITY, elasticity_cv=0.0, gain=0.0, pull_forward=0.0)
    economics = Economics(gross_margin=0.6, fulfilment_cost=FULFILMENT, payment_cost=PAYMENT, discount_rate=0.0)
    world = cohort(Base(model="nbd", r=4.0, alpha=20.0), price=price, economics=economics)
    arms = (Arm("today", ()), Arm("cut", (Play("cut", PriceCut(RATE)),)))
    arms += (Arm("deep", (Play("cut", PriceCut(0.5)),)),) if deeper else ()
    task = Sweep("cut", factors, "tornado", points=64, replications=6, kpis=("contribution", "orders"))
    design = Design(weeks=WEEKS, customers=400, replications=6, seed=2, unknowns=False, primary="contribution")
    return Experiment("cut", world, arms, design, question=replace(task, **changes))


def effect_a_week(margin: float, value: float, elasticity: float = ELASTICITY) -> float:
    """Expected change of the contribution per customer and week."""

    def per_week(rate: float) -> float:
        per_order = value * (1 - rate) * (1 - PAYMENT) - value * (1 - margin) - FULFILMENT
        return ORDERS_A_WEEK * (1 - rate) ** -elasticity * per_order

    return per_week(RATE) - per_week(0.0)


@pytest.fixture(scope="module")
def torn() -> SweepResult:
    return sweep(cut_world(MARGIN, IDLE, Factor("price.elasticity", 1.0, 2.6), deeper=True), workers=1)


def test_the_effect_is_linear_in_the_margin_and_what_the_closed_form_says(torn) -> None:
    grid = sweep(cut_world(replace(MARGIN, points=3), design="grid"), workers=1)
    rows = grid.responses[(grid.responses["kpi"] == "contribution") & ~grid.responses["stated"]]
    low, middle, high = rows["difference"]
    assert middle == pytest.approx((low + high) / 2, rel=1e-3)  # amounts are rounded to cents order by order
    experiment = grid.experiment
    value, people = experiment.world.spend.mean, experiment.world.population.customers
    for margin, difference, se in zip(
        rows["unknown.economics.gross_margin"], rows["difference"], rows["se"], strict=True
    ):
        truth = effect_a_week(margin, value) * WEEKS * people
        assert abs(difference - truth) < 4 * se, f"{difference:.0f} +- {se:.0f}, truth {truth:.0f}"
    ends = torn.tables["tornado"].set_index(["kpi", "factor", "end"]).loc["contribution", MARGIN.path]
    assert [ends["difference"]["low"], ends["difference"]["high"]] == [low, high]


def test_the_decision_turns_at_the_margin_that_the_algebra_says(torn) -> None:
    value = torn.experiment.world.spend.mean
    slope = effect_a_week(1.0, value) - effect_a_week(0.0, value)
    truth = -effect_a_week(0.0, value) / slope
    assert MARGIN.low < truth < MARGIN.high
    mine = torn.tables["tornado"]
    mine = mine[(mine["kpi"] == "contribution") & (mine["factor"] == MARGIN.path)].set_index("end")
    turning = mine[mine["turns_at"].notna()]
    assert len(turning) == 1
    per_person = WEEKS * torn.experiment.world.population.customers
    stated = torn.responses[torn.responses["stated"] & (torn.responses["kpi"] == "contribution")].iloc[0]
    assert abs(turning["turns_at"].iloc[0] - truth) < 4 * stated["se"] / (slope * per_person)
    assert turning["flips"].iloc[0] == YES


def test_the_best_arm_is_asked_for_at_every_end(torn) -> None:
    """A cut by half costs more than it brings at a thin margin; at a fat one, with elastic customers, it is best."""
    best = torn.tables["tornado"].query("kpi == 'contribution'").set_index(["factor", "end"])["best_arm"]
    assert best[MARGIN.path, "low"] == "today"
    assert best[MARGIN.path, "high"] == "deep"
    assert set(torn.tables["sweep_runs"]["arm"]) == {"today", "cut", "deep"}


def test_what_cannot_matter_moves_nothing_and_is_not_listed(torn) -> None:
    swings = torn.tables["swings"].set_index(["kpi", "factor"])
    assert swings["swing"]["contribution", IDLE.path] == 0
    assert not swings["beyond_luck"]["contribution", IDLE.path]
    key_assumptions = torn.tables["assumptions_that_matter"]
    assert list(key_assumptions["name"]) == [MARGIN.path, "price.elasticity"]
    assert list(key_assumptions["rank"]) == [1, 2]
    assert list(key_assumptions["evidence"]) == ["A", "A"]
    assert key_assumptions["source"].str.len().min() > 0
    assert (key_assumptions["size_low"] * key_assumptions["size_high"] > 0).all()  # beyond luck


@pytest.mark.parametrize("design", ["morris", "saltelli"])
def test_indices_of_a_lived_world_see_the_margin_and_not_what_is_idle(design: Any) -> None:
    experiment = cut_world(MARGIN, IDLE, design=design, points=16 * 4, replications=2)
    experiment = replace(experiment, design=replace(experiment.design, customers=150, weeks=4))
    found = sweep(experiment, workers=2)
    mine = found.tables["sensitivity"].query("kpi == 'contribution'").set_index("factor")
    index = "mu_star" if design == "morris" else "st"
    assert mine[index][IDLE.path] == 0 == mine["noise"][IDLE.path]
    assert list(mine["beyond_luck"]) == [True, False]
    assert list(found.tables["assumptions_that_matter"]["name"]) == [MARGIN.path]
    if design == "saltelli":  # linear in one factor alone: it explains everything, without interactions
        assert abs(mine["s1"][MARGIN.path] - 1) < 2 * mine["s1_conf"][MARGIN.path]
        assert mine["st"][MARGIN.path] == pytest.approx(1, abs=2 * mine["st_conf"][MARGIN.path])
    else:  # every move along the range changes the same
        assert mine["sigma"][MARGIN.path] < 0.01 * mine["mu_star"][MARGIN.path]
    answer = found.to_json()
    listing = sensitivity_listing(answer, found.tables["sensitivity"], "USD")
    assert MARGIN.path in listing.sentence
    assert f"Of no effect at all: {IDLE.path}." in listing.note
    assert "1 of 2 unknowns move the effect on the primary KPI" in answer["in_words"]


def test_the_sign_and_the_best_arm_decide_and_luck_may_undo_both() -> None:
    surely, barely = np.array([[-4.0, -5.0, -6.0], [4.0, 5.0, 6.0]]), np.array([[-4.0, -5.0, -6.0], [9.0, -8.0, 2.0]])
    for effects, word in ((surely, YES), (barely, PERHAPS), (surely[[0, 0]], NO)):
        decision = Decision("cut", "today", 1, {"cut": effects}, 0.95)
        assert decision.at(1, 0.0, 1.0)["flips"] == word
    assert Decision("cut", "today", 1, {"cut": surely}, 0.95).at(1, 0.0, 1.0)["turns_at"] == pytest.approx(0.5)
    rival = np.array([[1.0, 2.0, 3.0], [9.0, 10.0, 11.0]])
    stays = {"cut": np.array([[4.0, 5.0, 6.0], [4.0, 5.0, 6.0]]), "deep": rival}
    found = Decision("cut", "today", 1, stays, 0.95).at(1, 0.0, 1.0)
    assert (found["flips"], found["best_arm"]) == (YES, "deep")  # no sign changes, but another arm is best
    fewer = Decision("cut", "today", -1, stays, 0.95)  # of a KPI that is better low
    assert fewer.best(0) == fewer.best(1) == "today"


def test_a_tornado_is_told_in_words_and_drawn_in_the_report(torn, tmp_path) -> None:
    answer, tables = torn.to_json(), torn.tables
    listing = tornado_listing(answer, tables["tornado"], tables["swings"], "USD")
    assert "2 of 3 factors move the effect beyond luck. The decision turns with" in listing.sentence
    assert f"Of no effect at all: {IDLE.path}." in listing.note
    ranked = key_assumptions_listing(answer, tables["assumptions_that_matter"], "USD")
    assert ranked.table["Assumption"].tolist() == [MARGIN.path, "price.elasticity"]
    assert "assumed (A)" in set(ranked.table["Evidence"])
    folder = RunFolder.create(tmp_path, torn.experiment)
    for name, table in tables.items():
        folder.write_table(name, table)
    for name, content in (("sweep", answer), ("comparison", torn.comparison.to_json())):
        folder.write_json(name, content)
    report = write_report(folder.finish("done")).read_text(encoding="utf-8")
    for said in ('id="tornado"', 'id="key_assumptions"', "Assumptions that matter", "What would turn the decision"):
        assert said in report
    assert "http://" not in report.split("<script>")[0]


def test_a_swing_that_may_be_luck_is_named_and_not_listed() -> None:
    """Two replications of a handful of people: the elasticity moves the effect, but by how much is not decided."""
    experiment = cut_world(Factor("price.elasticity", 1.9, 2.1), replications=2)
    experiment = replace(experiment, design=replace(experiment.design, customers=20, weeks=4))
    found = sweep(experiment, workers=1)
    assert found.tables["assumptions_that_matter"].empty
    assert found.to_json()["undecided"] == ["price.elasticity"]
    assert "Not decided, because it may be luck" in found.to_json()["in_words"]


def test_effects_are_paired_point_by_point(torn) -> None:
    runs = torn.tables["sweep_runs"].set_index(["point", "arm", "replication"])["orders"]
    rows = torn.responses[torn.responses["kpi"] == "orders"].set_index("point")
    for point in rows.index:
        pairs = [runs[point, "cut", r] - runs[point, "today", r] for r in range(6)]
        assert rows["difference"][point] == pytest.approx(np.mean(pairs))
