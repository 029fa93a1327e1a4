"""What a world names to have a service desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmlab.sim.kpi import Kpi
from crmlab.sim.mechanism import Mechanism, Setting
from crmlab.sim.mechanisms.service_desk.kpis import KPIS
from crmlab.sim.mechanisms.service_desk.numbers import DeskNumbers
from crmlab.sim.mechanisms.service_desk.service_desk import Service


@dataclass(frozen=True)
class ServiceDesk(DeskNumbers):
    """Customers ask and complain in continuous time, and clerks answer in opening hours: who waits longer than usual
    is less content. Without a staffing policy, today's desk is as stated here."""

    name: ClassVar[str] = "service_desk"
    kpis: ClassVar[tuple[Kpi, ...]] = KPIS

    def at_scale(self, scale: float) -> str:
        """What is not quite right where a row of the market stands for another number of people than one."""
        if scale < 1:
            return "a service desk needs whole people: the run will be refused"
        return "all for whom it stands ask in the same week, so the desk has its real load and its weeks differ more"

    def start(self, setting: Setting) -> Mechanism:
        """The service desk of one market."""
        return Service(setting, self)
