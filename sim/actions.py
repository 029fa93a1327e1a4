"""What a firm can do: small frozen records that say what is offered, never how customers react.

Two lifetimes. A *term* (a price, a budget) holds only in the week that returns it. A *grant* (a coupon, a tag) is
recorded for the customer with its expiry and outlives the strategy that gave it.

Two audiences. Actions on *identified* customers carry one entry per row of the view (or one number for all of them);
*public* actions are scalars that prospects, leads and customers the firm cannot identify see as well.

A new kind of action is one more record here and one more line in `offers.settle`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rates = float | NDArray[np.floating]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Discount:
    """Term, identified: a price cut this week. `rate` [n] or one number: share of the list price, 0 to 0.95."""

    rate: Rates


@dataclass(frozen=True)
class PublicDiscount:
    """Term, public: a price cut that everybody sees, or only those who came (or come) through `channel`."""

    rate: float
    channel: str | None = None


@dataclass(frozen=True)
class FirstOrderOffer:
    """Term, public: a price cut on the first order only, for everybody or for those who come through `channel`."""

    rate: float
    channel: str | None = None


@dataclass(frozen=True)
class Coupon:
    """Grant, identified: a single-use price cut on one order of the next `weeks` weeks.

    `rate` [n] or one number; `to` [n] says who gets it. A customer holds one coupon at a time: the one worth more, and
    between equals the one that lasts longer, is kept.
    """

    rate: Rates
    to: Mask
    weeks: int = 4


@dataclass(frozen=True)
class Tag:
    """Grant, identified: a named mark on the customers in `on` [n] that the firm can read later as `view.tag(name)`.

    It is the only memory a strategy has, and it fades after `weeks` weeks.
    """

    name: str
    on: Mask
    weeks: int = 52


@dataclass(frozen=True)
class ChannelBudget:
    """Term: what is spent on a paid channel this week, in whole currency units of the real market."""

    channel: str
    spend: float


Action = Discount | PublicDiscount | FirstOrderOffer | Coupon | Tag | ChannelBudget
