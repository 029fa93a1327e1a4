"""Named KPI values of a run. Each KPI states its definition, who is eligible, its window and what it does at the edge.

A ratio never stands alone: volumes and customer equity are KPIs beside CAC, repurchase rate and lifetime value.
Totals are those of the real market. An undefined KPI value is NaN, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from crmlab.sim.kpi import ALL, COHORT, FADER, LEFT_OUT, MARKETING_METRICS, NAN, NONE, RUN, Kpi, total
from crmlab.sim.ledger import Kind
from crmlab.sim.lifetime import Cohort
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.kpis import KPIS as LOYALTY
from crmlab.sim.mechanisms.referral.kpis import KPIS as REFERRAL
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome


def _cac(outcome: MarketOutcome, incentives: bool = True) -> float:
    media, given = outcome.costs.acquisition()
    n = outcome.acquired.size
    return (media + incentives * given) / n if n else NAN


def _repurchase(outcome: MarketOutcome, weeks: int) -> float:
    eligible = Cohort(outcome, weeks).members
    return float(np.mean(outcome.second_after[eligible] <= weeks)) if eligible.any() else NAN


def _ltv_cac(outcome: MarketOutcome, weeks: int) -> float:
    cohort = Cohort(outcome, weeks)
    return cohort.ltv / cohort.cac if cohort.cac > 0 else NAN


def _discounted(outcome: MarketOutcome, which: np.ndarray) -> float:
    delta = outcome.market.world.economics.weekly_discount
    return float((outcome.contribution[which] * np.exp(-delta * outcome.moment[which])).sum())


def _present(outcome: MarketOutcome, by_week: np.ndarray) -> float:
    delta = outcome.market.world.economics.weekly_discount
    return float((by_week * np.exp(-delta * np.arange(outcome.weeks))).sum())


def _upkeep(outcome: MarketOutcome) -> tuple[float, float]:
    """What it cost to keep customers of the founding base and those acquired in the run, discounted."""
    is_new = np.arange(outcome.market.customers.n) >= outcome.market.n_founding
    old, new = outcome.upkeep.by_group(is_new.astype(np.intp), 2)
    return _present(outcome, old), _present(outcome, new)


def _value_existing(outcome: MarketOutcome) -> float:
    upkeep = _upkeep(outcome)[0] + _present(outcome, outcome.costs.by_week(Kind.OVERHEAD))
    return (_discounted(outcome, np.isnan(outcome.age)) - upkeep) * outcome.market.scale


def _value_new(outcome: MarketOutcome) -> float:
    contribution = _discounted(outcome, ~np.isnan(outcome.age)) - _upkeep(outcome)[1]
    return (contribution - _present(outcome, outcome.costs.by_week(Kind.REACH, Kind.INCENTIVE))) * outcome.market.scale


def _equity_run(outcome: MarketOutcome) -> float:
    everybody = np.ones(outcome.orders.n, np.bool_)
    return (_discounted(outcome, everybody) - _present(outcome, outcome.costs.of_no_order)) * outcome.market.scale


def _terminal(outcome: MarketOutcome) -> float:
    return outcome.terminal.value * outcome.end_discount * outcome.market.scale


def _retention(outcome: MarketOutcome) -> float:
    if outcome.weeks < YEAR:
        return NAN
    before = outcome.active(outcome.weeks - YEAR)
    return float(np.isin(before, outcome.active(outcome.weeks)).mean()) if before.size else NAN


def _mean_order(outcome: MarketOutcome) -> float:
    return float(outcome.orders.paid.mean() / outcome.market.minor) if outcome.orders.n else NAN


def _guard_share(outcome: MarketOutcome) -> float:
    return outcome.market.guarded_weeks / max(outcome.market.weeks_simulated, 1)


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
        ALL, RUN, NONE, 1, MARKETING_METRICS, lambda r: total(r, r.contribution) - total(r, r.costs.of_no_order)),
    Kpi("revenue", "Net revenue", "currency", "sum of what was paid for orders", ALL, RUN, NONE, 1,
        MARKETING_METRICS, lambda r: total(r, r.orders.paid / r.market.minor)),
    Kpi("orders", "Orders", "orders", "number of orders", ALL, RUN, NONE, 1, "-", lambda r: total(r, r.orders.n)),
    Kpi("first_orders", "New customers", "customers", "number of first orders", ALL, RUN, NONE, 1, "-",
        lambda r: total(r, r.acquired.size)),
    Kpi("repeat_orders", "Repeat orders", "orders", "orders that were not the customer's first", ALL, RUN, NONE, 1,
        "-", lambda r: total(r, r.orders.n - r.acquired.size)),
    Kpi("mean_order", "Mean order value", "currency per order", "net revenue / orders", ALL, RUN,
        "undefined without orders", 0, "-", _mean_order),
    Kpi("discounts", "Discounts given", "currency", "list value of all orders less what was paid", ALL, RUN, NONE, 0,
        "-", lambda r: total(r, (r.orders.value - r.orders.paid) / r.market.minor)),
    Kpi("media", "Media and channel costs", "currency", "media budgets spent and channel fees", ALL, RUN, NONE,
        0, "-", lambda r: total(r, r.costs.by_week(Kind.REACH))),
    Kpi("active_end", "Active customers at the end", "customers",
        "customers with an order in the last 52 weeks of the run", "all customers", "52 weeks before the end", NONE,
        1, "Fader & Hardie 2009", lambda r: total(r, r.active(r.weeks).size)),
    *LOYALTY,
    *REFERRAL,
    Kpi("guard_share", "Composition guard bound", "share",
        "customer-weeks in which the summed effect of all strategies had to be cut to a factor of five",
        "customer-weeks", RUN, NONE, -1, "-", _guard_share, hidden=True),
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


def _unread(outcome: MarketOutcome) -> float:
    raise LookupError("this KPI is known by its words only: its function was not loaded")


HEADLINE = (
    "customer_equity", "equity_run", "first_orders", "orders", "contribution", "cac", "repurchase_52", "ltv_52",
    "cac_cohort", "ltv_cac",
)  # fmt: skip


def read_all(market: Market, own: Sequence[Kpi] = ()) -> dict[str, float]:
    """Every KPI of a market that has been run, and one's own."""
    outcome = MarketOutcome(market)
    return {kpi.id: float(kpi.read(outcome)) for kpi in (*_KPIS, *own)}
