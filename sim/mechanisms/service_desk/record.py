"""What happened at the desk: every ticket that came to an end, and the hours of each week.

Figures are read from here. None of them looks better because tickets were left lying: what still waits at the end
counts with the wait so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.sim.desk.desk import DeskWeek
from crmlab.sim.desk.figures import worked_hours
from crmlab.sim.desk.tickets import WEEK_HOURS, TicketLog, joined

Floats = NDArray[np.float64]
NAN = float("nan")
HOURS = np.arange(WEEK_HOURS)
SHARES = np.round(np.arange(0.05, 1.0, 0.05), 2)  # of the tickets


class Ended(NamedTuple):
    """Tickets with what became of them [m]: hours to the first reply or to giving up, hours to the end."""

    kind: NDArray[np.int16]
    medium: NDArray[np.int8]
    priority: NDArray[np.int8]
    is_abandoned: NDArray[np.bool_]
    waited: NDArray[np.float32]
    took: NDArray[np.float32]

    @classmethod
    def of(cls, log: TicketLog) -> Ended:
        """Of tickets that have come to an end."""
        tickets = log.tickets
        took = (log.ended - tickets.arrival).astype(np.float32)
        waited = log.waited.astype(np.float32)
        return cls(tickets.kind, tickets.medium, tickets.priority, log.is_abandoned, waited, took)

    @classmethod
    def so_far(cls, log: TicketLog, now: float) -> Ended:
        """Of tickets in work or waiting: of the latter the time so far, as if they ended now."""
        tickets = log.tickets
        waited = (np.where(log.is_taken, log.first_reply, now) - tickets.arrival).astype(np.float32)
        took = (np.where(log.is_taken, log.ended, now) - tickets.arrival).astype(np.float32)
        return cls(tickets.kind, tickets.medium, tickets.priority, np.zeros(log.n, np.bool_), waited, took)


@dataclass
class DeskRecord:
    """The weeks of one desk so far. Hours by hour of the week are sums over all weeks [168]."""

    ended: list[Ended] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)  # at the end of each week
    work_arrived: float = 0.0
    on_duty: Floats = field(default_factory=lambda: np.zeros(WEEK_HOURS))
    worked: Floats = field(default_factory=lambda: np.zeros(WEEK_HOURS))
    offered: Floats = field(default_factory=lambda: np.zeros(WEEK_HOURS))
    within_plan: float = 0.0  # hours worked that the plan pays for
    arrived: int = 0
    _open: tuple[TicketLog, float] = field(default_factory=lambda: (joined(()), 0.0))

    def add(self, week: DeskWeek, arrival: Floats, handling: Floats) -> None:
        """Enter a week; `arrival` and `handling` [m] are those of its new tickets, in hours."""
        worked = worked_hours(week)
        self.ended.append(Ended.of(week.finished))
        self.waiting.append(week.waiting)
        self.on_duty += week.plan
        self.worked += worked
        self.within_plan += float(np.minimum(worked, week.plan).sum())
        self.offered += np.bincount(arrival.astype(np.int64) % WEEK_HOURS, handling, WEEK_HOURS)
        self.arrived += arrival.size
        self._open = (week.unfinished, float(WEEK_HOURS * (week.week + 1)))

    def tickets(self) -> Ended:
        """All tickets, those still open at the end last."""
        return Ended._make(np.concatenate(c) for c in zip(*self.ended, Ended.so_far(*self._open), strict=True))

    @property
    def n_ended(self) -> int:
        return sum(part.waited.size for part in self.ended)

    @property
    def n_abandoned(self) -> int:
        return sum(int(part.is_abandoned.sum()) for part in self.ended)

    def quantile(self, what: str, share: float, priority: int | None = None) -> float:
        """Of `waited` or `took`, in hours, over tickets that were not given up, of one priority class if given; nan
        where there are none."""
        tickets = self.tickets()
        counts = ~tickets.is_abandoned
        if priority is not None:
            counts &= tickets.priority == priority
        hours = getattr(tickets, what)[counts]
        return float(np.quantile(hours, share)) if hours.size else NAN

    def share_within(self, limit_hours: float) -> float:
        """Share of tickets with a first reply within the limit. Those younger than it at the end are left out; those
        given up without a reply are missed, and so are those that wait longer."""
        tickets, n_ended = self.tickets(), self.n_ended
        is_open = np.arange(tickets.waited.size) >= n_ended
        old_enough = ~is_open | (tickets.waited > limit_hours)
        kept = ~tickets.is_abandoned & (tickets.waited <= limit_hours)
        return float(kept[old_enough].mean()) if old_enough.any() else NAN

    @property
    def occupancy(self) -> float:
        """Share of the hours on duty in which clerks were at work, overtime apart."""
        return self.within_plan / float(self.on_duty.sum()) if self.on_duty.any() else NAN

    @property
    def load(self) -> float:
        """Hours of work that arrived over hours on duty: a desk above 1 is overloaded. Infinite where work comes and
        nobody is ever on duty."""
        work, paid = float(self.offered.sum()), float(self.on_duty.sum())
        return work / paid if paid else (np.inf if work else NAN)

    def hours_table(self) -> pd.DataFrame:
        """Work that arrives, clerks at work and clerks on duty, in the mean over the weeks, for each hour of the week
        (Monday 0:00 first). Columns: hour, series, value."""
        weeks = max(len(self.waiting), 1)
        series = {"work that arrives": self.offered, "at work": self.worked, "on duty": self.on_duty}
        parts = [pd.DataFrame({"hour": HOURS, "series": name, "value": sums / weeks}) for name, sums in series.items()]
        return pd.concat(parts, ignore_index=True)

    def waits_table(self, limit_hours: float) -> pd.DataFrame:
        """Hours to the first reply that a share of the tickets does not exceed, given-up ones apart, for those with
        priority and for all others. Columns: priority, limit_hours, share, value; a class without tickets has none."""
        tickets = self.tickets()
        parts = []
        for name, number in (("served first", 0), ("others", 1)):
            waited = tickets.waited[~tickets.is_abandoned & (tickets.priority == number)]
            if waited.size:
                hours = np.quantile(waited, SHARES).astype(np.float64)
                about = {"priority": name, "limit_hours": limit_hours, "share": SHARES}
                parts.append(pd.DataFrame({**about, "value": hours}))
        none = pd.DataFrame({"priority": [], "limit_hours": [], "share": [], "value": []})
        return pd.concat(parts, ignore_index=True) if parts else none
