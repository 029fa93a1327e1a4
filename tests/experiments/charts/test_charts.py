"""Charts say in their sentence and table what they draw, and bear what a run can hand them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments import charts
from crmlab.experiments.charts import Chart, Look
from crmlab.experiments.charts.look import DARK, STYLES
from crmlab.experiments.statistics.effects import paired_effect
from crmlab.experiments.statistics.verdict import (
    ahead,
    few_replications,
    how_sure,
    interval,
    judge,
    verdict_sentence,
)
from crmlab.experiments.wording.provenance import provenance
from crmlab.experiments.wording.quantities import between, change, quantity, relative, signed_percent
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
        "range_holds": 15 / 17,
        "range_holds_at_least": 0.74,
        "worlds": 16,
        "worlds_better": 16,
        "worlds_tied": 0,
        "p_better": 1.0,
        "p_low": 0.79,
        "p_high": 1.0,
        "luck_share": 0.1,
        "luck_share_low": 0.05,
        "luck_share_high": 0.2,
        "luck_left": 0.02,
        "no_difference_in": 0,
    }
    return next(pd.DataFrame([plain | changes]).itertuples(index=False))


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
    assert quantity(38_214.0, "orders") == "38,210"  # no total is known to its last unit
    assert quantity(9_214.4, "orders") == "9,214"
    assert quantity(math.nan, "currency") == "–"
    assert change(0.012, "share") == "+1.2 pp"
    assert change(-72.8, "orders") == "−73"
    assert relative(-5, -50) == "−10.0%"
    assert relative(3, 0) == "–"
    assert signed_percent(-0.01) == "+0.0%"  # no minus before a zero


def test_a_difference_has_the_digits_that_its_interval_leaves_it() -> None:
    assert change(715_432.0, "currency", sure=(234_000.0, 1_368_000.0)) == "+$720,000"
    assert change(715_432.0, "currency", sure=(715_000.0, 716_000.0)) == "+$715,430"
    assert change(14.237, "currency", sure=(9.0, 19.0)) == "+$14.2"
    assert change(14.237, "currency", sure=(14.22, 14.25)) == "+$14.24"  # no more decimals than money has
    assert change(84.6, "currency", sure=(-20.0, 190.0)) == "+$80"
    assert change(0.0123, "share", sure=(0.0, 0.025)) == "+1.2 pp"
    assert change(0.123, "share", sure=(-0.1, 0.4)) == "+12 pp"
    assert change(-72.8, "orders", sure=(math.nan, math.nan)) == "−73"
    assert between(-27_947.0, 1_415_894.0, "currency") == "−$30,000 to +$1,420,000"


def test_an_end_of_a_range_that_is_not_nothing_is_not_written_as_nothing() -> None:
    assert between(230.0, 29_199.0, "currency") == "+$200 to +$29,000"
    assert between(-0.4, 50.0, "orders") == "−0.40 to +50"
    assert between(0.0, 29_199.0, "currency") == "+$0 to +$29,000"


def test_a_kpi_is_decided_only_when_the_range_of_worlds_excludes_zero() -> None:
    assert judge(effect()).word == "better"
    assert judge(effect(direction=-1, p_low=0.0, p_high=0.21)).word == "worse"
    assert judge(effect(direction=0)).word == "higher"
    assert judge(effect(low_unknowns=-1.0)).word == "not decided"
    assert judge(effect(low=8.0, low_unknowns=-1.0)).counts == "luck and unknowns"


@pytest.mark.parametrize(("worlds", "word"), [(2, "not decided"), (5, "not decided"), (6, "better"), (16, "better")])
def test_few_worlds_decide_nothing_though_the_arm_wins_in_all_of_them(worlds: int, word: str) -> None:
    rng = np.random.default_rng(worlds)
    gains = paired_effect(rng.normal(9, 1, worlds), np.zeros(worlds), rng.normal(9, 1, worlds), np.zeros(worlds))
    row = effect(**dataclasses.asdict(gains))
    assert judge(row).word == word
    assert ahead(row) == f"{worlds} of {worlds}"
    assert ("it takes six at least" in " ".join(how_sure(row, "today"))) == (word == "not decided")


def test_verdict_range_and_count_never_contradict_each_other() -> None:
    """Over skewed and symmetric differences, many and few worlds: decided means that the range lies on one side of 0,
    and of so few worlds that it is made of all of them, that the arm wins (or loses) in every one."""
    rng = np.random.default_rng(8)
    seen = set()
    for _ in range(400):
        n, shift = int(rng.integers(2, 60)), rng.normal(0.5, 1)
        sampled = rng.choice([rng.normal(0, 1, n), rng.exponential(1, n) ** 2 - 1, -rng.exponential(1, n)]) + shift
        fixed = rng.normal(shift, 0.3, 16)
        row = effect(**dataclasses.asdict(paired_effect(fixed, np.zeros(16), sampled, np.zeros(n))))
        word = judge(row).word
        seen.add(word)
        assert sampled.min() <= row.low_unknowns <= row.high_unknowns <= sampled.max()
        if word == "better":
            assert row.low_unknowns > 0
            assert row.worlds_better == n if n < 39 else row.worlds_better > 0.9 * n
            assert row.difference > 0
        if row.worlds_better == n >= 6 and row.difference > 0:
            assert word == "better"
    assert seen == {"better", "worse", "not decided"}


def test_the_world_as_stated_may_not_say_the_contrary_of_the_sampled_ones() -> None:
    contrary = effect(difference=-1.0, low=-3.0, high=1.0)
    assert judge(contrary).word == "not decided"
    assert "says the contrary" in " ".join(how_sure(contrary, "today"))


def test_without_sampled_unknowns_luck_decides_and_the_verdict_says_so() -> None:
    plain = effect(low_unknowns=math.nan, high_unknowns=math.nan, worlds=0)
    verdict = judge(plain)
    assert (verdict.word, verdict.counts) == ("better", "luck only")
    assert how_sure(plain, "today") == [
        "Range +8 to +12 counting luck only: the unknowns of the world were not sampled."
    ]


def test_a_kpi_that_never_moved_is_unchanged_and_one_without_cases_is_undefined() -> None:
    nothing = dataclasses.asdict(paired_effect(np.ones(4), np.ones(4), np.ones(4), np.ones(4)))
    assert judge(effect(**nothing)).word == "unchanged"
    assert interval(effect(**nothing)) == "none seen in 8"
    said = verdict_sentence(pd.DataFrame([effect(**nothing)._asdict()]), "tiers", "today", "orders")
    assert said == "Unchanged: no difference to today in orders was seen in 8 replications."
    assert judge(effect(**dict.fromkeys(nothing, math.nan))).word == "undefined"


def test_the_verdict_sentence_names_kpi_size_range_and_odds(effects: pd.DataFrame) -> None:
    sentence = verdict_sentence(effects, "price_cut", "today", "customer_equity")
    assert sentence.startswith("Worse: customer equity is worse than under today (−$45,400, −11.0%). ")
    assert "It is ahead of today in 0 of 16 sampled worlds (so in 0% to 21% of such worlds); range −$" in sentence
    assert "(88% of such worlds lie there, surely 74%)." in sentence
    assert "10% (between 5.0% and 20%) of the variance is its luck, 90% the world; luck is taken out" in sentence


def test_few_replications_are_warned_of() -> None:
    assert "2 replications say little" in few_replications(2)
    assert few_replications(4) == ""


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
