"""What a world names to have failures, complaints and recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmlab.sim.kpi import Kpi
from crmlab.sim.mechanism import Mechanism, Setting
from crmlab.sim.mechanisms.failures.failures import FailuresAndRecovery
from crmlab.sim.mechanisms.failures.kpis import KPIS
from crmlab.sim.mechanisms.failures.numbers import FailureNumbers


@dataclass(frozen=True)
class Failures(FailureNumbers):
    """Some orders go wrong: products, deliveries, bills, manners. Some customers complain and most say nothing; whoever
    is not helped may leave, and whoever is helped fast is nearly as before."""

    name: ClassVar[str] = "failures"
    kpis: ClassVar[tuple[Kpi, ...]] = KPIS

    def start(self, setting: Setting) -> Mechanism:
        """Failures and recovery in one market."""
        return FailuresAndRecovery(setting, self)
