"""Who is served when, told in small stories that both desks have to tell."""

from __future__ import annotations

import numpy as np
import pytest

from crmlab.sim.desk.choice import DESKS
from crmlab.sim.desk.desk import DeskWeek
from crmlab.sim.desk.poisson import poisson_tickets
from crmlab.sim.desk.staffing import checked_plan, opening_hours, round_the_clock
from crmlab.sim.desk.tickets import NOBODY, TicketLog, Tickets, joined, moments

pytestmark = pytest.mark.parametrize("engine", DESKS)
NONE = Tickets.of([], [])


def one_week(engine: str, tickets: Tickets, plan: np.ndarray) -> DeskWeek:
    return DESKS[engine]().run_week(tickets, plan)


def told(week: DeskWeek) -> TicketLog:
    return joined([week.finished, week.unfinished])


def test_the_first_class_goes_first_and_interrupts_nobody(engine: str) -> None:
    week = one_week(engine, Tickets.of([0.0, 0.1, 0.2], [1.0, 1.0, 1.0], priority=[1, 1, 0]), round_the_clock(1))
    assert told(week).first_reply.tolist() == [0.0, 2.0, 1.0]


def test_within_a_class_the_first_to_come_is_the_first_to_be_served(engine: str) -> None:
    week = one_week(engine, Tickets.of([0.0, 0.0, 0.0], [1.0, 0.5, 0.25], priority=2), round_the_clock(1))
    assert told(week).first_reply.tolist() == [0.0, 1.0, 1.5]


def test_the_free_clerk_with_the_lowest_number_takes_the_ticket(engine: str) -> None:
    week = one_week(engine, Tickets.of([0.0, 0.1, 0.2, 5.0, 5.1], [9.0, 1.0, 1.0, 1.0, 1.0]), round_the_clock(3))
    assert told(week).clerk.tolist() == [0, 1, 2, 1, 2]


def test_at_closing_time_work_is_finished_and_no_more_is_begun(engine: str) -> None:
    plan = opening_hours(1, opens=9, closes=17)
    week = one_week(engine, Tickets.of([16.5, 16.6], [2.0, 1.0]), plan)
    assert told(week).ended.tolist() == [18.5, 34.0]
    assert told(week).first_reply.tolist() == [16.5, 24.0 + 9.0]


def test_when_a_shift_shrinks_none_is_taken_until_fewer_are_at_work_than_on_duty(engine: str) -> None:
    plan = round_the_clock(1)
    plan[:2] = 3
    week = one_week(engine, Tickets.of([0.0, 0.0, 0.0, 1.0], [3.0, 4.0, 5.0, 1.0]), plan)
    assert told(week).first_reply.tolist() == [0.0, 0.0, 0.0, 5.0]


def test_the_line_waits_through_nights_and_weeks(engine: str) -> None:
    desk = DESKS[engine]()
    friday_night = 4 * 24 + 20.0
    plan = opening_hours(1)
    first = desk.run_week(Tickets.of([friday_night, friday_night], [1.0, 200.0], kind=[7, 8]), plan)
    assert (first.arrived, first.waiting, first.finished.n) == (2, 2, 0)
    second = desk.run_week(NONE, plan)
    assert second.finished.first_reply.tolist() == [168 + 9.0]
    assert (second.in_work, second.unfinished.tickets.kind.tolist()) == (1, [8])
    third = desk.run_week(NONE, plan)
    assert third.finished.ended.tolist() == [168 + 10.0 + 200.0]
    assert third.finished.number.tolist() == [1]


def test_who_rings_at_night_hangs_up_when_patience_ends(engine: str) -> None:
    week = one_week(engine, Tickets.of([3.0, 8.9], [0.1, 0.1], patience=[0.05, 0.2]), opening_hours(1))
    log = told(week)
    assert log.is_abandoned.tolist() == [True, False]
    assert (log.clerk[0], log.ended[0], log.first_reply[1]) == (NOBODY, 3.05, 9.0)
    assert np.isnan(log.first_reply[0])
    np.testing.assert_allclose(log.waited, [0.05, 0.1])


def test_who_is_taken_in_the_last_moment_of_patience_is_answered(engine: str) -> None:
    week = one_week(engine, Tickets.of([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], patience=[0.0, 1.0, 1.0]), round_the_clock(1))
    assert told(week).first_reply.tolist()[:2] == [0.0, 1.0]
    assert told(week).is_abandoned.tolist() == [False, False, True]


def test_an_hour_begins_before_all_else_that_happens_in_its_first_moment(engine: str) -> None:
    plan = round_the_clock(0)
    plan[9] = 1
    week = one_week(engine, Tickets.of([9.0, 9.5, 10.0], [0.5, 0.5, 0.5]), plan)
    assert told(week).first_reply[:2].tolist() == [9.0, 9.5]
    assert week.waiting == 1


@pytest.mark.parametrize("patience", [np.inf, 3.0])
def test_without_clerks_ten_thousand_wait_or_give_up_and_nothing_hangs(engine: str, patience: float) -> None:
    desk = DESKS[engine]()
    rng = np.random.default_rng(1)
    arrival = np.sort(rng.random(10_000)) * 160
    weeks = [desk.run_week(Tickets.of(arrival, 1.0, patience=patience), round_the_clock(0))]
    weeks += [desk.run_week(NONE, opening_hours(5, opens=17, closes=9)) for _ in range(3)]  # hours that never come
    waiting = 10_000 if np.isinf(patience) else 0
    assert [week.waiting for week in weeks] == [waiting] * 4
    assert weeks[0].abandoned == 10_000 - waiting
    rescued = desk.run_week(NONE, round_the_clock(100))
    assert rescued.answered == waiting


def test_plans_and_tickets_that_make_no_sense_are_refused_with_a_sentence(engine: str) -> None:
    desk = DESKS[engine]()
    for tickets, sentence in (
        (Tickets.of([2.0, 1.0], 1.0), "in order of time from hour 0 to before hour 168"),
        (Tickets.of([168.0], 1.0), "before hour 168"),
        (Tickets.of([np.nan], 1.0), "in order of time"),
        (Tickets.of([1.0], -1.0), "handling time"),
        (Tickets.of([1.0], np.inf), "handling time"),
        (Tickets.of([1.0], 1.0, patience=np.nan), "patience"),
        (Tickets.of([1.0], 1.0, priority=-1), "count from 0"),
        (Tickets.of([1.0], 1.0)._replace(kind=np.zeros(2, np.int16)), "differ in length"),
    ):
        with pytest.raises(ValueError, match=sentence):
            desk.run_week(tickets, round_the_clock(1))
    for plan, sentence in (([1, 2], "168 hours"), ([-1] * 168, "counts clerks"), ([0.5] * 168, "counts clerks"),
                           ([np.nan] * 168, "counts clerks")):  # fmt: skip
        with pytest.raises(ValueError, match=sentence):
            desk.run_week(NONE, plan)
    assert desk.week == 0, "a refused week has not been worked"


def test_a_class_goes_up_to_what_its_column_holds_and_is_refused_beyond(engine: str) -> None:
    week = one_week(engine, Tickets.of([0.0, 0.1, 0.2], [1.0, 1.0, 1.0], priority=[127, 127, 5]), round_the_clock(1))
    assert told(week).first_reply.tolist() == [0.0, 2.0, 1.0]
    for column in ({"priority": np.array([128])}, {"kind": 0.5}, {"customer": 2**31}):
        with pytest.raises(ValueError, match=f"{next(iter(column))} of a ticket is a whole number that"):
            Tickets.of([0.0], 1.0, **column)


def test_shares_of_a_week_become_moments_in_it_and_tickets_can_be_put_in_order(engine: str) -> None:
    share = np.array([0.5, 1.0, 0.0, 0.5], np.float32)  # a share may be rounded up to the whole week
    at = moments(3, share)
    assert at.tolist()[::2] == [3.5 * 168, 3.0 * 168]
    assert at[1] < 4 * 168
    tickets = Tickets.of(at, 0.1, kind=[0, 1, 2, 3]).by_arrival()
    assert tickets.kind.tolist() == [2, 0, 3, 1]
    desk = DESKS[engine]()
    for _ in range(3):
        desk.run_week(NONE, round_the_clock(1))
    assert desk.run_week(tickets, round_the_clock(1)).arrived == 4


def test_one_more_clerk_makes_nobody_wait_longer_where_the_first_to_come_is_the_first_served(engine: str) -> None:
    tickets = poisson_tickets(0, np.random.default_rng(2), 3.0, 1.0)
    waits = [told(one_week(engine, tickets, round_the_clock(clerks))).first_reply for clerks in (3, 4, 5)]
    assert (waits[1] <= waits[0])[~np.isnan(waits[0])].all()
    assert (waits[2] <= waits[1])[~np.isnan(waits[1])].all()
    assert (waits[1] < waits[0]).sum() > 100


def test_opening_hours_are_those_of_the_days_and_hours_named(engine: str) -> None:
    plan = checked_plan(opening_hours(4, opens=8, closes=20, days=6))
    assert plan.sum() == 4 * 12 * 6
    assert (plan[7], plan[8], plan[19], plan[20], plan[6 * 24 + 10]) == (0, 4, 4, 0, 0)
    with pytest.raises(ValueError, match="hours are 0-24"):
        opening_hours(4, closes=25)
