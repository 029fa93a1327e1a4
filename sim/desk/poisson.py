"""Tickets of the queues for which theory has closed forms: Poisson arrivals, exponential work, exponential patience."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crmlab.sim.desk.tickets import WEEK_HOURS, Tickets


def poisson_tickets(
    week: int,
    rng: np.random.Generator,
    per_hour: float,
    mean_handling: float,
    *,
    mean_patience: float = np.inf,
    shares: Sequence[float] = (1.0,),
) -> Tickets:
    """The tickets of one week. `per_hour` arrivals on average, `mean_handling` and `mean_patience` in hours; `shares`
    of the priority classes 0, 1, ... sum to 1."""
    n = rng.poisson(per_hour * WEEK_HOURS)
    arrival = WEEK_HOURS * (week + np.sort(rng.random(n)))
    patience = rng.exponential(mean_patience, n) if mean_patience < np.inf else np.inf
    priority = np.searchsorted(np.cumsum(shares)[:-1], rng.random(n), side="right")
    return Tickets.of(arrival, rng.exponential(mean_handling, n), priority=priority, patience=patience)
