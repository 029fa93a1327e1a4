"""Surveys: what firms are told, what it costs, and how far it is from the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import ndtr

from crmlab.sim import Coupon, Play, Survey, Target
from crmlab.sim.actions import ActionError
from crmlab.sim.customers import GONE, LONG_AGO
from crmlab.sim.facts import recorded_facts
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.satisfaction.accounts import SURVEYS
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.satisfaction.satisfaction import CustomerSatisfaction
from crmlab.sim.mechanisms.satisfaction.scales import USUAL, USUAL_WEIGHT, Respondents
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Base, Population, World
from crmlab.strategies import CouponCampaign, SatisfactionSurvey
from tests.conftest import cohort, columns_of, shop, today

N = 20_000
EVERYBODY = SatisfactionSurvey(share=1.0, every_weeks=1, cost=0.25)
FAITHFUL = Satisfaction(response=1.0, response_bias=0.0, answer_noise=0.0)


def loyal(numbers: Satisfaction) -> World:
    """Customers who have all just ordered for the first time, never leave, and nobody else."""
    world = cohort(Base(model="nbd", r=1e4, alpha=2e4))
    population = Population(customers=N, prospects=0, history_weeks=0.0)
    return replace(world, mechanisms={"satisfaction": numbers}, population=population)


def surveyed(numbers: Satisfaction, question: str = "csat") -> tuple[Market, dict[str, float]]:
    """A market in which everybody was asked once, and its KPIs of satisfaction."""
    market = Market(loyal(numbers), (Play("survey", replace(EVERYBODY, question=question)),), customers=N).run(1)
    return market, {kpi.id: kpi.read(MarketOutcome(market)) for kpi in Satisfaction.kpis}


def test_where_all_answer_as_they_feel_the_survey_is_the_truth_person_by_person() -> None:
    market, kpis = surveyed(FAITHFUL)
    cut = CustomerSatisfaction.of(market).satisfied_from
    np.testing.assert_array_equal(market.column("csat") >= 4, market.column("satisfaction") >= np.float32(cut))
    assert kpis["csat"] == pytest.approx(kpis["satisfied"], abs=1e-9)
    assert kpis["survey_response"] == 1.0
    boxes = np.bincount(market.column("csat"), minlength=6)
    assert boxes[0] == 0
    assert (boxes[1:] > 0).all()


@pytest.mark.parametrize("noise", [0.6, 1.5])
def test_noise_alone_moves_no_share_at_the_usual_level(noise: float) -> None:
    _, kpis = surveyed(replace(FAITHFUL, answer_noise=noise))
    assert abs(kpis["csat"] - 0.70) < 4 * math.sqrt(0.21 / N)
    assert abs(kpis["csat"] - kpis["satisfied"]) > 0  # it does change answers
    _, kpis = surveyed(replace(FAITHFUL, answer_noise=noise), "nps")
    assert abs(kpis["nps"] - 100 * (0.40 - 0.25)) < 4 * 100 * math.sqrt(0.65 / N)


@pytest.mark.parametrize("bias", [0.0, 0.5, 1.5])
def test_the_extremes_answer_more_so_a_satisfied_base_looks_less_so_by_what_the_closed_form_says(bias: float) -> None:
    numbers = Satisfaction(response_bias=bias, answer_noise=0.0)
    _, kpis = surveyed(numbers)
    respondents = Respondents.of(numbers)
    weight = USUAL_WEIGHT * respondents.p_answer(USUAL)
    expected = float(weight[respondents.cuts["csat"][2] <= USUAL].sum() / weight.sum())
    answers = 0.2 * N
    assert abs(kpis["survey_response"] - 0.20) < 4 * math.sqrt(0.16 / N)
    assert abs(kpis["csat"] - expected) < 4 * math.sqrt(0.21 / answers) + 0.005  # the grid of the integral
    if bias == 0:
        assert expected == pytest.approx(0.70, abs=0.005)
    if bias == 1.5:
        assert kpis["csat"] < kpis["satisfied"] - 4 * math.sqrt(0.21 / answers)


def test_nps_counts_promoters_less_detractors_of_a_scale_of_eleven() -> None:
    market, kpis = surveyed(FAITHFUL, "nps")
    answers = market.column("nps")
    assert kpis["nps"] == pytest.approx(100 * ((answers >= 9).mean() - (answers <= 6).mean()), abs=1e-9)
    assert set(answers) <= set(range(11))
    assert (market.column("csat") == 0).all()
    order = np.argsort(market.column("satisfaction"))
    assert (np.diff(answers[order]) >= 0).all()


def test_a_shift_of_everybody_shows_in_the_survey_less_than_in_truth() -> None:
    """Noise flattens differences: a shift of half an SD looks like one of 0.5 / sqrt(1 + noise^2)."""
    market = Market(loyal(replace(FAITHFUL, answer_noise=0.6)), (Play("survey", EVERYBODY),), customers=N)
    own = CustomerSatisfaction.of(market).columns
    own.usual_satisfaction += np.float32(0.512)
    own.satisfaction[:] = own.usual_satisfaction
    market.run(1)
    shown, true = (kpi.read(MarketOutcome(market)) for kpi in Satisfaction.kpis if kpi.id in ("csat", "satisfied"))
    se = math.sqrt(0.85 * 0.15 / N)
    assert abs(true - 0.85) < 4 * se
    assert abs(shown - float(ndtr((0.512 / math.sqrt(1.36)) + 0.5244))) < 4 * se
    assert shown < true - 4 * se


def test_every_invitation_is_paid_for_to_the_cent_and_is_somebody_s() -> None:
    world = shop(mechanisms={"satisfaction": Satisfaction()})
    survey = Play("survey", SatisfactionSurvey(share=0.5, every_weeks=3, cost=0.33), target=Target({"orders": (2, 99)}))
    market = Market(world, today(survey), customers=600).run(20)
    sent = int(market.books["surveys_sent"].sum())
    assert sent > 500
    booked = int(market.ledger.by_week(SURVEYS, 20).sum())
    assert booked == 33 * sent
    outcome = MarketOutcome(market)
    each = outcome.upkeep.cost(np.ones(20)) * market.minor
    assert each.sum() == pytest.approx(booked)
    np.testing.assert_allclose(each / 33, np.rint(each / 33), atol=1e-9)
    assert (market.column("orders")[each > 0] >= 2).all()
    assert outcome.upkeep.by_group(np.zeros(each.size, np.intp), 1)[0].sum() * market.minor == pytest.approx(booked)
    late = outcome.upkeep.cost(np.ones(20), until=3) * market.minor
    assert late.sum() == pytest.approx(33 * market.books["surveys_sent"][:3].sum())


def test_who_has_left_is_still_invited_and_does_not_answer() -> None:
    world = cohort(Base(r=0.5, alpha=10.0, s=2.0, beta=10.0), mechanisms={"satisfaction": FAITHFUL})
    market = Market(world, (Play("survey", EVERYBODY),), customers=1000).run(30)
    here = int((market.column("stage") != GONE).sum())
    assert market.books["surveys_sent"][-1] == 1000
    assert market.books["csat_answers"][-1] == here < 750


def test_a_survey_by_itself_changes_nobody() -> None:
    world = shop(mechanisms={"satisfaction": Satisfaction()})
    quiet, asked = (Market(world, plays, customers=600).run(30) for plays in (today(), today(Play("s", EVERYBODY))))
    theirs = columns_of(asked)
    for name, values in columns_of(quiet).items():
        if name not in ("csat", "survey_week"):
            np.testing.assert_array_equal(values, theirs[name], name)


def test_the_firm_sees_answers_and_never_what_is_true() -> None:
    market = Market(shop(mechanisms={"satisfaction": Satisfaction()}), (Play("s", EVERYBODY),), customers=600)
    view = market.look()
    assert (view.fact("csat") == 0).all()
    assert (view.fact("nps") == -1).all()
    assert (view.fact("survey_week") == LONG_AGO).all()
    view = market.run(3).look()
    assert 0 < (view.fact("csat") > 0).mean() < 1
    assert set(np.unique(view.fact("survey_week"))) == {LONG_AGO, 0, 1, 2}
    for hidden in ("satisfaction", "usual_satisfaction"):
        with pytest.raises(LookupError):
            view.fact(hidden)


def test_the_same_customer_says_the_same_in_a_week_whoever_else_is_asked() -> None:
    world = shop(mechanisms={"satisfaction": Satisfaction(response=0.5)})
    few = Play("s", EVERYBODY, target=Target({"orders": (2, 99)}))
    all_, some = (Market(world, (play,), customers=600).run(1).column("csat") for play in (Play("s", EVERYBODY), few))
    assert 0 < (some > 0).sum() < (all_ > 0).sum()
    np.testing.assert_array_equal(some[some > 0], all_[some > 0])


def test_invited_twice_to_one_question_in_a_week_is_paid_twice_and_answered_once() -> None:
    plays = (Play("one", EVERYBODY), Play("other", EVERYBODY))
    market = Market(loyal(FAITHFUL), plays, customers=N).run(1)
    assert market.books["surveys_sent"][0] == 2 * N
    assert market.books["csat_answers"][0] == N


@pytest.mark.parametrize("share", [0.25, 0.3, 1.0])
def test_nobody_is_asked_again_before_everybody_was(share: float) -> None:
    market = Market(loyal(Satisfaction()), (), customers=2000)
    strategy, asked = SatisfactionSurvey(share=share, every_weeks=2), np.zeros(2000, int)
    rounds = math.floor(1 / share)
    for number in range(rounds):
        view = market.look()
        view.week = 2 * number
        (survey,) = strategy.decide(view)
        asked += survey.to
        view.week += 1
        assert strategy.decide(view) == []
    assert asked.max() == 1
    assert abs(asked.mean() - rounds * share) < 4 * math.sqrt(0.25 / 2000)


@dataclass(frozen=True)
class ForTheAngry:
    """A coupon for everybody whom the play addresses."""

    audience = "customers"

    def decide(self, view):
        return [Coupon(0.1, to=np.ones(view.n, np.bool_), weeks=4)]


def test_a_target_names_what_customers_answered() -> None:
    plays = (Play("s", EVERYBODY), Play("sorry", ForTheAngry(), target=Target({"csat": (1, 2)})))
    market = Market(loyal(FAITHFUL), plays, customers=N).run(1)
    said = market.column("csat")
    assert (market.column("coupon_ends") == LONG_AGO).all(), "nobody had answered yet"
    np.testing.assert_array_equal(Target({"csat": (1, 2)}).matches(market.look()), (said >= 1) & (said <= 2))
    market.run(1)
    held = market.column("coupon_ends") != LONG_AGO
    assert 0.95 * np.isin(said, (1, 2)).sum() < held.sum(), "a few have used theirs already"
    assert np.isin(said[held], (1, 2)).all()
    with pytest.raises(LookupError, match="csat"):
        Target({"cstat": (1, 2)}).matches(market.look())


def test_surveys_of_today_have_been_answered_before_week_0() -> None:
    plays = today(Play("s", SatisfactionSurvey(share=1.0, every_weeks=13)))
    plays = (*plays, Play("sorry", CouponCampaign(), target=Target({"csat": (1, 2)})))
    world = shop(mechanisms={"satisfaction": Satisfaction(response=0.6)}, today=plays)
    market = Market(world, plays, customers=600)
    founding = market.column("csat")[:600]
    assert (founding > 0).mean() > 0.5
    assert (market.column("survey_week")[:600][founding > 0] < 0).all()
    assert (market.column("csat")[600:] == 0).all()
    np.testing.assert_array_equal(market.column("satisfaction"), market.column("usual_satisfaction"))
    assert int(market.ledger.by_week(SURVEYS, 1).sum()) == 0


def test_a_survey_in_a_world_without_satisfaction_is_refused_with_a_sentence() -> None:
    with pytest.raises(ActionError, match="lacks the mechanism satisfaction"):
        Market(shop(), today(Play("s", EVERYBODY)), customers=50).run(1)


def test_a_survey_that_cannot_be_is_refused() -> None:
    @dataclass(frozen=True)
    class Wrong:
        def decide(self, view):
            return [Survey(to=np.ones(view.n, np.bool_), question="mood", cost=0.1)]

    with pytest.raises(ActionError, match=r"Survey\.question must be one of csat, nps"):
        Market(loyal(Satisfaction()), (Play("s", Wrong()),), customers=50).run(1)


def test_facts_are_the_numbers_that_mechanisms_of_the_world_show() -> None:
    facts = recorded_facts(shop(mechanisms={"satisfaction": Satisfaction()}))
    assert {"csat", "nps", "survey_week", "points", "referrals"} <= set(facts)
    assert not {"satisfaction", "usual_satisfaction", "stage", "elasticity"} & set(facts)
    assert "csat" not in recorded_facts(shop())


def test_what_surveys_say_is_kept_apart_from_the_truth_and_equals_it_where_all_answer_as_they_feel() -> None:
    market, kpis = surveyed(FAITHFUL)
    tables = {name: t.set_index("when")["value"] for name, t in CustomerSatisfaction.of(market).tables().items()}
    assert tables["surveyed"]["end"] == pytest.approx(kpis["csat"], abs=1e-9)
    assert tables["surveyed"]["end"] == pytest.approx(tables["satisfied"]["end"], abs=1e-9)
    assert math.isnan(tables["surveyed"]["week 0"]), "nobody was asked before"


def test_the_first_figure_of_surveys_is_that_of_today_s_policy_and_old_answers_are_none() -> None:
    plays = today(Play("s", SatisfactionSurvey(share=1.0, every_weeks=13)))
    world = shop(mechanisms={"satisfaction": Satisfaction(response=0.6)}, today=plays)
    asked = Market(world, plays, customers=600)
    asked.run(1)
    silent = Market(world, today(), customers=600).run(14)
    found = {m: CustomerSatisfaction.of(m).tables()["surveyed"].set_index("when")["value"] for m in (asked, silent)}
    founding = asked.column("csat")[:600]  # as of week 0, or answered again in week 0 by the same people
    se = math.sqrt(0.21 / (founding > 0).sum())
    assert found[asked]["week 0"] == found[silent]["week 0"]
    assert abs(found[silent]["week 0"] - (founding[founding > 0] >= 4).mean()) < 4 * se
    assert math.isnan(found[silent]["end"])


def test_an_answer_to_another_question_does_not_make_an_old_one_new() -> None:
    waves = SatisfactionSurvey(share=1.0, every_weeks=52), replace(EVERYBODY, question="nps")
    plays = (Play("csat", waves[0]), Play("nps", waves[1]))
    found = [
        CustomerSatisfaction.of(Market(loyal(FAITHFUL), plays, customers=N).run(weeks)).surveys for weeks in (13, 14)
    ]
    assert found[0].share_satisfied > 0
    assert math.isnan(found[1].share_satisfied)
