"""A plain price cut for everybody: the simplest promotion and the yardstick of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, FirmView, Lever, PublicDiscount


@dataclass(frozen=True)
class PriceCut:
    """The same discount for everybody, always or for the first `weeks_on` of every `weeks_cycle` weeks."""

    audience: ClassVar[Audience] = "everybody"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.10
    weeks_on: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 1
    weeks_cycle: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 1

    def decide(self, view: FirmView) -> list[Action]:
        return [PublicDiscount(self.rate)] if view.week % self.weeks_cycle < self.weeks_on else []
