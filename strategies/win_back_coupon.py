"""Win-back coupon: a coupon for customers who have been silent for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, Coupon, FirmView, Lever, Tag


@dataclass(frozen=True)
class WinBackCoupon:
    """A coupon for who has not ordered for `silent_weeks`, again at the earliest `again_weeks` later.

    Who has been silent for `lost_weeks` is not written to any more. Many of the silent have left for good and cannot be
    won back; the firm does not know which.
    """

    audience: ClassVar[Audience] = "customers"

    rate: Annotated[float, Lever(0.0, 0.3, unit="share of price")] = 0.15
    silent_weeks: Annotated[int, Lever(4, 104, unit="weeks", step=1)] = 26
    lost_weeks: Annotated[int, Lever(26, 520, unit="weeks", step=1)] = 104
    valid_weeks: Annotated[int, Lever(1, 26, unit="weeks", step=1)] = 6
    again_weeks: Annotated[int, Lever(4, 104, unit="weeks", step=1)] = 26

    def decide(self, view: FirmView) -> list[Action]:
        written_to = f"win-back coupon after {self.silent_weeks} weeks"
        silent = (view.weeks_since_order >= self.silent_weeks) & (view.weeks_since_order < self.lost_weeks)
        silent &= ~view.tag(written_to)
        return [
            Coupon(self.rate, to=silent, weeks=self.valid_weeks),
            Tag(written_to, on=silent, weeks=self.again_weeks),
        ]
