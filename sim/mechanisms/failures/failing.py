"""Which orders go wrong, who says so, and who says nothing: all drawn by the order, the same under every policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.mechanism import Setting
from crmlab.sim.mechanisms.failures.complaints import Complaints
from crmlab.sim.mechanisms.failures.numbers import FailureNumbers
from crmlab.sim.orders import Orders

KINDS = ("product", "delivery", "courtesy", "billing")
Floats = NDArray[np.float64]


class Failed(NamedTuple):
    """The failures of a week's orders, of one kind: in the order of the orders, which of them are complained about, and
    when (weeks since week 0; nan for those who stay silent). Shape [m] each."""

    kind: int
    row: NDArray[np.int32]
    number: NDArray[np.int32]
    severity: Floats
    is_voiced: NDArray[np.bool_]
    due: Floats


def failures_of(
    setting: Setting, numbers: FailureNumbers, week: int, orders: Orders, rates: Mapping[str, Floats | float],
    complain: Floats,
) -> list[Failed]:  # fmt: skip
    """What goes wrong with the orders of a week, kind by kind.

    `rates` are chances of failing by kind, one for all orders or one per order; `complain` [n] is each person's
    readiness to complain, on the log scale, or empty where nothing moves it. A lower rate fails some of the same.
    """
    found = []
    for kind, name in enumerate(KINDS):
        _, severity, voice = numbers.kind(name)
        if not orders.n or not np.any(rates[name]):
            continue
        fails = setting.draw(f"failures/{name}", orders.row, orders.nth) < rates[name]
        row, number, at = orders.row[fails], orders.nth[fails], orders.at[fails].astype(np.float64)
        readiness = np.exp(complain[row]) if complain.size else 1.0
        voices = setting.draw(f"failures/{name}/voice", row, number) < np.minimum(voice * readiness, 1.0)
        lag = -numbers.lag_weeks * np.log(setting.draw(f"failures/{name}/lag", row, number))
        due = np.where(voices, week + at + lag, np.nan)
        found.append(Failed(kind, row, number, np.full(row.size, severity), voices, due))
    return found


def voiced(failed: Failed, week: int) -> Complaints:
    """The complaints that will come of failures of this week."""
    v = failed.is_voiced
    n = int(v.sum())
    return Complaints(
        failed.row[v],
        np.full(n, failed.kind, np.int8),
        failed.number[v],
        failed.due[v],
        failed.severity[v],
        np.full(n, week, np.int32),
        np.zeros(n, np.bool_),
    )
