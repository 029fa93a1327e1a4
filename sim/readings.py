"""Named readings of a run. Each KPI states its definition, who is eligible, its window and what it does at the edge.

A ratio never stands alone: volumes and customer equity are KPIs beside CAC, repurchase rate and lifetime value.
Totals are those of the real market. An undefined reading is NaN, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np

from crmlab.sim.lifetime import Cohort
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.referral.referral import Referral
from crmlab.sim.orders import YEAR
from crmlab.sim.record import Record

NAN = math.nan


@dataclass(frozen=True)
class Kpi:
    """One number a strategist reads. `direction` +1: higher is better, -1: lower, 0: neither."""

    id: str
    label: str
    unit: str
    formula: str
    eligible: str
    window: str
    censoring: str
    direction: int
    reference: str
    read: Callable[[Record], float]
    hidden: bool = False  # known to the simulation only, not to the firm
    # KPIs whose means it divides, so that three figures on a page agree
    ratio_of: tuple[str, str] | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether it says nothing of how much there is: per somebody, a share, a ratio, a time. Such a number can be
        improved by having less, so a volume belongs beside it."""
        return " per " in self.unit or self.unit in ("share", "ratio", "weeks")


def _cac(record: Record, incentives: bool = True) -> float:
    media, given = record.acquisition_cost()
    n = record.acquired.size
    return (media + incentives * given) / n if n else NAN


def _repurchase(record: Record, weeks: int) -> float:
    eligible = Cohort(record, weeks).members
    return float(np.mean(record.second_after[eligible] <= weeks)) if eligible.any() else NAN


def _ltv_cac(record: Record, weeks: int) -> float:
    cohort = Cohort(record, weeks)
    return cohort.ltv / cohort.cac if cohort.cac > 0 else NAN


def _referral_rate(record: Record) -> float:
    return float(record.by_friend.mean()) if record.acquired.size else NAN


def _k_factor(record: Record, weeks: int) -> float:
    eligible = Cohort(record, weeks).members
    friends = (record.orders.nth == 0) & (record.age_of_friend <= weeks) & Cohort(record, weeks).sent
    return float(np.count_nonzero(friends) / eligible.sum()) if eligible.any() else NAN


def _cac_referral(record: Record) -> float:
    first = record.orders.nth == 0
    friends = first & (record.source == Referral.of(record.market).source)
    given = (record.incentive + record.membership.welcome / record.market.minor)[friends].sum()
    n = np.count_nonzero(friends)
    return float((record.referral_costs_by_week.sum() + given) / n) if n else NAN


def _ltv_with_friends(record: Record, weeks: int) -> float:
    """The lifetime value, and beside the own orders those of the friends won, as far as they fall into the window."""
    cohort, age = Cohort(record, weeks), record.age_of_friend
    if not cohort.n:
        return NAN
    inside = (age <= weeks) & cohort.sent
    delta = record.market.world.economics.weekly_discount
    friends = ((record.contribution + record.incentive)[inside] * np.exp(-delta * age[inside])).sum()
    return cohort.ltv + float(friends / cohort.n)


def _discounted(record: Record, which: np.ndarray) -> float:
    delta = record.market.world.economics.weekly_discount
    return float((record.contribution[which] * np.exp(-delta * record.moment[which])).sum())


def _present(record: Record, by_week: np.ndarray) -> float:
    delta = record.market.world.economics.weekly_discount
    return float((by_week * np.exp(-delta * np.arange(record.weeks))).sum())


def _programme(record: Record) -> tuple[float, float]:
    """What the programme cost for customers of the founding base and for those acquired in the run, discounted."""
    is_new = np.arange(record.market.customers.n) >= record.market.n_founding
    old, new = record.membership.by_group(is_new.astype(np.intp), 2)
    return _present(record, old), _present(record, new)


def _value_existing(record: Record) -> float:
    programme = _programme(record)[0] + _present(record, record.setup_costs_by_week)
    return (_discounted(record, np.isnan(record.age)) - programme) * record.market.scale


def _value_new(record: Record) -> float:
    contribution = _discounted(record, ~np.isnan(record.age)) - _programme(record)[1]
    costs = record.channel_costs_by_week + record.referral_costs_by_week + record.welcome_costs_by_week
    return (contribution - _present(record, costs)) * record.market.scale


def _equity_run(record: Record) -> float:
    everybody = np.ones(record.orders.n, np.bool_)
    return (_discounted(record, everybody) - _present(record, record.other_costs_by_week)) * record.market.scale


def _terminal(record: Record) -> float:
    return record.terminal.value * record.end_discount * record.market.scale


def _member_share(record: Record) -> float:
    paid = record.orders.paid
    return float(paid[record.by_member].sum() / paid.sum()) if paid.sum() else NAN


def _points(record: Record, what: str) -> float:
    return float(sum(getattr(week, what) for week in Loyalty.of(record.market).weeks.values()))


def _retention(record: Record) -> float:
    if record.weeks < YEAR:
        return NAN
    before = record.active(record.weeks - YEAR)
    return float(np.isin(before, record.active(record.weeks)).mean()) if before.size else NAN


def _total(record: Record, amount: np.ndarray | float) -> float:
    return float(np.sum(amount)) * record.market.scale


def _mean_order(record: Record) -> float:
    return float(record.orders.paid.mean() / record.market.minor) if record.orders.n else NAN


MARKETING_METRICS = "Farris et al. 2010"
FADER = "Fader, Hardie & Lee 2005b"
ALL = "every order of the run"
RUN = "the run"
NONE = "none"
COHORT = "first orders whose first 52 weeks lie inside the run"
LEFT_OUT = "later cohorts are left out; undefined in runs of 52 weeks or less"

_KPIS = (
    Kpi("customer_equity", "Customer equity", "currency",
        "customer equity within the run + terminal value, both in money of week 0: what a firm should maximise, "
        "because a horizon can hide nothing from it; the terminal part is known to the simulation only",
        "all customers and prospects", "the run and 260 weeks after it", NONE, 1, FADER,
        lambda r: _equity_run(r) + _terminal(r)),
    Kpi("equity_run", "Customer equity within the run", "currency",
        "discounted contribution of existing and new customers, less media and channel costs, incentives to win "
        "customers, programme costs and what the points still out are expected to cost",
        "all customers", RUN, "value after the run is not counted: see terminal value", 1, FADER, _equity_run),
    Kpi("terminal_value", "Terminal value (truth of the world)", "currency",
        "what the state at the end would bring under today's policy, in money of week 0: customers at today's prices "
        "(less orders borrowed from the future), leads and prospects as today's budgets would win them, less these "
        "budgets; what is owed for points has been taken off in the run",
        "everybody who has not left", "260 weeks after the run", NONE, 1, FADER, _terminal, hidden=True),
    Kpi("value_existing", "Value of the existing base", "currency",
        "discounted contribution, within the run, of customers who had bought before week 0, less what the programme "
        "costs for them and to set up",
        "customers of the founding base", RUN, "as customer equity within the run", 1, FADER,
        _value_existing),
    Kpi("value_new", "Value of new customers", "currency",
        "discounted contribution of customers acquired in the run, less all acquisition cost and what the programme "
        "costs for them", "customers acquired in the run", RUN, "as customer equity within the run", 1, FADER,
        _value_new),
    Kpi("cac", "Customer acquisition cost", "currency per customer",
        "(media + channel fees + what first orders cost less than the standing price + their welcome points + "
        "referral rewards) / first orders",
        "first orders of the run", RUN, "undefined without first orders", -1, MARKETING_METRICS, _cac),
    Kpi("cac_media", "CAC without incentives", "currency per customer",
        "(media + channel fees) / first orders",
        "first orders of the run", RUN, "undefined without first orders", -1, MARKETING_METRICS,
        lambda r: _cac(r, incentives=False)),
    Kpi("repurchase_52", "Repurchase rate within 52 weeks", "share",
        "customers with a second order within 52 weeks of their own first order / customers",
        COHORT, "52 weeks from the own first order", LEFT_OUT, 1, MARKETING_METRICS,
        lambda r: _repurchase(r, YEAR)),
    Kpi("ltv_52", "Lifetime value, 52 weeks", "currency per customer",
        "discounted contribution of the first 52 weeks per acquired customer, before CAC: the first order at the "
        "standing price; later discounts, rewards, points provision and programme costs per member taken off",
        COHORT, "52 weeks from the own first order", LEFT_OUT, 1, FADER, lambda r: Cohort(r, YEAR).ltv),
    Kpi("cac_cohort", "CAC of the LTV cohort", "currency per customer",
        "as CAC, but of the weeks whose new customers can be followed: LTV / CAC divides by it",
        COHORT, "the weeks of their first orders", LEFT_OUT, -1, MARKETING_METRICS, lambda r: Cohort(r, YEAR).cac),
    Kpi("ltv_cac", "LTV (52 weeks) / CAC", "ratio",
        "lifetime value within 52 weeks / CAC of the LTV cohort: the same customers",
        COHORT, "52 weeks from the own first order", LEFT_OUT, 1, MARKETING_METRICS, lambda r: _ltv_cac(r, YEAR),
        ratio_of=("ltv_52", "cac_cohort")),
    Kpi("payback_weeks", "CAC payback", "weeks",
        "first age at which the cohort's cumulative contribution per customer, as in LTV but undiscounted, reaches its "
        "CAC",
        COHORT, "52 weeks from the own first order", "undefined when not reached within 52 weeks", -1,
        MARKETING_METRICS, lambda r: Cohort(r, YEAR).payback),
    Kpi("retention_52", "Retention, 52 weeks", "share",
        "customers active at the end / customers active 52 weeks before; active: an order in the 52 weeks before",
        "customers active 52 weeks before the end", "two years to the end of the run",
        "undefined in runs of less than 52 weeks", 1, "Fader & Hardie 2009", _retention),
    Kpi("contribution", "Contribution after marketing", "currency",
        "revenue - goods - fulfilment - payment - commissions - media - channel fees - programme costs "
        "(rewards, tier benefits, set-up, running, change of the points liability) - referral rewards, undiscounted",
        ALL, RUN, NONE, 1, MARKETING_METRICS, lambda r: _total(r, r.contribution) - _total(r, r.other_costs_by_week)),
    Kpi("revenue", "Net revenue", "currency", "sum of what was paid for orders", ALL, RUN, NONE, 1,
        MARKETING_METRICS, lambda r: _total(r, r.orders.paid / r.market.minor)),
    Kpi("orders", "Orders", "orders", "number of orders", ALL, RUN, NONE, 1, "-", lambda r: _total(r, r.orders.n)),
    Kpi("first_orders", "New customers", "customers", "number of first orders", ALL, RUN, NONE, 1, "-",
        lambda r: _total(r, r.acquired.size)),
    Kpi("repeat_orders", "Repeat orders", "orders", "orders that were not the customer's first", ALL, RUN, NONE, 1,
        "-", lambda r: _total(r, r.orders.n - r.acquired.size)),
    Kpi("mean_order", "Mean order value", "currency per order", "net revenue / orders", ALL, RUN,
        "undefined without orders", 0, "-", _mean_order),
    Kpi("discounts", "Discounts given", "currency", "list value of all orders less what was paid", ALL, RUN, NONE, 0,
        "-", lambda r: _total(r, (r.orders.value - r.orders.paid) / r.market.minor)),
    Kpi("media", "Media and channel costs", "currency", "media budgets spent and channel fees", ALL, RUN, NONE,
        0, "-", lambda r: _total(r, r.channel_costs_by_week)),
    Kpi("active_end", "Active customers at the end", "customers",
        "customers with an order in the last 52 weeks of the run", "all customers", "52 weeks before the end", NONE,
        1, "Fader & Hardie 2009", lambda r: _total(r, r.active(r.weeks).size)),
    Kpi("members", "Members", "customers", "customers enrolled in the loyalty programme at the end", "all customers",
        "the end of the run", NONE, 0, "-", lambda r: _total(r, r.market.column("enrolled") != NOT_ENROLLED)),
    Kpi("member_share", "Members' share of revenue", "share",
        "net revenue of orders by customers enrolled at order time / net revenue; mostly selection, no effect",
        ALL, RUN, "undefined without revenue", 0, "Leenheer et al. 2007", _member_share),
    Kpi("programme_cost", "Cost of the loyalty programme", "currency",
        "rewards + tier benefits + set-up + running + change of the points liability", "members", RUN, NONE, 0,
        MARKETING_METRICS,
        lambda r: _total(r, r.reward_cost / r.market.minor)
        + _total(r, r.programme_costs_by_week + r.welcome_costs_by_week)),
    Kpi("points_liability", "Points liability at the end", "currency",
        "points outstanding x cost of a point x (1 - breakage)", "members",
        "the end of the run", NONE, 0, "Gault et al.",
        lambda r: _total(r, Loyalty.of(r.market).liability / r.market.minor)),
    Kpi("redemption", "Points burnt", "share", "points burnt / points issued", "members", RUN,
        "undefined before points are issued; recent points have had little time", 0, "Gault et al.",
        lambda r: _points(r, "burnt") / _points(r, "issued") if _points(r, "issued") else NAN),
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
        lambda r: _total(r, r.referral_costs_by_week)),
    Kpi("guard_share", "Composition guard bound", "share",
        "customer-weeks in which the summed effect of all strategies had to be cut to a factor of five",
        "customer-weeks", RUN, NONE, -1, "-", lambda r: r.guard_share, hidden=True),
)  # fmt: skip

_own: dict[str, Kpi] = {}  # of experiments that have their own; told here so that whoever prints finds the words


class _Kpis(dict[str, Kpi]):
    """The shipped KPIs by id. Asked for the id of an own KPI of an experiment, it knows that too."""

    def __missing__(self, name: str) -> Kpi:
        return _own[name]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in _own


KPIS = _Kpis({kpi.id: kpi for kpi in _KPIS})


def adopt(kpis: Iterable[Kpi]) -> None:
    """Make own KPIs known to `KPIS[id]`. What an experiment reads is its own affair: its `kpis`."""
    _own.update((kpi.id, kpi) for kpi in kpis if not dict.__contains__(KPIS, kpi.id))


def adopt_words(entries: Iterable[Mapping[str, Any]]) -> None:
    """The same from the glossary of a run folder, which has the words and not the function."""
    names = [f.name for f in fields(Kpi) if f.default is MISSING and f.name != "read"]
    known = [entry for entry in entries if all(name in entry for name in names)]
    adopt(Kpi(**{name: entry[name] for name in names}, read=_unread) for entry in known if entry["id"] not in KPIS)


def _unread(record: Record) -> float:
    raise LookupError("this KPI is known by its words only: its function was not loaded")


HEADLINE = (
    "customer_equity", "equity_run", "first_orders", "orders", "contribution", "cac", "repurchase_52", "ltv_52",
    "cac_cohort", "ltv_cac",
)  # fmt: skip


def read_all(market: Market, own: Sequence[Kpi] = ()) -> dict[str, float]:
    """Every KPI of a market that has been run, and one's own."""
    record = Record(market)
    return {kpi.id: float(kpi.read(record)) for kpi in (*_KPIS, *own)}
