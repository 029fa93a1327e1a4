"""Key accounts: an advisor keeps in touch with the customers who spend most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from crmlab.sim import Action, Audience, FirmView, KeyAccounts, Lever, Tag

MARK = "key account"


@dataclass(frozen=True)
class KeyAccountCare:
    """The `share` of customers who spent most in the last 52 weeks get an advisor, who calls them `contacts` a year.

    Who they are is looked at anew every `review_weeks`. Two contacts a year keep a customer longer; more than that cost
    more. `advisors` with `hours` a week are paid in full; what does not fit into their time is not done.
    """

    audience: ClassVar[Audience] = "customers"
    needs: ClassVar[str] = "advisors"

    share: Annotated[float, Lever(0.0, 0.5, unit="share of customers")] = 0.05
    contacts: Annotated[float, Lever(0.0, 12.0, unit="contacts a year", step=0.5)] = 3.0
    minutes: Annotated[float, Lever(5.0, 240.0, unit="minutes a contact")] = 45.0
    advisors: Annotated[int, Lever(0, 20, unit="advisors", step=1)] = 1
    hours: Annotated[float, Lever(1.0, 40.0, unit="hours a week")] = 10.0
    review_weeks: Annotated[int, Lever(4, 104, unit="weeks", step=1)] = 52

    def decide(self, view: FirmView) -> list[Action]:
        chosen = view.tag(MARK)
        actions: list[Action] = []
        if view.week % self.review_weeks == 0 and view.n:
            best = np.argsort(-view.spend_52, kind="stable")[: round(self.share * view.n)]
            chosen = np.isin(np.arange(view.n), best)
            actions.append(Tag(MARK, on=chosen, weeks=self.review_weeks))
        care = KeyAccounts(chosen, self.contacts, self.minutes, self.advisors, self.hours)
        return [*actions, care]
