"""Failures and recovery: what goes wrong, who says so, how it ends, and who leaves over it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from crmlab.sim import Action, FirmView, Market, Play, check_mechanism
from crmlab.sim.customers import GONE
from crmlab.sim.encounters import Answers, Encounters
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.failures.complaints import FAST, OUTCOMES, RESOLVED, SILENT, UNRESOLVED
from crmlab.sim.mechanisms.failures.failing import KINDS
from crmlab.sim.mechanisms.failures.failures import FailuresAndRecovery
from crmlab.sim.mechanisms.failures.numbers import FailureNumbers
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.failures.rules import improved, p_late, p_leave, promise_log_effect
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Base, Population, World
from crmlab.strategies import CampaignClaim, FewerFailures, PromisedDelivery, SentFirst
from tests.conftest import shop

MANY = Failures(product=0.1, delivery=0.1, courtesy=0.05, billing=0.05)
SOUND = replace(MANY, product=0.0, delivery=0.0, courtesy=0.0, billing=0.0)
STAY = {"leave_silent": 0.0, "leave_unresolved": 0.0, "leave_resolved": 0.0, "leave_fast": 0.0}
WEEKS = 52


class Answering(Mechanism):
    """Answers every complaint after so many hours, or never."""

    name = "answering"

    def close(self, week: Week) -> None:
        hours = self.params.hours
        for asked in week.requests if math.isfinite(hours) else ():
            n = asked.row.size
            never = np.zeros(n, np.bool_)
            took = np.full(n, hours)
            week.told.answers.append(Answers(asked.kind, asked.row, asked.number, never, took, took))


class Answerer:
    """Numbers of `Answering`."""

    name = "answering"

    def __init__(self, hours: float) -> None:
        self.hours = hours

    def start(self, setting: Setting) -> Mechanism:
        return Answering(setting, self)


class Listener(Mechanism):
    """Writes down what everybody was told."""

    name = "listener"

    def __init__(self, setting: Setting, params: Any) -> None:
        super().__init__(setting, params)
        self.heard: list[Encounters] = []

    def affect(self, week: Week) -> None:
        self.heard.append(week.heard)


class Listening:
    """Numbers of the listener: it has none."""

    name = "listener"

    def start(self, setting: Setting) -> Mechanism:
        return Listener(setting, self)


def world(numbers: Failures = MANY, hours: float = math.inf, **changes: Any) -> World:
    mechanisms = {"failures": numbers, "answering": Answerer(hours), "listener": Listening()}
    return shop(**{"population": Population(2000, 6000), "mechanisms": mechanisms} | changes)


def run(
    numbers: Failures = MANY, hours: float = math.inf, *strategies: Any, weeks: int = WEEKS, **changes: Any
) -> Market:
    plays = tuple(Play(f"play {number}", strategy) for number, strategy in enumerate(strategies))
    return Market(world(numbers, hours, **changes), plays).run(weeks)


def kpi(market: Market, name: str) -> float:
    return next(k for k in Failures.kpis if k.id == name).read(MarketOutcome(market))


def ended(market: Market) -> np.ndarray:
    """How many failures have ended in each way."""
    outcomes = [np.zeros(0, np.int8), *(closed.outcome for closed in FailuresAndRecovery.of(market).recovery.closed)]
    return np.bincount(np.concatenate(outcomes), minlength=len(OUTCOMES))


def gone(market: Market) -> np.ndarray:
    return market.customers.stage == GONE


def test_the_room_keeps_the_contract() -> None:
    check_mechanism(Failures(product=0.2))


def test_failures_come_at_their_rates_and_complaints_at_rate_times_voice() -> None:
    market = run(replace(MANY, **STAY))
    room, n = FailuresAndRecovery.of(market), market.books["orders"].sum() / market.scale
    for failed, name in zip(room.failed, KINDS, strict=True):
        rate = MANY.kind(name).rate
        assert abs(failed - n * rate) < 4 * math.sqrt(n * rate * (1 - rate)), name
    voiced = sum(MANY.kind(name).rate * MANY.kind(name).voice for name in KINDS)
    assert abs(room.voiced - n * voiced) < 4 * math.sqrt(n * voiced)
    assert kpi(market, "voice_rate") * kpi(market, "failure_rate") == pytest.approx(room.voiced / n)


def test_every_failure_is_somewhere() -> None:
    room = FailuresAndRecovery.of(run(hours=30.0))
    counts = ended(run(hours=30.0))
    assert room.failed.sum() == room.voiced + counts[SILENT]
    assert room.voiced == room.pending.n + room.asked + room.withdrawn
    assert room.asked == counts[UNRESOLVED] + counts[RESOLVED] + counts[FAST] + room.recovery.open.n
    assert min(room.pending.n, room.asked, counts[RESOLVED]) > 0


@pytest.mark.parametrize(("hours", "outcome"), [(5.0, FAST), (30.0, RESOLVED), (math.inf, UNRESOLVED)])
def test_how_a_complaint_ends_is_a_matter_of_the_answer(hours: float, outcome: int) -> None:
    counts = ended(run(hours=hours))
    assert counts[outcome] > 100
    assert counts[[UNRESOLVED, RESOLVED, FAST]].sum() == counts[outcome]


def test_who_stays_over_a_bad_ending_would_have_stayed_over_a_better_one() -> None:
    """And nobody stays longer than where nothing goes wrong."""
    chances = [
        gone(run(numbers, hours)) for numbers, hours in ((SOUND, 1.0), (MANY, 1.0), (MANY, 30.0), (MANY, math.inf))
    ]
    for better, worse in pairwise(chances):
        assert not (better & ~worse).any()
        assert better.sum() < worse.sum()


def test_fewer_failures_are_some_of_the_same_ones() -> None:
    rates = [replace(MANY, product=rate, **STAY) for rate in (0.05, 0.1, 0.2)]
    failed = []
    for numbers in rates:
        heard = Listener.of(run(numbers)).heard
        failed.append(
            {
                (week, row)
                for week, told in enumerate(heard)
                for experiences in told.experiences
                if experiences.kind == "product"
                for row in experiences.row.tolist()
            }
        )
    assert failed[0] < failed[1] < failed[2]


def test_the_chance_of_leaving_is_that_of_the_formula() -> None:
    numbers = replace(Failures(), product=0.5, delivery=0.0, courtesy=0.0, billing=0.0, leave_silent=0.3)
    forever = Base(model="nbd", r=1e4, alpha=2e4)  # one order in two weeks, and nobody leaves of his own
    market = run(numbers, math.inf, weeks=8, base=forever, channels=())
    room = FailuresAndRecovery.of(market)
    closed = [c for c in room.recovery.closed if c.outcome.size and c.outcome[0] == SILENT]
    silent = np.concatenate([c.row for c in closed])
    expected = p_leave(np.full(1, 0.3), np.full(1, 99, np.int32), np.zeros(1, np.bool_), FailureNumbers())[
        0
    ]  # all of them have ten orders by now
    old = market.customers.orders[silent] > 25
    left = np.unique(silent[old & gone(market)[silent]]).size
    n = int(old.sum())
    assert expected == pytest.approx(0.3 * math.exp(-1))
    assert abs(left - n * expected) < 4 * math.sqrt(n * expected) + 8 * 0.02 * n


def test_earlier_orders_soothe_and_a_second_complaint_makes_it_worse() -> None:
    p = FailureNumbers()
    chance = p_leave(np.full(3, 0.2), np.array([0, 5, 50], np.int32), np.zeros(3, np.bool_), p)
    assert chance == pytest.approx([0.2, 0.2 * math.exp(-0.5), 0.2 * math.exp(-1.0)])
    again = p_leave(np.full(3, 0.2), np.array([0, 5, 50], np.int32), np.ones(3, np.bool_), p)
    assert again == pytest.approx(1.5 * chance)


def test_only_what_was_made_good_is_given_back_and_the_glow_is_not_acted_on() -> None:
    heard = Listener.of(run(hours=5.0)).heard
    lost = sum(-e.quality.sum() for told in heard for e in told.experiences)
    back = [r for told in heard for r in told.recoveries]
    given = sum((r.loss * r.share).sum() for r in back)
    assert 0 < given < lost
    assert all((r.share == 1.0).all() and (r.glow == MANY.glow).all() and r.acted_on == 0.0 for r in back)
    slow = [r for told in Listener.of(run(hours=48.0)).heard for r in told.recoveries]
    assert all((r.share == MANY.restored).all() and (r.glow == 0).all() for r in slow)


def test_money_avoids_failures_less_and_less_and_is_paid_to_the_cent() -> None:
    p = MANY
    assert improved(0.1, 0.0, p) == 0.1
    assert improved(0.1, p.quality_half, p) == pytest.approx(0.1 * (p.quality_floor + (1 - p.quality_floor) / 2))
    assert improved(0.1, 1e9, p) == pytest.approx(0.1 * p.quality_floor)
    plain, better = run(), run(MANY, math.inf, FewerFailures(product=300.0))
    room, base = FailuresAndRecovery.of(better), FailuresAndRecovery.of(plain)
    rate = room.failed[0] / (better.books["orders"].sum() / better.scale)
    expected = improved(0.1, 300.0, p)
    n = better.books["orders"].sum() / better.scale
    assert abs(rate - expected) < 4 * math.sqrt(expected / n)
    assert base.failed[0] > room.failed[0]
    assert MarketOutcome(better).costs.booked(*room.accounts).sum() == pytest.approx(300.0 * WEEKS)


def test_todays_promise_is_broken_as_often_as_stated_and_a_longer_one_less_often() -> None:
    p = FailureNumbers()
    assert p_late(p.promised_days, 1.0, 0.1, p) == pytest.approx(0.1)
    days = [p_late(d, 1.0, 0.1, p) for d in (2.0, 5.0, 10.0, 1e6)]
    assert days == sorted(days, reverse=True)
    assert days[-1] == pytest.approx(0.0, abs=1e-9)
    assert p_late(5.0, 2.0, 0.1, p) == pytest.approx(p_late(10.0, 1.0, 0.1, p))  # twice as fast, twice the slack
    assert promise_log_effect(p.promised_days, p) == 0.0
    assert promise_log_effect(2.5, p) == pytest.approx(p.promise_slope * math.log(2))


def test_a_short_promise_sells_more_and_is_broken_more_often() -> None:
    numbers = replace(MANY, **STAY)
    long, today, short = (run(numbers, math.inf, PromisedDelivery(days)) for days in (10.0, 5.0, 2.5))
    assert long.books["orders"].sum() < today.books["orders"].sum() < short.books["orders"].sum()
    kept = [kpi(market, "promise_kept") for market in (long, today, short)]
    assert kept == sorted(kept, reverse=True)
    plain = run(numbers)
    assert (today.books["orders"] == plain.books["orders"]).all()


def test_speed_keeps_the_promise_and_costs_something_on_every_order() -> None:
    slow, fast = run(), run(MANY, math.inf, PromisedDelivery(5.0, 2.0))
    assert kpi(fast, "promise_kept") > kpi(slow, "promise_kept")
    room = FailuresAndRecovery.of(fast)
    n = fast.books["orders"].sum() / fast.scale
    booked = MarketOutcome(fast).costs.booked(*room.accounts).sum()
    assert booked == pytest.approx(n * MANY.speed_cost)


class ForHalf:
    """Sends the orders of half the customers first."""

    audience = "customers"

    def decide(self, view: FirmView) -> list[Action]:
        return [replace(action, first=view.uniform("half") < 0.5) for action in SentFirst(4.0).decide(view)]


def test_priority_delivery_helps_those_who_have_it_and_nobody_else() -> None:
    numbers = replace(MANY, delivery=0.3, **STAY)
    plain, some, all_of_them = run(numbers), run(numbers, math.inf, ForHalf()), run(numbers, math.inf, SentFirst(4.0))
    late = [FailuresAndRecovery.of(market).failed[1] for market in (plain, some, all_of_them)]
    assert late[0] > late[1] > late[2]
    assert late[1] == pytest.approx((late[0] + late[2]) / 2, rel=0.2)


def test_a_claim_wins_first_orders_and_disappoints_whoever_places_one() -> None:
    plain, honest, strong = run(), run(MANY, math.inf, CampaignClaim(0.0)), run(MANY, math.inf, CampaignClaim(1.0))
    modest = run(MANY, math.inf, CampaignClaim(-0.5))
    first = [market.books["first_orders"].sum() for market in (modest, plain, strong)]
    assert first == sorted(first)
    assert first[0] < first[1] < first[2]
    for name in plain.books:
        assert (plain.books[name] == honest.books[name]).all()

    def told(market: Market) -> float:
        heard = Listener.of(market).heard
        return sum(float(e.quality.sum()) for t in heard for e in t.experiences if e.kind == "claim")

    assert told(strong) < told(honest) == 0 < told(modest)
    orders = strong.order_log.table(since=0)[1]
    last = strong.order_log.week(WEEKS - 1)
    assert last is not None
    heard = [
        float(((1 - MANY.claim_fades) ** log.nth[strong.customers.first_order[log.row] >= 0]).sum())
        for log in (orders, last)
    ]
    expected = -MANY.claim_slope * (heard[0] - heard[1])  # what happens in the last week is heard by nobody
    assert told(strong) == pytest.approx(expected, rel=0.02)  # two orders in one week are judged alike


def test_without_failures_and_policies_nothing_happens() -> None:
    market = run(SOUND)
    assert kpi(market, "failure_rate") == 0
    assert math.isnan(kpi(market, "resolution_rate"))
    assert ended(market).sum() == 0


def test_churn_by_ending_rises_from_fast_to_unresolved_and_the_firm_measures_silence_for_it() -> None:
    fast, slow, never = (run(hours=hours, weeks=78) for hours in (5.0, 40.0, math.inf))
    true = [kpi(fast, "churn_fast"), kpi(slow, "churn_resolved"), kpi(never, "churn_unresolved")]
    assert true == sorted(true)
    assert true[0] < true[-1]
    assert 0 < kpi(never, "churn_measured_unresolved") < 1
    assert math.isnan(kpi(fast, "churn_unresolved"))
