"""What a loyalty programme can be judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.kpi import ALL, MARKETING_METRICS, NAN, NONE, RUN, Kpi, total
from crmlab.sim.ledger import Kind
from crmlab.sim.mechanisms.loyalty.accounts import ACCOUNTS
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.outcome import MarketOutcome


def _by_member(outcome: MarketOutcome) -> NDArray[np.bool_]:
    """Whether each order was placed by somebody enrolled in the loyalty programme at that moment."""
    enrolled = outcome.market.gather("enrolled", outcome.orders.row)
    return (enrolled != NOT_ENROLLED) & (enrolled <= outcome.week)


def _programme_cost(outcome: MarketOutcome) -> float:
    accounts = [account for account in ACCOUNTS if account.kind is not Kind.BALANCE]
    return total(outcome, outcome.costs.booked(*accounts))


def _member_share(outcome: MarketOutcome) -> float:
    paid = outcome.orders.paid
    return float(paid[_by_member(outcome)].sum() / paid.sum()) if paid.sum() else NAN


def _points(outcome: MarketOutcome, what: str) -> float:
    return float(sum(getattr(week, what) for week in Loyalty.of(outcome.market).weeks.values()))


KPIS = (
    Kpi("members", "Members", "customers", "customers enrolled in the loyalty programme at the end", "all customers",
        "the end of the run", NONE, 0, "-", lambda r: total(r, r.market.column("enrolled") != NOT_ENROLLED)),
    Kpi("member_share", "Members' share of revenue", "share",
        "net revenue of orders by customers enrolled at order time / net revenue; mostly selection, no effect",
        ALL, RUN, "undefined without revenue", 0, "Leenheer et al. 2007", _member_share),
    Kpi("programme_cost", "Cost of the loyalty programme", "currency",
        "rewards + tier benefits + set-up + running + change of the points liability", "members", RUN, NONE, 0,
        MARKETING_METRICS,
        _programme_cost),
    Kpi("points_liability", "Points liability at the end", "currency",
        "points outstanding x cost of a point x (1 - breakage)", "members",
        "the end of the run", NONE, 0, "Gault et al.",
        lambda r: total(r, Loyalty.of(r.market).books.liability / r.market.minor)),
    Kpi("redemption", "Points burnt", "share", "points burnt / points issued", "members", RUN,
        "undefined before points are issued; recent points have had little time", 0, "Gault et al.",
        lambda r: _points(r, "burnt") / _points(r, "issued") if _points(r, "issued") else NAN),
)  # fmt: skip
