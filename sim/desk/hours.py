"""Time that is spread over the hours of a week."""

from __future__ import annotations

import math

import numpy as np

from crmlab.sim.jit import compiled


@compiled
def hours_by_hour(start, end, begin, n_hours):
    """How much of the spells from `start` to `end` [m] lies in each of `n_hours` hours from `begin` on. [n_hours]"""
    spent = np.zeros(n_hours)
    for i in range(start.size):
        since = max(start[i] - begin, 0.0)
        until = min(end[i] - begin, float(n_hours))
        if until <= since:
            continue
        first, last = math.floor(since), math.floor(until)
        if first == last:
            spent[first] += until - since
            continue
        spent[first] += first + 1 - since
        for hour in range(first + 1, last):
            spent[hour] += 1.0
        if last < n_hours:
            spent[last] += until - last
    return spent
