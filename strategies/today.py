"""Today's policy as the world file states it: the baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmlab.sim import Action, Audience, ChannelBudget, FirmView, PublicDiscount


@dataclass(frozen=True)
class Today:
    """Media budgets as planned today, and today's standing discount where there is one."""

    audience: ClassVar[Audience] = "everybody"

    def decide(self, view: FirmView) -> list[Action]:
        actions: list[Action] = [ChannelBudget(name, spend) for name, spend in view.planned_budget.items()]
        if view.planned_discount > 0:
            actions.append(PublicDiscount(view.planned_discount))
        return actions
