"""Coupons told person by person and order by order, in plain Python: the second telling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.mechanism import Week
from crmlab.sim.mechanisms.price.coupons import would_use
from crmlab.sim.mechanisms.price.grants import PLAIN_COUPON, Grants, lines_of
from crmlab.sim.price_terms import NOT_SPENT, PLAIN


def hold_out_coupons(
    agents: Sequence[CustomerAgent], week: Week, held: Grants, readiness: NDArray[np.float64]
) -> list[int]:
    """Offer the best coupon without conditions as the single cut of each person who would use one. Returns the lines of
    the coupons with conditions: by person, and of one person those that end first come first."""
    special = []
    for person in agents if held.is_open else ():
        plain = plain_coupons(person, week.number, held, readiness)
        if plain:
            week.effect("single")[person.row] = -min(plain)[0]
        own = usable_lines(person, week.number, held, readiness)
        special += sorted((line for line in own if held.lines.terms[line]), key=lambda line: held.lines.ends[line])
    return special


def use_coupons(
    agents: Sequence[CustomerAgent],
    week: Week,
    held: Grants,
    readiness: NDArray[np.float64],
    coupon_of: NDArray[np.intp],
) -> None:
    """Strike the coupon that each order used. `coupon_of` is which coupon each line of the week's own terms is."""
    used = set()
    for row, spent in zip(week.orders.row, week.spent, strict=True):
        if spent == PLAIN:
            used |= {line for _, _, line in sorted(plain_coupons(agents[row], week.number, held, readiness))[:1]}
        elif spent != NOT_SPENT:
            used.add(int(coupon_of[spent]))
    lines = list(zip(*held.lines, strict=True))
    held.lines = lines_of([line for number, line in enumerate(lines) if number not in used])


def plain_coupons(
    person: CustomerAgent, week: int, held: Grants, readiness: NDArray[np.float64]
) -> list[tuple[float, int, int]]:
    """The coupons without conditions that somebody holds and would use: (-rate, end, number of the line)."""
    lines = held.lines
    return [
        (-float(lines.rate[line]), int(lines.ends[line]), line)
        for line in usable_lines(person, week, held, readiness)
        if lines.terms[line] == PLAIN_COUPON
    ]


def usable_lines(person: CustomerAgent, week: int, held: Grants, readiness: NDArray[np.float64]) -> list[int]:
    """Numbers of the lines of the coupons that somebody holds and would use."""
    lines = held.lines
    return [
        line
        for line in range(lines.row.size)
        if lines.row[line] == person.row and lines.ends[line] > week
        and would_use(*person.key, person.who, int(lines.ends[line]), readiness)
    ]  # fmt: skip
