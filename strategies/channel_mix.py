"""Channel mix: other media budgets than today's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, ChannelBudget, FirmView, Lever


@dataclass(frozen=True)
class ChannelMix:
    """Each channel's planned budget times its own factor; with `hold_total`, rescaled so that the sum stays today's.

    `total` multiplies everything, so volume and mix are two separate questions. Channels not named keep factor 1.
    """

    audience: ClassVar[Audience] = "everybody"

    total: Annotated[float, Lever(0.0, 4.0, unit="x today's total")] = 1.0
    factors: Annotated[Mapping[str, float], Lever(0.0, 10.0, unit="x today's budget")] = field(default_factory=dict)
    hold_total: bool = True

    def decide(self, view: FirmView) -> list[Action]:
        wanted = {name: spend * self.factors.get(name, 1.0) for name, spend in view.planned_budget.items()}
        today = sum(view.planned_budget.values())
        rescale = today / sum(wanted.values()) if self.hold_total and sum(wanted.values()) > 0 else 1.0
        return [ChannelBudget(name, spend * rescale * self.total) for name, spend in wanted.items()]
