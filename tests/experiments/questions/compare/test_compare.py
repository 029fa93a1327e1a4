"""From an experiment to its answer: the same numbers for any number of workers, and honest about what is assumed."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.parameters.registry import get_parameter, set_parameter
from crmlab.experiments.questions.compare.breakeven import (
    FRIENDS,
    LOYALTY,
    MEDIA,
    PRICE,
    breakeven_sentence,
    concerned,
    crossing_of,
    strengthened,
)
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, sampled_world
from crmlab.sim import Play
from crmlab.sim.kpis import HEADLINE, KPIS
from crmlab.sim.levers import Unknown
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.strategies import ChannelMix, DiscountTiers, DoNothing, PointsAndTiers, ReferralReward
from tests.conftest import shop, today

ARMS = (
    Arm("today", today()),
    Arm("tiers", today(Play("tiers", DiscountTiers()))),
    Arm("mix", today(Play("mix", ChannelMix(factors={"paid_search": 2.0})))),
    Arm("same", today(Play("idle", DoNothing()))),
)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment("test", shop(), ARMS, Design(weeks=60, customers=300, replications=4, seed=3))


@pytest.fixture(scope="module")
def comparison(experiment: Experiment):
    return compare(experiment, workers=1)


def test_the_answer_is_the_same_for_any_number_of_workers(experiment: Experiment, comparison) -> None:
    other = compare(experiment, workers=2)
    assert set(other.tables) == set(comparison.tables)
    for name, table in comparison.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)


def test_one_arm_alone_is_not_asked_when_it_breaks_even(experiment: Experiment) -> None:
    counted: list[int] = []
    alone = replace(experiment, arms=experiment.arms[:1], design=Design(weeks=2, customers=50, replications=2))
    found = compare(alone, workers=1, on_progress=lambda _done, total: counted.append(total))
    assert counted == [6] * 6  # two replications of the stated world, two lives of each of two sampled ones
    assert found.tables["breakeven"].empty


def test_json_has_the_published_keys_and_only_finite_numbers(comparison) -> None:
    answer = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert answer["baseline"] == "today"
    assert answer["replications"] == 4
    assert list(answer["arms"]) == ["today", "tiers", "mix", "same"]
    kpi_value = answer["arms"]["tiers"]["customer_equity"]
    assert set(kpi_value) >= {
        "value", "difference", "low", "high", "low_unknowns", "high_unknowns", "p_better", "variance_reduction",
    }  # fmt: skip
    assert kpi_value["low"] <= kpi_value["difference"] <= kpi_value["high"]
    assert (kpi_value["worlds"], kpi_value["verdict"]) == (4, "not decided")  # four worlds decide nothing
    assert "verdict" not in answer["arms"]["today"]["customer_equity"]
    assert answer["arms"]["today"]["orders"]["difference"] is None
    assert set(answer["arms"]["mix"]) == set(KPIS)


def test_an_arm_without_effect_differs_by_exactly_nothing(comparison) -> None:
    same = comparison.effects[comparison.effects["arm"] == "same"]
    assert (same["difference"].dropna() == 0).all()
    assert same["low_unknowns"].isna().all()  # that no difference was seen is no range of width nothing
    assert set(same.loc[same["difference"].notna(), "no_difference_in"]) == {12}
    assert (same["p_better"].dropna() == 0.5).all()


def test_holm_never_makes_an_arm_look_surer(comparison) -> None:
    arms = comparison.effects[comparison.effects["arm"] != "today"].dropna(subset=["p_value"])
    assert (arms["p_holm"] >= arms["p_value"]).all()
    assert (arms["p_holm"] > arms["p_value"]).any()


def test_the_headline_holds_cac_repurchase_ltv_equity_and_volume(comparison) -> None:
    assert set(comparison.headline()["kpi"]) == set(HEADLINE)
    assert {"cac", "repurchase_52", "ltv_52", "customer_equity", "first_orders"} <= set(HEADLINE)


@pytest.fixture(scope="module")
def two_sizes() -> list[pd.Series]:
    """The same question, and the same sixteen sampled worlds, on a small market and on one eight times as large."""
    arms = (ARMS[0], ARMS[1])
    found = []
    for customers in (200, 1600):
        design = Design(weeks=26, customers=customers, replications=16, seed=3)
        effects = compare(Experiment("sizes", shop(), arms, design), workers=1).effects
        found.append(effects.set_index(["arm", "kpi"]).loc[("tiers", "orders")])
    return found


@pytest.mark.slow
def test_unknowns_widen_what_is_claimed(two_sizes) -> None:
    """Of a market in which luck is small, the worlds surely differ, and by more than the luck of the stated one."""
    large = two_sizes[1]
    assert large["worlds"] == 16
    assert large["luck_share_high"] < 0.75
    assert large["high_unknowns"] - large["low_unknowns"] > 2 * (large["high"] - large["low"])


@pytest.mark.slow
def test_what_a_policy_does_to_states_of_the_world_hangs_little_on_the_number_of_rows(two_sizes) -> None:
    small, large = two_sizes
    assert small["luck_share"] > large["luck_share_high"]  # it is luck that the rows change ...
    widths = [one["high_unknowns"] - one["low_unknowns"] for one in two_sizes]
    assert (1 - small["luck_left"]) * widths[0] < widths[1] < widths[0] / (1 - large["luck_left"])  # ... not the worlds
    assert max(small["p_low"], large["p_low"]) <= min(small["p_high"], large["p_high"])


def test_every_arm_of_a_sampled_world_meets_the_same_world(experiment: Experiment) -> None:
    a, b = sampled_world(experiment, 1), sampled_world(replace(experiment, arms=ARMS[:2]), 1)
    assert a == b
    assert a != sampled_world(experiment, 2)
    assert a != experiment.world


def test_assumptions_stay_in_their_ranges_and_what_the_firm_knows_stays_put(experiment: Experiment) -> None:
    drawn = [sampled_world(experiment, r) for r in range(200)]
    elasticity = np.array([w.price.elasticity for w in drawn])
    assert 1.0 <= elasticity.min() < 1.3
    assert 2.3 < elasticity.max() <= 2.6
    peak = (1.0 + 1.8 + 2.6) / 3  # mean of the triangular distribution
    assert abs(elasticity.mean() - peak) < 4 * elasticity.std() / math.sqrt(200)
    leads = np.array([w.channels[0].leads_max for w in drawn])
    assert 60 / 1.25 <= leads.min() < 54 < 66 < leads.max() <= 60 * 1.25
    assert {w.economics.discount_rate for w in drawn} == {experiment.world.economics.discount_rate}
    assert {w.channels[0].budget for w in drawn} == {experiment.world.channels[0].budget}
    assert {w.base for w in drawn} == {experiment.world.base}  # authored, not fitted: no covariance to draw from
    assert {w.channels[4].half_budget for w in drawn} == {0.0}


def test_what_was_switched_off_stays_off_and_a_stated_range_is_used(experiment: Experiment) -> None:
    off = replace(experiment, world=set_parameter(experiment.world, "price.pull_forward", 0.0))
    assert {sampled_world(off, r).price.pull_forward for r in range(20)} == {0.0}
    stated = replace(experiment, ranges={"economics.gross_margin": (0.40, 0.50)})
    margins = np.array([sampled_world(stated, r).economics.gross_margin for r in range(50)])
    assert 0.40 <= margins.min() < margins.max() <= 0.50


def test_an_effect_that_may_not_exist_is_drawn_down_to_its_absence_half_of_the_draws_below_its_value(
    experiment: Experiment,
) -> None:
    drawn = [sampled_world(experiment, r) for r in range(400)]
    se = 0.5 / math.sqrt(400)
    may_be_absent = [number for number in assumed_unknowns(experiment) if number.unknown.absent is not None]
    assert {"price.gain", "loyalty.goal_gradient", "loyalty.member"} <= {number.path for number in may_be_absent}
    for path, unknown, value, _ in may_be_absent:
        values = np.array([get_parameter(world, path) for world in drawn])
        distance = np.abs(values - unknown.absent)  # how much of the effect there is
        assert distance.min() < 0.05 * abs(value - unknown.absent), path  # as good as absent in some world
        assert abs((distance < abs(value - unknown.absent)).mean() - 0.5) < 4 * se, path


def test_margin_and_costs_vary_unless_the_firm_says_that_it_knows_them(experiment: Experiment) -> None:
    drawn = [sampled_world(experiment, r).economics for r in range(100)]
    margins = np.array([economics.gross_margin for economics in drawn])
    assert 0.45 / 1.2 <= margins.min() < 0.40 < 0.50 < margins.max() <= 0.45 * 1.2
    known = replace(experiment, ranges={"economics.gross_margin": (0.45, 0.45)})
    assert {sampled_world(known, r).economics.gross_margin for r in range(20)} == {0.45}
    row = assumptions_table(known).set_index("name").loc["economics.gross_margin"]
    assert (row["kind"], row["varied"]) == ("known", False)


def test_a_number_that_begins_or_ceases_to_vary_changes_no_other_draw(experiment: Experiment) -> None:
    known = replace(experiment, ranges={"price.elasticity": (1.8, 1.8), "economics.discount_rate": (0.1, 0.2)})
    before, after = sampled_world(experiment, 3), sampled_world(known, 3)
    assert before.price.elasticity != after.price.elasticity == 1.8
    assert before.economics.discount_rate != after.economics.discount_rate
    assert replace(after.price, elasticity=before.price.elasticity) == before.price
    assert (after.loyalty, after.channels, after.word_of_mouth) == (
        before.loyalty,
        before.channels,
        before.word_of_mouth,
    )


def test_an_absence_is_an_end_of_the_range_and_only_of_what_varies() -> None:
    with pytest.raises(ValueError, match="end of the range"):
        Unknown(0.1, 1.0, "-", "nowhere", "A", vary="range", absent=0.0)
    with pytest.raises(ValueError, match="must vary"):
        Unknown(0.0, 1.0, "-", "nowhere", "A", absent=0.0)


def test_fitted_parameters_vary_by_their_joint_covariance(experiment: Experiment) -> None:
    names = ("r", "alpha", "s", "beta")
    sd = np.array([0.08, 0.10, 0.3, 0.5])
    correlation = np.eye(4)
    correlation[0, 1] = correlation[1, 0] = 0.8
    correlation[2, 3] = correlation[3, 2] = 0.9
    fitted = replace(experiment, log_covariance={"base": (names, (correlation * np.outer(sd, sd)).tolist())})
    logs = np.log([[getattr(sampled_world(fitted, r).base, name) for name in names] for r in range(600)])
    np.testing.assert_allclose(logs.std(axis=0), sd, rtol=0.15)
    np.testing.assert_allclose(np.corrcoef(logs.T), correlation, atol=0.15)
    assert not any(number.path.startswith("base.") for number in assumed_unknowns(fitted))


def test_one_more_channel_at_the_end_changes_no_other_draw(experiment: Experiment) -> None:
    channels = experiment.world.channels
    more = replace(experiment.world, channels=(*channels, replace(channels[0], name="new")))
    drawn = sampled_world(replace(experiment, world=more), 3)
    assert drawn.channels[:5] == sampled_world(experiment, 3).channels
    assert drawn.price == sampled_world(experiment, 3).price


def test_every_assumption_is_listed_with_range_source_and_kind(experiment: Experiment) -> None:
    table = assumptions_table(experiment).set_index("name")
    assert table.loc["price.elasticity", "kind"] == "assumed"
    assert table.loc["price.pull_forward", "kind"] == "published"
    assert table.loc["price.elasticity", "varied"]
    assert table.loc["economics.gross_margin", "varied"]
    assert not table.loc["economics.discount_rate", "varied"]
    assert "base.a" not in table.index  # unused by the Pareto/NBD
    real = assumptions_table(replace(experiment, fitted=frozenset({"base", "spend"}))).set_index("name")
    assert set(real.loc[real["kind"] == "real", "group"]) == {"base", "spend"}
    assert (table["source"].str.len() > 0).all()


def test_break_even_finds_where_a_planted_gain_changes_sign(comparison) -> None:
    assert crossing_of({0.0: -10.0, 0.5: -5.0, 1.0: 0.5, 2.0: 8.0}) == pytest.approx(0.9545, abs=1e-3)
    assert math.isnan(crossing_of({0.0: 1.0, 1.0: 2.0}))
    table = comparison.tables["breakeven"].set_index(["arm", "assumption"])
    assert "does not depend" in table.loc[("same", PRICE), "sentence"]
    tiers = table.loc[("tiers", PRICE)]
    assert tiers["at_zero"] < 0  # discounts that move nobody only cost money
    assert tiers["at_zero"] < tiers["at_default"]
    assert table.loc[("mix", PRICE), "at_zero"] == pytest.approx(table.loc[("mix", PRICE), "at_default"])


def test_the_difference_as_assumed_is_the_verdicts_own(comparison) -> None:
    verdicts = comparison.effects.query("kpi == 'customer_equity'").set_index("arm")["difference"]
    assert len(comparison.tables["breakeven"]) >= 4
    for row in comparison.tables["breakeven"].itertuples():
        assert row.at_default == verdicts[row.arm]


def test_what_changes_nothing_without_the_effect_does_not_pay_from_nothing_on() -> None:
    gains = {0.0: 0.0, 0.5: 3.0, 1.0: 7.0, 2.0: 11.0, 3.0: 12.0}
    said = breakeven_sentence("mix", MEDIA, gains, crossing_of(gains), 1)
    assert said == (
        "Without any response to media mix changes nothing; it pays at any strength tried, 0.5 to 3 times as assumed."
    )
    said = breakeven_sentence("mix", MEDIA, gains | {0.0: 1.0}, math.nan, 1)
    assert said == "mix pays at any response to media from nothing to 3 times the assumed strength."


def test_the_strength_of_price_reactions_can_be_scaled_to_nothing_and_threefold() -> None:
    world = shop()
    assert strengthened(world, PRICE, 0.0).price.elasticity == 0
    assert strengthened(world, PRICE, 3.0).price.elasticity == pytest.approx(5.4)
    assert strengthened(world, PRICE, 3.0).price.elasticity_max > 5.4


def test_break_even_asks_about_programmes_and_friends_only_where_an_arm_has_such_rules() -> None:
    world = shop(word_of_mouth=WordOfMouth(p_invite=0.08, accept_strong=0.2))
    arms = (
        Arm("today", today()),
        Arm("points", today(Play("points", PointsAndTiers()))),
        Arm("friends", today(Play("friends", ReferralReward()))),
    )
    design = Design(weeks=30, customers=300, replications=2, unknowns=False)
    experiment = Experiment("rules", world, arms, design)
    assert {name: [arm.name for arm in which] for name, which in concerned(experiment).items()} == {
        PRICE: ["today", "points", "friends"],
        MEDIA: ["today", "points", "friends"],
        LOYALTY: ["today", "points"],
        FRIENDS: ["today", "friends"],
    }
    table = compare(experiment, workers=1).tables["breakeven"].set_index(["arm", "assumption"])
    assert set(table.index) == {
        *((arm, family) for arm in ("points", "friends") for family in (PRICE, MEDIA)),
        ("points", LOYALTY),
        ("friends", FRIENDS),
    }
    assert table.loc[("points", LOYALTY), "at_zero"] < 0  # rewards that move nobody only cost money
    assert abs(table.loc[("friends", FRIENDS), "at_zero"]) < abs(table.loc[("friends", FRIENDS), "at_default"])


def test_effects_of_programmes_and_friends_can_be_scaled_to_nothing() -> None:
    world = shop(word_of_mouth=WordOfMouth(p_invite=0.04))
    assert strengthened(world, LOYALTY, 0.0).loyalty.goal_gradient == 0
    assert strengthened(world, LOYALTY, 0.0).loyalty.status == 1
    held = replace(world, loyalty=replace(world.loyalty, status=0.85))
    assert strengthened(held, LOYALTY, 2.0).loyalty.status == pytest.approx(0.7)
    assert strengthened(world, FRIENDS, 3.0).word_of_mouth.p_invite == pytest.approx(0.12)
    assert strengthened(world, FRIENDS, 0.0).word_of_mouth.on


def test_terms_that_a_world_cannot_carry_out_are_refused_before_anything_is_lived() -> None:
    arms = (Arm("today", today()), Arm("friends", today(Play("friends", ReferralReward()))))
    with pytest.raises(UserError, match="The arm friends cannot be played: friends: nobody recommends anything"):
        compare(Experiment("silent", shop(), arms, Design(weeks=4, customers=50, replications=2)), workers=1)
