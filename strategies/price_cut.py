"""A plain price cut for everybody: the simplest promotion and the yardstick of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import NO_CAP, Action, Audience, FirmView, Lever, PublicDiscount


@dataclass(frozen=True)
class PriceCut:
    """The same discount for everybody, always or for the first `weeks_on` of every `weeks_cycle` weeks.

    It holds for baskets worth `min_spend` or more at list price, and takes off `max_off` at most (0: no cap).
    """

    audience: ClassVar[Audience] = "everybody"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.10
    weeks_on: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 1
    weeks_cycle: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 1
    min_spend: Annotated[float, Lever(0.0, 150.0, unit="currency a basket")] = 0.0
    max_off: Annotated[float, Lever(1.0, 50.0, log=True, unit="currency an order", off=0.0)] = 0.0

    def decide(self, view: FirmView) -> list[Action]:
        if view.week % self.weeks_cycle >= self.weeks_on:
            return []
        return [PublicDiscount(self.rate, min_spend=self.min_spend, max_off=self.max_off or NO_CAP)]
