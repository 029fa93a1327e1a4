"""What a firm can do: small frozen records that say what is offered, never how customers react.

Two lifetimes. A *term* (a price, a budget) holds only in the week that returns it. A *grant* (a coupon, a tag) is
recorded for the customer with its expiry and outlives the strategy that gave it.

Two audiences. Actions on *identified* customers carry one entry per row of the view (or one number for all of them);
*public* actions are scalars that prospects, leads and customers the firm cannot identify see as well.

`audience` says which of the two. A play with a target, a holdout or a ramp reaches some identified customers only, so
its strategy must return nothing but actions on "customers"; a strategy says so in a class attribute of the same name.

A new kind of action is one more record here and one more line in `offers.settle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Rates = float | NDArray[np.floating]
Mask = NDArray[np.bool_]
Audience = Literal["customers", "everybody"]


@dataclass(frozen=True)
class Discount:
    """Term, identified: a price cut this week. `rate` [n] or one number: share of the list price, 0 to 0.95."""

    audience: ClassVar[Audience] = "customers"
    rate: Rates


@dataclass(frozen=True)
class PublicDiscount:
    """Term, public: a price cut that everybody sees, or only those who came (or come) through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: float
    channel: str | None = None


@dataclass(frozen=True)
class FirstOrderOffer:
    """Term, public: a price cut on the first order only, for everybody or for those who come through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: float
    channel: str | None = None


@dataclass(frozen=True)
class Coupon:
    """Grant, identified: a single-use price cut on one order of the next `weeks` weeks.

    `rate` [n] or one number; `to` [n] says who gets it. A customer holds one coupon at a time: the one worth more, and
    between equals the one that lasts longer, is kept.
    """

    audience: ClassVar[Audience] = "customers"
    rate: Rates
    to: Mask
    weeks: int = 4


@dataclass(frozen=True)
class Tag:
    """Grant, identified: a named mark on the customers in `on` [n] that the firm can read later as `view.tag(name)`.

    It is the only memory a strategy has, and it fades after `weeks` weeks.
    """

    audience: ClassVar[Audience] = "customers"
    name: str
    on: Mask
    weeks: int = 52


@dataclass(frozen=True)
class ChannelBudget:
    """Term: what is spent on a paid channel this week, in whole currency units of the real market."""

    audience: ClassVar[Audience] = "everybody"
    channel: str
    spend: float


@dataclass(frozen=True)
class PointsRule:
    """Term: how a loyalty programme's points are earned, burnt and lost.

    A member earns `per_unit` points for each currency unit paid, times the multiplier of the tier. `reward_points`
    points buy one reward worth `reward_value` currency units to the customer; it costs the firm `cost_ratio` of that.
    Earned points can be burnt after `pending_weeks`. They expire by `expiry`: "rolling" (`expiry_weeks` after they
    were earned, the oldest first), "inactivity" (all of them after `expiry_weeks` without an order), "calendar" (all
    of them every `expiry_weeks`, counted from week 0) or "never". `breakage` is the share of issued points that the
    books expect never to be burnt. Who joins is given `welcome_points` as a head start on the first reward. A rule that
    is no longer returned ends the earning; balances stay until they expire.
    """

    audience: ClassVar[Audience] = "everybody"
    per_unit: float = 1.0
    reward_points: int = 100
    reward_value: float = 4.0
    cost_ratio: float = 0.6
    breakage: float = 0.25
    pending_weeks: int = 0
    welcome_points: int = 0
    expiry: Literal["rolling", "inactivity", "calendar", "never"] = "rolling"
    expiry_weeks: int = 52


@dataclass(frozen=True)
class TierRule:
    """Term: the tiers of a loyalty programme, reached by members within the last 52 weeks.

    `thresholds` rise, one per tier above the basic one: currency units (`basis` "spend") or orders ("orders").
    Reaching one lifts a member at once, for `hold_weeks`; who does not qualify again by the end falls after
    `grace_weeks` more, by `downgrade`: "one_level", "to_level" (to what the record gives) or "never".
    Per tier, the basic one first: `rates` price cuts, `multipliers` of earned points, `perk_costs` of other benefits
    in currency units per member and year; what status does to loyalty is the world's to say.
    """

    audience: ClassVar[Audience] = "everybody"
    thresholds: tuple[float, ...]
    basis: Literal["spend", "orders"] = "spend"
    hold_weeks: int = 52
    grace_weeks: int = 0
    downgrade: Literal["one_level", "to_level", "never"] = "one_level"
    rates: tuple[float, ...] = ()
    multipliers: tuple[float, ...] = ()
    perk_costs: tuple[float, ...] = ()


@dataclass(frozen=True)
class ReferralTerms:
    """Term: what a customer gets whose friend places a first order, and what the friend gets.

    `reward` is a fixed amount in currency units and `reward_share` a share of what the friend pays for that order;
    both add up and are due `delay_weeks` after it. A customer gets at most `most_rewards` of them in a programme year
    (52 weeks, counted from week 0). `friend_rate` is a price cut on the friend's first order. A reward "in_kind"
    (goods, a service) costs the firm what it is worth, like one in "money"; friends of a weak brand take money amiss.
    """

    audience: ClassVar[Audience] = "everybody"
    reward: float = 0.0
    reward_share: float = 0.0
    friend_rate: float = 0.0
    most_rewards: int = 12
    delay_weeks: int = 0
    kind: Literal["money", "in_kind"] = "money"


Action = (
    Discount | PublicDiscount | FirstOrderOffer | Coupon | Tag | ChannelBudget | PointsRule | TierRule | ReferralTerms
)
