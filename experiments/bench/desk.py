"""The service desk in SimPy and compiled, side by side on the same tickets: the same outcomes, at what time?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from crmlab.sim.desk.choice import DESKS
from crmlab.sim.desk.desk import DeskWeek
from crmlab.sim.desk.poisson import poisson_tickets
from crmlab.sim.desk.staffing import Plan, opening_hours
from crmlab.sim.desk.tickets import Tickets

Work = Sequence[tuple[Tickets, Plan]]
LIMITS = {"simpy": 40.0, "compiled": 0.5}  # microseconds per ticket
HANDLING, PATIENCE = 0.2, 0.5  # mean hours
LINES = ("finished", "unfinished")


@dataclass(frozen=True)
class DeskTime:
    """How long a desk took: microseconds of processor time per ticket, median and best of the runs."""

    desk: str
    tickets: int
    median: float
    best: float

    @property
    def met(self) -> bool:
        """Whether the median keeps the limit."""
        return self.median <= LIMITS[self.desk]


@dataclass(frozen=True)
class DeskTimes:
    """Both desks on the same tickets, and where they differed (empty if nowhere)."""

    times: tuple[DeskTime, ...]
    differences: tuple[str, ...]
    answered: int
    abandoned: int
    waiting: int

    @property
    def met(self) -> bool:
        return not self.differences and all(timed.met for timed in self.times)


def busy_weeks(per_hour: float, clerks: int, weeks: int, seed: int = 1) -> Work:
    """Three classes, phones whose customers hang up and mails that wait, a shift that shrinks at noon, closed nights,
    and in the second half a quarter of the clerks: too few by far."""
    rng = np.random.default_rng(seed)
    work = []
    for week in range(weeks):
        tickets = poisson_tickets(week, rng, per_hour, HANDLING, mean_patience=PATIENCE, shares=(0.1, 0.3, 0.6))
        is_phone = rng.random(tickets.n) < 0.5
        tickets = tickets._replace(
            medium=is_phone.astype(np.int8),
            patience=np.where(is_phone, tickets.patience, np.inf),
            customer=rng.integers(0, 1000, tickets.n).astype(np.int32),
        )
        plan = opening_hours(clerks if week < weeks / 2 else clerks // 4, 8, 18, 6)
        plan -= opening_hours(int(plan.max()) // 3, 12, 13, 6)
        work.append((tickets, plan))
    return work


def differences(one: Sequence[DeskWeek], other: Sequence[DeskWeek]) -> list[str]:
    """In which weeks and columns two desks do not tell the same, to the last bit."""
    found = []
    for a, b in zip(one, other, strict=True):
        for line in LINES:
            first, second = getattr(a, line), getattr(b, line)
            columns = [
                (name, getattr(first, name), getattr(second, name)) for name in first._fields if name != "tickets"
            ]
            columns += zip(Tickets._fields, first.tickets, second.tickets, strict=True)
            found += [f"week {a.week}, {line}: {name}" for name, x, y in columns if not _are_equal(x, y)]
    return found


def desk_times(per_hour: float = 150.0, clerks: int = 80, weeks: int = 4, runs: int = 3) -> DeskTimes:
    """Every desk on the same weeks, `runs` times over. Compilation is not part of it."""
    work = busy_weeks(per_hour, clerks, weeks)
    n_tickets = sum(tickets.n for tickets, _ in work)
    times, told = [], []
    for name, cls in DESKS.items():
        worked = [cls().run_week(*work[0])]
        seconds = []
        for _ in range(runs):
            desk, begun = cls(), time.process_time()
            worked = [desk.run_week(tickets, plan) for tickets, plan in work]
            seconds.append(time.process_time() - begun)
        per_ticket = [1e6 * s / n_tickets for s in seconds]
        times.append(DeskTime(name, n_tickets, median(per_ticket), min(per_ticket)))
        told.append(worked)
    found = [difference for other in told[1:] for difference in differences(told[0], other)]
    weeks_told = told[0]
    return DeskTimes(
        tuple(times),
        tuple(found),
        sum(week.answered for week in weeks_told),
        sum(week.abandoned for week in weeks_told),
        weeks_told[-1].waiting,
    )


def _are_equal(x: np.ndarray, y: np.ndarray) -> bool:
    return bool(np.array_equal(x, y, equal_nan=x.dtype.kind == "f"))
