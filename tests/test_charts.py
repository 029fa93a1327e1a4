"""Charts say in their sentence and table what they draw, and bear what a run can hand them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments import charts
from crmlab.experiments.charts import Chart, Look
from crmlab.experiments.charts.look import DARK, STYLES
from crmlab.experiments.reporting.provenance import provenance
from crmlab.experiments.reporting.quantities import change, quantity, relative, signed_percent
from crmlab.experiments.reporting.verdict import judge, verdict_sentence
from tests import report_folder

ARMS = report_folder.ARMS
LOOK = Look("today", ARMS)


@pytest.fixture
def draws() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def effects(draws: np.random.Generator) -> pd.DataFrame:
    return report_folder.effects(ARMS, draws)


def effect(**changes: object) -> object:
    """One row of the table of effects: an undisputed gain of 10 on 100, unless changed."""
    plain = {
        "arm": "tiers",
        "kpi": "orders",
        "label": "Orders",
        "unit": "orders",
        "direction": 1,
        "value": 110.0,
        "baseline_value": 100.0,
        "difference": 10.0,
        "low": 8.0,
        "high": 12.0,
        "low_unknowns": 4.0,
        "high_unknowns": 16.0,
        "p_better": 1.0,
    }
    return next(pd.DataFrame([plain | changes]).itertuples())


def check(chart: Chart) -> None:
    """What every chart owes its reader."""
    assert chart.title
    assert chart.sentence.endswith(".")
    assert "nan" not in chart.sentence
    assert len(chart.table) > 0
    assert not chart.table.astype(str).isin(["nan", "inf", "None"]).any().any()
    assert chart.figure.layout.height > 100
    assert chart.figure.layout.width is None  # as wide as its place


def test_numbers_read_as_people_write_them() -> None:
    assert quantity(1234.4, "currency", "EUR") == "€1,234"
    assert quantity(16.418, "currency per customer") == "$16.42"
    assert quantity(-3.2, "currency", "CHF") == "−CHF 3.20"
    assert quantity(0.4261, "share of customers") == "42.6%"
    assert quantity(38_214.0, "orders") == "38,214"
    assert quantity(math.nan, "currency") == "–"
    assert change(0.012, "share") == "+1.2 pp"
    assert change(-72.8, "orders") == "−73"
    assert relative(-5, -50) == "−10.0%"
    assert relative(3, 0) == "–"
    assert signed_percent(-0.01) == "+0.0%"  # no minus before a zero


def test_a_kpi_is_decided_only_when_luck_and_unknowns_exclude_zero() -> None:
    assert judge(effect()).word == "better"
    assert judge(effect(direction=-1)).word == "worse"
    assert judge(effect(direction=0)).word == "higher"
    assert judge(effect(low_unknowns=-1.0)).word == "not decided"
    assert judge(effect(low=8.0, low_unknowns=-1.0)).counts == "luck and unknowns"


def test_without_sampled_unknowns_luck_decides_and_the_verdict_says_so() -> None:
    verdict = judge(effect(low_unknowns=math.nan, high_unknowns=math.nan))
    assert (verdict.word, verdict.counts) == ("better", "luck only")


def test_a_kpi_that_never_moved_is_unchanged_and_one_without_cases_is_undefined() -> None:
    still = dict.fromkeys(("difference", "low", "high", "low_unknowns", "high_unknowns"), 0.0)
    assert judge(effect(**still)).word == "unchanged"
    assert judge(effect(**dict.fromkeys(still, math.nan))).word == "undefined"


def test_the_verdict_sentence_names_kpi_size_range_and_odds(effects: pd.DataFrame) -> None:
    sentence = verdict_sentence(effects, "price_cut", "today", "customer_equity")
    assert sentence.startswith("Worse: customer equity is worse than under today (−$45,353, −11.0%); range −$")
    assert "counting luck and unknowns" in sentence
    assert "none of the sampled worlds" in sentence


def test_the_verdict_keeps_what_only_the_simulation_knows_out(effects: pd.DataFrame) -> None:
    assert "contribution" in verdict_sentence(effects, "price_cut", "today", "customer_equity")
    hidden = effects.assign(hidden=effects["kpi"] == "contribution")
    assert "contribution" not in verdict_sentence(hidden, "price_cut", "today", "customer_equity")


def test_the_strip_begins_with_the_primary_kpi_and_shows_every_arm(effects: pd.DataFrame) -> None:
    cards = charts.kpi_cards(effects, LOOK, "cac", headline=("orders", "contribution"))
    assert [card.label for card in cards] == ["CAC, incentives included", "Contribution", "Orders"]
    assert [row.arm for row in cards[0].rows] == list(ARMS[1:])
    assert cards[0].rows[3].verdict.word == "worse"  # CAC rises under the price cut
    assert cards[0].rows[3].verdict.arrow == "▲"


def test_the_forest_shows_every_kpi_but_those_without_a_baseline(effects: pd.DataFrame) -> None:
    chart = charts.lift_forest(effects, LOOK, "customer_equity")
    check(chart)
    assert len(chart.table) == len(effects)
    assert "1 KPI(s) that are 0" in chart.note  # coupons are 0 under today
    assert "price_cut −11.0% (worse)" in chart.sentence


def test_the_forest_points_at_a_difference_that_would_squeeze_the_others(effects: pd.DataFrame) -> None:
    figure = charts.lift_forest(effects, LOOK, "customer_equity").figure
    texts = [text for trace in figure.data if trace.text is not None for text in trace.text if text]
    assert any("−330%" in text for text in texts)  # discounts under the price cut
    assert figure.layout.xaxis.range[1] < 100


def test_the_funnel_counts_everybody_once(draws: np.random.Generator) -> None:
    funnel = report_folder.funnel(ARMS)
    chart = charts.acquisition_funnel(funnel, LOOK)
    check(chart)
    assert "today: of 54,240 leads 20.8% order, of these 44.0% again" in chart.sentence
    bars = [trace for trace in chart.figure.data if trace.type == "bar"]
    assert sum(float(np.sum(bar.x)) for bar in bars) == pytest.approx(funnel["people"].sum())


def test_acquisition_costs_leave_out_channels_without_spend() -> None:
    chart = charts.cac_by_channel(report_folder.channels(ARMS), LOOK)
    check(chart)
    assert "organic" not in chart.sentence
    assert "organic" in set(chart.table["Channel"])
    assert chart.table.loc[chart.table["Channel"] == "organic", "CAC"].eq("–").all()


def test_cohorts_weigh_by_customers_and_skip_ages_not_reached() -> None:
    shares = [("today", 0, 300.0, 0, 0.2), ("today", 0, 300.0, 1, 0.1), ("today", 1, 100.0, 0, 0.4)]
    cohorts = pd.DataFrame(shares, columns=["arm", "cohort", "customers", "age", "share"])
    chart = charts.repeat_by_age(cohorts, LOOK)
    check(chart)
    assert list(chart.figure.data[0].y) == pytest.approx([0.25, 0.1])
    triangle = charts.cohort_triangle(cohorts, LOOK)
    check(triangle)
    assert triangle.table.iloc[1].tolist() == [1, "100", "40.0%", ""]


def test_the_cohort_triangle_shows_what_each_arm_changes(draws: np.random.Generator) -> None:
    chart = charts.cohort_triangle(report_folder.cohorts(ARMS, draws), LOOK)
    check(chart)
    assert [trace.type for trace in chart.figure.data] == ["heatmap"] * len(ARMS)
    assert np.nanmax(chart.figure.data[4].z) < 0  # price_cut loses everywhere


def test_payback_is_the_first_age_at_which_the_curve_reaches_the_cost() -> None:
    curve = {"arm": "today", "age_weeks": [0, 1, 2, 3], "contribution": [1.0, 2.0, 3.0, 4.0], "customers": 10.0}
    curve |= {"ltv": [1.0, 1.9, 2.8, 3.6], "cac": 3.0, "payback": 1.7}
    ltv = pd.concat([pd.DataFrame(curve), pd.DataFrame(curve | {"arm": "mix", "cac": 9.0, "payback": math.nan})])
    chart = charts.ltv_against_cac(ltv, Look("today", ("today", "mix")))
    check(chart)
    assert "today after 1.70 weeks; mix not within the horizon" in chart.sentence
    assert "LTV / CAC at 3 weeks" in chart.table
    assert chart.table["LTV / CAC at 3 weeks"].iloc[0] == "1.20"


def test_the_waterfall_leads_from_the_baseline_to_the_arm() -> None:
    profit = report_folder.profit(ARMS)
    chart = charts.profit_waterfall(profit, LOOK, "price_cut")
    check(chart)
    total = profit[profit["account"] == "contribution"].set_index("arm")["amount"]
    assert sum(chart.figure.data[0].x[:-1]) == pytest.approx(total["price_cut"])


def test_the_waterfall_shows_what_no_account_explains() -> None:
    profit = report_folder.profit(("today", "mix"))
    profit.loc[(profit["arm"] == "mix") & (profit["account"] == "contribution"), "amount"] += 500.0
    chart = charts.profit_waterfall(profit, Look("today", ("today", "mix")), "mix")
    assert chart.table.set_index("Account").loc["other", "Change"] == "+$500"


def test_weekly_paths_compare_the_last_quarter(draws: np.random.Generator) -> None:
    paths = charts.weekly_paths(report_folder.weekly(ARMS, draws), LOOK)
    assert [chart.title for chart in paths][:2] == ["Orders a week", "First orders a week"]
    for chart in paths:
        check(chart)
    assert "(−11.0%), do_nothing" in paths[0].sentence


def test_the_calibration_check_tells_what_really_happened() -> None:
    chart = charts.holdout_check(report_folder.calibration())
    check(chart)
    assert "really made 1,882 repeat orders" in chart.sentence
    assert "Pareto/NBD expected 1,750 (−7.0%) and BG/NBD expected 1,676 (−11.0%)" in chart.sentence


def test_a_calibration_that_fell_back_to_one_model_shows_that_one() -> None:
    calibration = report_folder.calibration()
    calibration["holdout"] = {"weeks": 39, "actual_repeat_orders": 1882, "nbd": 1900.0}
    weeks = [{**week, "nbd": week["pareto_nbd"]} for week in calibration["weekly_repeats"]]
    calibration["weekly_repeats"] = [
        {k: v for k, v in week.items() if k not in ("pareto_nbd", "bg_nbd")} for week in weeks
    ]
    chart = charts.holdout_check(calibration)
    assert [trace.name for trace in chart.figure.data] == ["really happened", "NBD"]


def test_arms_differ_in_more_than_colour_and_every_ink_has_a_dark_partner() -> None:
    assert len({style.symbol for style in STYLES}) == len(STYLES)
    assert len({style.colour for style in STYLES}) == len(STYLES)
    assert not set(DARK) & set(DARK.values())  # or a second look would exchange it again


def test_provenance_names_only_what_was_estimated() -> None:
    assert provenance([]).startswith("Published or assumed: everything.")
    assert "spend" in provenance({"base", "spend", "history"}).split("Assumed")[0]
    assert "spend" in provenance({"base", "history"}).split("Assumed")[1]
