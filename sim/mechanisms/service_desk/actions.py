"""What a firm can do for people who want an answer: put clerks at the desk, serve some first, help others to help
themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.actions import MONEY, Action, Allowed, Audience, Mask

HOUR = Allowed(0, 24, "hours after midnight", whole=True)


@dataclass(frozen=True)
class Staffing(Action):
    """Term: so many clerks from the hour `opens` to the hour `closes` on the first `days` days of the week. Whoever
    has a ticket in work at closing time finishes it, which is overtime."""

    audience: ClassVar[Audience] = "everybody"
    clerks: Annotated[int, Allowed(0, 100_000, "clerks", whole=True)]
    opens: Annotated[int, HOUR] = 9
    closes: Annotated[int, HOUR] = 17
    days: Annotated[int, Allowed(0, 7, "days a week", whole=True)] = 5


@dataclass(frozen=True)
class ServicePriority(Action):
    """Term: the requests that these customers make this week are taken before all others. `first` is one entry per
    customer of the view. No work is interrupted for them."""

    audience: ClassVar[Audience] = "customers"
    first: Mask


@dataclass(frozen=True)
class SelfService(Action):
    """Term: what is spent this week on pages, guides and robots that answer a question before it is asked, in currency
    units of the real market. The share of questions that they answer rises with it, less and less."""

    audience: ClassVar[Audience] = "everybody"
    spend: Annotated[float, MONEY]
