"""What a firm can do: small frozen records that say what is offered, never how customers react.

Two lifetimes. A *term* (a price, a budget) holds only in the week that returns it. A *grant* (a coupon, a tag) is
recorded for the customer with its expiry and outlives the strategy that gave it.

Two audiences. Actions on *identified* customers carry one entry per row of the view (or one number for all of them);
*public* actions are scalars that prospects, leads and customers the firm cannot identify see as well.

`audience` says which of the two. A play with a target, a holdout or a ramp reaches some identified customers only, so
its strategy must return nothing but actions on "customers"; a strategy says so in a class attribute of the same name.

Each kind is an `Action` of the mechanism that carries it out, in the `actions.py` of its room; a mechanism of one's own
brings its own kinds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

Rates = float | NDArray[np.floating]
Mask = NDArray[np.bool_]
Audience = Literal["customers", "everybody"]

MAX_RATE = 0.95
MAX_MONEY = 1e14  # currency units: sums over a market still fit 64 bits of minor units
MAX_WEEKS = 5_200  # a century: the last week of anything still fits 16 bits
MAX_COUNT = 2**31 - 1


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

    def refuses(self, value: object) -> str:
        """What is wrong with a value, as the end of a sentence; "" when it is allowed."""
        if (
            isinstance(value, float | int)
            and self.low <= value <= self.high
            and (not self.whole or value == int(value))
        ):
            return ""  # a plain number, as most are
        try:
            numbers = np.atleast_1d(np.asarray(value, np.float64))
        except (TypeError, ValueError):
            return f"must be a number ({self.unit}), not {value!r}"
        if numbers.size and numbers.min() >= self.low and numbers.max() <= self.high and not self.whole:
            return ""  # as nearly always, found out in two sweeps; a NaN is neither
        wrong = ~((numbers >= self.low) & (numbers <= self.high))
        if self.whole:
            wrong |= numbers != np.floor(numbers)
        if not wrong.any():
            return ""
        kind = "a whole number between" if self.whole else "between"
        must = "be" if self.whole else "lie"
        return f"must {must} {kind} {self.low:,g} and {self.high:,.12g} ({self.unit}), not {numbers[wrong][0]:g}"


RATE = Allowed(0.0, MAX_RATE, "share of the price")
MONEY = Allowed(0.0, MAX_MONEY, "currency units")
FROM_ONE_WEEK = Allowed(1, MAX_WEEKS, "weeks", whole=True)
WEEKS = Allowed(0, MAX_WEEKS, "weeks", whole=True)


@dataclass(frozen=True)
class Action:
    """Base of all actions. A kind is a frozen dataclass whose fields state what is `Allowed`, or the names to choose
    from (`Literal`); `audience` says whom it can reach."""

    audience: ClassVar[Audience]

    def contradiction(self) -> str:
        """What is wrong with its fields taken together, starting with a field's name; "" when nothing is."""
        return ""


def check_action(play: str, action: Action) -> None:
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
    contradiction = action.contradiction()
    if contradiction:
        raise ActionError(f"{play}: {name}.{contradiction}")


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
