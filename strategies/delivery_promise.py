"""Delivery promise: when orders are said to be there, and how fast they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, DeliveryPromise, FirmView, Lever


@dataclass(frozen=True)
class PromisedDelivery:
    """Everybody's orders are promised within `promised_days` and sent at `speed` times today's. A short promise sells a
    little more and is broken more often; speed keeps it, and costs something on every order."""

    audience: ClassVar[Audience] = "everybody"
    needs: ClassVar[str] = "failures"

    promised_days: Annotated[float, Lever(1.0, 14.0, unit="days", log=True)] = 5.0
    speed: Annotated[float, Lever(1.0, 4.0, unit="times today's speed")] = 1.0

    def decide(self, view: FirmView) -> list[Action]:
        return [DeliveryPromise(self.promised_days, self.speed)]
