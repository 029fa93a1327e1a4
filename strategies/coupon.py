"""Coupon: a price cut on one order, sent to the customers whom the play addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from crmlab.sim import Action, Audience, Coupon, FirmView, Lever


@dataclass(frozen=True)
class CouponCampaign:
    """A coupon for everybody whom the play addresses, in week 0 and every `every_weeks` weeks from then on.

    It is worth `rate` of one order within `valid_weeks`. Most coupons are never used; who uses one is a decision of its
    holder, not of the firm.
    """

    audience: ClassVar[Audience] = "customers"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.10
    valid_weeks: Annotated[int, Lever(1, 26, unit="weeks", step=1)] = 4
    every_weeks: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 13

    def decide(self, view: FirmView) -> list[Action]:
        if view.week % self.every_weeks:
            return []
        return [Coupon(self.rate, to=np.ones(view.n, np.bool_), weeks=self.valid_weeks)]
