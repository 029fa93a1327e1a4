"""The service desk as a room of the market: who asks, who waits, what it costs, and what it leaves in people."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crmlab.sim import Action, FirmView, Market, Play, check_mechanism
from crmlab.sim.desk import choice
from crmlab.sim.desk.desk import Desk
from crmlab.sim.encounters import Answers, Requests
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.service_desk.actions import SelfService, Staffing
from crmlab.sim.mechanisms.service_desk.intake import in_daytime
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.sim.mechanisms.service_desk.questions import ABOUT_ORDER, ANY_TIME, Questions
from crmlab.sim.mechanisms.service_desk.service_desk import Service
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Population, World
from crmlab.strategies import SelfServicePages, ServedFirst, StaffedDesk
from tests.conftest import shop

BUSY = ServiceDesk(questions_per_order=0.6, questions_per_year=4.0, clerks=2)
WEEKS = 12


def world(numbers: ServiceDesk = BUSY, **more: Any) -> World:
    return shop(population=Population(4000, 8000), mechanisms={"service_desk": numbers, **more})


def market(*strategies: Any, numbers: ServiceDesk = BUSY, weeks: int = WEEKS, customers: int = 2000) -> Market:
    plays = tuple(Play(f"play {number}", strategy) for number, strategy in enumerate(strategies))
    return Market(world(numbers), plays, customers=customers).run(weeks)


def kpi(run: Market, name: str) -> float:
    return next(k for k in ServiceDesk.kpis if k.id == name).read(MarketOutcome(run))


class Notebook(Mechanism):
    """Asks for an answer to its own requests, and writes down all that it is told."""

    name = "notebook"

    def __init__(self, setting: Setting, params: Any) -> None:
        super().__init__(setting, params)
        self.asked: list[Requests] = []
        self.answers: list[Answers] = []
        self.requests: list[list[Requests]] = []

    def affect(self, week: Week) -> None:
        self.answers += [answer for answer in week.heard.answers if answer.kind == "complaint"]

    def mark(self, week: Week) -> None:
        row = np.arange(40, dtype=np.int32) * 5
        mine = Requests("complaint", row, np.linspace(0, 0.99, 40), np.full(40, week.number, np.int32))
        self.asked.append(mine)
        week.requests.append(mine)

    def close(self, week: Week) -> None:
        self.requests.append(list(week.requests))


class Noted:
    """Numbers of the notebook: it has none."""

    name = "notebook"

    def start(self, setting: Setting) -> Mechanism:
        return Notebook(setting, self)


def test_the_room_keeps_the_contract() -> None:
    check_mechanism(ServiceDesk(questions_per_order=0.5))


def test_orders_and_time_lead_to_questions_at_their_rates() -> None:
    run = market(weeks=60, customers=4000)
    questions = Questions(run.setting, BUSY.questions_per_order, BUSY.questions_per_year)
    orders, customers = run.books["orders"][:59].sum(), run.customer_weeks / YEAR
    asked = run.books["requests"].sum()
    expected = BUSY.questions_per_order * orders + customers * YEAR * questions.per_week
    assert abs(asked - expected) < 4 * math.sqrt(expected) + BUSY.questions_per_order * run.books["orders"][59]


def test_with_neither_kind_of_question_the_desk_is_idle() -> None:
    run = market(numbers=replace(BUSY, questions_per_order=0.0, questions_per_year=0.0))
    assert run.books["requests"].sum() == 0
    assert kpi(run, "desk_load") == 0
    assert math.isnan(kpi(run, "first_reply_median"))


def test_every_request_is_answered_given_up_deflected_or_still_there() -> None:
    run = market(SelfServicePages(spend=200.0))
    books = run.books
    record = Service.of(run).record
    assert books["requests"].sum() == pytest.approx(record.arrived + books["deflected"].sum())
    assert books["deflected"].sum() > 0
    ended = books["answered"].sum() + books["abandoned"].sum()
    still_there = record.tickets().waited.size - record.n_ended
    assert record.arrived == ended + still_there
    assert record.n_ended == ended


@pytest.mark.parametrize("clerks", [1, 3])
def test_which_desk_works_changes_no_number(clerks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    simpy = market(StaffedDesk(clerks=clerks))
    monkeypatch.setattr(choice, "SIMPY_ROWS", 0)
    compiled = market(StaffedDesk(clerks=clerks))
    engines: list[Desk] = [Service.of(run).desk for run in (simpy, compiled)]
    assert [desk.name for desk in engines] == ["simpy", "compiled"]
    for name in simpy.books:
        assert (simpy.books[name] == compiled.books[name]).all(), name
    for mine, theirs in zip(Service.of(simpy).record.tickets(), Service.of(compiled).record.tickets(), strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_more_clerks_find_the_same_callers_and_keep_them_waiting_less() -> None:
    runs = [market(StaffedDesk(clerks=clerks)) for clerks in (1, 2, 4, 8)]
    for run in runs[1:]:
        assert (run.books["requests"] == runs[0].books["requests"]).all()
        assert (run.books["orders"] == runs[0].books["orders"]).all()  # nobody here minds
    waits = [kpi(run, "first_reply_p90") for run in runs]
    assert waits == sorted(waits, reverse=True)
    given_up = [kpi(run, "abandonment") for run in runs]
    assert given_up == sorted(given_up, reverse=True)
    assert waits[0] > waits[-1]


@pytest.mark.parametrize("plan", [StaffedDesk(clerks=0), StaffedDesk(clerks=5, opens=12, closes=12)])
def test_a_plan_on_which_nobody_ever_answers_ends_in_a_backlog_and_not_in_a_hang(plan: StaffedDesk) -> None:
    run = market(plan)
    assert kpi(run, "desk_load") == math.inf
    assert kpi(run, "answered_within") == 0
    assert kpi(run, "abandonment") == 1
    waiting = run.books["waiting"]
    assert waiting[-1] == kpi(run, "desk_backlog") > waiting[0] > 0
    assert kpi(run, "desk_cost") == max(plan.clerks - BUSY.clerks, 0) * BUSY.hiring


def test_whoever_finds_the_line_closed_writes() -> None:
    run = market(numbers=replace(BUSY, phone_share=0.6, chat_share=0.0, days=3))
    record = Service.of(run).record
    medium = record.tickets().medium
    open_hours, day_hours = 3 * 8, 3 * 8 / (7 * 12)
    assert record.on_duty.astype(bool).sum() == open_hours
    share = 0.6 * BUSY.daytime_share * day_hours
    assert abs((medium == 1).mean() - share) < 4 * math.sqrt(share * (1 - share) / medium.size)
    assert set(np.unique(medium)) == {0, 1}


def test_an_overloaded_desk_is_said_to_be_one_and_the_hopeless_give_up() -> None:
    slow = replace(BUSY, question_minutes=300.0, clerks=1)
    run = market(numbers=slow)
    assert kpi(run, "desk_load") > 1
    assert kpi(run, "desk_occupancy") > 0.95
    assert kpi(run, "abandonment") > 0.5


def test_wages_overtime_hiring_and_pages_are_paid_to_the_cent() -> None:
    run = market(StaffedDesk(clerks=3), SelfServicePages(spend=77.5), weeks=4)
    service = Service.of(run)
    on_duty = 3 * 8 * 5
    overtime = float(service.record.worked.sum() - service.record.within_plan)
    costs = on_duty * 4 * BUSY.wage + overtime * BUSY.overtime_pay * BUSY.wage + 1 * BUSY.hiring + 4 * 77.5
    scale = run.scale
    assert kpi(run, "desk_cost") == pytest.approx(costs, abs=scale * 0.01 * 4)


def test_a_third_of_the_callers_is_gone_when_self_service_answers_a_third() -> None:
    numbers = replace(BUSY, deflection_max=0.6, deflection_half=100.0)
    few, many = (market(SelfServicePages(spend=spend), numbers=numbers) for spend in (50.0, 100.0))
    none = market(numbers=numbers)
    n = none.books["requests"].sum()
    for run, share in ((few, 0.2), (many, 0.3)):
        assert abs(run.books["deflected"].sum() / n - share) < 4 * math.sqrt(share * (1 - share) / n)
        assert (run.books["requests"] == none.books["requests"]).all()
    assert (few.books["deflected"] <= many.books["deflected"]).all()  # the same people find their answer, and more


def test_whoever_asks_is_told_what_became_of_it_once() -> None:
    run = Market(world(notebook=Noted()), (), customers=2000).run(WEEKS)
    book = Notebook.of(run)
    told = [(row, number) for a in book.answers for row, number in zip(a.row.tolist(), a.number.tolist(), strict=True)]
    asked = {(row, number) for r in book.asked for row, number in zip(r.row.tolist(), r.number.tolist(), strict=True)}
    assert len(told) == len(set(told))
    assert set(told) <= asked
    early = {(row, number) for row, number in asked if number < WEEKS - 3}
    assert len(early - set(told)) < 0.05 * len(early)  # nearly all within three weeks
    took = np.concatenate([a.took for a in book.answers])
    waited = np.concatenate([a.waited for a in book.answers])
    assert (took >= waited).all()
    assert (waited >= 0).all()


def test_self_service_answers_no_complaints() -> None:
    run = Market(
        world(replace(BUSY, questions_per_order=0.0, questions_per_year=0.0), notebook=Noted()),
        (Play("pages", SelfServicePages(spend=1e3)),),
        customers=500,
    ).run(4)
    assert run.books["deflected"].sum() == 0
    assert run.books["requests"].sum() == pytest.approx(40 * 4 * run.scale)


class FirstHalf:
    """Serves first whoever drew a low number."""

    audience = "customers"

    def decide(self, view: FirmView) -> list[Action]:
        actions: list[Action] = ServedFirst().decide(view)
        return [replace(action, first=view.uniform("half") < 0.5) for action in actions]


def test_who_is_served_first_waits_less_and_the_others_wait_more() -> None:
    numbers = replace(BUSY, phone_share=0.0, chat_share=0.0, mail_patience_days=365.0, question_minutes=45.0)
    alike, sorted_out = market(numbers=numbers), market(FirstHalf(), numbers=numbers)
    first, others = (kpi(sorted_out, f"first_reply_{name}") for name in ("priority", "others"))
    both = kpi(alike, "first_reply_median")
    assert first < both < others
    means = [Service.of(run).record.tickets().waited.mean() for run in (alike, sorted_out)]
    assert means[1] == pytest.approx(means[0], rel=0.05)  # nobody works faster: what one gains another loses


def test_experience_is_as_usual_at_the_usual_wait_and_worse_by_the_log_of_a_longer_one() -> None:
    run = market(weeks=6)
    service = Service.of(run)
    week = service.desk.run_week(
        service.intake.tickets(6, [], 0.0, None, np.zeros(168, np.int64)).tickets, np.zeros(168)
    )
    log = week.unfinished
    assert log.n > 0
    mail = log.tickets.medium == 0
    usual = np.where(mail, BUSY.usual_mail_hours, BUSY.usual_call_minutes / 60)
    for hours in (usual, usual * 2, usual * 8):
        at = log._replace(ended=log.tickets.arrival + hours)
        unit = np.where(mail, BUSY.expected_mail_hours, BUSY.expected_call_minutes / 60)
        expected = -BUSY.wait_slope * np.log((unit + hours) / (unit + usual)) - BUSY.given_up * at.is_abandoned
        assert service.quality(at) == pytest.approx(expected)
    fast = log._replace(ended=log.tickets.arrival + 0.001)
    complaints = fast._replace(tickets=fast.tickets._replace(kind=np.full(log.n, 2, np.int16)))
    assert (service.quality(fast)[mail] > 0).any()
    assert (service.quality(complaints) <= 0).all()  # a fast answer to a complaint is no reason to be glad of it


def test_a_row_that_stands_for_four_people_brings_four_tickets() -> None:
    whole, quarter = market(customers=4000), market(customers=1000)
    n = [Service.of(run).record.arrived for run in (whole, quarter)]
    assert whole.scale * 4 == quarter.scale
    # requests of the rows are independent, their copies are not: four times the variance
    assert abs(n[0] - n[1]) < 4 * math.sqrt(n[0] + 4 * n[1])
    loads = [kpi(run, "desk_load") for run in (whole, quarter)]
    assert loads[1] == pytest.approx(loads[0], rel=4 * math.sqrt(5 / n[0]))
    assert kpi(quarter, "desk_cost") == pytest.approx(kpi(whole, "desk_cost"), rel=0.05)  # overtime differs


def test_more_rows_than_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="needs whole people"):
        Market(world(), (), customers=10**6)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.85, 1.0])
def test_so_many_requests_come_by_day(share: float) -> None:
    at = (np.arange(70_000) + 0.5) / 70_000
    moved = in_daytime(at, share)
    hour = moved * 168 % 24
    assert ((hour >= 8) & (hour < 20)).mean() == pytest.approx(share, abs=1e-3)
    assert (np.diff(moved) >= 0).all()
    assert (np.floor(moved * 7) == np.floor(at * 7)).mean() > 0.999


def test_the_square_root_rule_follows_the_work() -> None:
    quiet, loud = (
        market(StaffedDesk(staffing_rule="square_root", margin=1.0), numbers=replace(BUSY, question_minutes=minutes))
        for minutes in (4.0, 40.0)
    )
    for run in (quiet, loud):
        load = run.books["desk_work_hours"][-5:-1].mean() / 40
        assert Service.of(run).staffing == Staffing(math.ceil(load + math.sqrt(load)), 9, 17, 5)
    assert Service.of(loud).staffing.clerks > Service.of(quiet).staffing.clerks
    assert kpi(loud, "desk_load") < 1


def test_questions_are_those_of_the_same_people_in_a_market_with_more_prospects() -> None:
    asked = []
    for prospects in (300, 900):
        added = {"service_desk": BUSY, "notebook": Noted()}
        small = shop(population=Population(400, prospects), channels=(), mechanisms=added)
        run = Market(small, (), customers=400).run(4)
        asked.append([(r.kind, r.row[r.row < 400].tolist()) for week in Notebook.of(run).requests for r in week])
    assert asked[0] == asked[1]
    assert {kind for kind, _ in asked[0]} == {ABOUT_ORDER, ANY_TIME, "complaint"}


def test_an_action_of_the_desk_is_refused_where_there_is_none() -> None:
    class Pages:
        audience = "everybody"

        def decide(self, view: FirmView) -> list[Action]:
            return [SelfService(1.0)]

    with pytest.raises(ValueError, match="lacks the mechanism service_desk"):
        Market(shop(), (Play("pages", Pages()),), customers=50).run(1)
