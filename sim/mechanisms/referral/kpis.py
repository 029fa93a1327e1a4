"""What recommendations can be judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.kpi import COHORT, LEFT_OUT, MARKETING_METRICS, NAN, NONE, RUN, Kpi, total
from crmlab.sim.lifetime import Cohort
from crmlab.sim.mechanisms.referral.accounts import REFERRAL_REWARDS
from crmlab.sim.mechanisms.referral.referral import Referral
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome


def by_friend(outcome: MarketOutcome) -> NDArray[np.bool_]:
    """Which of the acquired customers were won by a friend."""
    return outcome.market.customers.source[outcome.acquired] == Referral.of(outcome.market).source


def _friend(outcome: MarketOutcome) -> NDArray[np.int32]:
    """Row of the friend who won the customer of each order; -1 for nobody."""
    return outcome.market.column("referrer")[outcome.orders.row]


def _age_of_friend(outcome: MarketOutcome) -> NDArray[np.float64]:
    """Weeks from the first order of the customer who won them to each order of a referred customer; NaN for others
    and where that customer belongs to the founding base."""
    friend = _friend(outcome)
    return np.where(friend >= 0, outcome.moment - outcome.first_moment[np.maximum(friend, 0)], np.nan)


def _sent(cohort: Cohort) -> NDArray[np.bool_]:
    """Which orders were placed by somebody whom a customer of the cohort has won. Shape [orders]."""
    friend = _friend(cohort.outcome)
    return (friend >= 0) & np.isfinite(cohort.first_moment[np.maximum(friend, 0)])


def _referral_rate(outcome: MarketOutcome) -> float:
    return float(by_friend(outcome).mean()) if outcome.acquired.size else NAN


def _k_factor(outcome: MarketOutcome, weeks: int) -> float:
    eligible = Cohort(outcome, weeks).members
    friends = (outcome.orders.nth == 0) & (_age_of_friend(outcome) <= weeks) & _sent(Cohort(outcome, weeks))
    return float(np.count_nonzero(friends) / eligible.sum()) if eligible.any() else NAN


def _cac_referral(outcome: MarketOutcome) -> float:
    first = outcome.orders.nth == 0
    friends = first & (outcome.source == Referral.of(outcome.market).source)
    given = (outcome.incentive + outcome.upkeep.welcome / outcome.market.minor)[friends].sum()
    n = np.count_nonzero(friends)
    return float((outcome.costs.booked(REFERRAL_REWARDS).sum() + given) / n) if n else NAN


def _ltv_with_friends(outcome: MarketOutcome, weeks: int) -> float:
    """The lifetime value, and beside the own orders those of the friends won, as far as they fall into the window."""
    cohort, age = Cohort(outcome, weeks), _age_of_friend(outcome)
    if not cohort.n:
        return NAN
    inside = (age <= weeks) & _sent(cohort)
    delta = outcome.market.world.economics.weekly_discount
    friends = ((outcome.contribution + outcome.incentive)[inside] * np.exp(-delta * age[inside])).sum()
    return cohort.ltv + float(friends / cohort.n)


KPIS = (
    Kpi("referral_rate", "Referral rate", "share", "customers won by a friend / new customers",
        "first orders of the run", RUN, "undefined without first orders", 0, MARKETING_METRICS, _referral_rate),
    Kpi("k_factor", "K factor", "friends per customer",
        "friends won within 52 weeks of the own first order / customers", COHORT,
        "52 weeks from the own first order", LEFT_OUT, 1, "Kumar, Petersen & Leone 2007", lambda r: _k_factor(r, YEAR)),
    Kpi("cac_referral", "Cost per referred customer", "currency per customer",
        "(referral rewards + what friends' first orders cost less than the standing price + their welcome points) / "
        "customers won by a friend",
        "customers won by a friend", RUN, "undefined without any", -1, MARKETING_METRICS, _cac_referral),
    Kpi("ltv_52_friends", "Lifetime value with friends, 52 weeks", "currency per customer",
        "lifetime value within 52 weeks + discounted contribution of the friends won, within the same 52 weeks; "
        "counts a friend's orders twice when summed over customers", COHORT,
        "52 weeks from the own first order", LEFT_OUT, 1, "Kumar, Petersen & Leone 2007",
        lambda r: _ltv_with_friends(r, YEAR)),
    Kpi("referral_cost", "Cost of referral rewards", "currency", "rewards earned by customers whose friend ordered, "
        "and by those who claimed one falsely", "customers who won a friend", RUN, NONE, 0, MARKETING_METRICS,
        lambda r: total(r, r.costs.booked(REFERRAL_REWARDS))),
)  # fmt: skip
