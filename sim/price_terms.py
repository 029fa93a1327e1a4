"""From a basket to what is paid for it: standing cuts, single-use cuts, thresholds, caps and stacking, in one rule.

1. Of the standing cuts that this basket reaches, the one that saves most holds; they do not add up.
2. One single-use cut (coupon, first-order offer) may be spent on the order: the one with which the least is paid. One
   that stacks is taken off what the standing cut has left, one that does not replaces it. Whether a basket reaches its
   threshold is a matter of list value. It is spent only where it saves something; otherwise it is kept.
3. A cap limits what a cut takes off one order. Every cut rounds to whole minor units once.

Before an order nobody knows what its basket will be. What somebody reacts to then is the price that they expect over
their own baskets: what they would pay for all of some equally likely ones, divided by what these are worth at list
price. Where nothing is conditional that is the price itself, and no basket is looked at.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crmlab.sim.behavior import list_value, paid_value
from crmlab.sim.jit import compiled, rule
from crmlab.sim.kernel_types import TERM, Baskets, Terms
from crmlab.sim.quantiles import gamma_quantiles, quantile

NOT_SPENT, PLAIN = -1, -2  # what of the single-use cuts an order spends: none, the one without a line of one's own
N_BASKETS = 32
MAX_CUT = 0.9975  # of list price that anybody can expect: 95 % off what 95 % off has left


def terms_of(whose: Any, rate: Any, min_spend: Any, max_off: Any, single: Any, stacks: Any) -> Terms:
    """Terms from their columns (`kernel_types.TERM`), of which single values stand for all lines."""
    terms = np.empty(np.size(whose), TERM)
    for name, column in zip(TERM.names or (), (whose, rate, min_spend, max_off, single, stacks), strict=True):
        terms[name] = column
    return terms


def with_terms(terms: Terms, more: Terms) -> Terms:
    """Together, sorted by `whose`; of the same owner, those that were there first come first."""
    if not more.size:
        return terms
    together = np.concatenate([terms, more])
    sorted_terms: Terms = together[np.argsort(together["whose"], kind="stable")]
    return sorted_terms


@rule
def after_cut(value, before, term):
    """Minor units left of `before` after a cut, for a basket of list value `value`."""
    if value < term["min_spend"]:
        return before
    return max(float(paid_value(before, term["rate"])), before - term["max_off"])


@rule
def own_lines(terms, line, whose):
    """The lines of a row, or of a source + 1, from the first that is not before `line`: (first, first of the next)."""
    while line < terms.size and terms[line]["whose"] < whose:
        line += 1
    stop = line
    while stop < terms.size and terms[stop]["whose"] == whose:
        stop += 1
    return line, stop


@compiled
def price_of(value, standing, single, new, may_spend, shared, door, own, start, stop):
    """What is paid for a basket of list value `value` (minor units), and which single-use cut is spent on it.

    `standing` and `single` are the best rates without conditions. Of the `shared` terms those count whose source + 1 is
    `door`; the single ones among them are first-order offers, for who is `new`. One's `own` terms are the lines from
    `start` to `stop`. `may_spend` is false once a single-use cut of the week is spent.

    Returns (minor units, spent): spent is `NOT_SPENT`, `PLAIN`, or a line of `own`.
    """
    first, last = own_lines(shared, 0, door)
    return price_at(value, standing, single, new, may_spend, shared, first, last, own, start, stop)


@rule
def price_at(value, standing, single, new, may_spend, shared, first, last, own, start, stop):
    """`price_of`, where the lines of the door are known: those of `shared` from `first` to `last`."""
    listed = float(value)
    plain = float(paid_value(listed, standing))
    usual, paid, spent = plain, plain, NOT_SPENT
    if may_spend and single > standing:
        paid, spent = float(paid_value(listed, single)), PLAIN
    for j in range(first, last):
        if not shared[j]["single"]:
            usual = min(usual, after_cut(listed, listed, shared[j]))
    for j in range(start, stop):
        if not own[j]["single"]:
            usual = min(usual, after_cut(listed, listed, own[j]))
    if usual < plain and usual <= paid:
        paid, spent = usual, NOT_SPENT
    if may_spend:
        for j in range(first, last if new else first):
            if shared[j]["single"]:
                before = usual if shared[j]["stacks"] else listed
                price = after_cut(listed, before, shared[j])
                if price < paid:
                    paid, spent = price, PLAIN
        for j in range(start, stop):
            if own[j]["single"]:
                before = usual if own[j]["stacks"] else listed
                price = after_cut(listed, before, own[j])
                if price < paid:
                    paid, spent = price, j
    return paid, spent


def baskets_of(shape: float, today_rate: float, minor: float) -> Baskets:
    """The middles of `N_BASKETS` equal parts of the gamma distribution of baskets."""
    log_value = gamma_quantiles(shape).log_value
    sizes = np.array([quantile(log_value, (k + 0.5) / N_BASKETS) for k in range(N_BASKETS)])
    return Baskets(sizes, float(shape), float(today_rate), float(minor))


@rule
def lowest_threshold(terms, start, stop):
    """The basket, at list value, from which the first of these lines holds; infinite where there are none."""
    lowest = math.inf
    for j in range(start, stop):
        lowest = min(lowest, terms[j]["min_spend"])
    return lowest


@compiled
def expected_cut(mean_order, baskets, standing, single, new, may_spend, shared, door, own, start, stop):
    """The price cut that somebody expects over their own baskets, a share of the list price.

    The best one without conditions, and what the terms save beyond it; exactly that one where they save nothing.
    `mean_order` is the person's own, in currency units; the rest as for `price_of`.
    """
    plain = max(standing, single) if may_spend else standing
    first, last = own_lines(shared, 0, door)
    if start == stop and first == last:
        return plain
    lowest = min(lowest_threshold(shared, first, last), lowest_threshold(own, start, stop))
    listed = saved = 0.0
    for size in baskets.sizes:
        value = float(list_value(mean_order, size, baskets.shape, baskets.today_rate, baskets.minor))
        listed += value
        if value >= lowest:  # below it nothing more is saved
            paid, _ = price_at(value, standing, single, new, may_spend, shared, first, last, own, start, stop)
            saved += float(paid_value(value, plain)) - paid
    return min(plain + saved / listed, max(plain, MAX_CUT)) if saved > 0.0 else plain


@compiled
def standing_prices(values, doors, public, shared, own):
    """What anybody who came the same way would have paid for these baskets without an offer on the first order, in
    minor units. `doors` [m] are sources + 1, `own` is empty. Shape [m]."""
    prices = np.empty(values.size, np.int64)
    for j in range(values.size):
        paid, _ = price_of(values[j], public[doors[j]], 0.0, False, False, shared, doors[j], own, 0, 0)
        prices[j] = np.int64(paid)
    return prices
