"""Staffing: how many clerks answer customers, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim import Action, Audience, FirmView, Lever, Staffing


@dataclass(frozen=True)
class StaffedDesk:
    """Clerks at the service desk, on the first `days` days of the week from the hour `opens` to the hour `closes`.

    By the `staffing_rule` "fixed" there are always `clerks`. By "square_root" there are as many as the work of the last
    `look_back` weeks needs, and a safety margin that grows with its root: load + `margin` x sqrt(load), where load is
    hours of work per opening hour; the share of customers who wait is then much the same at any size. `clerks` is then
    what it starts with, until there is something to measure.
    """

    audience: ClassVar[Audience] = "everybody"
    needs: ClassVar[str] = "service_desk"

    clerks: Annotated[int, Lever(0, 40, unit="clerks", step=1)] = 2
    opens: Annotated[int, Lever(0, 12, unit="hours after midnight", step=1)] = 9
    closes: Annotated[int, Lever(12, 24, unit="hours after midnight", step=1)] = 17
    days: Annotated[int, Lever(1, 7, unit="days a week", step=1)] = 5
    margin: Annotated[float, Lever(0.0, 4.0, unit="clerks per root of the load")] = 1.0
    look_back: Annotated[int, Lever(1, 26, unit="weeks", step=1)] = 4
    staffing_rule: Literal["fixed", "square_root"] = "fixed"

    def decide(self, view: FirmView) -> list[Action]:
        clerks = self.clerks
        if self.staffing_rule == "square_root" and view.week > 0:
            work = float(view.books["desk_work_hours"][-self.look_back :].mean())
            load = work / max((self.closes - self.opens) * self.days, 1)
            clerks = math.ceil(load + self.margin * math.sqrt(load))
        return [Staffing(clerks, self.opens, self.closes, self.days)]
