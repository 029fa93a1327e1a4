"""Advisors: scores of stated quality, what a call does to a lead, and what it costs; each against its closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import rankdata

from crmlab.sim import KeyAccounts, LeadFollowUp, Play, check_mechanism, check_strategy
from crmlab.sim.actions import ActionError
from crmlab.sim.customers import CUSTOMER, LEAD
from crmlab.sim.desk.erlang import erlang_c
from crmlab.sim.kpis import KPIS
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.advisors.params import Advisors
from crmlab.sim.mechanisms.advisors.rules import odds_factor
from crmlab.sim.mechanisms.advisors.scores import BEST_SHARES, GradeBook, scores_of
from crmlab.sim.mechanisms.advisors.team import AdvisorTeam
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Base, Economics, Population, World
from crmlab.strategies import FollowUpLeads, KeyAccountCare, PriceCut
from tests.conftest import INSENSITIVE, columns_of, shop, today
from tests.sim.test_oracle import assert_same_people

NIGHT_AND_DAY = {"opens": 0, "closes": 24, "days": 7}
EVERYBODY = FollowUpLeads(advisors=20, grades=4, nurture=False, **NIGHT_AND_DAY)


def office(numbers: Advisors | None = None, **changes) -> World:
    """A market that mostly waits to be reached: some 300 leads a week, a fifth of whom buy if left alone."""
    channel = Channel("fair", leads_max=600, half_budget=100, budget=100, p_convert=0.2, half_life_weeks=0.0)
    numbers = numbers or Advisors()
    world = World(
        base=Base(model="nbd", r=1.0, alpha=20.0),
        population=Population(customers=100, prospects=30_000),
        channels=(channel,),
        price=INSENSITIVE,
        mechanisms={numbers.name: numbers},
    )
    return replace(world, **changes)


def played(world: World, *strategies, weeks: int = 30, replication: int = 0, kind=Market, **settings) -> Market:
    plays = tuple(Play(f"play {n}", strategy) for n, strategy in enumerate(strategies))
    return kind(world, today(*plays), replication=replication, **settings).run(weeks)


# Scores


@pytest.mark.parametrize("depth", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("quality", "lift"), [(0.0, 1.0), (0.5, 2.1), (1.0, 3.5), (1.5, 5.3)])
def test_a_score_tells_buyers_from_others_as_well_as_its_quality_says(
    quality: float, lift: float, depth: float
) -> None:
    """AUC = Phi(d / sqrt 2), and of the best tenth of leads `lift` times as many buy as of all, where 5 % do."""
    n, p, rng = 400_000, 0.05, np.random.default_rng(1)
    bar = rng.random(n)
    score, buys = scores_of(bar, rng.random(n), np.full(n, p), quality, depth), bar < p
    m = buys.sum()
    auc = (rankdata(score)[buys].sum() - m * (m + 1) / 2) / (m * (n - m))
    se = math.sqrt((n + 1) / (12 * m * (n - m)))  # of Mann and Whitney's U where nothing is told apart: the largest
    assert abs(auc - ndtr(quality / math.sqrt(2))) < 4 * se
    best = GradeBook(quality, p).better(score) < 0.1
    found, se = buys[best].mean() / p, math.sqrt(lift / (0.1 * n * p))
    assert abs(found - lift) < 4 * se + 0.05  # the table has one digit
    assert abs(best.mean() - 0.1) < 4 * math.sqrt(0.09 / n)
    assert se < 0.06


def test_among_those_who_would_not_buy_interaction_depth_finds_the_ones_who_nearly_would() -> None:
    n, rng = 200_000, np.random.default_rng(2)
    bar, noise, p = rng.random(n), rng.random(n), np.full(n, 0.2)
    nearly = (bar > 0.2) & (bar < 0.24)
    shallow, deep = (scores_of(bar, noise, p, 1.0, depth) for depth in (0.0, 0.6))
    others = bar > 0.24
    assert abs(shallow[nearly].mean() - shallow[others].mean()) < 4 / math.sqrt(nearly.sum())
    assert deep[nearly].mean() - deep[others].mean() > 0.5


def test_grades_have_the_shares_that_the_firm_has_set_and_the_better_ones_buy_more_often() -> None:
    market = played(office(), weeks=40)
    grade = market.column("lead_grade")
    graded = grade > 0
    for number, share in enumerate(BEST_SHARES, start=1):
        found = (grade[graded] <= number).mean()
        assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / graded.sum())
    outcome = MarketOutcome(market)
    rates = [kpi.read(outcome) for kpi in Advisors.kpis if kpi.id.startswith("conversion_")]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.4 > 0.15 > rates[3]
    assert sum(market.books[f"leads_{g}"].sum() for g in "abcd") == market.books["leads"].sum()


def test_if_left_alone_each_grade_converts_as_the_closed_form_says() -> None:
    market = played(office(), weeks=40)
    book, grade, orders = AdvisorTeam.of(market).grade_book, market.column("lead_grade"), market.customers.orders
    old = (market.column("lead_week") >= 0) & (market.column("lead_week") < 20)
    cuts = [brentq(lambda score, share=share: book.better(score) - share, -9, 9) for share in BEST_SHARES]
    above = np.array([0.0, *(ndtr(book.quality - np.array(cuts))), 1.0])  # share of those who would buy, by grade
    expected = 0.2 * np.diff(above) / np.diff([0.0, *BEST_SHARES, 1.0])
    for number, p in enumerate(expected, start=1):
        mine = old & (grade == number)
        found = (orders[mine] > 0).mean()
        assert abs(found - p) < 4 * math.sqrt(p * (1 - p) / mine.sum()) + 0.002, "some are undecided after 20 weeks"


def test_who_would_buy_is_who_buys_if_left_alone() -> None:
    """Y is no new trait: it is what the lead's own clocks will do, which no policy moves."""
    market = played(office(Advisors(depth=0.0, score_quality=1.5)), weeks=60)
    book, people = AdvisorTeam.of(market), market.customers
    old = np.flatnonzero((market.column("lead_week") >= 0) & (people.stage != LEAD)).astype(np.int32)
    noise = market.setting.draw("advisors/score", old)
    plain = scores_of(np.ones(old.size), noise, np.full(old.size, 0.2), 0.0, 0.0)
    would = (book.columns.lead_score[old] - plain) > 0.75
    np.testing.assert_array_equal(would, people.orders[old] > 0)


# What a call does


def test_a_call_lifts_the_odds_less_the_later_it_comes_and_never_below_none() -> None:
    waited = np.array([0.0, 0.5, 1.0, 24.0, 1e9])
    factor = odds_factor(waited, 0.25, 0.6, 0.5)
    np.testing.assert_allclose(factor[:2], [1.25, 1 + 0.25 * 2**-0.6])
    assert (np.diff(factor) < 0).all()
    assert 1.0 < factor[-1] < 1.001
    assert (odds_factor(waited, 0.0, 0.6, 0.5) == 1).all()


@pytest.mark.parametrize("uplift", [0.25, 0.6])
def test_the_share_of_called_leads_who_order_is_that_of_the_closed_form(uplift: float) -> None:
    """Of those who are undecided when the call begins to act, F h / (F h + c) order: odds times F."""
    market = Market(office(Advisors(uplift=uplift)), today(Play("calls", EVERYBODY)))
    team, people = AdvisorTeam.of(market), market.customers
    watched, expected = [], []
    for _ in range(70):
        market.step()
        fresh = np.flatnonzero((team.columns.lead_week == market.week - 1) & (people.stage == LEAD))
        moved = fresh[team.columns.lead_effect[fresh] > 0] if market.week < 30 else fresh[:0]
        odds = 0.25 * np.exp(team.columns.lead_effect[moved].astype(float))
        watched.append(moved)
        expected.append(odds / (1 + odds))
    rows, p = np.concatenate(watched), np.concatenate(expected)
    assert rows.size > 5_000
    assert (people.stage[rows] == LEAD).mean() < 0.001
    se = math.sqrt((p * (1 - p)).sum())
    assert abs((people.orders[rows] > 0).sum() - p.sum()) < 4 * se
    plain = 0.2 * rows.size
    assert p.sum() - plain > 5 * se, "the test tells called leads from others"


def test_nobody_does_otherwise_in_a_world_with_advisors_whom_nobody_asks_for() -> None:
    without = played(replace(office(), mechanisms={}), weeks=26)
    idle = played(office(), weeks=26)
    for name, column in columns_of(without).items():
        np.testing.assert_array_equal(column, idle.column(name), name)
    assert without.ledger.journal == idle.ledger.journal


def test_calls_and_messages_without_effect_cost_money_and_change_no_order() -> None:
    numbers = Advisors(uplift=0.0, nurture_uplift=0.0, key_departure=1.0)
    alone = played(office(numbers), weeks=26)
    called = played(office(numbers), FollowUpLeads(), KeyAccountCare(share=0.5), weeks=26)
    for name in ("order_clock", "life_clock", "orders", "spend", "stage"):
        np.testing.assert_array_equal(alone.column(name), called.column(name), name)
    assert called.books["leads_contacted"].sum() > 100
    assert called.ledger.balances()["lead advisors"] > 0


def test_advisors_without_effect_cost_their_wages_and_nothing_else() -> None:
    """Customer equity falls by what they are paid, discounted, and by nothing more."""
    numbers = Advisors(uplift=0.0, nurture_uplift=0.0, key_departure=1.0)
    plays = FollowUpLeads(), KeyAccountCare(share=0.5)
    alone, called = (MarketOutcome(played(office(numbers), *some, weeks=26)) for some in ((), plays))
    books = ("lead advisors", "lead nurture", "key account advisors", "idle key account advisors")
    paid = called.costs.booked(*books)
    lost = KPIS["equity_run"].read(alone) - KPIS["equity_run"].read(called)
    delta = called.market.world.economics.weekly_discount
    assert lost == pytest.approx(paid @ np.exp(-delta * np.arange(26)), abs=0.01)
    assert KPIS["terminal_value"].read(alone) == KPIS["terminal_value"].read(called)
    cac = [KPIS["cac"].read(outcome) for outcome in (alone, called)]
    assert cac[1] - cac[0] == pytest.approx(called.costs.booked(*books[:2]).sum() / called.acquired.size)


def orders_won(advisors: int, numbers: Advisors | None = None, **plan) -> tuple[float, float, float, float]:
    """(new customers, wages, share of leads called within an hour, leads called) over four replications."""
    found = np.zeros(4)
    for replication in range(4):
        strategy = FollowUpLeads(advisors, grades=4, nurture=False, **plan)
        outcome = MarketOutcome(played(office(numbers), strategy, replication=replication))
        kpis = {kpi.id: kpi.read(outcome) for kpi in Advisors.kpis}
        wages = outcome.costs.booked("lead advisors").sum()
        called = AdvisorTeam.of(outcome.market).lead_desk.totals.contacted
        found += np.array([outcome.acquired.size, wages, kpis["leads_within_hour"], called]) / 4
    return tuple(found)


@cache
def by_staff() -> tuple[tuple[float, float, float, float], ...]:
    strong = Advisors(uplift=0.6, call_minutes=40.0)
    return tuple(orders_won(advisors, strong) for advisors in (0, 2, 4, 6, 12))


def test_more_advisors_call_more_leads_sooner_win_no_fewer_customers_and_cost_more() -> None:
    won, wages, prompt, called = np.array(by_staff()).T
    assert (np.diff(won) >= 0).all(), won
    assert won[-1] > won[0] + 20
    assert (np.diff(prompt) >= 0).all()
    assert (np.diff(called) >= 0).all()
    assert (np.diff(wages) > 0).all(), "no free lunch"


def test_the_first_advisors_win_more_than_the_last() -> None:
    won = np.array(by_staff())[:, 0]
    assert (won[2] - won[0]) / 4 > (won[-1] - won[-2]) / 6


def test_a_steeper_loss_with_time_wins_fewer_and_a_desk_around_the_clock_more() -> None:
    slow, fast = (orders_won(6, Advisors(uplift=0.6, response_slope=slope)) for slope in (1.3, 0.2))
    always = orders_won(6, Advisors(uplift=0.6, response_slope=1.3), **NIGHT_AND_DAY)
    assert slow[0] < fast[0]
    assert slow[0] < always[0]
    assert slow[2] < always[2]
    assert slow[1] < always[1], "nights are paid for"


def test_better_grades_are_called_first_when_there_are_too_few_advisors() -> None:
    market = played(office(Advisors(call_minutes=60.0)), FollowUpLeads(2, grades=4, nurture=False))
    called, grade = market.column("lead_effect") > 0, market.column("lead_grade")
    shares = [called[grade == number].mean() for number in (1, 2, 3, 4)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.9
    assert shares[3] < 0.1


def test_as_many_are_called_at_once_as_queueing_theory_says() -> None:
    """Around the clock, nobody waits with chance 1 - Erlang's C, whatever the order in which leads are called."""
    numbers = Advisors(call_minutes=75.0)
    prompt, loads = [], []
    for replication in range(6):
        market = Market(office(numbers), today(Play("calls", replace(EVERYBODY, advisors=4))), replication=replication)
        market.run(14)
        totals = AdvisorTeam.of(market).lead_desk.totals
        effect = market.column("lead_effect")
        prompt.append((effect == np.float32(math.log(1.25))).sum() / totals.contacted)
        loads.append(totals.handed_over * 1.25 / (14 * 168))
    expected = 1 - erlang_c(4, float(np.mean(loads)))
    se = float(np.std(prompt, ddof=1)) / math.sqrt(6)
    assert abs(np.mean(prompt) - expected) < 4 * se + 0.005, "the load falls a little as the market empties"
    assert 0.3 < expected < 0.9
    assert se < 0.015


@pytest.mark.parametrize("plan", [{"advisors": 0}, {"advisors": 5, "opens": 12, "closes": 12}])
def test_a_plan_under_which_nobody_works_contacts_nobody_and_its_leads_cool_off(plan) -> None:
    market = played(office(), FollowUpLeads(grades=4, nurture=False, **plan))
    alone = played(office())
    assert market.books["leads_contacted"].sum() == 0
    assert market.books["leads_cooled"].sum() > 0.7 * market.books["leads"].sum()
    assert market.books["leads_waiting"][-1] < 5 * market.books["leads"][-1]
    np.testing.assert_array_equal(market.customers.orders, alone.customers.orders)
    assert market.ledger.balances()["lead advisors"] == 0
    figures = {kpi.id: kpi.read(MarketOutcome(market)) for kpi in Advisors.kpis}
    assert figures["leads_within_hour"] == 0
    assert math.isnan(figures["cost_per_contact"])
    assert math.isnan(figures["advisor_occupancy"])


def test_leads_who_come_while_the_follow_up_is_on_are_called_and_no_others() -> None:
    plays = today(Play("calls", EVERYBODY, start=5, stop=10))
    market = Market(office(), plays).run(20)
    weeks = np.unique(market.column("lead_week")[market.column("lead_effect") > 0])
    np.testing.assert_array_equal(weeks, np.arange(5, 10))


# Money


def test_wages_and_messages_are_paid_to_the_cent_and_belong_to_cac() -> None:
    numbers = Advisors(nurture_cost=0.37, wage=31.0)
    market = played(office(numbers), FollowUpLeads(advisors=3, grades=1), weeks=20)
    outcome, totals = MarketOutcome(market), AdvisorTeam.of(market).lead_desk.totals
    books = market.ledger.balances()
    assert totals.hours_on_duty == 20 * 3 * 40
    expected = (totals.hours_on_duty + totals.hours_overtime) * 31.0 * market.minor
    assert abs(books["lead advisors"] - expected) <= 10, "rounded once a week"
    nurtured = int((market.column("lead_grade") > 1).sum())
    assert books["lead nurture"] == 37 * nurtured
    media, _ = outcome.costs.acquisition()
    assert round(media * market.minor) == books["media"] + books["lead advisors"] + books["lead nurture"]
    work = numbers.call_minutes / 60 * totals.contacted
    per_call = Advisors.kpis[2].read(outcome) * market.minor * totals.contacted
    assert round(per_call) == books["lead advisors"]
    done = totals.hours_at_work + totals.hours_overtime
    assert abs(done - work) < 4 * numbers.call_minutes / 60 * math.sqrt(totals.contacted)


# Key accounts


@dataclass(frozen=True)
class TheFirst:
    """So many of the identified customers are key accounts."""

    n: int = 40
    contacts: float = 2.0
    minutes: float = 30.0
    advisors: int = 5

    def decide(self, view):
        return [KeyAccounts(np.arange(view.n) < self.n, self.contacts, self.minutes, self.advisors)]


def base(**numbers) -> World:
    """Customers who leave at a known rate, all of them alike, and nobody new."""
    own = Advisors(**numbers)
    return World(
        base=Base(r=1e4, alpha=1e5, s=1e4, beta=1e6),
        population=Population(customers=4_000, prospects=0, history_weeks=0.0),
        price=INSENSITIVE,
        mechanisms={own.name: own},
    )


def test_key_accounts_with_two_contacts_a_year_stay_as_the_closed_form_says() -> None:
    """One in a hundred leaves a week; from the second contact on, after a year at most, 0.75 times as many."""
    market = Market(base(key_departure=0.75), (Play("care", TheFirst(4_000, 2.0, advisors=50)),))
    market.run(53)
    there = np.flatnonzero(market.customers.stage == CUSTOMER)
    market.run(40)
    stay = math.exp(-40 * 0.75 * 0.01)
    se = math.sqrt(stay * (1 - stay) / there.size)
    found = (market.customers.stage[there] == CUSTOMER).mean()
    assert abs(found - stay) < 4 * se
    assert stay - math.exp(-40 * 0.01) > 5 * se


def test_a_ring_of_the_bell_keeps_nobody_and_half_a_contact_half_as_much() -> None:
    def life_left(*plays: Play) -> float:
        return float(Market(base(key_departure=0.75), plays).run(60).customers.life_clock.mean())

    alone = life_left()
    gain = {
        minutes: life_left(Play("care", TheFirst(4_000, 4.0, minutes, advisors=10_000))) - alone
        for minutes in (1.0, 15.0, 30.0, 600.0)
    }
    assert 0 < gain[1.0] < 0.06 * gain[30.0]
    assert 0.4 < gain[15.0] / gain[30.0] < 0.6
    assert gain[600.0] == gain[30.0]


@pytest.mark.parametrize("plan", [TheFirst(4_000, 1.0, advisors=50), TheFirst(4_000, 4.0, advisors=0)])
def test_one_contact_a_year_or_nobody_to_make_it_keeps_nobody(plan: TheFirst) -> None:
    cared, alone = (Market(base(), plays).run(80) for plays in ((Play("care", plan),), ()))
    np.testing.assert_array_equal(cared.customers.life_clock, alone.customers.life_clock)


def test_contacts_come_as_often_as_planned_and_are_spread_over_the_year() -> None:
    market = Market(base(), (Play("care", TheFirst(1_000, 3.0, advisors=50)),)).run(104)
    made = market.books["key_contacts"]
    assert made.sum() == pytest.approx(6_000, abs=4 * math.sqrt(6_000 * 0.25))
    assert made.max() < 2 * made.mean()


def test_advisors_with_too_little_time_meet_those_who_spent_most() -> None:
    plan = TheFirst(4_000, 52.0, minutes=60.0, advisors=1)  # 40 contacts a week
    market = Market(base(), (Play("care", plan),)).run(1)
    met = np.flatnonzero(market.column("contact_last") == 0)
    assert met.size == 40
    spent = market.customers.spend_52
    assert spent[met].min() >= np.quantile(spent, 0.97)


def test_their_time_is_paid_to_the_cent_person_by_person_and_the_rest_is_nobodys() -> None:
    market = Market(base(wage=33.3), (Play("care", TheFirst(100, 4.0, minutes=20.0, advisors=2)),)).run(30)
    books, made = market.ledger.balances(), int(market.books["key_contacts"].sum())
    assert books["key account advisors"] == 1110 * made
    assert books["key account advisors"] + books["idle key account advisors"] == 30 * 2 * 40 * 3330
    upkeep = MarketOutcome(market).upkeep.cost(np.ones(30))
    assert upkeep.sum() == pytest.approx(1110 * made / 100)
    met = market.column("contact_last") >= 0
    assert (upkeep[met] > 0).all()
    assert (upkeep[~met] == 0).all()


# The contract


def test_it_keeps_the_contract_of_mechanisms() -> None:
    check_mechanism(Advisors)


@pytest.mark.parametrize("strategy", [FollowUpLeads, KeyAccountCare])
def test_its_strategies_keep_the_contract(strategy: type) -> None:
    check_strategy(strategy)


@pytest.mark.plain
def test_all_of_it_is_the_same_told_by_agents() -> None:
    numbers = Advisors(uplift=0.6, key_departure=0.75)
    world = shop(
        base=Base(r=2.0, alpha=8.0),
        population=Population(customers=120, prospects=700),
        economics=Economics(programme_setup=0.0),
        mechanisms={"advisors": numbers},
    )
    plays = today(
        Play("cut", PriceCut(0.1)),
        Play("calls", FollowUpLeads(advisors=1, grades=3)),
        Play("care", KeyAccountCare(share=0.3, contacts=12.0), holdout=0.2),
    )
    market = assert_same_people(world, plays, weeks=25)
    assert market.books["leads_contacted"].sum() > 20
    assert (market.column("contact_before") >= 0).sum() > 5


def test_advisors_may_be_part_of_todays_policy() -> None:
    plays = today(Play("calls", FollowUpLeads()), Play("care", KeyAccountCare()))
    market = Market(shop(mechanisms={"advisors": Advisors()}, today=plays), plays, customers=300).run(10)
    assert market.books["leads_contacted"].sum() > 0
    assert market.books["key_contacts"].sum() > 0


def test_the_firm_sees_grades_and_no_scores() -> None:
    market = played(office(), weeks=20)
    view = market.look()
    new = view.weeks_since_first_order < 15
    grades, counts = np.unique(view.fact("lead_grade")[new], return_counts=True)
    assert set(grades) == {0, 1, 2, 3, 4}, "0: leads of before week 0"
    assert counts[1:].sum() > counts[0]
    for hidden in ("lead_score", "lead_effect", "lead_week"):
        with pytest.raises(LookupError):
            view.fact(hidden)


def test_a_market_without_advisors_refuses_to_carry_them_out_and_names_what_is_missing() -> None:
    with pytest.raises(
        ActionError, match=r"LeadFollowUp is carried out by nobody in this world: .* mechanism advisors"
    ):
        Market(shop(), today(Play("calls", FollowUpLeads()))).step()


@dataclass(frozen=True)
class Endless:
    """Half an advisor."""

    def decide(self, view):
        return [LeadFollowUp(advisors=0.5)]


def test_half_an_advisor_is_refused() -> None:
    with pytest.raises(ActionError, match=r"LeadFollowUp\.advisors must be a whole number"):
        Market(office(), (Play("half", Endless()),)).step()


def test_on_half_as_many_rows_the_advisors_are_as_busy_and_as_soon_at_the_phone_and_cost_as_much() -> None:
    """Staff does not shrink with the market: every lead brings another one to the waiting list."""
    whole, half = (
        MarketOutcome(played(office(population=Population(400, 40_000)), FollowUpLeads(6, 4), customers=rows))
        for rows in (400, 200)
    )
    occupancy = next(kpi for kpi in Advisors.kpis if kpi.id == "advisor_occupancy")
    occupied = [occupancy.read(outcome) for outcome in (whole, half)]
    prompt = [Advisors.kpis[0].read(outcome) for outcome in (whole, half)]
    cost = [outcome.costs.booked("lead advisors").sum() * outcome.market.scale for outcome in (whole, half)]
    assert occupied[1] == pytest.approx(occupied[0], abs=0.05)
    assert cost[1] == pytest.approx(cost[0], rel=0.05)
    n = AdvisorTeam.of(half.market).lead_desk.totals.handed_over
    assert abs(prompt[1] - prompt[0]) < 4 * math.sqrt(1.5 * prompt[0] * (1 - prompt[0]) / n)
    waiting = [outcome.market.books["leads_waiting"][10:].mean() for outcome in (whole, half)]
    assert waiting[1] == pytest.approx(waiting[0], rel=0.15)
