"""Lead follow-up: advisors call the leads with the best grades, the others get automated messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, FirmView, LeadFollowUp, Lever


@dataclass(frozen=True)
class FollowUpLeads:
    """Leads of the best `grades` (1: A, 2: A and B, ... 4: all) are called by advisors, the best score first.

    `advisors` are on duty from `opens` to `closes` o'clock on the first `days` days of the week, and are paid for it
    whether leads come or not. The sooner somebody is called, the likelier he or she orders. If `nurture`, all leads who
    are not called get automated messages, at a cost each.
    """

    audience: ClassVar[Audience] = "everybody"
    needs: ClassVar[str] = "advisors"

    advisors: Annotated[int, Lever(0, 20, unit="advisors on duty", step=1)] = 2
    grades: Annotated[int, Lever(0, 4, unit="grades, the best first", step=1)] = 2
    opens: Annotated[int, Lever(0, 23, unit="o'clock", step=1)] = 9
    closes: Annotated[int, Lever(1, 24, unit="o'clock", step=1)] = 17
    days: Annotated[int, Lever(1, 7, unit="days a week", step=1)] = 5
    nurture: bool = True

    def decide(self, view: FirmView) -> list[Action]:
        return [
            LeadFollowUp(
                advisors=self.advisors,
                opens=self.opens,
                closes=self.closes,
                days=self.days,
                grades=self.grades,
                nurture=self.nurture,
            )
        ]
