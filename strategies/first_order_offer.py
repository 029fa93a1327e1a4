"""First-order offer: a lower price on the first order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import NO_CAP, Action, Audience, FirmView, FirstOrderOffer, Lever


@dataclass(frozen=True)
class WelcomeOffer:
    """A price cut on the first order, for all new customers or for those who come through `channel`.

    It holds for baskets worth `min_spend` or more at list price, and takes off `max_off` at most (0: no cap). If
    it `stacks` it is taken off what a standing price cut has left; if not it replaces that one where it saves more.
    """

    audience: ClassVar[Audience] = "everybody"

    rate: Annotated[float, Lever(0.0, 0.35, unit="share of price")] = 0.10
    channel: str = ""
    min_spend: Annotated[float, Lever(0.0, 150.0, unit="currency a basket")] = 0.0
    max_off: Annotated[float, Lever(1.0, 50.0, log=True, unit="currency an order", off=0.0)] = 0.0
    stacks: bool = False

    def decide(self, view: FirmView) -> list[Action]:
        return [
            FirstOrderOffer(
                self.rate,
                self.channel or None,
                min_spend=self.min_spend,
                max_off=self.max_off or NO_CAP,
                stacks=self.stacks,
            )
        ]
