"""The numbers of advisors; a world names them to have the mechanism."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.kpi import Kpi
from crmlab.sim.levers import Unknown
from crmlab.sim.mechanism import Mechanism, Setting
from crmlab.sim.mechanisms.advisors.kpis import KPIS
from crmlab.sim.mechanisms.advisors.team import AdvisorTeam

NO_SOURCE = "no source found"


@dataclass(frozen=True)
class Advisors:
    """Leads are scored and graded; advisors call the good ones, the sooner the better, and keep in touch with key
    accounts. Nothing of it happens to anybody until a strategy asks for it."""

    name: ClassVar[str] = "advisors"
    kpis: ClassVar[tuple[Kpi, ...]] = KPIS

    score_quality: Annotated[
        float,
        Unknown(0.0, 1.5, "SD between leads who will buy and others", NO_SOURCE, "A", vary="range", absent=0.0),
    ] = 1.0
    depth: Annotated[
        float,
        Unknown(0.0, 0.9, "correlation of score and nearness to an order", NO_SOURCE, "A", vary="range", absent=0.0),
    ] = 0.5
    uplift: Annotated[
        float,
        Unknown(0.0, 0.6, "odds of an order added by a contact at once", NO_SOURCE, "A", vary="range", absent=0.0),
    ] = 0.25
    response_slope: Annotated[
        float,
        Unknown(0.2, 1.3, "loss per log hour of response time", "shrunk from Oldroyd et al. 2011", "A", vary="range"),
    ] = 0.6
    prompt_hours: Annotated[
        float, Unknown(0.08, 1.0, "hours of response time that hardly count", NO_SOURCE, "A", vary="range")
    ] = 0.5
    call_minutes: Annotated[float, Unknown(1.0, 120.0, "minutes of work per lead", "scenario", "A", vary=1.5)] = 20.0
    wage: Annotated[float, Unknown(0.0, 1e12, "currency per hour of an advisor", "scenario", "A", vary=1.25)] = 25.0
    nurture_uplift: Annotated[
        float, Unknown(0.0, 0.1, "odds of an order added by messages", NO_SOURCE, "A", vary="range", absent=0.0)
    ] = 0.03
    nurture_cost: Annotated[float, Unknown(0.0, 1e12, "currency per lead", "scenario", "A", vary=1.5)] = 0.5
    key_departure: Annotated[
        float, Unknown(0.75, 1.0, "departure of key accounts, times", NO_SOURCE, "A", vary="range", absent=1.0)
    ] = 0.9

    contact_minutes: Annotated[
        float, Unknown(5.0, 120.0, "minutes of a contact with its full effect", NO_SOURCE, "A", vary=1.5)
    ] = 30.0

    def at_scale(self, scale: float) -> str:
        """What is not quite right where a row of the market stands for another number of people than one."""
        if scale > 1:
            return "leads stand in for others on the waiting list of advisors, so loads are right and luck weighs more"
        return "calls to leads take as much less time, so advisors are as busy as in reality and too soon at the phone"

    def start(self, setting: Setting) -> Mechanism:
        """The advisors of one market."""
        return AdvisorTeam(setting, self)
