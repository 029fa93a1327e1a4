"""Coupon: a price cut on one order, sent to the customers whom the play addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from crmlab.sim import NO_CAP, Action, Audience, Coupon, FirmView, Lever


@dataclass(frozen=True)
class CouponCampaign:
    """A coupon for everybody whom the play addresses, in week 0 and every `every_weeks` weeks from then on.

    It is worth `rate` of one order within `valid_weeks`. Most coupons are never used; who uses one is a decision of its
    holder, not of the firm.

    It can be used on baskets worth `min_spend` or more at list price, and takes off `max_off` at most (0: no cap). If
    it `stacks` it is taken off what a standing price cut has left; if not it replaces that one where it saves more.
    """

    audience: ClassVar[Audience] = "customers"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.10
    valid_weeks: Annotated[int, Lever(1, 26, unit="weeks", step=1)] = 4
    every_weeks: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 13
    min_spend: Annotated[float, Lever(0.0, 150.0, unit="currency a basket")] = 0.0
    max_off: Annotated[float, Lever(1.0, 50.0, log=True, unit="currency an order", off=0.0)] = 0.0
    stacks: bool = False

    def decide(self, view: FirmView) -> list[Action]:
        if view.week % self.every_weeks:
            return []
        return [
            Coupon(
                self.rate,
                to=np.ones(view.n, np.bool_),
                weeks=self.valid_weeks,
                min_spend=self.min_spend,
                max_off=self.max_off or NO_CAP,
                stacks=self.stacks,
            )
        ]
