"""What a firm can do with prices: terms of the week, and coupons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from crmlab.sim.actions import FROM_ONE_WEEK, MONEY, RATE, Action, Allowed, Audience, Mask, Rates

NO_CAP = math.inf
CAP = Allowed(0.0, NO_CAP, "currency units")


@dataclass(frozen=True, kw_only=True)
class Conditions(Action):
    """On what a price cut depends, in currency units: it holds for baskets worth `min_spend` or more at list price, and
    takes off `max_off` at most. By default there are none."""

    min_spend: Annotated[float, MONEY] = 0.0
    max_off: Annotated[float, CAP] = NO_CAP

    @property
    def conditional(self) -> bool:
        """Whether the cut is another than the plain one."""
        return self.min_spend > 0 or self.max_off < NO_CAP

    def contradiction(self) -> str:
        for name in ("min_spend", "max_off"):
            if np.ndim(getattr(self, name)):
                return f"{name} must be one number for all whom the action reaches"
        return ""


@dataclass(frozen=True, kw_only=True)
class SingleUse(Conditions):
    """The same of a cut that is spent on one order: if it `stacks` it is taken off what the standing cut has left, if
    not it replaces that one where it saves more."""

    stacks: bool = False

    @property
    def conditional(self) -> bool:
        return self.stacks or super().conditional


@dataclass(frozen=True)
class Discount(Conditions):
    """Term, identified: a price cut this week. `rate` [n] or one number: share of the list price, 0 to 0.95."""

    audience: ClassVar[Audience] = "customers"
    rate: Annotated[Rates, RATE]


@dataclass(frozen=True)
class PublicDiscount(Conditions):
    """Term, public: a price cut that everybody sees, or only those who came (or come) through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: Annotated[float, RATE]
    channel: str | None = None


@dataclass(frozen=True)
class FirstOrderOffer(SingleUse):
    """Term, public: a price cut on the first order only, for everybody or for those who come through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: Annotated[float, RATE]
    channel: str | None = None


@dataclass(frozen=True)
class Coupon(SingleUse):
    """Grant, identified: a single-use price cut on one order of the next `weeks` weeks.

    `rate` [n] or one number; `to` [n] says who gets it. A customer may hold several: one is used on one order, the best
    first, and the others are kept until they are void. One is used only where it makes the basket cheaper.
    """

    audience: ClassVar[Audience] = "customers"
    rate: Annotated[Rates, RATE]
    to: Mask
    weeks: Annotated[int, FROM_ONE_WEEK] = 4
