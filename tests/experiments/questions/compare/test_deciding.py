"""The assumptions that decide a question: found where they were planted, and no more sure than so few worlds allow."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.compare import deciding
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.questions.compare.deciding import deciding_table, resting_on, touched_numbers, worlds_table
from crmlab.experiments.questions.compare.deciding_listing import deciding_lines
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.statistics.ratios import dividing
from crmlab.sim import Play
from crmlab.strategies import ChannelMix, DiscountTiers, PointsAndTiers
from tests.conftest import shop, today

TIERS = Arm("tiers", today(Play("tiers", DiscountTiers())))
MIX = Arm("mix", today(Play("mix", ChannelMix(factors={"paid_search": 2.0}))))
POINTS = Arm("points", today(Play("points", PointsAndTiers())))
WORLDS = 16


def asked(*arms: Arm, **design: int) -> Experiment:
    settings = {"weeks": 8, "customers": 100, "replications": WORLDS, "seed": 3} | design
    return Experiment("deciding", shop(), (Arm("today", today()), *arms), Design(**settings))


def kpi_values(experiment: Experiment, gains: np.ndarray) -> pd.DataFrame:
    """Sampled worlds in which the first arm gains so much."""
    arms = experiment.arms[:2]
    return pd.DataFrame(
        {"arm": arm.name, "world": "sampled", "number": r, "customer_equity": gain if arm is arms[1] else 0.0}
        for arm in arms
        for r, gain in enumerate(gains)
    )


def test_what_was_drawn_is_kept_and_is_what_was_lived() -> None:
    experiment = asked(TIERS)
    worlds = worlds_table(experiment, range(WORLDS))
    assert list(worlds["world"]) == list(range(WORLDS))
    assert worlds["price.elasticity"].tolist() == [sampled_world(experiment, r).price.elasticity for r in range(WORLDS)]
    assert (worlds.drop(columns="world").nunique() > 1).all(), "every number kept is one that varies"


def test_the_number_that_was_planted_comes_first() -> None:
    experiment = asked(TIERS)
    worlds = worlds_table(experiment, range(WORLDS))
    gains = 10 - worlds["price.elasticity"].to_numpy() ** 3
    first, second = deciding_table(experiment, kpi_values(experiment, gains), worlds).iloc[:2].itertuples()
    assert (first.name, first.rank, first.by, first.worlds) == ("price.elasticity", 1, "worlds", WORLDS)
    assert first.correlation == pytest.approx(-1)
    assert first.at_low > first.at_high
    assert first.beyond_chance
    assert not second.beyond_chance
    assert (first.value, first.low, first.high) == (1.8, 1.0, 2.6)


def test_of_few_worlds_evidence_speaks_and_no_correlation_is_claimed() -> None:
    experiment = asked(TIERS, replications=7)
    worlds = worlds_table(experiment, range(7))
    found = deciding_table(experiment, kpi_values(experiment, np.arange(7.0)), worlds)
    assert len(found) == deciding.ASKED
    assert set(found["by"]) == {"evidence"}
    assert found["correlation"].isna().all()
    assert set(found["evidence"]) == {"A"}, "assumed numbers come before published ones"
    said = "\n".join(deciding_lines(found, "tiers", pd.DataFrame({"kpi": [], "unit": []}), "customer_equity", "USD"))
    assert "too few sampled worlds" in said
    assert "correlation" not in said.replace("correlation of elasticity", "")


@pytest.mark.slow
def test_luck_alone_is_called_beyond_chance_in_one_of_twenty_questions_at_most() -> None:
    """400 questions whose gains hang on nothing: at most 5 % have such a number (tolerance 3 standard errors)."""
    rng = np.random.default_rng(5)
    experiment = asked(TIERS)
    worlds, names = worlds_table(experiment, range(WORLDS)), touched_numbers(experiment, TIERS)
    wrong = 0
    for _ in range(400):
        gains = pd.Series(rng.normal(size=WORLDS))
        wrong += any(said["beyond_chance"] for said in deciding._by_worlds(names, worlds, gains))
    assert wrong / 400 < 0.05 + 0.033


def test_an_arm_is_asked_about_what_it_touches() -> None:
    experiment = asked(TIERS, MIX, POINTS)
    groups = {arm.name: {n.partition(".")[0] for n in touched_numbers(experiment, arm)} for arm in experiment.arms[1:]}
    assert "price" in groups["tiers"]
    assert not groups["tiers"] & {"channels", "loyalty", "word_of_mouth"}
    assert "channels" in groups["mix"]
    assert not groups["mix"] & {"price", "loyalty"}
    assert {"price", "loyalty"} <= groups["points"]
    assert "channels" not in groups["points"]
    assert "economics.programme_setup" not in touched_numbers(experiment, TIERS)
    assert "economics.programme_setup" in touched_numbers(experiment, POINTS)


def test_before_anything_is_lived_five_numbers_name_the_arms_that_rest_on_them() -> None:
    found = resting_on(asked(TIERS, MIX))
    assert len(found) == deciding.ASKED
    assert set(found["evidence"]) == {"A"}
    for row in found.itertuples():
        assert row.low < row.high < 1e6, "the range that is drawn from, not what the field allows"
        assert row.arms == (["tiers"] if row.name.startswith("price.") else ["tiers", "mix"])


def test_a_comparison_keeps_worlds_and_what_decides_and_the_report_says_it_under_the_verdict(tmp_path) -> None:
    from crmlab.experiments.runs.contents import write_found
    from crmlab.experiments.runs.store import RunFolder

    experiment = asked(TIERS, MIX, replications=8)
    found = compare(experiment, workers=1)
    assert len(found.tables["worlds"]) == 8
    assert set(found.tables["deciding"]["arm"]) == {"tiers", "mix"}
    assert found.tables["deciding"]["correlation"].between(-1, 1).all()
    folder = RunFolder.create(tmp_path, experiment)
    write_found(folder, experiment, found)
    path = folder.finish("done")
    assert (path / "worlds.parquet").is_file()
    html = write_report(path).read_text(encoding="utf-8")
    places = [html.index(f'<section id="{name}"') for name in ("verdict", "deciding", "kpis")]
    assert places == sorted(places)
    assert "a rank over 8 sampled worlds" in html.lower()


def test_a_ratio_whose_costs_cancel_is_left_as_it_was_read() -> None:
    """Costs of +1 and -1 have the mean 0: a ratio of means would divide by it."""
    table = pd.DataFrame({"ltv_cac": [1.0, 2.0], "ltv_52": [1.0, 2.0], "cac_cohort": [1.0, -1.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dividing(table).equals(table)


def test_a_fitted_number_is_shown_with_the_range_of_its_estimate_not_with_the_limits_of_its_field() -> None:
    spread = 0.1  # standard error of the logs
    covariance = {"spend": (("p", "q", "gamma"), [[spread**2, 0, 0], [0, spread**2, 0], [0, 0, spread**2]])}
    experiment = dataclasses.replace(asked(TIERS), fitted=frozenset({"base", "spend"}), log_covariance=covariance)
    worlds = worlds_table(experiment, range(WORLDS))
    gains = worlds["spend.gamma"].to_numpy()
    first = next(deciding_table(experiment, kpi_values(experiment, gains), worlds).itertuples())
    gamma = experiment.world.spend.gamma
    assert first.name == "spend.gamma"
    assert (first.low, first.high) == pytest.approx((gamma * np.exp(-1.96 * spread), gamma * np.exp(1.96 * spread)))
