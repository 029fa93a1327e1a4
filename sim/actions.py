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

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

Rates = float | NDArray[np.floating]
Mask = NDArray[np.bool_]
Audience = Literal["customers", "everybody"]

MOST_RATE = 0.95
MOST_MONEY = 1e14  # currency units: sums over a market still fit 64 bits of minor units
MOST_WEEKS = 5_200  # a century: the last week of anything still fits 16 bits
MOST_COUNT = 2**31 - 1


class ActionError(ValueError):
    """A strategy returned something that cannot be carried out; the text names play, field, value, allowed."""


@dataclass(frozen=True)
class Allowed:
    """The values that a field of an action may have: finite numbers from `low` to `high`, whole ones if `whole`. It
    holds for each entry of an array or a tuple."""

    low: float
    high: float
    unit: str
    whole: bool = False

    def refuses(self, value: Any) -> str:
        """What is wrong with a value, as the end of a sentence; "" when it is allowed."""
        try:
            numbers = np.atleast_1d(np.asarray(value, np.float64))
        except (TypeError, ValueError):
            return f"must be a number ({self.unit}), not {value!r}"
        wrong = ~((numbers >= self.low) & (numbers <= self.high))
        if self.whole:
            wrong |= numbers != np.floor(numbers)
        if not wrong.any():
            return ""
        kind = "a whole number between" if self.whole else "between"
        must = "be" if self.whole else "lie"
        return f"must {must} {kind} {self.low:,g} and {self.high:,.12g} ({self.unit}), not {numbers[wrong][0]:g}"


RATE = Allowed(0.0, MOST_RATE, "share of the price")
MONEY = Allowed(0.0, MOST_MONEY, "currency units")
FROM_ONE_WEEK = Allowed(1, MOST_WEEKS, "weeks", whole=True)
WEEKS = Allowed(0, MOST_WEEKS, "weeks", whole=True)


@dataclass(frozen=True)
class Discount:
    """Term, identified: a price cut this week. `rate` [n] or one number: share of the list price, 0 to 0.95."""

    audience: ClassVar[Audience] = "customers"
    rate: Annotated[Rates, RATE]


@dataclass(frozen=True)
class PublicDiscount:
    """Term, public: a price cut that everybody sees, or only those who came (or come) through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: Annotated[float, RATE]
    channel: str | None = None


@dataclass(frozen=True)
class FirstOrderOffer:
    """Term, public: a price cut on the first order only, for everybody or for those who come through `channel`."""

    audience: ClassVar[Audience] = "everybody"
    rate: Annotated[float, RATE]
    channel: str | None = None


@dataclass(frozen=True)
class Coupon:
    """Grant, identified: a single-use price cut on one order of the next `weeks` weeks.

    `rate` [n] or one number; `to` [n] says who gets it. A customer may hold several: one is used on one order, the best
    first, and the others are kept until they are void.
    """

    audience: ClassVar[Audience] = "customers"
    rate: Annotated[Rates, RATE]
    to: Mask
    weeks: Annotated[int, FROM_ONE_WEEK] = 4


@dataclass(frozen=True)
class Tag:
    """Grant, identified: a named mark on the customers in `on` [n] that the firm can read later as `view.tag(name)`.

    It is the only memory a strategy has, and it fades after `weeks` weeks.
    """

    audience: ClassVar[Audience] = "customers"
    name: str
    on: Mask
    weeks: Annotated[int, FROM_ONE_WEEK] = 52


@dataclass(frozen=True)
class ChannelBudget:
    """Term: what is spent on a paid channel this week, in whole currency units of the real market."""

    audience: ClassVar[Audience] = "everybody"
    channel: str
    spend: Annotated[float, MONEY]


@dataclass(frozen=True)
class PointsRule:
    """Term: how a loyalty programme's points are earned, burnt and lost.

    A member earns `per_unit` points for each currency unit paid, times the multiplier of the tier. `reward_points`
    points buy one reward worth `reward_value` currency units to the customer; what it costs the firm is the world's to
    say (`Economics.reward_cost`). Earned points can be burnt after `pending_weeks`. They expire by `expiry`: "rolling"
    (`expiry_weeks` after they were earned, the oldest first), "inactivity" (all of them after `expiry_weeks` without an
    order), "calendar" (all of them every `expiry_weeks`, counted from week 0) or "never". Who joins is given
    `welcome_points` as a head start on the first reward. A rule that is no longer returned ends the earning; balances
    stay until they expire.
    """

    audience: ClassVar[Audience] = "everybody"
    per_unit: Annotated[float, Allowed(0.0, 1e9, "points per currency unit")] = 1.0
    reward_points: Annotated[int, Allowed(1, MOST_COUNT, "points", whole=True)] = 100
    reward_value: Annotated[float, MONEY] = 4.0
    pending_weeks: Annotated[int, WEEKS] = 0
    welcome_points: Annotated[int, Allowed(0, MOST_COUNT, "points", whole=True)] = 0
    expiry: Literal["rolling", "inactivity", "calendar", "never"] = "rolling"
    expiry_weeks: Annotated[int, FROM_ONE_WEEK] = 52


@dataclass(frozen=True)
class TierRule:
    """Term: the tiers of a loyalty programme, reached by members within the last 52 weeks.

    `thresholds` rise, one per tier above the basic one: currency units (`basis` "spend") or orders ("orders").
    Reaching one lifts a member at once, for `hold_weeks`; who does not qualify again by the end falls after
    `grace_weeks` more, by `downgrade`: "one_level", "to_level" (to what the record gives) or "never".
    Per tier, the basic one first: `rates` price cuts, `multipliers` of earned points, `perk_costs` of other benefits
    in currency units per member and year; what benefits and status do to loyalty is the world's to say.
    """

    audience: ClassVar[Audience] = "everybody"
    thresholds: Annotated[tuple[float, ...], Allowed(1e-6, MOST_MONEY, "currency units or orders in 52 weeks")]
    basis: Literal["spend", "orders"] = "spend"
    hold_weeks: Annotated[int, FROM_ONE_WEEK] = 52
    grace_weeks: Annotated[int, WEEKS] = 0
    downgrade: Literal["one_level", "to_level", "never"] = "one_level"
    rates: Annotated[tuple[float, ...], RATE] = ()
    multipliers: Annotated[tuple[float, ...], Allowed(0.0, 1_000.0, "times the points")] = ()
    perk_costs: Annotated[tuple[float, ...], Allowed(0.0, 1e9, "currency units per member and year")] = ()


@dataclass(frozen=True)
class ReferralTerms:
    """Term: what a customer gets whose friend places a first order, and what the friend gets.

    `reward` is a fixed amount in currency units and `reward_share` a share of what the friend pays for that order;
    both add up and are due `delay_weeks` after it. A customer gets at most `most_rewards` of them in a programme year
    (52 weeks, counted from week 0). `friend_rate` is a price cut on the friend's first order. A reward "in_kind"
    (goods, a service) costs the firm what it is worth, like one in "money"; friends of a weak brand take money amiss.
    """

    audience: ClassVar[Audience] = "everybody"
    reward: Annotated[float, Allowed(0.0, 1e9, "currency units")] = 0.0
    reward_share: Annotated[float, Allowed(0.0, 1.0, "share of the friend's first order")] = 0.0
    friend_rate: Annotated[float, RATE] = 0.0
    most_rewards: Annotated[int, Allowed(0, 10_000, "rewards a year", whole=True)] = 12
    delay_weeks: Annotated[int, WEEKS] = 0
    kind: Literal["money", "in_kind"] = "money"


Action = (
    Discount | PublicDiscount | FirstOrderOffer | Coupon | Tag | ChannelBudget | PointsRule | TierRule | ReferralTerms
)


def check_action(play: str, action: Any) -> None:
    """Refuse an action whose numbers, or names, are not among the allowed ones, with one sentence."""
    kind: type = type(action)
    name = kind.__name__
    for field, allowed in _allowed_values(kind).items():
        value = getattr(action, field)
        if isinstance(allowed, Allowed):
            wrong = allowed.refuses(value)
        else:
            wrong = "" if value in allowed else f"must be one of {', '.join(allowed)}, not {value!r}"
        if wrong:
            raise ActionError(f"{play}: {name}.{field} {wrong}")
    if isinstance(action, TierRule) and list(action.thresholds) != sorted(action.thresholds):
        raise ActionError(f"{play}: TierRule.thresholds must not fall from tier to tier, but are {action.thresholds}")


@cache
def _allowed_values(kind: type) -> Mapping[str, Allowed | tuple[str, ...]]:
    """What each field of an action may be: a range, or the names to choose from."""
    found: dict[str, Allowed | tuple[str, ...]] = {}
    if not dataclasses.is_dataclass(kind):
        return found
    for name, hint in get_type_hints(kind, include_extras=True).items():
        ranges = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Allowed)]
        if ranges:
            found[name] = ranges[0]
        elif get_origin(hint) is Literal:
            found[name] = get_args(hint)
    return found
