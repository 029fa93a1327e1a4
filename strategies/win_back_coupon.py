"""Win-back coupon: a coupon for customers who have been silent for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import NO_CAP, Action, Audience, Coupon, FirmView, Lever, Tag


@dataclass(frozen=True)
class WinBackCoupon:
    """A coupon for who has not ordered for `silent_weeks`, again at the earliest `again_weeks` later.

    Who has been silent for `lost_weeks` is not written to any more. Many of the silent have left for good and cannot be
    won back; the firm does not know which.

    It can be used on baskets worth `min_spend` or more at list price, and takes off `max_off` at most (0: no cap). If
    it `stacks` it is taken off what a standing price cut has left; if not it replaces that one where it saves more.
    """

    audience: ClassVar[Audience] = "customers"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.15
    silent_weeks: Annotated[int, Lever(4, 104, unit="weeks", step=1)] = 26
    lost_weeks: Annotated[int, Lever(26, 520, unit="weeks", step=1)] = 104
    valid_weeks: Annotated[int, Lever(1, 26, unit="weeks", step=1)] = 6
    again_weeks: Annotated[int, Lever(4, 104, unit="weeks", step=1)] = 26
    min_spend: Annotated[float, Lever(0.0, 150.0, unit="currency a basket")] = 0.0
    max_off: Annotated[float, Lever(1.0, 50.0, log=True, unit="currency an order", off=0.0)] = 0.0
    stacks: bool = False

    def decide(self, view: FirmView) -> list[Action]:
        written_to = f"win-back coupon after {self.silent_weeks} weeks"
        silent = (view.weeks_since_order >= self.silent_weeks) & (view.weeks_since_order < self.lost_weeks)
        silent &= ~view.tag(written_to)
        return [
            Coupon(
                self.rate,
                to=silent,
                weeks=self.valid_weeks,
                min_spend=self.min_spend,
                max_off=self.max_off or NO_CAP,
                stacks=self.stacks,
            ),
            Tag(written_to, on=silent, weeks=self.again_weeks),
        ]
