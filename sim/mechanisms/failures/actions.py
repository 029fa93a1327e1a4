"""What a firm can do about what goes wrong, and about what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim.actions import MONEY, Action, Allowed, Audience, Mask

SPEED = Allowed(1.0, 20.0, "times as fast as today")


@dataclass(frozen=True)
class QualityInvestment(Action):
    """Term: what is spent this week on fewer failures of one kind, in currency units of the real market. Less and less
    is won by more of it, and it works while it is paid."""

    audience: ClassVar[Audience] = "everybody"
    kind: Literal["product", "delivery", "courtesy", "billing"]
    spend: Annotated[float, MONEY]


@dataclass(frozen=True)
class DeliveryPromise(Action):
    """Term: in how many days everybody's orders are promised to be there, and how fast they are sent, as times today's
    speed. What is promised sells; what comes later than promised is a failure."""

    audience: ClassVar[Audience] = "everybody"
    days: Annotated[float, Allowed(0.1, 365.0, "days")]
    speed: Annotated[float, SPEED] = 1.0


@dataclass(frozen=True)
class PriorityDelivery(Action):
    """Term: the orders of these customers are sent `speed` times as fast as today, under the promise that everybody
    has. `first` is one entry per customer of the view."""

    audience: ClassVar[Audience] = "customers"
    first: Mask
    speed: Annotated[float, SPEED] = 2.0


@dataclass(frozen=True)
class Claim(Action):
    """Term: how much more is claimed to people who have not bought yet than is true. 0 is today's honesty, 1 a strong
    exaggeration, below 0 an understatement. It wins first orders, and whoever places one finds out, order by order."""

    audience: ClassVar[Audience] = "everybody"
    strength: Annotated[float, Allowed(-2.0, 5.0, "units of exaggeration")]
