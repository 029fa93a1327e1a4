"""The desk as SimPy tells it: a process for every ticket, and clerks as a resource with priorities.

One environment runs for the life of the market; a week is a run of it until the week's end, so queues, tickets in work
and patience pass over nights and weeks by themselves. The rules are those of `desk.py`. What SimPy leaves open is which
of two things at the same moment comes first, and here it is said: every timed event has a rank.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Generator
from heapq import heappop, heappush
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.resources.resource import PriorityRequest, SortedQueue

from crmlab.sim.desk.desk import Desk
from crmlab.sim.desk.tickets import NOBODY, TicketLog

# What comes first at one moment. SimPy's own events, by which processes go on at once, have the ranks 0 and 1.
HOUR_BEGINS = 0
WORK_ENDS = 2  # + the number of the clerk
ARRIVES = 1 << 60
GIVES_UP = ARRIVES + 1

Steps = Generator[simpy.Event, object, None]


class ExactEnvironment(simpy.Environment):
    """An environment that also knows moments: `now + (moment - now)`, what a delay comes to, may miss by a last bit."""

    def schedule_at(self, event: simpy.Event, rank: int, moment: float) -> None:
        """Let an event happen at a moment, among those at this moment by its rank."""
        entry: Any = (moment, rank, next(self._eid), event)
        heappush(self._queue, entry)


class Moment(simpy.Event):
    """An event at a moment, as `simpy.Timeout` is one after a delay."""

    def __init__(self, env: ExactEnvironment, moment: float, rank: int) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule_at(self, rank, moment)


class Line(SortedQueue):
    """Waiting requests in the order of their keys. SimPy's own sorts the whole line for every newcomer."""

    def append(self, request: PriorityRequest) -> None:
        insort(self, request, key=_key)

    def remove(self, request: PriorityRequest) -> None:
        del self[bisect_left(self, request.key, key=_key)]


def _key(request: PriorityRequest) -> tuple[int, float, bool]:
    return request.key


class TicketRequest(PriorityRequest):
    """A ticket's request for a clerk: `clerk` is who took it."""

    clerk = NOBODY

    def __init__(self, resource: Clerks, priority: int, number: int) -> None:
        self.priority, self.key = priority, (priority, number, False)
        super(PriorityRequest, self).__init__(resource)


class Clerks(simpy.PriorityResource):
    """Clerks with numbers, so many of them on duty; free ones take tickets in the order of the line."""

    PutQueue = Line

    def __init__(self, env: ExactEnvironment) -> None:
        super().__init__(env)
        self._capacity = 0
        self._idle: list[int] = []
        self._fresh = 0  # the lowest number that has never worked

    def be_on_duty(self, clerks: int) -> None:
        """From now on so many work; those who are more finish what they have in work."""
        self._capacity = clerks
        while self.put_queue and self.count < clerks:
            self._trigger_put(None)

    def _do_put(self, event: Any) -> None:
        super()._do_put(event)
        if event.triggered and self._idle:
            event.clerk = heappop(self._idle)
        elif event.triggered:
            event.clerk, self._fresh = self._fresh, self._fresh + 1

    def _do_get(self, event: Any) -> None:
        heappush(self._idle, event.request.clerk)
        super()._do_get(event)


class SimPyDesk(Desk):
    """One environment, one resource of clerks, one process for each ticket."""

    name = "simpy"

    def __init__(self) -> None:
        super().__init__()
        self.env = ExactEnvironment()
        self.clerks = Clerks(self.env)
        self._events: list[tuple[int, float, float, int]] = []  # number, first reply, end, clerk

    def _work(self, log: TicketLog, n_old: int, on_duty: NDArray[np.int64], begin: float) -> None:
        self.env.process(self._shifts(on_duty.tolist(), begin))
        self.env.process(self._arrivals(log, n_old))
        self.env.run(until=begin + on_duty.size)
        if self._events:
            number, first_reply, ended, clerk = zip(*self._events, strict=True)
            row = np.searchsorted(log.number, number)
            log.first_reply[row], log.ended[row], log.clerk[row] = first_reply, ended, clerk
            self._events.clear()

    def _shifts(self, on_duty: list[int], begin: float) -> Steps:
        for hour, clerks in enumerate(on_duty):
            if hour:
                yield Moment(self.env, begin + hour, HOUR_BEGINS)
            if clerks != self.clerks.capacity:
                self.clerks.be_on_duty(clerks)

    def _arrivals(self, log: TicketLog, n_old: int) -> Steps:
        tickets = log.tickets
        give_up = tickets.arrival + tickets.patience
        columns = (log.number, tickets.arrival, tickets.priority, tickets.handling, give_up)
        for number, arrival, priority, handling, gone in zip(*(c[n_old:].tolist() for c in columns), strict=True):
            yield Moment(self.env, arrival, ARRIVES)
            self.env.process(self._ticket(number, priority, handling, gone))

    def _ticket(self, number: int, priority: int, handling: float, give_up: float) -> Steps:
        request = TicketRequest(self.clerks, priority, number)
        if request.triggered or give_up == np.inf:
            yield request
        else:
            yield request | Moment(self.env, give_up, GIVES_UP)
        if not request.triggered:
            request.cancel()
            self._events.append((number, np.nan, give_up, NOBODY))
            return
        now = self.env.now
        self._events.append((number, now, now + handling, request.clerk))
        yield Moment(self.env, now + handling, WORK_ENDS + request.clerk)
        self.clerks.release(request)
