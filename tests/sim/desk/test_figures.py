"""What a desk reports of itself: worked out by hand on a few tickets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from crmlab.sim.desk import figures
from crmlab.sim.desk.compiled_desk import CompiledDesk
from crmlab.sim.desk.desk import DeskWeek
from crmlab.sim.desk.hours import hours_by_hour
from crmlab.sim.desk.poisson import poisson_tickets
from crmlab.sim.desk.staffing import opening_hours, round_the_clock
from crmlab.sim.desk.tickets import Tickets

NONE = Tickets.of([], [])


def two_weeks() -> list[DeskWeek]:
    """One clerk, 9 to 17 on weekdays. Monday: taken at once (9, 2 h of work), after 1.5 h (9.5), given up (10, after
    half an hour), and at 16.5 with 1 h of work: half an hour of overtime. Sunday noon: waits until Monday 9:00. The
    second Sunday: waits at the end."""
    desk = CompiledDesk()
    sunday = 6 * 24 + 12.0
    first = Tickets.of(
        [9.0, 9.5, 10.0, 16.5, sunday], [2.0, 1.0, 1.0, 1.0, 1.0], patience=[np.inf, np.inf, 0.5, np.inf, np.inf]
    )
    plan = opening_hours(1)
    return [desk.run_week(first, plan), desk.run_week(Tickets.of([168 + sunday], [1.0]), plan)]


def test_first_replies_and_resolutions_count_what_still_waits_with_its_wait_so_far() -> None:
    waits, ends = [0.0, 1.5, 0.0, 21.0, 12.0], [2.0, 2.5, 1.0, 22.0, 12.0]
    assert_allclose(figures.first_reply_time(two_weeks()), np.quantile(waits, [0.5, 0.9]))
    assert_allclose(figures.resolution_time(two_weeks()), np.quantile(ends, [0.5, 0.9]))


def test_the_share_within_a_limit_counts_the_given_up_and_the_waiting_as_missed() -> None:
    assert figures.share_within(two_weeks(), 1.0) == 2 / 6
    assert figures.share_within(two_weeks(), 2.0) == 3 / 6
    assert figures.share_within(two_weeks(), 24.0) == 4 / 5, "the last ticket is younger than a day"


def test_abandonment_and_backlog_are_counts_of_the_weeks() -> None:
    assert figures.abandonment(two_weeks()) == 1 / 5
    assert figures.backlog(two_weeks()).tolist() == [1, 1]


def test_occupancy_is_of_the_hours_on_duty_and_overtime_is_what_is_worked_beyond_them() -> None:
    weeks = two_weeks()
    assert_allclose(figures.occupancy(weeks), (2 + 1 + 0.5 + 1) / 80)
    assert [figures.overtime_hours(week) for week in weeks] == [0.5, 0.0]
    assert_allclose(figures.load_ratio(weeks), (2 + 1 + 1 + 1 + 1 + 1) / 80)


def test_load_and_capacity_by_hour_of_the_week_are_means_over_the_weeks() -> None:
    load = figures.load_by_hour(two_weeks())
    assert load.offered[9] == 3.0 / 2
    assert load.worked[[9, 10, 11, 12, 16, 17]].tolist() == [1.0, 0.5, 0.5, 0.0, 0.25, 0.25]
    assert load.on_duty[[8, 9, 16, 17]].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert load.overtime[17] == 0.25
    assert_allclose(load.worked.sum() * 2, 5.0)
    assert_allclose(load.offered.sum() * 2, 7.0)


def test_work_over_the_end_of_a_week_is_in_both_weeks() -> None:
    desk = CompiledDesk()
    weeks = [desk.run_week(Tickets.of([166.5], [200.0]), round_the_clock(1))]
    weeks += [desk.run_week(NONE, round_the_clock(1)) for _ in range(3)]
    assert [figures.worked_hours(week).sum() for week in weeks] == [1.5, 168.0, 30.5, 0.0]
    late = figures.load_by_hour(weeks[1:])
    assert late.offered.sum() == 0.0, "it arrived before the weeks that are looked at"
    assert_allclose(late.worked.sum() * 3, 198.5)


def test_hours_are_spread_over_the_hours_in_which_they_lie() -> None:
    spent = hours_by_hour(np.array([1.25, 1.5, 3.0, -5.0]), np.array([1.75, 4.5, 3.0, 0.5]), 0.0, 5)
    assert spent.tolist() == [0.5, 1.0, 1.0, 1.0, 0.5]


def test_a_desk_whose_work_is_more_than_its_hours_is_overloaded_and_looks_so() -> None:
    rng = np.random.default_rng(1)
    desk = CompiledDesk()
    weeks = [desk.run_week(poisson_tickets(week, rng, 2.0, 1.0), round_the_clock(1)) for week in range(4)]
    assert figures.load_ratio(weeks) == pytest.approx(2.0, rel=0.1)  # 4 standard errors of 1,300 exponentials: 0.11
    assert (np.diff(figures.backlog(weeks)) > 100).all()
    assert figures.occupancy(weeks) > 0.99
    answered = np.concatenate([week.finished.waited for week in weeks])
    assert figures.first_reply_time(weeks).p90 > np.quantile(answered, 0.9)


def test_a_desk_without_clerks_or_without_tickets_has_figures_too() -> None:
    closed = [CompiledDesk().run_week(Tickets.of([1.0], [1.0]), round_the_clock(0))]
    assert figures.first_reply_time(closed) == (167.0, 167.0)
    assert (figures.share_within(closed, 1.0), figures.load_ratio(closed)) == (0.0, np.inf)
    assert np.isnan([figures.occupancy(closed), figures.abandonment(closed)]).all()
    for weeks in ([], [CompiledDesk().run_week(NONE, round_the_clock(0))]):
        assert np.isnan([*figures.first_reply_time(weeks), figures.share_within(weeks, 1.0)]).all()
        assert np.isnan([figures.load_ratio(weeks), figures.abandonment(weeks)]).all()
        assert figures.load_by_hour(weeks).worked.sum() == 0.0
