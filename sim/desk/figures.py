"""Key figures of a desk, as functions of its weeks: times, shares, occupancy, backlog, and load against capacity.

All of them take the weeks as `Desk.run_week` gives them, one after the other. Tickets that still wait at the end are
not forgotten, or an overloaded desk would look the better the fewer it answers: each figure says how it counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.desk.desk import DeskWeek
from crmlab.sim.desk.hours import hours_by_hour
from crmlab.sim.desk.tickets import WEEK_HOURS, TicketLog, joined

Floats = NDArray[np.float64]


class Spread(NamedTuple):
    """Median and 90th percentile, in hours; nan where there is nothing."""

    median: float
    p90: float


class HourLoad(NamedTuple):
    """Load against capacity in each hour of the week [168], as clerks on average over the weeks."""

    offered: Floats  # work that arrives in this hour: hours of handling per hour
    worked: Floats  # clerks at work
    on_duty: Floats  # clerks whom the plan has on duty

    @property
    def overtime(self) -> Floats:
        """Clerks at work beyond those on duty, in the mean over the weeks."""
        return np.maximum(self.worked - self.on_duty, 0.0)


def all_tickets(weeks: Sequence[DeskWeek]) -> TicketLog:
    """Every ticket of the weeks with what has become of it by their end."""
    return joined([week.finished for week in weeks] + [week.unfinished for week in weeks[-1:]])


def first_reply_time(weeks: Sequence[DeskWeek]) -> Spread:
    """Hours to the first reply. Who gave up has none and is left out; who still waits counts with the wait so far, so
    that both figures are lower bounds while there is a backlog."""
    log = all_tickets(weeks)
    end = _end(weeks)
    reply = np.where(log.is_taken, log.first_reply, end)
    return _spread((reply - log.tickets.arrival)[~log.is_abandoned])


def resolution_time(weeks: Sequence[DeskWeek]) -> Spread:
    """Hours from arrival to the end of the work, under the same rules; work that goes on counts with its known end."""
    log = all_tickets(weeks)
    ended = np.where(log.is_taken, log.ended, _end(weeks))
    return _spread((ended - log.tickets.arrival)[~log.is_abandoned])


def share_within(weeks: Sequence[DeskWeek], limit_hours: float) -> float:
    """Share of tickets with a first reply within the limit. Tickets younger than the limit at the end are left out;
    of the others, those that wait or were given up without a reply are missed. nan without tickets."""
    log = all_tickets(weeks)
    log = log.where(log.tickets.arrival + limit_hours <= _end(weeks))
    kept = log.is_taken & (log.first_reply - log.tickets.arrival <= limit_hours)
    return _share(kept.sum(), log.n)


def abandonment(weeks: Sequence[DeskWeek]) -> float:
    """Share of the tickets that came to an end whose customers gave up; nan if none has ended."""
    return _share(sum(week.abandoned for week in weeks), sum(week.finished.n for week in weeks))


def backlog(weeks: Sequence[DeskWeek]) -> NDArray[np.int64]:
    """Tickets that wait at the end of each week. Shape [weeks]."""
    return np.array([week.waiting for week in weeks], np.int64)


def occupancy(weeks: Sequence[DeskWeek]) -> float:
    """Share of the hours on duty in which clerks were at work, overtime apart; nan if nobody ever is on duty."""
    within = sum(np.minimum(worked_hours(week), week.plan).sum() for week in weeks)
    return _share(within, sum(week.plan.sum() for week in weeks))


def overtime_hours(week: DeskWeek) -> float:
    """Hours worked in a week beyond what the plan pays for, counted hour by hour."""
    return float(np.maximum(worked_hours(week) - week.plan, 0.0).sum())


def worked_hours(week: DeskWeek) -> Floats:
    """Hours that clerks worked in each hour of a week. Shape [168]."""
    begin = float(WEEK_HOURS * week.week)
    return _worked(week.finished, begin) + _worked(week.unfinished, begin)


def load_ratio(weeks: Sequence[DeskWeek]) -> float:
    """Hours of work that arrived, over hours on duty; inf where work comes and nobody is ever on duty, nan where
    neither is. A desk above 1 is overloaded: its backlog grows for ever, unless the customers give up."""
    arrived = all_tickets(weeks)
    begin = float(WEEK_HOURS * weeks[0].week) if weeks else 0.0
    work = float(arrived.tickets.handling[arrived.tickets.arrival >= begin].sum())
    paid = float(sum(week.plan.sum() for week in weeks))
    return work / paid if paid else (np.inf if work else np.nan)


def load_by_hour(weeks: Sequence[DeskWeek]) -> HourLoad:
    """Offered load, clerks at work and clerks on duty by hour of the week, means over the weeks."""
    n = max(len(weeks), 1)
    log = all_tickets(weeks)
    if weeks:
        log = log.where(log.tickets.arrival >= WEEK_HOURS * weeks[0].week)
    hour = np.floor(log.tickets.arrival).astype(np.int64) % WEEK_HOURS
    offered = np.bincount(hour, log.tickets.handling, WEEK_HOURS)
    nothing = np.zeros(WEEK_HOURS)
    worked = sum((worked_hours(week) for week in weeks), nothing)
    on_duty = sum((week.plan for week in weeks), nothing)
    return HourLoad(offered / n, worked / n, on_duty / n)


def _worked(log: TicketLog, begin: float) -> Floats:
    taken = log.is_taken
    return hours_by_hour(log.first_reply[taken], log.ended[taken], begin, WEEK_HOURS)


def _end(weeks: Sequence[DeskWeek]) -> float:
    return float(WEEK_HOURS * (weeks[-1].week + 1)) if weeks else 0.0


def _spread(hours: Floats) -> Spread:
    return Spread(*np.quantile(hours, [0.5, 0.9]).tolist()) if hours.size else Spread(np.nan, np.nan)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
