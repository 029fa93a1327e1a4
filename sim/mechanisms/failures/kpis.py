"""What failures and recovery can be judged by. Failure rate, voice rate and complaint rate are three things: easier
complaining raises the third while it keeps customers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from crmlab.sim.customers import GONE
from crmlab.sim.kpi import ALL, NAN, NONE, RUN, Kpi
from crmlab.sim.mechanisms.failures.complaints import FAST, RESOLVED, SILENT, UNRESOLVED
from crmlab.sim.mechanisms.failures.failing import KINDS
from crmlab.sim.mechanisms.failures.failures import FailuresAndRecovery
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome

CHURN_WEEKS = 26
GOODMAN = "Goodman 2006"
OLD_ENOUGH = f"those that ended less than {CHURN_WEEKS} weeks before the end of the run are left out"


def _room(outcome: MarketOutcome) -> FailuresAndRecovery:
    return FailuresAndRecovery.of(outcome.market)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _closed(outcome: MarketOutcome, ended: int) -> int:
    return sum(int((c.outcome == ended).sum()) for c in _room(outcome).recovery.closed)


def _resolution(outcome: MarketOutcome) -> float:
    good = sum(_closed(outcome, ended) for ended in (RESOLVED, FAST))
    return _ratio(good, good + _closed(outcome, UNRESOLVED))


def _kept(outcome: MarketOutcome) -> float:
    return 1 - _ratio(float(_room(outcome).failed[KINDS.index("delivery")]), _run_orders(outcome))


def _run_orders(outcome: MarketOutcome) -> float:
    return float(outcome.orders.n)


def _churn(ended: int, as_measured: bool, outcome: MarketOutcome) -> float:
    """Share who had left, or who had not ordered since, by the end of the run."""
    market, last = outcome.market, outcome.weeks - CHURN_WEEKS
    rows, weeks = ([np.zeros(0, np.int32)] for _ in range(2))
    for closed in _room(outcome).recovery.closed:
        counts = (closed.outcome == ended) & (closed.week <= last)
        rows.append(closed.row[counts])
        weeks.append(closed.week[counts])
    row, week = np.concatenate(rows), np.concatenate(weeks)
    if not row.size:
        return NAN
    if as_measured:
        return float((market.customers.last_order[row] <= week).mean())
    return float((market.customers.stage[row] == GONE).mean())


def _churn_kpi(name: str, label: str, ended: int, as_measured: bool) -> Kpi:
    read: Callable[[MarketOutcome], float] = partial(_churn, ended, as_measured)
    what = (
        "those without an order since / those whose complaint ended so"
        if as_measured
        else "those who had left by the end of the run / those whose failure ended so"
    )
    prefix, how = ("churn_measured", "silent since") if as_measured else ("churn", "left, in truth")
    return Kpi(
        f"{prefix}_{name}", f"{label}: {how}", "share", what, label.lower(), f"at least {CHURN_WEEKS} weeks to the end "
        "of the run", OLD_ENOUGH, -1, "TARP 1979; Knox & van Oest 2014", read, hidden=not as_measured,
    )  # fmt: skip


KPIS = (
    Kpi("failure_rate", "Failures per order", "share", "failures of all kinds / orders", ALL, RUN,
        "undefined without orders", -1, GOODMAN,
        lambda r: _ratio(float(_room(r).failed.sum()), _run_orders(r)), hidden=True),
    Kpi("voice_rate", "Complained about", "share", "failures that are complained about / failures", "every failure",
        RUN, "undefined without failures", 0, GOODMAN,
        lambda r: _ratio(_room(r).voiced, float(_room(r).failed.sum())), hidden=True),
    Kpi("complaint_rate", "Complaints per order", "share", "complaints made / orders", ALL, RUN,
        "complaints come weeks after the order: those of the last orders are missing", 0, GOODMAN,
        lambda r: _ratio(_room(r).asked, _run_orders(r))),
    Kpi("complaints_per_100", "Complaints per 100 active customers a year", "complaints per 100 customers",
        "complaints made / mean number of customers who ordered within 52 weeks / years x 100", "active customers",
        RUN, "as complaints per order", 0, "-",
        lambda r: 100 * _ratio(float(r.market.books["complaints"].sum()),
                               float(r.market.books["active_customers"].sum()) / YEAR)),
    Kpi("resolution_rate", "Complaints resolved", "share", "complaints resolved / complaints that have ended",
        "complaints that have ended", RUN, "undefined while none has ended", 1, "-", _resolution),
    Kpi("promise_kept", "Delivery promises kept", "share", "orders that were there as promised / orders", ALL, RUN,
        NONE, 1, "-", _kept, hidden=True),
    *(_churn_kpi(*what) for what in (
        ("silent", "Failure, not a word", SILENT, False),
        ("unresolved", "Complaint, not resolved", UNRESOLVED, False),
        ("resolved", "Complaint, resolved", RESOLVED, False),
        ("fast", "Complaint, resolved fast", FAST, False),
        ("unresolved", "Complaint, not resolved", UNRESOLVED, True),
        ("resolved", "Complaint, resolved", RESOLVED, True),
        ("fast", "Complaint, resolved fast", FAST, True),
    )),
)  # fmt: skip
