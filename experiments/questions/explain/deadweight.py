"""Deadweight: what was given away on orders that would have come anyway.

An order is a customer and a number: the k-th order of a life. If the customer places a k-th order under the baseline
too, before the run ends, the order would have come anyway, now or later. What is given away on an order is its
discount and the cost of the points burnt on it; rewards for friends are no part of an order. Each order of either
life is of one kind:

unmoved   in both runs, and under the arm less than a week earlier (or later)
earlier   in both runs, and under the arm a week or more earlier
extra     under the arm only, by somebody who is a customer under both policies
won       under the arm only, by somebody acquired under the arm only
lost      under the baseline only

`additional` is what the arm gave away less what the baseline gave away on the same orders; over all kinds it sums to
the difference in discounts and rewards. Orders that the baseline would have seen after the end of the run count as
extra, so a long run says more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crmlab.experiments.questions.explain.estimates import Measurement
from crmlab.experiments.questions.explain.paired_outcomes import PairedOutcomes, Which, given
from crmlab.sim.outcome import MarketOutcome

EARLIER_WEEKS = 1.0
KINDS = {
    "unmoved": "would have come anyway by then",
    "earlier": "would have come anyway, but later",
    "extra": "extra orders of customers",
    "won": "orders of people won",
    "lost": "orders lost",
}
UNITS = {
    "orders": "orders",
    "orders_baseline": "orders",
    "given": "currency",
    "given_baseline": "currency",
    "additional": "currency",
    "contribution": "currency",
    "deadweight": "share",
    "pulled_forward": "share",
    "return": "ratio",
}


def deadweight(pair: PairedOutcomes) -> Iterator[Measurement]:
    """Where the discounts and rewards of one replication went: (part, "kinds" | "shares", kind, measure, value).

    Shares are of what the arm gave away in addition on its own orders (lost orders left out), NaN where that is
    nothing: `deadweight` on orders in both runs, `pulled_forward` the part of it that brought them a week or more
    forward. `return` is about customers of the founding base, whom media does not reach: the change in what they leave,
    net of what was given away, per unit given away in addition. What the programme costs for them (points in hand,
    benefits, running costs) is given away too.
    """
    additional = {}
    for kind, (before, after) in _kinds(pair).items():
        numbers = {
            "orders": after.sum(),
            "orders_baseline": before.sum(),
            "given": given(pair.arm)[after].sum(),
            "given_baseline": given(pair.baseline)[before].sum(),
            "contribution": pair.arm.contribution[after].sum() - pair.baseline.contribution[before].sum(),
        }
        numbers["additional"] = numbers["given"] - numbers["given_baseline"]
        additional[kind] = float(numbers["additional"])
        for measure, number in numbers.items():
            yield Measurement("deadweight", "kinds", kind, measure, float(number) * pair.scale)
    own = sum(additional.values()) - additional["lost"]
    yield Measurement(
        "deadweight", "shares", "all", "deadweight", _ratio(additional["unmoved"] + additional["earlier"], own)
    )
    yield Measurement("deadweight", "shares", "all", "pulled_forward", _ratio(additional["earlier"], own))
    yield Measurement("deadweight", "shares", "all", "return", _return(pair))


def _return(pair: PairedOutcomes) -> float:
    before, after = (_left_and_given(outcome, pair.existing) for outcome in pair.both)
    return _ratio(*(after - before))


def _left_and_given(outcome: MarketOutcome, who: Which) -> np.ndarray:
    """What these people left, and what they were given, the costs of the programme for them in both."""
    mine = who[outcome.orders.row]
    programme = outcome.upkeep.cost(np.ones(outcome.weeks))[who].sum()
    return np.array([outcome.contribution[mine].sum() - programme, given(outcome)[mine].sum() + programme])


def _kinds(pair: PairedOutcomes) -> dict[str, tuple[Which, Which]]:
    """Which orders of the baseline's log and of the arm's are of each kind."""
    before, after = pair.matched
    earlier = pair.baseline.moment[before] - pair.arm.moment[after] >= EARLIER_WEEKS
    unmatched = ~_at(pair.arm, after)
    by_won = pair.won[pair.arm.orders.row]
    none = (np.zeros(pair.baseline.orders.n, np.bool_), np.zeros(pair.arm.orders.n, np.bool_))
    return {
        "unmoved": (_at(pair.baseline, before[~earlier]), _at(pair.arm, after[~earlier])),
        "earlier": (_at(pair.baseline, before[earlier]), _at(pair.arm, after[earlier])),
        "extra": (none[0], unmatched & ~by_won),
        "won": (none[0], unmatched & by_won),
        "lost": (~_at(pair.baseline, before), none[1]),
    }


def _at(outcome: MarketOutcome, places: np.ndarray) -> Which:
    which = np.zeros(outcome.orders.n, np.bool_)
    which[places] = True
    return which


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else np.nan
