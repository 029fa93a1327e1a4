"""First-order offer: a lower price on the first order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, FirmView, FirstOrderOffer, Lever


@dataclass(frozen=True)
class WelcomeOffer:
    """A price cut on the first order, for all new customers or for those who come through `channel`."""

    audience: ClassVar[Audience] = "everybody"

    rate: Annotated[float, Lever(0.0, 0.35, unit="share of price")] = 0.10
    channel: str = ""

    def decide(self, view: FirmView) -> list[Action]:
        return [FirstOrderOffer(self.rate, self.channel or None)]
