"""What happens between a customer and the firm besides orders: the words in which mechanisms tell each other of it.

One mechanism knows that something went wrong, another that somebody waited for an answer, a third what both do to
people's satisfaction. None of them knows the others; they meet in these records, which pass through the week.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Experiences(NamedTuple):
    """How good something was that people met with, of one kind ("product", "delivery", "service", ...).

    `quality` is in standard deviations of satisfaction, against what is usual: 0 is as always, -2 two standard
    deviations worse. Whoever met with it twice is listed twice. Shape [m] each.
    """

    kind: str
    row: NDArray[np.int32]
    quality: NDArray[np.float64]


class Recoveries(NamedTuple):
    """Bad experiences that were made good again. `loss` is how bad each was (in the measure of `quality`, positive),
    `weeks` how long ago, `share` how much of it is given back. `glow` is what is felt beyond that, in standard
    deviations of satisfaction, and `acted_on` the share of the glow that shows in behaviour as well. Shape [m] each."""

    row: NDArray[np.int32]
    loss: NDArray[np.float64]
    weeks: NDArray[np.int32]
    share: NDArray[np.float64]
    glow: NDArray[np.float64]
    acted_on: float


class Requests(NamedTuple):
    """Customers who want an answer from the firm this week, all about the same `kind` of thing ("question", "product").

    `at` is when in the week, a share of it; `number` is by what the asker's room knows the request again (the number of
    the order, say): row, kind and number together name it once and for all. Shape [m] each.
    """

    kind: str
    row: NDArray[np.int32]
    at: NDArray[np.float64]
    number: NDArray[np.int32]

    def where(self, which: NDArray[np.bool_]) -> Requests:
        """Some of the requests."""
        return Requests(self.kind, self.row[which], self.at[which], self.number[which])


class Answers(NamedTuple):
    """What became of requests of one kind that came to an end this week: a clerk has dealt with them, or the customer
    has given up (`is_abandoned`). `waited` is the time to the first reply or to giving up, `took` the time to the end,
    both in hours by the clock. Shape [m] each."""

    kind: str
    row: NDArray[np.int32]
    number: NDArray[np.int32]
    is_abandoned: NDArray[np.bool_]
    waited: NDArray[np.float64]
    took: NDArray[np.float64]


@dataclass
class Encounters:
    """What mechanisms tell each other in a week, whoever they are."""

    experiences: list[Experiences] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)
    recoveries: list[Recoveries] = field(default_factory=list)
