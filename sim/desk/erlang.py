"""What queueing theory says of desks: Erlang's formulas, priorities, impatience, and the square-root rule.

Arrivals are Poisson (`per_hour`), handling is exponential (`mean_handling` hours), all clerks are alike. The offered
load is a = per_hour * mean_handling: how many clerks are at work on average if nobody gives up. Waits are hours until a
clerk takes the ticket; without impatience they are infinite where a >= clerks.

Sources: Erlang 1917 (B and C), Kella & Yechiali 1985 (priorities), Palm 1957 and Garnett et al. 2002 (impatience),
Halfin & Whitt 1981 (square-root rule).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

NEGLIGIBLE = 1e-17  # of a sum: a further term that small changes no digit of it
RESCALE = 1e100


class Impatient(NamedTuple):
    """What becomes of arrivals where the patience of customers is exponential."""

    p_wait: float  # share that finds no free clerk
    p_abandon: float  # share that gives up
    mean_wait: float  # hours, over all arrivals, to the reply or to giving up


def erlang_b(clerks: int, load: float) -> float:
    """Share of arrivals that finds all clerks at work where nobody waits. `load`: offered, in clerks."""
    blocked = 1.0
    for k in range(1, clerks + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(clerks: int, load: float) -> float:
    """Share of arrivals that has to wait; 1 where the load is as large as the number of clerks or larger."""
    if load >= clerks:
        return 1.0
    blocked = erlang_b(clerks, load)
    return blocked / (1.0 - load / clerks * (1.0 - blocked))


def mean_wait(clerks: int, per_hour: float, mean_handling: float) -> float:
    """Mean hours to the first reply, over all arrivals."""
    load = per_hour * mean_handling
    if load >= clerks:
        return math.inf
    return erlang_c(clerks, load) * mean_handling / (clerks - load)


def p_wait_longer(hours: float, clerks: int, per_hour: float, mean_handling: float) -> float:
    """Share of arrivals that waits longer than so many hours, where the first to come is the first to be served."""
    load = per_hour * mean_handling
    if load >= clerks:
        return 1.0
    return erlang_c(clerks, load) * math.exp(-(clerks - load) / mean_handling * hours)


def priority_waits(clerks: int, per_hour: Sequence[float], mean_handling: float) -> tuple[float, ...]:
    """Mean hours to the first reply of each class, the first served first. `per_hour`: arrivals of each class. Work is
    not interrupted and takes equally long in all classes; a class waits for ever where it and those before it are as
    much work as there are clerks."""
    total = sum(per_hour) * mean_handling
    waits, before = [], 0.0
    for rate in per_hour:
        upto = before + rate * mean_handling / clerks if clerks else math.inf
        if upto >= 1.0:
            waits.append(math.inf)
        else:
            waits.append(erlang_c(clerks, total) * mean_handling / (clerks * (1.0 - before) * (1.0 - upto)))
        before = min(upto, 1.0)
    return tuple(waits)


def erlang_a(clerks: int, per_hour: float, mean_handling: float, mean_patience: float) -> Impatient:
    """Shares that wait and give up, and the mean wait, where patience is exponential with a finite mean (hours).

    A birth-death chain: with n tickets waiting they leave at rate clerks / mean_handling + n / mean_patience.
    """
    if not 0.0 < mean_patience < math.inf:
        raise ValueError("the mean patience is a number of hours above 0; without impatience it is erlang_c")
    if per_hour <= 0.0:  # the one who might come
        return Impatient(0.0, 0.0, 0.0) if clerks else Impatient(1.0, 1.0, mean_patience)
    blocked = erlang_b(clerks, per_hour * mean_handling)
    none_waits = term = 1.0  # weights of the states in which all are at work: nobody waits, n wait
    someone_waits, in_line, n = 0.0, 0.0, 0
    while term > NEGLIGIBLE * (none_waits + in_line):
        n += 1
        term *= per_hour / (clerks / mean_handling + n / mean_patience)
        someone_waits += term
        in_line += n * term
        if term > RESCALE:  # only ratios count: an overloaded desk would leave the range of numbers
            none_waits, term, someone_waits, in_line = (w / RESCALE for w in (none_waits, term, someone_waits, in_line))
    whole = none_waits + blocked * someone_waits
    mean_line = blocked * in_line / whole
    return Impatient(
        blocked * (none_waits + someone_waits) / whole, mean_line / mean_patience / per_hour, mean_line / per_hour
    )


def square_root_staffing(load: float, beta: float) -> int:
    """Clerks for an offered load: load + beta * sqrt(load), rounded up, where beta is the quality of service. The
    share that waits is then nearly the same at every load: `p_wait_of(beta)`."""
    return max(0, math.ceil(load + beta * math.sqrt(load)))


def p_wait_of(beta: float) -> float:
    """Share of arrivals that waits under the square-root rule on a large desk, for beta > 0."""
    if beta <= 0.0:
        return 1.0
    density = math.exp(-beta * beta / 2.0) / math.sqrt(2.0 * math.pi)
    return 1.0 / (1.0 + beta * 0.5 * math.erfc(-beta / math.sqrt(2.0)) / density)
