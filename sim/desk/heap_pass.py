"""A week of the desk as one compiled loop over what happens: work ends, a ticket arrives, an hour begins.

Tickets are rows in order of arrival. A line per class holds its rows in this order, so that queueing is moving the
line's tail on and serving moves its head; who has given up is passed over. The desk in SimPy is the witness: same
moments, same clerks (`tests/sim/desk/test_two_desks.py`).
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from crmlab.sim.jit import compiled, rule


@compiled
def lines_by_class(priority, clerk, n_old):
    """Rows by class, those in work left out: (rows [n], heads [k], tails [k]) with `rows[head:tail]` the tickets of a
    class that wait already. Later ones of the class follow behind the tail, as they will arrive."""
    n_classes = 1
    for i in range(priority.size):
        n_classes = max(n_classes, int(priority[i]) + 1)
    size = np.zeros(n_classes + 1, np.int64)
    for i in range(priority.size):
        if clerk[i] < 0:
            size[int(priority[i]) + 1] += 1
    head = np.cumsum(size)[:-1]
    tail = head.copy()
    rows = np.empty(priority.size, np.int64)
    place = head.copy()
    for i in range(priority.size):
        if clerk[i] < 0:
            k = priority[i]
            rows[place[k]] = i
            place[k] += 1
            if i < n_old:
                tail[k] += 1
    return rows, head, tail


@compiled
def clerks_at_work(ended, clerk, n_old):
    """(heap of (end, clerk) of those at work, heap of idle clerks below the highest one, the first number above)."""
    work = [(0.0, 0) for _ in range(0)]
    fresh = 0
    for i in range(n_old):
        if clerk[i] >= 0:
            work.append((ended[i], int(clerk[i])))
            fresh = max(fresh, int(clerk[i]) + 1)
    heapify(work)
    is_idle = np.ones(fresh, np.bool_)
    for _, who in work:
        is_idle[who] = False
    idle = [who for who in range(fresh) if is_idle[who]]  # ascending: a heap
    return work, idle, fresh


@rule
def next_in_line(rows, head, tail, give_up, ended, now):
    """The row to be served next, -1 if nobody waits. Customers whose patience ended before `now` have gone."""
    for k in range(head.size):
        while head[k] < tail[k]:
            i = rows[head[k]]
            head[k] += 1
            if give_up[i] >= now:
                return i
            ended[i] = give_up[i]
    return -1


@compiled
def work_week(arrival, handling, give_up, priority, first_reply, ended, clerk, n_old, on_duty, begin):
    """Write first replies, ends and clerks of a week. Tickets [n], the first `n_old` of earlier weeks; hours [168]."""
    rows, head, tail = lines_by_class(priority, clerk, n_old)
    work, idle, fresh = clerks_at_work(ended, clerk, n_old)
    coming = n_old
    now = begin
    for hour in range(on_duty.size):
        now = begin + hour
        hour_end = begin + (hour + 1)
        while True:
            while len(work) < on_duty[hour]:
                i = next_in_line(rows, head, tail, give_up, ended, now)
                if i < 0:
                    break
                if len(idle) > 0:
                    who = heappop(idle)
                else:
                    who = fresh
                    fresh += 1
                first_reply[i] = now
                ended[i] = now + handling[i]
                clerk[i] = who
                heappush(work, (ended[i], who))
            done = work[0][0] if len(work) > 0 else np.inf
            comes = arrival[coming] if coming < arrival.size else np.inf
            now = min(done, comes)
            if now >= hour_end:
                break
            if done <= comes:
                heappush(idle, heappop(work)[1])
            else:
                tail[priority[coming]] += 1
                coming += 1
    week_end = begin + on_duty.size
    for k in range(head.size):
        for place in range(head[k], tail[k]):
            i = rows[place]
            if give_up[i] < week_end:
                ended[i] = give_up[i]
