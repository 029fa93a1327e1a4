"""Priority delivery: the orders of some customers are sent first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from crmlab.sim import Action, Audience, FirmView, Lever, PriorityDelivery


@dataclass(frozen=True)
class SentFirst:
    """The orders of the customers whom the play addresses (`target`: a tier, the high-value loyal ones) are sent at
    `speed` times today's, at a cost on each of them; the promise is the one that everybody has."""

    audience: ClassVar[Audience] = "customers"
    needs: ClassVar[str] = "failures"

    speed: Annotated[float, Lever(1.0, 4.0, unit="times today's speed")] = 2.0

    def decide(self, view: FirmView) -> list[Action]:
        return [PriorityDelivery(np.ones(view.n, np.bool_), self.speed)]
