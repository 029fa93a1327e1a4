"""Service priority: whose questions and complaints are taken first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crmlab.sim import Action, Audience, FirmView, ServicePriority


@dataclass(frozen=True)
class ServedFirst:
    """The customers whom the play addresses (`target`: a tier, the high-value loyal ones) are served before all others.

    Nobody is served faster in the mean: what they wait less, the others wait more.
    """

    audience: ClassVar[Audience] = "customers"
    needs: ClassVar[str] = "service_desk"

    def decide(self, view: FirmView) -> list[Action]:
        return [ServicePriority(np.ones(view.n, np.bool_))]
