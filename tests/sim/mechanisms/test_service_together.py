"""Satisfaction, failures and the service desk together: what no mechanism can be held to alone."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.replication.recentre import recentred
from crmlab.sim import KPIS, Action, FirmView, Market, Play, ServicePriority, Tag
from crmlab.sim.customers import GONE
from crmlab.sim.desk.compiled_desk import CompiledDesk
from crmlab.sim.desk.desk import Desk, DeskWeek
from crmlab.sim.desk.simpy_desk import SimPyDesk
from crmlab.sim.desk.staffing import opening_hours
from crmlab.sim.desk.tickets import Tickets
from crmlab.sim.encounters import Requests
from crmlab.sim.mechanisms.advisors.params import Advisors
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.service_desk.intake import Arrivals
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.sim.mechanisms.service_desk.service_desk import Service
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Base, Population, World
from crmlab.strategies import CampaignClaim, FewerFailures, PromisedDelivery, SelfServicePages, StaffedDesk
from tests.conftest import cohort, columns_of, shop, today
from tests.sim.test_oracle import TALKATIVE, assert_same_people

FAILING = Failures(product=0.1, delivery=0.1, courtesy=0.05, billing=0.05, product_voice=0.3, delivery_voice=0.6)
NOTHING_FAILS = replace(FAILING, product=0.0, delivery=0.0, courtesy=0.0, billing=0.0)
NO_QUESTIONS = ServiceDesk(questions_per_order=0.0, questions_per_year=0.0)
ASKED = ServiceDesk(questions_per_order=0.5, questions_per_year=3.0)
SLOW_ORDERS = Base(r=0.8, alpha=6.0, s=0.8, beta=30.0)


def world(*numbers: Failures | ServiceDesk | Satisfaction | Advisors, customers: int = 3000) -> World:
    population = Population(customers=customers, prospects=6000, history_weeks=60)
    return shop(base=SLOW_ORDERS, population=population, mechanisms={n.name: n for n in numbers})


def run(where: World, *strategies: object, weeks: int = 60) -> Market:
    return Market(where, today(*(Play(f"play {i}", s) for i, s in enumerate(strategies)))).run(weeks)


def gone(market: Market) -> np.ndarray:
    return market.customers.stage == GONE


def kpi(market: Market, name: str) -> float:
    known = {k.id: k for numbers in market.world.mechanisms.values() for k in numbers.kpis}
    return known[name].read(MarketOutcome(market))


def never_rises(values: Iterable[float]) -> bool:
    known = list(values)
    return known == sorted(known, reverse=True) and known[0] > known[-1]


@pytest.mark.parametrize("clerks", [0, 1, 20])
def test_recovery_never_keeps_anybody_whom_a_life_without_failures_loses(clerks: int) -> None:
    """However fast complaints are answered: row 19 of the acceptance table, person by person."""
    desk, plan = replace(NO_QUESTIONS, given_up=0.0), StaffedDesk(clerks=clerks, opens=0, closes=24, days=7)
    sound, failing = (run(world(f, desk, Satisfaction()), plan) for f in (NOTHING_FAILS, FAILING))
    assert not (gone(sound) & ~gone(failing)).any()
    assert gone(failing).sum() > gone(sound).sum()
    assert kpi(failing, "resolution_rate") == 0 if clerks == 0 else kpi(failing, "resolution_rate") > 0.8


def test_a_user_who_believes_in_the_recovery_paradox_can_say_so() -> None:
    """Where behaviour follows the glow and nobody leaves over failures, those who are helped stay longer."""
    calm = {"leave_silent": 0.0, "leave_unresolved": 0.0, "leave_resolved": 0.0, "leave_fast": 0.0}
    spared = {f"{kind}_voice": voice for kind, voice in (("product", 0.3), ("delivery", 0.6), ("courtesy", 0.3))}
    failing = replace(FAILING, glow=0.3, glow_acted_on=1.0, lag_weeks=1.0, **calm, **spared)
    plan = StaffedDesk(clerks=20, opens=0, closes=24, days=7)
    sound, contested = (run(world(f, NO_QUESTIONS, Satisfaction()), plan) for f in (NOTHING_FAILS, failing))
    assert (gone(sound) & ~gone(contested)).any()


def test_the_more_fails_the_less_satisfied_people_are_and_the_more_leave() -> None:
    rates = [0.0, 0.05, 0.15, 0.3]
    runs = [run(world(replace(FAILING, product=rate), ASKED, Satisfaction())) for rate in rates]
    assert never_rises(kpi(market, "satisfaction") for market in runs)
    assert never_rises(-float(gone(market).sum()) for market in runs)


def test_the_more_clerks_the_more_satisfied_people_are_and_the_fewer_leave() -> None:
    busy = replace(ASKED, question_minutes=30.0)
    runs = [run(world(FAILING, busy, Satisfaction()), StaffedDesk(clerks=clerks)) for clerks in (6, 3, 1, 0)]
    assert never_rises(kpi(market, "satisfaction") for market in runs)
    assert never_rises(-float(gone(market).sum()) for market in runs)
    assert never_rises(kpi(market, "answered_within") for market in runs)


def test_the_sooner_an_answer_comes_the_more_satisfied_people_are_and_the_fewer_leave() -> None:
    """The same work with less of it: a desk that answers sooner because each answer takes less time."""
    runs = [run(world(FAILING, replace(ASKED, question_minutes=minutes), Satisfaction())) for minutes in (2, 30, 120)]
    assert never_rises(-kpi(market, "first_reply_p90") for market in runs)
    assert never_rises(kpi(market, "satisfaction") for market in runs)
    assert never_rises(-float(gone(market).sum()) for market in runs)


def test_without_satisfaction_waiting_moves_nobody() -> None:
    fast, slow = (run(world(ASKED), StaffedDesk(clerks=clerks)) for clerks in (9, 0))
    assert (fast.books["orders"] == slow.books["orders"]).all()


def test_half_the_churn_is_half_the_hazard_and_twice_the_lifetime() -> None:
    """Ten per cent a year against five: a hazard ratio of 0.487, lifetimes of 2.05 (row 22)."""
    hazards = [-math.log1p(-churn) / 52 for churn in (0.10, 0.05)]
    assert hazards[1] / hazards[0] == pytest.approx(0.487, abs=5e-4)
    assert hazards[0] / hazards[1] == pytest.approx(2.05, abs=5e-3)
    n, logs, variance = 20_000, [], 0.0
    for churn, hazard in zip((0.10, 0.05), hazards, strict=True):
        alike = cohort(Base(r=2.0, alpha=10.0, s=1e5, beta=1e5 / hazard))
        left = float(gone(Market(alike, (), customers=n).run(52)).mean())
        assert abs(left - churn) < 4 * math.sqrt(churn * (1 - churn) / n)
        logs.append(math.log(-math.log1p(-left)))
        variance += churn / (1 - churn) / n / math.log1p(-churn) ** 2
    # of independent cohorts; these have common luck, and their ratio is nearer
    assert abs(logs[0] - logs[1] - math.log(hazards[0] / hazards[1])) < 4 * math.sqrt(variance)


@dataclass(frozen=True)
class Marks:
    """Puts a mark on everybody, which nobody reads."""

    def decide(self, view: FirmView) -> list[Action]:
        return [Tag("seen", on=np.ones(view.n, np.bool_))]


@dataclass(frozen=True)
class NobodyFirst:
    """Serves nobody before others."""

    def decide(self, view: FirmView) -> list[Action]:
        return [ServicePriority(np.zeros(view.n, np.bool_))]


@pytest.mark.parametrize("idle", [Marks(), NobodyFirst(), SelfServicePages(spend=0.0)])
def test_what_does_nothing_changes_nobody(idle: object) -> None:
    everything = world(FAILING, ASKED, Satisfaction(), Advisors())
    plain, beside = run(everything, weeks=30), run(everything, idle, weeks=30)
    mine, theirs = columns_of(plain), columns_of(beside)
    for name, values in mine.items():
        np.testing.assert_array_equal(values, theirs[name], name)


@pytest.mark.plain
def test_with_all_of_them_on_it_is_the_same_told_by_agents() -> None:
    everything = shop(
        base=Base(r=2.0, alpha=4.0),
        population=Population(customers=120, prospects=300, history_weeks=60),
        word_of_mouth=TALKATIVE,
        mechanisms={n.name: n for n in (FAILING, ASKED, Satisfaction(departure=0.6), Advisors())},
    )
    market = assert_same_people(everything, today(Play("desk", StaffedDesk(clerks=1, closes=12))), weeks=20)
    assert market.books["complaints"].sum() > 0
    assert market.books["answered"].sum() > 0


def test_tickets_are_conserved_in_every_week(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked is deflected or becomes a ticket, and every ticket is in one place: counted at both doors."""
    where = world(FAILING, replace(ASKED, question_minutes=40.0), Satisfaction())
    market = Market(where, today(Play("pages", SelfServicePages(spend=100.0))))
    service = Service.of(market)
    asked: list[int] = []
    weeks: list[DeskWeek] = []
    intake, run_week = service.intake.tickets, service.desk.run_week

    def counted(number: int, requests: list[Requests], *rest: Any) -> Arrivals:
        asked.append(sum(request.row.size for request in requests))
        return intake(number, requests, *rest)

    def noted(*given: Any) -> DeskWeek:
        weeks.append(run_week(*given))
        return weeks[-1]

    monkeypatch.setattr(service.intake, "tickets", counted)
    monkeypatch.setattr(service.desk, "run_week", noted)
    for _ in range(40):
        market.step()
        books, last = market.books, weeks[-1]
        assert sum(asked) == round(books["requests"].sum())
        arrived = sum(asked) - round(books["deflected"].sum())
        ended = round(books["answered"].sum() + books["abandoned"].sum())
        assert arrived == service.record.arrived == ended + last.waiting + last.in_work
        assert last.in_work <= 2  # clerks
    numbers = np.concatenate([week.finished.number for week in weeks] + [weeks[-1].unfinished.number])
    np.testing.assert_array_equal(np.sort(numbers), np.arange(service.record.arrived))
    assert min(market.books[name].sum() for name in ("deflected", "answered", "abandoned", "waiting")) > 0


def test_ten_thousand_who_wait_for_one_clerk_end_in_a_stated_outcome() -> None:
    flooded = replace(ASKED, questions_per_year=50.0, mail_patience_days=300.0, question_minutes=60.0)
    market = run(world(flooded, Satisfaction(), customers=8000), StaffedDesk(clerks=1), weeks=12)
    assert kpi(market, "desk_backlog") > 10_000
    assert kpi(market, "desk_load") > 10
    assert kpi(market, "abandonment") > 0.5


@pytest.mark.parametrize("desk", [CompiledDesk(), SimPyDesk()])
def test_ten_thousand_waiting_tickets_are_answered_or_given_up_within_seconds(desk: Desk) -> None:
    """A Monday's flood before one clerk, and nobody after it: within a year each ticket has ended, one way or other."""
    rng, n = np.random.default_rng(1), 10_000
    arrival, work = np.sort(rng.uniform(0, 24, n)), rng.exponential(0.2, n)
    flood = Tickets.of(arrival, work, patience=rng.exponential(14 * 24.0, n))
    begun = time.process_time()
    weeks = [desk.run_week(flood if week == 0 else Tickets.of([], []), opening_hours(1)) for week in range(52)]
    assert time.process_time() - begun < 30
    ends = np.concatenate([week.finished.number for week in weeks])
    np.testing.assert_array_equal(np.sort(ends), np.arange(n))
    assert weeks[-1].unfinished.n == 0
    assert min(sum(week.answered for week in weeks), sum(week.abandoned for week in weeks)) > 500


@pytest.mark.slow
def test_no_lever_of_service_is_a_free_lunch() -> None:
    """Equity gained over today by going further and further: what costs nothing must not pay for ever."""
    where = recentred(load_world("service").world, today())

    def equity(*strategies: object) -> float:
        plays = today(*(Play(f"play {i}", s) for i, s in enumerate(strategies)))
        runs = [Market(where, plays, customers=4000, replication=r).run(104) for r in range(3)]
        return float(np.mean([KPIS["customer_equity"].read(MarketOutcome(market)) for market in runs]))

    plain = equity()
    claims = [equity(CampaignClaim(strength)) - plain for strength in (-1.0, 0.5, 2.0)]
    assert claims[0] < 0  # understating costs first orders
    assert claims[2] < claims[1]  # exaggeration has an end
    assert claims[1] < 0.04 * plain
    promises = [equity(PromisedDelivery(days)) - plain for days in (1.0, 14.0)]
    assert max(promises) < 0.01 * plain  # neither all nor nothing pays
    speeds = [equity(PromisedDelivery(5.0, speed)) - plain for speed in (1.5, 4.0)]
    assert speeds[1] < speeds[0] < 0.01 * plain
    qualities = [equity(FewerFailures(delivery=spend)) - plain for spend in (100.0, 1500.0)]
    assert qualities[1] < qualities[0]
    clerks = [equity(StaffedDesk(clerks=n, closes=13)) - plain for n in (0, 1, 4)]
    assert max(clerks[0], clerks[2]) < clerks[1] + 0.01 * plain  # neither nobody nor a crowd
