"""What a firm can do with prices: terms of the week, and coupons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.actions import FROM_ONE_WEEK, RATE, Action, Audience, Mask, Rates


@dataclass(frozen=True)
class Discount(Action):
    """Term, identified: a price cut this week. `rate` [n] or one number: share of the list price, 0 to 0.95."""

    audience: ClassVar[Audience] = "customers"
    rate: Annotated[Rates, RATE]


@dataclass(frozen=True)
class PublicDiscount(Action):
    """Term, public: a price cut that everybody sees, or only those who came (or come) through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: Annotated[float, RATE]
    channel: str | None = None


@dataclass(frozen=True)
class FirstOrderOffer(Action):
    """Term, public: a price cut on the first order only, for everybody or for those who come through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: Annotated[float, RATE]
    channel: str | None = None


@dataclass(frozen=True)
class Coupon(Action):
    """Grant, identified: a single-use price cut on one order of the next `weeks` weeks.

    `rate` [n] or one number; `to` [n] says who gets it. A customer may hold several: one is used on one order, the best
    first, and the others are kept until they are void.
    """

    audience: ClassVar[Audience] = "customers"
    rate: Annotated[Rates, RATE]
    to: Mask
    weeks: Annotated[int, FROM_ONE_WEEK] = 4
