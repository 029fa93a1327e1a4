"""Discount ladder: as many tiers as wanted, by spend or by orders, each with its own discount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from crmlab.sim import Action, Audience, Discount, FirmView

MAX_RATE = 0.3  # above, the composition guard would bind for the most price-sensitive


@dataclass(frozen=True)
class DiscountLadder:
    """Who has reached the n-th of `thresholds` within 52 weeks gets the n-th of `rates` off every order.

    Thresholds are currency units (`basis` "spend") or orders ("orders") and rise; there is one rate for each.
    """

    audience: ClassVar[Audience] = "customers"

    thresholds: tuple[float, ...] = (2.0, 4.0, 8.0)
    rates: tuple[float, ...] = (0.03, 0.05, 0.10)
    basis: Literal["spend", "orders"] = "orders"

    def __post_init__(self) -> None:
        if len(self.thresholds) != len(self.rates) or not self.rates:
            found = f"{len(self.thresholds)} thresholds, {len(self.rates)} rates"
            raise ValueError(f"needs one rate for each threshold: {found}")
        if not (np.diff((0.0, *self.thresholds)) > 0).all():
            raise ValueError(f"thresholds must be above 0 and rise, not {list(self.thresholds)}")
        if not all(0 <= rate <= MAX_RATE for rate in self.rates):
            raise ValueError(f"rates are shares of price between 0 and {MAX_RATE}, not {list(self.rates)}")

    def decide(self, view: FirmView) -> list[Action]:
        record = view.orders_52 if self.basis == "orders" else view.spend_52
        tier = np.searchsorted(np.array(self.thresholds), record, side="right")  # [n] 0: none reached
        return [Discount(rate=np.array((0.0, *self.rates), np.float32)[tier])]
