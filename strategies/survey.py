"""Survey: ask customers how satisfied they are, a part of them at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim import Action, Audience, FirmView, Lever, Survey


@dataclass(frozen=True)
class SatisfactionSurvey:
    """Every `every_weeks` weeks a share of the customers is invited to answer one question, at `cost` an invitation.

    "csat" asks how satisfied they are, on five boxes; "nps" how likely they are to recommend us, 0 to 10. Nobody is
    invited again before everybody was. What they answer is a fact that targets can name, `csat = [1, 2]`; by itself a
    survey changes nothing.
    """

    audience: ClassVar[Audience] = "customers"
    needs: ClassVar[str] = "satisfaction"

    share: Annotated[float, Lever(0.0, 1.0, unit="share of customers")] = 0.25
    every_weeks: Annotated[int, Lever(1, 52, unit="weeks", step=1)] = 4
    cost: Annotated[float, Lever(0.0, 2.0, unit="currency an invitation")] = 0.1
    question: Literal["csat", "nps"] = "csat"

    def decide(self, view: FirmView) -> list[Action]:
        if view.week % self.every_weeks:
            return []
        turn = (view.uniform(f"survey/{self.question}") + view.week // self.every_weeks * self.share) % 1.0
        return [Survey(to=turn < self.share, question=self.question, cost=self.cost)]
