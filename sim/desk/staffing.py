"""Staffing plans: how many clerks are on duty in each hour of a week.

A plan is an array of 168 whole numbers, Monday 0:00 first; where it is 0 the desk is closed. The number of an hour
holds from its first moment until the next hour begins. Overtime is counted hour by hour: what was worked in an hour
beyond the clerks that the plan pays for in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlab.sim.desk.tickets import WEEK_HOURS

DAY_HOURS = 24
Plan = NDArray[np.int64]


def round_the_clock(clerks: int) -> Plan:
    """So many clerks at every hour of the week."""
    return np.full(WEEK_HOURS, clerks, np.int64)


def opening_hours(clerks: int, opens: int = 9, closes: int = 17, days: int = 5) -> Plan:
    """So many clerks from the hour `opens` to the hour `closes` on the first `days` days of the week, else nobody."""
    if not (0 <= opens <= DAY_HOURS and 0 <= closes <= DAY_HOURS and 0 <= days <= 7):
        raise ValueError(f"opening hours from {opens} to {closes} on {days} days are none: hours are 0-24, days 0-7")
    hour = np.arange(WEEK_HOURS)
    is_open = (hour % DAY_HOURS >= opens) & (hour % DAY_HOURS < closes) & (hour // DAY_HOURS < days)
    return np.where(is_open, clerks, 0).astype(np.int64)


def checked_plan(plan: ArrayLike) -> Plan:
    """The plan as whole numbers, or a ValueError that says what is wrong with it."""
    numbers = np.asarray(plan)
    if numbers.shape != (WEEK_HOURS,):
        raise ValueError(f"a staffing plan has {WEEK_HOURS} hours, not the shape {numbers.shape}")
    whole = np.nan_to_num(numbers, nan=-1.0).astype(np.int64)
    if (whole != numbers).any() or (whole < 0).any():
        raise ValueError("a staffing plan counts clerks: whole numbers of 0 or more")
    return whole
