"""Who was acquired, against how they were treated: an effect divided between the two, person by person.

Totals. Every order belongs to somebody who was a customer from the start, was acquired under both policies, or under
one only. What changes for the same people is *treatment*; the whole value of those acquired under one policy only is
*composition*: won less lost, whatever they were offered, for under the other policy they were no customers. Media,
referral rewards, welcome points and the costs of a programme belong to no order and have lines of their own; so has the
worth of those who are no customers yet at the end, less the media that will win them. All lines sum to the effect.

Means per acquired customer. Treatment is the change of the mean of those acquired either way, weighted with their
share in the cohort (the average of the two cohorts). People won raise the mean by their share times how far they lie
above those acquired either way (average of the two policies), people lost lower it likewise. This is Kitagawa's
symmetric decomposition (1955) and sums to the effect. Somebody acquired too late to be followed counts as not in the
cohort.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from crmlab.experiments.questions.explain.estimates import Measurement
from crmlab.experiments.questions.explain.paired_outcomes import Floats, PairedOutcomes, Which, per_person
from crmlab.sim import lifetime
from crmlab.sim.ledger import Kind
from crmlab.sim.mechanisms.loyalty.accounts import WELCOME as WELCOME_POINTS
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome

EXISTING, EITHER_WAY = "treatment: existing customers", "treatment: acquired either way"
WON, LOST = "composition: won", "composition: lost"
MEDIA, PROGRAMME, REFERRAL = "media and channel fees", "programme costs of no order", "referral rewards"
WELCOME, MARKET = "welcome points of first orders", "those not yet won at the end"
TOTAL = "effect of the arm"
LINES = (EXISTING, EITHER_WAY, WON, LOST, MARKET, MEDIA, PROGRAMME, REFERRAL, WELCOME)
TOTALS = ("customer_equity", "contribution", "revenue", "orders")
MEANS = ("ltv_52", "repurchase_52")


def composition(pair: PairedOutcomes, kpis: tuple[Mapping[str, float], Mapping[str, float]]) -> Iterator[Measurement]:
    """The divided effects of one replication, and how many people stand behind them.

    `kpis` are the measurements of the baseline and the arm, from which the whole effect is taken. Measurements are
    (part, "totals" | "means" | "people", line, KPI, value).
    """
    for kpi in TOTALS:
        for line, value in _total_lines(pair, kpi).items():
            yield Measurement("composition", "totals", line, kpi, value * pair.scale)
        yield Measurement("composition", "totals", TOTAL, kpi, kpis[1][kpi] - kpis[0][kpi])
    for kpi in MEANS:
        for line, value in mean_lines(*(_cohort(outcome, kpi) for outcome in pair.both)).items():
            yield Measurement("composition", "means", line, kpi, value)
        yield Measurement("composition", "means", TOTAL, kpi, kpis[1][kpi] - kpis[0][kpi])
    for line, who in _groups(pair).items():
        yield Measurement("composition", "people", line, "people", float(who.sum()) * pair.scale)


def _groups(pair: PairedOutcomes) -> dict[str, Which]:
    return {EXISTING: pair.existing, EITHER_WAY: pair.either_way, WON: pair.won, LOST: pair.lost}


def _total_lines(pair: PairedOutcomes, kpi: str) -> dict[str, float]:
    """A total by line, in units of the rows."""
    before, after = (_worth_of_people(outcome, kpi) for outcome in pair.both)
    groups = _groups(pair)
    lines = {line: float((after - before)[who].sum()) for line, who in groups.items()}
    if kpi == "contribution":
        lines[MARKET] = 0.0  # the run ends, and nothing after it counts
    if kpi == "customer_equity":
        nobody_yet = ~np.logical_or.reduce(list(groups.values()))
        media = [outcome.terminal.media * outcome.end_discount for outcome in pair.both]
        lines[MARKET] = float((after - before)[nobody_yet].sum()) - (media[1] - media[0])
    if kpi in ("customer_equity", "contribution"):
        before_costs, after_costs = (_costs_of_nobody(outcome, kpi == "customer_equity") for outcome in pair.both)
        lines |= {line: before_costs[line] - after_costs[line] for line in before_costs}
    return lines


def _worth_of_people(outcome: MarketOutcome, kpi: str) -> Floats:
    """What everybody counts for in a total: their orders, and in equity what they are worth at the end. Shape [n]."""
    orders = per_person(outcome, _worth(outcome, kpi))
    return orders + outcome.terminal.people * outcome.end_discount if kpi == "customer_equity" else orders


def _worth(outcome: MarketOutcome, kpi: str) -> Floats:
    """What each order counts for in a total."""
    if kpi == "orders":
        return np.ones(outcome.orders.n)
    if kpi == "revenue":
        return outcome.orders.paid / 100
    return outcome.contribution * (_present(outcome, outcome.moment) if kpi == "customer_equity" else 1.0)


def _costs_of_nobody(outcome: MarketOutcome, discounted: bool) -> dict[str, float]:
    """Costs that belong to no order, by line: currency units of the rows."""
    weight = _present(outcome, np.arange(outcome.weeks)) if discounted else np.ones(outcome.weeks)
    costs = outcome.costs
    welcome = costs.booked(WELCOME_POINTS)
    by_week = {
        MEDIA: costs.by_week(Kind.REACH),
        PROGRAMME: costs.by_week(Kind.UPKEEP, Kind.OVERHEAD),
        REFERRAL: costs.by_week(Kind.INCENTIVE) - welcome,
        WELCOME: welcome,
    }
    return {line: float(costs @ weight) for line, costs in by_week.items()}


def _present(outcome: MarketOutcome, weeks: np.ndarray) -> Floats:
    return np.exp(-outcome.market.world.economics.weekly_discount * weeks)


class Cohort(NamedTuple):
    """Customers acquired early enough to be followed for a year: who they are, and what each came to. Shape [n]."""

    who: Which
    measured: Floats


def mean_lines(before: Cohort, after: Cohort) -> dict[str, float]:
    """The change of the mean from one cohort to the other by line; NaN where a cohort is empty."""
    if not before.who.any() or not after.who.any():
        return dict.fromkeys((EITHER_WAY, WON, LOST), np.nan)
    stay = before.who & after.who
    share_before, share_after = stay.sum() / before.who.sum(), stay.sum() / after.who.sum()
    old, new = (float(cohort.measured[stay].mean()) if stay.any() else 0.0 for cohort in (before, after))
    middle = (old + new) / 2
    return {
        EITHER_WAY: float((share_before + share_after) / 2 * (new - old)),
        WON: float((after.measured - middle)[after.who & ~stay].sum() / after.who.sum()),
        LOST: -float((before.measured - middle)[before.who & ~stay].sum() / before.who.sum()),
    }


def _cohort(outcome: MarketOutcome, kpi: str) -> Cohort:
    n = outcome.market.customers.n
    early = lifetime.Cohort(outcome, YEAR).members
    rows = outcome.acquired[early]
    who = np.zeros(n, np.bool_)
    who[rows] = True
    if kpi == "repurchase_52":
        measured = np.zeros(n)
        measured[rows] = outcome.second_after[early] <= YEAR
        return Cohort(who, measured)
    return Cohort(who, lifetime.Cohort(outcome, YEAR).by_person)
