"""What a firm can do to learn how satisfied its customers are: ask them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim.actions import MONEY, Action, Audience, Mask

Question = Literal["csat", "nps"]


@dataclass(frozen=True)
class Survey(Action):
    """Invite customers to answer one question this week; each invitation costs `cost` currency units, answered or not.

    `to` [n] says who is invited. "csat": how satisfied are you, on five boxes, 1 (very dissatisfied) to 5 (very
    satisfied). "nps": how likely are you to recommend us, 0 to 10. Whoever is invited to the same question twice in a
    week answers it once.
    """

    audience: ClassVar[Audience] = "customers"
    to: Mask
    question: Question = "csat"
    cost: Annotated[float, MONEY] = 0.0
