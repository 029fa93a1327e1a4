"""Today's policy as the world file states it: the baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sim import Action, ChannelBudget, FirmView, Lever, PublicDiscount


@dataclass(frozen=True)
class Today:
    """Media budgets as planned today and today's standing discount, if there is one."""

    rate: Annotated[float, Lever(0.0, 0.6, unit="share of price")] = 0.0

    def decide(self, view: FirmView) -> list[Action]:
        actions: list[Action] = [ChannelBudget(name, spend) for name, spend in view.planned_budget.items()]
        if self.rate > 0:
            actions.append(PublicDiscount(self.rate))
        return actions
