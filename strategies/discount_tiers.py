"""Discount tiers: the more a customer has spent, the larger the discount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from crmlab.sim import Action, Audience, Discount, FirmView, Lever


@dataclass(frozen=True)
class DiscountTiers:
    """Two thresholds on the spend of the last 52 weeks split customers into three tiers, each with its own discount."""

    audience: ClassVar[Audience] = "customers"

    silver_spend: Annotated[float, Lever(10, 5000, log=True, unit="currency in 52 weeks")] = 75.0
    gold_factor: Annotated[float, Lever(1.0, 6.0, unit="gold / silver spend")] = 3.0
    silver_rate: Annotated[float, Lever(0.0, 0.15, unit="share of price")] = 0.05
    gold_extra: Annotated[float, Lever(0.0, 0.15, unit="share of price, on top of silver")] = 0.05

    def decide(self, view: FirmView) -> list[Action]:
        thresholds = np.array([self.silver_spend, self.silver_spend * self.gold_factor])
        tier = np.searchsorted(thresholds, view.spend_52, side="right")  # [n] 0 basic, 1 silver, 2 gold
        rates = np.array([0.0, self.silver_rate, self.silver_rate + self.gold_extra], np.float32)
        return [Discount(rate=rates[tier])]
