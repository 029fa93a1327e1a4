"""Satisfaction: what experiences do to it and what it does to people, against closed forms and at its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from scipy.special import ndtr

from crmlab.experiments.sections.bibliography import unknown_citations
from crmlab.sim import Mechanism, Play, Setting, Unknown, Week, check_mechanism
from crmlab.sim.customers import CUSTOMER, GONE
from crmlab.sim.encounters import Experiences, Recoveries
from crmlab.sim.levers import unknowns_of
from crmlab.sim.market import Market
from crmlab.sim.mechanism_contract import switched_off
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.referral.referral import Referral
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.satisfaction.satisfaction import CustomerSatisfaction
from crmlab.sim.mechanisms.satisfaction.scales import USUAL, USUAL_WEIGHT, csat_cuts
from crmlab.sim.mechanisms.shipped import optional_numbers
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.sources import cited
from crmlab.sim.world import Base, Population, World
from crmlab.strategies import SatisfactionSurvey
from tests.conftest import cohort, columns_of, shop, today
from tests.sim.test_oracle import TALKATIVE, assert_same_people

OFF = Satisfaction(departure=0.0, ordering=0.0, recommending=0.0, complaining=0.0)


class Happening(Mechanism):
    """Lets every row below `rows` meet with the same experience, `times` times a week, in weeks below `weeks`."""

    name = "happening"

    def close(self, week: Week) -> None:
        happens = self.params
        if week.number < happens.weeks:
            rows = np.repeat(np.arange(min(happens.rows, week.n), dtype=np.int32), happens.times)
            week.told.experiences.append(Experiences("all", rows, np.full(rows.size, happens.quality)))


@dataclass(frozen=True)
class Happens:
    """Numbers of what happens to people."""

    name: ClassVar[str] = "happening"
    quality: float = -1.0
    times: int = 1
    weeks: int = 10_000
    rows: int = 10_000_000

    def start(self, setting: Setting) -> Mechanism:
        return Happening(setting, self)


class Mending(Mechanism):
    """Makes good what happened to the first rows `lag` weeks before, in every week up to `last`."""

    name = "mending"

    def affect(self, week: Week) -> None:
        mends = self.params
        if mends.lag <= week.number <= mends.last:
            rows = np.arange(min(mends.rows, week.n), dtype=np.int32)
            loss, weeks = np.full(rows.size, mends.loss), np.full(rows.size, mends.lag, np.int32)
            share, glow = np.full(rows.size, mends.share), np.full(rows.size, mends.glow)
            week.told.recoveries.append(Recoveries(rows, loss, weeks, share, glow, mends.acted_on))


@dataclass(frozen=True)
class Mends:
    """Numbers of how things are made good."""

    name: ClassVar[str] = "mending"
    loss: float = 1.0
    lag: int = 4
    last: int = 4
    share: float = 1.0
    glow: float = 0.0
    acted_on: float = 0.0
    rows: int = 10_000_000

    def start(self, setting: Setting) -> Mechanism:
        return Mending(setting, self)


class Eager(Mechanism):
    """Makes everybody readier to do something of which referral is in charge."""

    name = "eager"

    def affect(self, week: Week) -> None:
        week.ready(self.params.what)[:] += self.params.by


@dataclass(frozen=True)
class MoreEager:
    """Numbers of how much readier people are."""

    name: ClassVar[str] = "eager"
    what: str = "invite"
    by: float = 0.0

    def start(self, setting: Setting) -> Mechanism:
        return Eager(setting, self)


def world_with(*numbers, **changes) -> World:
    return shop(mechanisms={n.name: n for n in numbers}, **changes)


def loyal(*numbers, customers: int = 2000, **changes) -> World:
    """Customers who have all just ordered for the first time, never leave, and nobody else."""
    world = cohort(Base(model="nbd", r=1e4, alpha=2e4), **changes)
    return replace(
        world,
        mechanisms={n.name: n for n in numbers},
        population=Population(customers=customers, prospects=0, history_weeks=0.0),
    )


def offset(market: Market) -> np.ndarray:
    """How far everybody is off the own level."""
    return market.column("satisfaction").astype(float) - market.column("usual_satisfaction")


def test_it_keeps_the_contract_of_mechanisms() -> None:
    check_mechanism(Satisfaction)


def test_its_numbers_cite_only_works_that_are_among_the_references() -> None:
    for name, number in unknowns_of(Satisfaction).items():
        assert isinstance(number.range, Unknown)
        assert not unknown_citations(number.range.source), name
        assert number.range.evidence == "A" or list(cited(number.range.source)), name


def test_with_no_effects_nobody_lives_otherwise_whatever_happens_and_whoever_is_asked() -> None:
    plays = today(Play("survey", SatisfactionSurvey(share=1.0)))
    plain = Market(shop(word_of_mouth=TALKATIVE), today(), customers=400).run(30)
    idle = Market(world_with(OFF, Happens(), word_of_mouth=TALKATIVE), plays, customers=400).run(30)
    mine, theirs = columns_of(plain), columns_of(idle)
    for name, values in mine.items():
        np.testing.assert_array_equal(values, theirs[name], name)
    assert switched_off(Satisfaction()).departure == 0
    assert np.abs(offset(idle)[:400]).min() > 1


@pytest.mark.parametrize(("slope", "expected"), [(0.2, 0.90), (0.3, 0.86), (0.4, 0.81), (0.6, 0.74)])
def test_fifteen_points_more_satisfied_keep_as_many_more_as_the_closed_form_says(slope: float, expected: float) -> None:
    """From 70 % to 85 % satisfied is a shift of 0.512 standard deviations."""
    shift = float(csat_cuts(0.70, 0.35)[2] - csat_cuts(0.85, 0.35)[2])
    assert shift == pytest.approx(0.512, abs=5e-4)
    market = Market(loyal(Satisfaction(departure=slope), customers=20_000), (), customers=20_000)
    leaving, share = [], []
    for moved in (0.0, shift):
        own = CustomerSatisfaction.of(market).columns
        own.usual_satisfaction += np.float32(moved)
        own.satisfaction[:] = own.usual_satisfaction
        week = market.look_and_decide()
        market.run_phase("affect", week)
        leaving.append(float(week.effects.departure.mean()))
        share.append(float((own.satisfaction >= CustomerSatisfaction.of(market).satisfied_from).mean()))
    assert leaving[1] / leaving[0] == pytest.approx(expected, abs=0.005)
    np.testing.assert_allclose(share, [0.70, 0.85], atol=4 * math.sqrt(0.7 * 0.3 / 20_000))


def test_people_at_their_usual_level_leave_and_order_as_the_world_says_in_the_mean() -> None:
    n = 40_000
    market = Market(loyal(Satisfaction(departure=0.6, ordering=0.2), customers=n), (), customers=n)
    week = market.look_and_decide()
    market.run_phase("affect", week)
    factors = (week.effects.departure, np.exp(week.effects.log_rate), np.exp(week.readiness["invite"]),
               np.exp(week.readiness["complain"]))  # fmt: skip
    for factor, slope in zip(factors, (0.6, 0.2, 0.3, 0.3), strict=True):
        se = math.sqrt(math.expm1(slope**2) / n)  # of a lognormal of mean 1
        assert abs(factor.mean() - 1) < 4 * se
        assert factor.std() == pytest.approx(math.sqrt(math.expm1(slope**2)), rel=0.1)
    z = market.column("satisfaction")
    assert np.corrcoef(z, week.effects.departure)[0, 1] < -0.7
    assert np.corrcoef(z, week.readiness["complain"])[0, 1] < -0.7
    assert np.corrcoef(z, week.readiness["invite"])[0, 1] > 0.7
    assert np.corrcoef(z, week.readiness["accept"])[0, 1] > 0.7


def test_as_many_have_left_after_a_quarter_as_a_gamma_and_a_lognormal_hazard_together_say() -> None:
    n, weeks, slope = 20_000, 13, 0.6
    base = Base(r=0.5, alpha=10.0, s=1.5, beta=30.0)
    world = replace(cohort(base), mechanisms={"satisfaction": Satisfaction(departure=slope, ordering=0.0)})
    left = float((Market(world, (), customers=n).run(weeks).column("stage") == GONE).mean())
    factor = np.exp(-slope * USUAL - slope**2 / 2)
    expected = 1 - float(USUAL_WEIGHT @ (base.beta / (base.beta + weeks * factor)) ** base.s)
    assert abs(left - expected) < 4 * math.sqrt(expected * (1 - expected) / n)
    plain = 1 - (base.beta / (base.beta + weeks)) ** base.s
    assert expected < plain - 0.01, "who is left is more satisfied: fewer leave than without"


def test_without_experiences_everybody_stays_at_their_own_level_however_long_the_run() -> None:
    n = 20_000
    market = Market(loyal(Satisfaction(), customers=n), (), customers=n).run(120)
    z = market.column("satisfaction").astype(float)
    np.testing.assert_array_equal(offset(market), 0.0)
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)


def test_what_is_off_the_own_level_is_half_gone_after_the_half_life_and_nothing_is_left_in_the_end() -> None:
    market = Market(loyal(Satisfaction(half_life_weeks=10.0)), (), customers=500)
    own = CustomerSatisfaction.of(market).columns
    own.satisfaction -= np.float32(2.0)
    market.run(10)
    np.testing.assert_allclose(offset(market), -1.0, rtol=1e-4)
    market.run(290)
    np.testing.assert_allclose(offset(market), 0.0, atol=1e-5)


@pytest.mark.parametrize(("quality", "felt"), [(0.5, 0.5), (0.0, 0.0), (-0.5, -1.0)])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_each_experience_moves_by_a_fifth_of_how_good_it_was_and_bad_ones_count_twice(
    quality: float, felt: float, times: int
) -> None:
    numbers = Satisfaction(half_life_weeks=104.0)
    market = Market(loyal(numbers, Happens(quality=quality, times=times, weeks=1)), (), customers=200)
    np.testing.assert_array_equal(offset(market.run(1)), 0.0)  # what happens this week is felt from the next one on
    np.testing.assert_allclose(offset(market.run(1)), felt * 0.2 * times, atol=1e-6)


def test_after_a_year_an_experience_weighs_half() -> None:
    market = Market(loyal(Satisfaction(half_life_weeks=4.0)), (), customers=200).run(54)
    week = market.look_and_decide()
    rows = np.arange(100, dtype=np.int32)
    week.heard.experiences.append(Experiences("service", rows, np.full(100, -1.0)))
    market.run_phase("affect", week)
    np.testing.assert_allclose(offset(market)[:100], -2 * 0.1, atol=1e-5)
    np.testing.assert_array_equal(offset(market)[100:], 0.0)


def test_who_keeps_meeting_with_the_same_ends_where_moving_and_fading_are_even() -> None:
    numbers = Satisfaction(half_life_weeks=4.0, weight_later=1.0)
    market = Market(loyal(numbers, Happens(quality=-0.5)), (), customers=200).run(80)
    np.testing.assert_allclose(offset(market), -0.2 / (1 - 0.5 ** (1 / 4)), rtol=1e-4)


def test_a_bad_experience_lifts_nobody_however_low_they_are() -> None:
    market = Market(loyal(Satisfaction(), Happens(quality=-0.01)), (), customers=200)
    own = CustomerSatisfaction.of(market).columns
    own.satisfaction[:] = own.usual_satisfaction - np.float32(5.0)
    spared = Market(loyal(Satisfaction()), (), customers=200)
    CustomerSatisfaction.of(spared).columns.satisfaction[:] = own.satisfaction
    assert (market.run(3).column("satisfaction") < spared.run(3).column("satisfaction")).all()


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_a_recovery_gives_back_its_share_of_what_is_left_weeks_later(share: float) -> None:
    numbers = Satisfaction(half_life_weeks=10.0)
    market = Market(loyal(numbers, Happens(weeks=1), Mends(share=share)), (), customers=200).run(6)
    left = -2 * 0.2 * 0.5 ** (4 / 10)
    np.testing.assert_allclose(offset(market), (1 - share) * left, atol=1e-6)


@pytest.mark.parametrize("lag", [1, 5, 30])
def test_failing_and_repairing_lifts_nobody_above_where_they_would_be_however_often(lag: int) -> None:
    failing = Happens(quality=-0.5, weeks=60)
    numbers = (Satisfaction(), failing, Mends(loss=0.5, lag=lag, last=59 + lag, glow=0.5))
    market = Market(loyal(*numbers), (), customers=200).run(62 + lag)
    np.testing.assert_allclose(offset(market), 0.0, atol=1e-5)  # across the year in which the weight falls, too
    half = Market(loyal(*numbers[:2], replace(numbers[2], share=0.5, glow=0.0)), (), customers=200).run(62 + lag)
    never = Market(loyal(*numbers[:2]), (), customers=200).run(62 + lag)
    np.testing.assert_allclose(offset(half), offset(never) / 2, rtol=1e-3)


def test_a_glow_that_is_acted_on_is_no_larger_than_the_glow() -> None:
    numbers = (Satisfaction(), Happens(quality=-0.5, weeks=1), Mends(loss=0.5, lag=2, last=2, glow=0.5, acted_on=0.4))
    market = Market(loyal(*numbers), (), customers=200).run(4)
    np.testing.assert_allclose(offset(market), 0.4 * 0.5, rtol=1e-4)
    np.testing.assert_allclose(market.column("glow"), 0.6 * 0.5, rtol=1e-6)


def test_a_glow_is_said_and_not_acted_on_and_fades() -> None:
    ask = today(Play("survey", SatisfactionSurvey(share=1.0, every_weeks=1)))
    faithful = Satisfaction(response=1.0, answer_noise=0.0, half_life_weeks=4.0)
    plain, glowing = (
        Market(world_with(faithful, Mends(lag=0, last=0, glow=glow)), ask, customers=2000).run(3) for glow in (0.0, 1.0)
    )
    assert glowing.books["csat_satisfied"][1] > 1.1 * plain.books["csat_satisfied"][1]
    mine, theirs = columns_of(plain), columns_of(glowing)
    for name, values in mine.items():
        if name not in ("csat", "glow"):
            np.testing.assert_array_equal(values, theirs[name], name)
    np.testing.assert_allclose(glowing.column("glow"), 0.5**0.25, rtol=1e-6)
    np.testing.assert_array_equal(glowing.run(100).column("glow"), 0.0)


def test_the_worse_it_gets_the_sooner_people_leave() -> None:
    world, left = cohort(Base(r=0.5, alpha=10.0, s=1.5, beta=60.0)), []
    for quality in (1.0, 0.0, -1.0, -2.0):
        mechanisms = {"satisfaction": Satisfaction(), "happening": Happens(quality=quality)}
        market = Market(replace(world, mechanisms=mechanisms), (), customers=4000).run(40)
        left.append(int((market.column("stage") == GONE).sum()))
    assert left == sorted(left)
    assert left[3] > 1.5 * left[1]


def test_readiness_multiplies_invitations_and_acceptances_and_none_of_it_changes_no_bit() -> None:
    talk = WordOfMouth(p_invite=0.05, accept_strong=0.2, accept_weak=0.1)
    said = {}
    for what, by in (("invite", 0.0), ("invite", 1.0), ("accept", -1.0), ("accept", -50.0)):
        market = Market(world_with(MoreEager(what, by), word_of_mouth=talk), today(), customers=3000).run(4)
        weeks = Referral.of(market).weeks.values()
        said[what, by] = sum(w.invitations for w in weeks), sum(w.accepted for w in weeks)
        if by == 0:
            plain = Market(shop(word_of_mouth=talk), today(), customers=3000).run(4)
            for name, values in columns_of(plain).items():
                np.testing.assert_array_equal(values, market.column(name), name)
    usual = said["invite", 0.0]
    assert said["invite", 1.0][0] / usual[0] == pytest.approx(math.e, abs=4 * math.e * math.sqrt(1.4 / usual[0]))
    assert said["accept", -1.0][1] < usual[1]
    assert said["accept", -50.0][1] == 0


def test_the_more_satisfied_recommend_and_the_world_s_invitations_stay_in_the_mean() -> None:
    talk = WordOfMouth(p_invite=0.1)
    counts = []
    for numbers in (OFF, replace(OFF, recommending=0.8)):
        world = loyal(numbers, customers=20_000, word_of_mouth=talk)
        market = Market(world, (), customers=20_000).run(6)
        counts.append(sum(week.invitations for week in Referral.of(market).weeks.values()))
    assert abs(counts[1] / counts[0] - 1) < 4 * math.sqrt(2 / counts[0]) + 4 * math.sqrt(math.expm1(0.64) / 20_000)


@pytest.mark.plain
def test_with_experiences_surveys_and_friends_it_is_the_same_told_by_agents() -> None:
    world = world_with(
        Satisfaction(departure=0.6, ordering=0.2, recommending=0.8, response=0.6),
        Happens(quality=-0.7, times=2, rows=70),
        Mends(lag=2, last=15, glow=0.3, share=0.8, acted_on=0.3, rows=50),
        base=Base(r=1.0, alpha=6.0),
        population=Population(customers=120, prospects=400, history_weeks=60),
        word_of_mouth=TALKATIVE,
    )
    plays = today(
        Play("csat", SatisfactionSurvey(share=0.5, every_weeks=2)),
        Play("nps", SatisfactionSurvey(share=1.0, every_weeks=3, question="nps")),
    )
    market = assert_same_people(world, plays, weeks=20)
    assert sum(week.won for week in Referral.of(market).weeks.values()) > 0
    assert (market.column("csat") > 0).sum() > 20


@pytest.mark.plain
def test_with_failures_and_a_service_desk_it_is_the_same_told_by_agents() -> None:
    numbers = [optional_numbers(name) for name in ("satisfaction", "service_desk", "failures")]
    failing = replace(numbers[2], product=0.1, delivery=0.2, product_voice=0.6, delivery_voice=0.6)
    world = world_with(
        *numbers[:2], failing, base=Base(r=2.0, alpha=4.0),
        population=Population(customers=120, prospects=300, history_weeks=60),
    )  # fmt: skip
    market = assert_same_people(world, today(), weeks=25)
    assert (offset(market) < -0.1).sum() > 20
    assert market.column("glow").max() > 0


def test_the_more_goes_wrong_with_orders_the_less_satisfied_are_who_ordered_and_the_more_leave() -> None:
    found = []
    for rate in (0.01, 0.08, 0.15):
        failing = replace(optional_numbers("failures"), product=rate, delivery=rate)
        world = world_with(Satisfaction(departure=0.6), failing, base=Base(r=2.0, alpha=4.0))
        market = Market(world, today(), customers=2000).run(52)
        read = {kpi.id: kpi.read(MarketOutcome(market)) for kpi in Satisfaction.kpis}
        found.append((read["satisfied"], -int((market.column("stage") == GONE).sum())))
    assert found == sorted(found, reverse=True)
    assert found[0][0] - found[2][0] > 0.05


def test_the_truth_at_the_end_is_that_of_who_is_still_a_customer() -> None:
    market = Market(loyal(Satisfaction(), customers=20_000), (), customers=20_000).run(2)
    kpis = {kpi.id: kpi.read(MarketOutcome(market)) for kpi in Satisfaction.kpis}
    assert abs(kpis["satisfied"] - 0.70) < 4 * math.sqrt(0.21 / 20_000)
    assert abs(kpis["satisfaction"]) < 4 / math.sqrt(20_000)
    assert all(math.isnan(kpis[name]) for name in ("csat", "nps", "survey_response"))
    market.customers.stage[:] = GONE
    assert math.isnan(Satisfaction.kpis[3].read(MarketOutcome(market)))
    assert float(ndtr(-csat_cuts(0.7, 0.35)[2])) == pytest.approx(0.7)
    assert CUSTOMER != GONE
