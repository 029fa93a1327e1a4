"""Twin lives: what differs was done by the policy, and what only the simulation knows is told as such."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.charts import Look
from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.replication.recentre import recentred
from crmlab.experiments.twins.chart import twin_chart
from crmlab.experiments.twins.twins import LIKE, gains_of_changed, simulate_twins
from crmlab.experiments.twins.watched_market import recorded_columns
from crmlab.sim import Coupon, Play
from crmlab.sim.customers import STAGES
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.outcome import MarketOutcome
from crmlab.strategies import ChannelMix, DiscountTiers, DoNothing, PointsAndTiers, PriceCut, Today
from tests.conftest import shop, today
from tests.places import LIBRARY

CUT = Arm("cut", today(Play("cut", PriceCut(rate=0.2))))
SAME = Arm("same", today(Play("nothing", DoNothing())))
MIX = Arm("mix", today(Play("mix", ChannelMix(total=2.0))))
TIERS = Arm("tiers", today(Play("tiers", DiscountTiers())))
QUESTION = Experiment(
    "twins", shop(), (Arm("today", today()), CUT, SAME, MIX, TIERS), Design(weeks=40, customers=300, seed=3)
)


class OneCoupon:
    """A coupon for everybody in week 5."""

    def decide(self, view):
        return [Coupon(0.3, np.ones(view.n, np.bool_), weeks=4)] if view.week == 5 else []


@pytest.fixture(scope="module")
def cut():
    return simulate_twins(QUESTION, "cut", like="won")


def simulated(arm: Arm) -> Market:
    design = QUESTION.design
    return Market(QUESTION.world, arm.plays, customers=design.customers, seed=design.seed).run(design.weeks)


def chart_of(twins, question=QUESTION):
    return twin_chart(twins, Look("today", tuple(arm.name for arm in question.arms)))


def test_a_life_is_what_the_order_log_of_the_whole_market_says_of_that_row(cut) -> None:
    for life, arm in ((cut.baseline, QUESTION.baseline), (cut.arm, CUT)):
        outcome = MarketOutcome(simulated(arm))
        mine = outcome.orders.row == cut.customer
        assert life.orders["moment"].tolist() == outcome.moment[mine].tolist()
        assert life.orders["paid"].tolist() == (outcome.orders.paid[mine] / outcome.market.minor).tolist()
        assert life.totals["contribution"] == pytest.approx(outcome.contribution[mine].sum(), abs=0.005)
        assert life.totals["orders"] == mine.sum()


def test_twins_live_in_the_re_centred_world_as_in_every_other_question() -> None:
    programme = (Play("today", Today()), Play("points", PointsAndTiers()))
    question = replace(QUESTION, arms=(Arm("today", programme), Arm("cut", (*programme, CUT.plays[-1]))))
    twins = simulate_twins(question, "cut", customer=7)
    centred = recentred(question.world, programme, question.design.seed)
    assert centred != question.world
    records = [MarketOutcome(Market(centred, arm.plays, customers=300, seed=3).run(40)) for arm in question.arms]
    for life, outcome in zip(twins.both, records, strict=True):
        assert life.orders["moment"].tolist() == outcome.moment[outcome.orders.row == 7].tolist()
    assert twins.changed["people"] == len(gains_of_changed(*records))


def test_the_same_order_has_the_same_basket_in_both_lives(cut) -> None:
    both = cut.baseline.orders.merge(cut.arm.orders, on="nth")
    assert len(both) or cut.baseline.totals["orders"] == 0
    assert both["value_x"].tolist() == both["value_y"].tolist()


def test_the_typical_customer_is_the_median_of_those_whose_orders_changed() -> None:
    gains = gains_of_changed(MarketOutcome(simulated(QUESTION.baseline)), MarketOutcome(simulated(CUT)))
    found = {like: simulate_twins(QUESTION, "cut", like=like) for like in LIKE}
    assert found["typical"].difference["contribution"] == pytest.approx(gains.quantile(0.5, "lower"), abs=0.005)
    assert abs(found["most_changed"].difference["contribution"]) == pytest.approx(gains.abs().max(), abs=0.005)
    assert found["lost"].difference["contribution"] < 0 < found["won"].difference["contribution"]
    assert found["typical"].changed == {
        "people": len(gains),
        "more": (gains > 0).sum(),
        "less": (gains < 0).sum(),
    }


def test_the_choice_is_the_same_every_time() -> None:
    assert simulate_twins(QUESTION, "cut").customer == simulate_twins(QUESTION, "cut").customer


def test_a_policy_that_changes_nobody_has_no_typical_customer_but_shows_whom_one_names() -> None:
    with pytest.raises(UserError, match="Nobody orders differently under same than under today"):
        simulate_twins(QUESTION, "same")
    twins = simulate_twins(QUESTION, "same", customer=0)
    pd.testing.assert_frame_equal(twins.baseline.orders, twins.arm.orders)
    assert twins.difference == {"orders": 0, "paid": 0, "discounts": 0, "contribution": 0}
    assert "Nothing changed" in chart_of(twins).sentence


def test_the_offered_price_is_seen_and_prospects_are_offered_nothing(cut) -> None:
    assert "offered" in cut.records
    weeks = cut.arm.weeks
    reached = weeks["stage"].ne("prospect") & (weeks["week"] < cut.weeks)
    assert weeks.loc[reached, "offered"].eq(0.2).all()
    assert weeks.loc[~reached, "offered"].isna().all()


def test_a_coupon_is_held_from_the_week_it_is_given_until_it_is_void() -> None:
    arm = Arm("coupon", today(Play("coupon", OneCoupon())))
    question = replace(QUESTION, arms=(QUESTION.baseline, arm), design=replace(QUESTION.design, weeks=12))
    outcome = MarketOutcome(Market(shop(), arm.plays, customers=300, seed=3).run(12))
    silent = int(np.setdiff1d(np.arange(300), outcome.orders.row)[0])
    twins = simulate_twins(question, customer=silent)
    assert "coupon" in twins.records
    held = twins.arm.weeks.set_index("week")["coupon"]
    assert held[held > 0].index.tolist() == [5, 6, 7, 8]


def test_points_and_tier_of_a_member_are_shown_and_are_nothing_without_the_programme() -> None:
    arm = Arm("points", today(Play("points", PointsAndTiers(earn_rate=0.1, silver_rate=0.05))))
    question = replace(QUESTION, arms=(QUESTION.baseline, arm))
    twins = simulate_twins(question, like="most_changed")
    assert {"points", "tier", "offered"} <= set(twins.records)
    assert twins.baseline.weeks["points"].eq(0).all()
    market = simulated(arm)
    assert twins.arm.weeks["points"].iloc[-1] == Loyalty.of(market).columns.points[twins.customer]
    assert twins.arm.weeks["tier"].iloc[-1] == Loyalty.of(market).columns.tier[twins.customer]
    silver = twins.arm.weeks["tier"].iloc[:-1] == 1
    assert twins.arm.weeks.loc[silver[silver].index, "offered"].eq(np.float64(0.05)).all()
    headings = [note.text for note in chart_of(twins, question).figure.layout.annotations]
    assert any("Points" in heading for heading in headings)


def test_records_are_columns_that_the_firm_sees_and_never_hidden_traits(cut) -> None:
    market = Market(shop(), (), customers=1)
    hidden = {name for owner in market.owners for name in set(owner.names()) - set(owner.seen())}
    assert {"order_rate", "progress", "referral_flags"} <= hidden
    assert not hidden & set(recorded_columns(market))
    assert not hidden & set(cut.records)
    shown = cut.to_json()["arms"]["cut"]
    assert "stage" not in shown["records"]
    assert set(shown["simulation_only"]) == {"stage_changes"}


def test_stages_are_told_as_known_to_the_simulation_only() -> None:
    twins = simulate_twins(QUESTION, "mix", like="most_changed")
    changes = twins.arm.stage_changes
    assert set(changes["stage"]) <= set(STAGES.values())
    headings = [note.text for note in chart_of(twins).figure.layout.annotations if note.text.startswith("<b>")]
    assert headings[-1] == "<b>Stage (known to the simulation only)</b>"
    assert not any("stage" in heading.lower() for heading in headings[:-1])


@pytest.mark.parametrize("arm", ["cut", "mix", "tiers"])
@pytest.mark.parametrize("like", LIKE)
def test_every_chart_has_its_sentence_and_its_table(arm: str, like: str) -> None:
    twins = simulate_twins(QUESTION, arm, like=like)
    chart = chart_of(twins)
    assert chart.sentence.endswith(".")
    assert "nan" not in chart.sentence
    assert not chart.table.astype(str).isin(["nan", "None"]).any().any()
    assert len(chart.table) == 1 + len(set(twins.baseline.orders["nth"]) | set(twins.arm.orders["nth"]))
    assert chart.table.iloc[-1][f"Week, {arm}"] == f"{twins.arm.totals['orders']} orders"


def test_somebody_who_never_orders_can_be_drawn_too() -> None:
    outcome = [MarketOutcome(simulated(arm)) for arm in (QUESTION.baseline, CUT)]
    nobody = np.setdiff1d(np.arange(outcome[0].market.customers.n), np.concatenate([r.orders.row for r in outcome]))
    chart = chart_of(simulate_twins(QUESTION, "cut", customer=int(nobody[-1])))
    assert "0 orders" in chart.sentence
    assert len(chart.table) == 1


# The command


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = str(LIBRARY / "discounts.toml")
    small = ["--weeks", "30", "--set", "design.customers=200"]

    def ask(*more: str) -> int:
        return exit_code(["twins", file, *small, *more])

    return ask


def test_the_command_tells_the_story_and_draws_a_page_that_needs_no_network(asked, tmp_path, capsys) -> None:
    assert asked("--arm", "price_cut", "--out", "deep/life.html") == 0
    out = capsys.readouterr().out
    assert "a typical one of those whose orders changed, over 30 weeks" in out
    assert "Next: open deep/life.html" in out
    html = (tmp_path / "deep" / "life.html").read_text()
    assert html.count("<script>") == 2
    assert "default-src 'none'" in html
    assert "src=" not in html.split("<script>")[0]


def test_the_command_as_json_is_json_alone(asked, capsys) -> None:
    assert asked("--arm", "price_cut", "--customer", "0", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["customer"], answer["like"], answer["weeks"]) == (0, None, 30)
    assert set(answer["arms"]) == {"today", "price_cut"}
    assert {"sentence", "page", "difference", "changed"} <= set(answer)
    assert Path(answer["page"]).exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--arm", "price_cuts"], '--arm price_cuts: not a known arm. Did you mean "price_cut"?'),
        (["--arm", "today"], "--arm today is the baseline"),
        (["--customer", "999999"], "--customer 999999: this market has people 0 to 6,799"),
        (["--customer", "-1"], "--customer -1: this market has people 0 to"),
        (["--like", "winner"], "--like"),
        (["--weeks", "0"], "--weeks"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(asked, capsys, arguments: list[str], told: str) -> None:
    assert asked(*arguments) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.strip().splitlines()) == 1
