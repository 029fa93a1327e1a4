"""What a firm can do with advisors: call leads, and keep in touch with customers who matter to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.actions import Action, Allowed, Audience, Mask

STAFF = Allowed(0, 10_000, "advisors", whole=True)
HOUR = Allowed(0, 24, "o'clock", whole=True)
DAYS = Allowed(0, 7, "days", whole=True)
GRADES = Allowed(0, 4, "grades", whole=True)
CONTACTS = Allowed(0.0, 52.0, "contacts a year")
MINUTES = Allowed(1.0, 600.0, "minutes")
WEEK_HOURS = Allowed(0.0, 168.0, "hours a week")


@dataclass(frozen=True)
class LeadFollowUp(Action):
    """Term: leads of the best `grades` (1: A, 2: A and B, ... 4: all, 0: none) who come this week are handed to
    advisors, `advisors` of whom are on duty from `opens` to `closes` on the first `days` days of the week. If
    `nurture`, all others get automated messages. Hours that never come (closes <= opens) are an office that is shut."""

    audience: ClassVar[Audience] = "everybody"
    advisors: Annotated[int, STAFF]
    opens: Annotated[int, HOUR] = 9
    closes: Annotated[int, HOUR] = 17
    days: Annotated[int, DAYS] = 5
    grades: Annotated[int, GRADES] = 2
    nurture: bool = True

    def contradiction(self) -> str:
        return "" if isinstance(self.nurture, bool) else f"nurture must be True or False, not {self.nurture!r}"


@dataclass(frozen=True)
class KeyAccounts(Action):
    """Term: an advisor keeps in touch with the customers marked in `to` (one True or False per identified customer):
    `contacts` a year, `minutes` of work each. `advisors` with `hours` a week are employed for it; what does not fit
    into their time is not done, and those who spent most in the last 52 weeks come first."""

    audience: ClassVar[Audience] = "customers"
    to: Mask
    contacts: Annotated[float, CONTACTS] = 4.0
    minutes: Annotated[float, MINUTES] = 45.0
    advisors: Annotated[int, STAFF] = 1
    hours: Annotated[float, WEEK_HOURS] = 40.0
