"""New customers a week, as an order log tells them: how many first orders there were lately.

Who is new cannot be told in the first weeks of a log, for a first order in the log may be anybody's hundredth: these
weeks are left out. A log of one cohort, whose customers all came at its beginning, says nothing of today's rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.experiments.calibration.order_log import OrderLog

YEAR = 52
WARM_UP = 13  # first weeks in which old customers look new, or the first quarter of a shorter log
MANY_EARLY = 1.3  # times as many first orders a week at the beginning of a log as lately: old customers are among them
LATE_SHARE = 0.02  # of all first orders: a log that has fewer in its second half is one of a cohort


@dataclass(frozen=True)
class NewCustomers:
    """First orders a week in the last `weeks` weeks of a log; None, with a `reason`, where it cannot say."""

    weekly: float | None
    weeks: int
    reason: str = ""

    def to_json(self) -> dict[str, object]:
        return {"weekly": self.weekly, "weeks": self.weeks, "reason": self.reason}


def weekly_log(log: OrderLog) -> pd.DataFrame:
    """Orders and first orders of a log by full week, counted back from its last day: `week` (-1 is the last),
    `orders`, `first_orders`."""
    day = log.frame["day"].to_numpy().astype("datetime64[D]")
    week = -1 - (log.last_day.astype("datetime64[D]") - day).astype(np.int64) // 7
    newest = np.diff(log.frame["customer"].to_numpy(), prepend=-1) != 0  # sorted by customer and day
    days = int((log.last_day - log.first_day).astype("timedelta64[D]").astype(int)) + 1
    weeks = np.arange(-(days // 7), 0)
    inside = week >= -weeks.size
    orders, first = (np.bincount(week[which] + weeks.size, minlength=weeks.size) for which in (inside, inside & newest))
    return pd.DataFrame({"week": weeks, "orders": orders, "first_orders": first})


def new_customers(weekly: pd.DataFrame) -> NewCustomers:
    """The rate of new customers of the recent year, from the table of `weekly_log`."""
    first, n = weekly["first_orders"].to_numpy(), len(weekly)
    late = first[n // 2 :].sum()
    if late < LATE_SHARE * max(first.sum(), 1):
        last = int(weekly["week"][first > 0].max()) if first.any() else -n
        why = f"all customers came in the first weeks of the log, the last of them {-last} weeks before its end"
        return NewCustomers(None, 0, why)
    used = min(YEAR, n - min(WARM_UP, n // 4))
    return NewCustomers(float(first[-used:].mean()), used)


def older_than_the_log(weekly: pd.DataFrame) -> str:
    """A sentence where many customers of the first weeks must have ordered before the log begins; else empty.

    Their first order in the log is taken for their first at all, so the fit thinks them newer than they are and sees
    too few of them leave.
    """
    rate, first = new_customers(weekly), weekly["first_orders"].to_numpy()
    early = min(WARM_UP, len(first) // 4)
    if not rate.weekly or not early or first[:early].mean() < MANY_EARLY * rate.weekly:
        return ""
    return (
        f"in its first {early} weeks the log shows {first[:early].mean():.1f} new customers a week, lately "
        f"{rate.weekly:.1f}: many of those customers are older than the log, which hides how many leave; a log from "
        "the beginning of the shop is fitted better"
    )
