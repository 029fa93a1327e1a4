"""When a search ends before its last candidate: no improvement worth the name, or the budget is spent.

What the search has reached is the hypervolume of its front: the part of the space of objectives that it beats, between
the front and a reference point. With one objective this is the distance of the best from the reference. The reference
is the worst that the first batch came to in each objective, and does not move.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.questions.tune.pareto import hypervolume

MIN_IMPROVEMENT = 0.01  # of the hypervolume, over the batches of `patience`, for the search to go on


class Patience:
    """Counts batches in vain. `batches`: how many are too many; None never loses patience."""

    def __init__(self, batches: int | None) -> None:
        self.batches = batches
        self.reached: list[float] = []
        self._reference: NDArray[np.float64] | None = None

    def lost(self, front: NDArray[np.float64], tried: NDArray[np.float64]) -> bool:
        """After a batch: whether the last `batches` ones improved the front by less than `MIN_IMPROVEMENT`.

        `front`: objectives of the front so far, more is better. Shape [members, objectives]. `tried`: those of the
        batch, from which the reference is taken the first time that there are any.
        """
        if self._reference is None and len(tried):
            self._reference = tried.min(axis=0)
        self.reached.append(0.0 if self._reference is None else hypervolume(front - self._reference))
        if self.batches is None or len(self.reached) <= self.batches or not self.reached[-1]:
            return False
        return self.reached[-1] <= self.reached[-1 - self.batches] * (1 + MIN_IMPROVEMENT)
