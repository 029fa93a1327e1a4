"""The desk in SimPy and the compiled one are one desk: ticket by ticket, bit by bit, week after week."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from crmlab.experiments.bench.desk import Work, busy_weeks, differences
from crmlab.sim.desk.choice import DESKS, SIMPY_ROWS, new_desk
from crmlab.sim.desk.compiled_desk import CompiledDesk
from crmlab.sim.desk.desk import Desk, DeskWeek
from crmlab.sim.desk.simpy_desk import SimPyDesk
from crmlab.sim.desk.staffing import round_the_clock
from crmlab.sim.desk.tickets import Tickets


def worked(desk: Desk, work: Work) -> list[DeskWeek]:
    return [desk.run_week(tickets, plan) for tickets, plan in work]


def assert_every_ticket_is_somewhere(weeks: Sequence[DeskWeek]) -> None:
    before = 0
    for week in weeks:
        assert before + week.arrived == week.answered + week.abandoned + week.waiting + week.in_work
        before = week.waiting + week.in_work
    numbers = np.concatenate([week.finished.number for week in weeks] + [weeks[-1].unfinished.number])
    assert np.array_equal(np.sort(numbers), np.arange(sum(week.arrived for week in weeks)))


@pytest.mark.parametrize(
    ("per_hour", "clerks", "weeks", "at_least"),
    [(10.0, 8, 4, 5_000), (150.0, 80, 4, 100_000)],
)
def test_both_desks_tell_the_same_of_every_ticket(per_hour: float, clerks: int, weeks: int, at_least: int) -> None:
    work = busy_weeks(per_hour, clerks, weeks, seed=1)
    simpy, compiled = worked(SimPyDesk(), work), worked(CompiledDesk(), work)
    assert sum(week.arrived for week in simpy) > at_least
    assert differences(simpy, compiled) == []
    last = simpy[-1]
    assert last.waiting > 3 * simpy[0].waiting, "overload was part of it"
    assert all(week.abandoned > 0 and week.answered > 0 for week in simpy)
    assert set(last.finished.tickets.priority[last.finished.is_taken]) >= {0, 1}
    assert_every_ticket_is_somewhere(simpy)
    assert_every_ticket_is_somewhere(compiled)


@pytest.mark.plain
def test_both_desks_order_what_happens_at_the_same_moment_alike() -> None:
    """All times are quarters of an hour, so that nearly everything happens together with something else."""
    coincidences = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        work = []
        for week in range(3):
            n = int(rng.integers(0, 60))
            arrival = 168 * week + np.sort(rng.choice([0, 1, 2, 9, 160, 167], n) + rng.integers(0, 4, n) / 4)
            tickets = Tickets.of(
                arrival,
                rng.integers(0, 8, n) / 4,
                priority=rng.integers(0, 3, n),
                patience=np.where(rng.random(n) < 0.5, rng.integers(0, 8, n) / 4, np.inf),
            )
            work.append((tickets, rng.integers(0, 4, 168)))
        simpy, compiled = worked(SimPyDesk(), work), worked(CompiledDesk(), work)
        assert differences(simpy, compiled) == [], f"seed {seed}"
        ended = np.concatenate([week.finished.ended for week in simpy])
        coincidences += ended.size - np.unique(ended).size
    assert coincidences > 1_000


def test_moments_that_no_delay_hits_are_hit() -> None:
    """0.2 + (0.9 - 0.2) is not 0.9: a desk that counted in delays would differ in the last bit."""
    assert 0.2 + (0.9 - 0.2) != 0.9
    work = [(Tickets.of([0.2, 0.9], [0.0, 0.0]), round_the_clock(1))]
    for cls in DESKS.values():
        (week,) = worked(cls(), work)
        assert week.finished.first_reply.tolist() == [0.2, 0.9]


def test_a_difference_of_the_last_bit_would_be_found() -> None:
    work = busy_weeks(2.0, 2, 1, seed=3)
    (week,) = worked(CompiledDesk(), work)
    nudged = week.finished._replace(ended=np.nextafter(week.finished.ended, np.inf))
    assert differences([week], [week._replace(finished=nudged)]) == ["week 0, finished: ended"]


def test_what_simpy_has_in_line_and_in_work_is_what_the_desk_says() -> None:
    desk = SimPyDesk()
    for tickets, plan in busy_weeks(8.0, 4, 4, seed=5):
        plan = np.roll(plan, 30)  # open on Sunday night: somebody is at work when the week ends
        week = desk.run_week(tickets, plan)
        assert len(desk.clerks.queue) == week.waiting
        assert desk.clerks.count == week.in_work
    assert week.in_work > 0


def test_the_size_of_the_market_or_a_word_chooses_the_desk() -> None:
    assert isinstance(new_desk("auto", SIMPY_ROWS), SimPyDesk)
    assert isinstance(new_desk("auto", SIMPY_ROWS + 1), CompiledDesk)
    assert isinstance(new_desk("compiled"), CompiledDesk)
    assert isinstance(new_desk("simpy", 10**7), SimPyDesk)
    with pytest.raises(ValueError, match='"abacus" is no desk; known: auto, simpy, compiled'):
        new_desk("abacus")
