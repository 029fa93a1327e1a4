"""Erlang's formulas give the tabulated numbers, and both desks give what the formulas say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from crmlab.sim.desk.compiled_desk import CompiledDesk
from crmlab.sim.desk.desk import Desk
from crmlab.sim.desk.erlang import (
    erlang_a,
    erlang_b,
    erlang_c,
    mean_wait,
    p_wait_longer,
    p_wait_of,
    priority_waits,
    square_root_staffing,
)
from crmlab.sim.desk.poisson import poisson_tickets
from crmlab.sim.desk.simpy_desk import SimPyDesk
from crmlab.sim.desk.staffing import round_the_clock
from crmlab.sim.desk.tickets import TicketLog

# clerks, load: B, C, mean wait, share that waits longer than 1; time in mean handling times
ERLANG = {
    (2, 1.5): (0.3103, 0.6429, 1.2857, 0.3899),
    (5, 4.0): (0.1991, 0.5541, 0.5541, 0.2038),
    (10, 8.0): (0.1217, 0.4092, 0.2046, 0.0554),
    (10, 9.0): (0.1680, 0.6687, 0.6687, 0.2460),
    (20, 18.0): (0.1092, 0.5508, 0.2754, 0.0745),
}
PRIORITIES = {0.2: (0.0816, 0.8155), 0.5: (0.1216, 1.2159)}  # share of the first class: mean waits, 10 clerks, load 9
PATIENCE = {0.5: (0.4689, 0.0670, 0.1340), 1.0: (0.4126, 0.0859, 0.0859), 2.0: (0.3561, 0.1049, 0.0524)}
# rate of giving up: share that waits, share that gives up, mean wait; 10 clerks, load 9
DIGITS = 6e-5  # one unit of the digits printed

MAX_ERRORS, MAX_RELATIVE = 4.0, 0.02


def test_erlang_b_and_c_and_the_waits_are_the_tabulated_ones() -> None:
    for (clerks, load), (b, c, wait, longer) in ERLANG.items():
        assert_allclose(erlang_b(clerks, load), b, atol=DIGITS)
        assert_allclose(erlang_c(clerks, load), c, atol=DIGITS)
        assert_allclose(mean_wait(clerks, load, 1.0), wait, atol=DIGITS)
        assert_allclose(p_wait_longer(1.0, clerks, load, 1.0), longer, atol=DIGITS)
        assert_allclose(mean_wait(clerks, load * 4, 0.25), wait / 4, atol=DIGITS)


def test_waits_of_classes_are_the_tabulated_ones_and_keep_the_work() -> None:
    for share, waits in PRIORITIES.items():
        found = priority_waits(10, (9 * share, 9 * (1 - share)), 1.0)
        assert_allclose(found, waits, atol=DIGITS)
        assert_allclose(np.dot(found, (share, 1 - share)), mean_wait(10, 9.0, 1.0))
    assert_allclose(priority_waits(10, (3.0, 8.0), 1.0)[1], np.inf)
    assert priority_waits(10, (3.0, 8.0), 1.0)[0] == 1.0 / (10 * 0.7), "the first class still has its turn"


def test_impatience_is_the_tabulated_one_and_with_endless_patience_nobody_leaves() -> None:
    for rate, numbers in PATIENCE.items():
        assert_allclose(erlang_a(10, 9.0, 1.0, 1 / rate), numbers, atol=DIGITS)
    patient = erlang_a(10, 9.0, 1.0, 1e7)
    assert_allclose(patient, (erlang_c(10, 9.0), 0.0, mean_wait(10, 9.0, 1.0)), rtol=1e-4, atol=1e-6)
    impatient = erlang_a(10, 9.0, 1.0, 1e-9)
    assert_allclose(impatient, (erlang_b(10, 9.0), erlang_b(10, 9.0), 0.0), atol=1e-6)


def test_an_overloaded_desk_of_impatient_customers_answers_what_its_clerks_can() -> None:
    """In the fluid limit all clerks are at work, and what they cannot answer is given up."""
    for load in (2e3, 1e5):
        found = erlang_a(1_000, load, 1.0, 1.0)
        assert_allclose(found.p_wait, 1.0)
        assert_allclose(found.p_abandon, 1 - 1_000 / load, rtol=1e-6)
        assert_allclose(found.mean_wait, found.p_abandon)
    assert erlang_a(3, 0.0, 1.0, 2.0) == (0.0, 0.0, 0.0)
    assert erlang_a(0, 0.0, 1.0, 2.0) == (1.0, 1.0, 2.0)


def test_desks_of_theory_without_clerks_or_with_too_few_wait_for_ever() -> None:
    assert mean_wait(10, 10.0, 1.0) == mean_wait(0, 1.0, 1.0) == priority_waits(0, (1.0,), 1.0)[0] == math.inf
    assert erlang_c(0, 1.0) == p_wait_longer(5.0, 3, 4.0, 1.0) == 1.0
    assert_allclose(erlang_a(0, 9.0, 1.0, 0.5), (1.0, 1.0, 0.5))
    for patience in (0.0, math.inf):
        with pytest.raises(ValueError, match="mean patience"):
            erlang_a(10, 9.0, 1.0, patience)


def test_the_square_root_rule_keeps_the_share_that_waits_at_every_size() -> None:
    assert (square_root_staffing(100.0, 1.0), square_root_staffing(0.0, 2.0)) == (110, 0)
    for beta in (0.5, 1.0, 2.0):
        shares = [erlang_c(square_root_staffing(load, beta), load) for load in (100.0, 2_500.0, 40_000.0)]
        assert_allclose(shares, p_wait_of(beta), atol=0.02)
        assert abs(shares[2] - p_wait_of(beta)) < 0.003
    assert p_wait_of(0.0) == 1.0


def of_waits(log: TicketLog, waited: NDArray[np.float64]) -> Sequence[float]:
    return (waited > 0).mean(), waited.mean(), (waited > 1).mean()


def of_classes(log: TicketLog, waited: NDArray[np.float64]) -> Sequence[float]:
    first = log.tickets.priority == 0
    return waited[first].mean(), waited[~first].mean(), waited.mean()


def of_impatience(log: TicketLog, waited: NDArray[np.float64]) -> Sequence[float]:
    return (waited > 0).mean(), log.is_abandoned.mean(), waited.mean()


def of_loss(log: TicketLog, waited: NDArray[np.float64]) -> Sequence[float]:
    return (log.is_abandoned.mean(),)


@dataclass(frozen=True)
class Queue:
    """A desk with closed forms. `figures` of its tickets, with waits in mean handling times, are `exact` in the mean;
    `patience` is a mean, in the same unit."""

    clerks: int
    load: float
    figures: Callable[[TicketLog, NDArray[np.float64]], Sequence[float]]
    exact: Sequence[float]
    shares: Sequence[float] = (1.0,)
    patience: float = math.inf

    def batches(self, desk: Desk, weeks: int, mean_handling: float) -> NDArray[np.float64]:
        """The figures of so many weeks after a first one that is left out. A week is 168 / `mean_handling` handling
        times, beside the forty that the longest of these lines remembers, so that batches hardly know of each other."""
        rng = np.random.default_rng(7)
        found = []
        for week in range(weeks + 1):
            tickets = poisson_tickets(
                week, rng, self.load / mean_handling, mean_handling, mean_patience=self.patience * mean_handling,
                shares=self.shares,
            )  # fmt: skip
            log = desk.run_week(tickets, round_the_clock(self.clerks)).finished
            found.append(self.figures(log, log.waited / mean_handling))
        return np.array(found[1:])

    def standard_errors_off(self, batches: NDArray[np.float64]) -> NDArray[np.float64]:
        error = batches.std(axis=0, ddof=1) / np.sqrt(len(batches))
        return np.abs(batches.mean(axis=0) - self.exact) / error

    def relatively_off(self, batches: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.abs(batches.mean(axis=0) / self.exact - 1)


def queues() -> dict[str, Queue]:
    """Every number of the tables above as a queue that a desk can be."""
    found = {}
    for clerks, load in ERLANG:
        waits = erlang_c(clerks, load), mean_wait(clerks, load, 1.0), p_wait_longer(1.0, clerks, load, 1.0)
        found[f"{clerks} clerks, load {load:g}"] = Queue(clerks, load, of_waits, waits)
        # Who has no patience at all is lost at once if nobody is free: Erlang's B.
        found[f"{clerks} clerks, load {load:g}, loss"] = Queue(
            clerks, load, of_loss, (erlang_b(clerks, load),), patience=0.0
        )
    for share in PRIORITIES:
        waits = *priority_waits(10, (9 * share, 9 * (1 - share)), 1.0), mean_wait(10, 9.0, 1.0)
        found[f"{share:.0%} first class"] = Queue(10, 9.0, of_classes, waits, shares=(share, 1 - share))
    for rate in PATIENCE:
        found[f"giving up at {rate:g}"] = Queue(
            10, 9.0, of_impatience, erlang_a(10, 9.0, 1.0, 1 / rate), patience=1 / rate
        )
    return found


QUEUES = queues()


@pytest.mark.parametrize("name", QUEUES)
def test_a_desk_waits_as_theory_says_and_both_desks_alike(name: str) -> None:
    queue = QUEUES[name]
    compiled = queue.batches(CompiledDesk(), weeks=40, mean_handling=0.2)
    assert (queue.standard_errors_off(compiled) < MAX_ERRORS).all()
    assert (queue.relatively_off(compiled) < 0.25).all()
    simpy = queue.batches(SimPyDesk(), weeks=1, mean_handling=0.2)
    assert np.array_equal(simpy, compiled[:1])


@pytest.mark.slow
@pytest.mark.parametrize("name", QUEUES)
def test_over_millions_of_tickets_a_desk_is_within_two_per_cent_of_theory(name: str) -> None:
    """SimPy works the first weeks of the same tickets. There its figures are those of the compiled desk to the last
    bit, so what the long run says holds for both; and its own weeks are within their standard errors."""
    queue = QUEUES[name]
    long = queue.batches(CompiledDesk(), weeks=120, mean_handling=0.01)
    assert (queue.standard_errors_off(long) < MAX_ERRORS).all()
    assert (queue.relatively_off(long) < MAX_RELATIVE).all()
    simpy = queue.batches(SimPyDesk(), weeks=40, mean_handling=0.3)
    assert (queue.standard_errors_off(simpy) < MAX_ERRORS).all()
    assert np.array_equal(simpy, queue.batches(CompiledDesk(), weeks=40, mean_handling=0.3))


def test_a_clerk_too_few_would_be_noticed() -> None:
    queue = QUEUES["10 clerks, load 8"]
    wrong = Queue(9, queue.load, queue.figures, queue.exact).batches(CompiledDesk(), weeks=40, mean_handling=0.2)
    assert (queue.standard_errors_off(wrong) > 2 * MAX_ERRORS).any()
