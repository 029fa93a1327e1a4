"""Winners and losers: what the policy changes for the same people, by what the firm knows of them.

The founding base is divided by its recorded segment at week 0 (`FirmView.segment`). People acquired under both
policies are divided by the channel through which they came under the baseline. Groups are thus formed before the
policy can have moved anybody from one to another. Those acquired under one policy only have no counterpart; they are
counted in `composition`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.questions.explain.estimates import Measurement
from crmlab.experiments.questions.explain.paired_outcomes import PairedOutcomes, Which, given, per_person
from crmlab.sim.market import Market
from crmlab.sim.target import SEGMENTS

BASE, ACQUIRED = "customers at week 0, by segment", "acquired either way, by channel"
UNITS = {
    "people": "people",
    "orders": "orders per person",
    "contribution": "currency per person",
    "given": "currency per person",
    "more": "share of people",
    "same": "share of people",
    "fewer": "share of people",
}


def segments_of(market: Market) -> NDArray[np.int8]:
    """The recorded segment of every founding customer, an index into `SEGMENTS`; -1 for those whom the firm cannot
    identify. To be asked before the market is run. Shape [n_founding]."""
    segments = np.full(market.n_founding, -1, np.int8)
    segments[market.identified_rows] = market.look().segment
    return segments


def winners_and_losers(pair: PairedOutcomes, segments: NDArray[np.int8]) -> Iterator[Measurement]:
    """Mean differences per person of one replication, by group: (part, how divided, group, measure, value).

    `given` is discounts and rewards; `contribution` counts orders, before media and the costs of a programme; `more`,
    `same` and `fewer` are the shares of people by number of orders.
    """
    ones = [np.ones(outcome.orders.n) for outcome in pair.both]
    orders = _change(pair, *ones)
    changes = {
        "orders": orders,
        "contribution": _change(pair, pair.baseline.contribution, pair.arm.contribution),
        "given": _change(pair, given(pair.baseline), given(pair.arm)),
        "more": orders > 0,
        "same": orders == 0,
        "fewer": orders < 0,
    }
    for division, group, who in _groups(pair, segments):
        n = int(who.sum())
        yield Measurement("segments", division, group, "people", n * pair.scale)
        for measure, change in changes.items():
            yield Measurement("segments", division, group, measure, float(change[who].mean()) if n else np.nan)


def _change(pair: PairedOutcomes, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return per_person(pair.arm, after) - per_person(pair.baseline, before)


def _groups(pair: PairedOutcomes, segments: NDArray[np.int8]) -> Iterator[tuple[str, str, Which]]:
    for number, name in enumerate(SEGMENTS):
        who = np.zeros(pair.n, np.bool_)
        who[: segments.size] = segments == number
        yield BASE, name.replace("_", " "), who
    source = pair.baseline.market.customers.source
    for number, channel in enumerate(pair.baseline.market.sources):
        yield ACQUIRED, channel.name, pair.either_way & (source == number)
