"""Targeted discount: a lower price for some customers, chosen by the play's target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, Discount, FirmView, Lever


@dataclass(frozen=True)
class TargetedDiscount:
    """A price cut on every order of the customers whom the play addresses: "5 % off for regulars".

    Always, or for the first `weeks_on` of every `weeks_cycle` weeks. Without a target all identified customers get it;
    prospects and people whom the firm cannot identify never do.
    """

    audience: ClassVar[Audience] = "customers"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.05
    weeks_on: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 1
    weeks_cycle: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 1

    def decide(self, view: FirmView) -> list[Action]:
        return [Discount(self.rate)] if view.week % self.weeks_cycle < self.weeks_on else []
