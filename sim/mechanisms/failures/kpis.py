"""What failures and recovery can be judged by. Failure rate, voice rate and complaint rate are three things: easier
complaining raises the third while it keeps customers."""

from __future__ import annotations

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


def failure_rate(outcome: MarketOutcome) -> float:
    """Failures of all kinds for each order."""
    return _ratio(float(_room(outcome).failed.sum()), outcome.orders.n)


def voice_rate(outcome: MarketOutcome) -> float:
    """Share of failures that are complained about."""
    return _ratio(_room(outcome).voiced, float(_room(outcome).failed.sum()))


def complaint_rate(outcome: MarketOutcome) -> float:
    """Complaints made for each order."""
    return _ratio(_room(outcome).asked, outcome.orders.n)


def complaints_per_100(outcome: MarketOutcome) -> float:
    """Complaints of a hundred active customers within a year."""
    books = outcome.market.books
    return 100 * _ratio(float(books["complaints"].sum()), float(books["active_customers"].sum()) / YEAR)


def resolution_rate(outcome: MarketOutcome) -> float:
    """Share of complaints that were resolved, of those that have ended."""
    good = sum(_closed(outcome, ended) for ended in (RESOLVED, FAST))
    return _ratio(good, good + _closed(outcome, UNRESOLVED))


def promise_kept(outcome: MarketOutcome) -> float:
    """Share of orders that were there as promised."""
    return 1 - _ratio(float(_room(outcome).failed[KINDS.index("delivery")]), outcome.orders.n)


def _churn(outcome: MarketOutcome, ended: int, as_measured: bool = False) -> float:
    """Share who had left by the end of the run; as a firm measures it, who had not ordered since."""
    market, last = outcome.market, outcome.weeks - CHURN_WEEKS
    old = [(c, (c.outcome == ended) & (c.week <= last)) for c in _room(outcome).recovery.closed]
    row = np.concatenate([np.zeros(0, np.int32), *(c.row[counts] for c, counts in old)])
    week = np.concatenate([np.zeros(0, np.int32), *(c.week[counts] for c, counts in old)])
    gone = market.customers.last_order[row] <= week if as_measured else market.customers.stage[row] == GONE
    return float(gone.mean()) if row.size else NAN


def churn_silent(outcome: MarketOutcome) -> float:
    """Who had left, of those to whom something happened and who said nothing."""
    return _churn(outcome, SILENT)


def churn_unresolved(outcome: MarketOutcome) -> float:
    """Who had left, of those whose complaint was not resolved."""
    return _churn(outcome, UNRESOLVED)


def churn_resolved(outcome: MarketOutcome) -> float:
    """Who had left, of those whose complaint was resolved."""
    return _churn(outcome, RESOLVED)


def churn_fast(outcome: MarketOutcome) -> float:
    """Who had left, of those whose complaint was resolved fast."""
    return _churn(outcome, FAST)


def churn_measured_unresolved(outcome: MarketOutcome) -> float:
    """Who had not ordered since, of those whose complaint was not resolved."""
    return _churn(outcome, UNRESOLVED, as_measured=True)


def churn_measured_resolved(outcome: MarketOutcome) -> float:
    """Who had not ordered since, of those whose complaint was resolved."""
    return _churn(outcome, RESOLVED, as_measured=True)


def churn_measured_fast(outcome: MarketOutcome) -> float:
    """Who had not ordered since, of those whose complaint was resolved fast."""
    return _churn(outcome, FAST, as_measured=True)


TRUE = "those who had left by the end of the run / those whose failure ended so"
MEASURED = "those without an order since / those whose complaint ended so"
TO_THE_END = f"at least {CHURN_WEEKS} weeks to the end of the run"
TARP = "TARP 1979; Knox & van Oest 2014"

KPIS = (
    Kpi("failure_rate", "Failures per order", "share", "failures of all kinds / orders", ALL, RUN,
        "undefined without orders", -1, GOODMAN, failure_rate, hidden=True),
    Kpi("voice_rate", "Complained about", "share", "failures that are complained about / failures", "every failure",
        RUN, "undefined without failures", 0, GOODMAN, voice_rate, hidden=True),
    Kpi("complaint_rate", "Complaints per order", "share", "complaints made / orders", ALL, RUN,
        "complaints come weeks after the order: those of the last orders are missing", 0, GOODMAN, complaint_rate),
    Kpi("complaints_per_100", "Complaints per 100 active customers a year", "complaints per 100 customers",
        "complaints made / mean number of customers who ordered within 52 weeks / years x 100", "active customers",
        RUN, "as complaints per order", 0, "-", complaints_per_100),
    Kpi("resolution_rate", "Complaints resolved", "share", "complaints resolved / complaints that have ended",
        "complaints that have ended", RUN, "undefined while none has ended", 1, "-", resolution_rate),
    Kpi("promise_kept", "Delivery promises kept", "share", "orders that were there as promised / orders", ALL, RUN,
        NONE, 1, "-", promise_kept, hidden=True),
    Kpi("churn_silent", "Left after a failure without a word", "share", TRUE, "failures nobody heard of", TO_THE_END,
        OLD_ENOUGH, -1, TARP, churn_silent, hidden=True),
    Kpi("churn_unresolved", "Left after a complaint not resolved", "share", TRUE, "complaints not resolved", TO_THE_END,
        OLD_ENOUGH, -1, TARP, churn_unresolved, hidden=True),
    Kpi("churn_resolved", "Left after a complaint resolved", "share", TRUE, "complaints resolved", TO_THE_END,
        OLD_ENOUGH, -1, TARP, churn_resolved, hidden=True),
    Kpi("churn_fast", "Left after a complaint resolved fast", "share", TRUE, "complaints resolved fast", TO_THE_END,
        OLD_ENOUGH, -1, TARP, churn_fast, hidden=True),
    Kpi("churn_measured_unresolved", "Silent since a complaint not resolved", "share", MEASURED,
        "complaints not resolved", TO_THE_END, OLD_ENOUGH, -1, TARP, churn_measured_unresolved),
    Kpi("churn_measured_resolved", "Silent since a complaint resolved", "share", MEASURED, "complaints resolved",
        TO_THE_END, OLD_ENOUGH, -1, TARP, churn_measured_resolved),
    Kpi("churn_measured_fast", "Silent since a complaint resolved fast", "share", MEASURED, "complaints resolved fast",
        TO_THE_END, OLD_ENOUGH, -1, TARP, churn_measured_fast),
)  # fmt: skip
