"""The numbers of deal learning; a world names them to have the mechanism."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.levers import Unknown
from crmlab.sim.mechanism import Mechanism, Setting
from crmlab.sim.mechanisms.deal_learning.deals import Deals


@dataclass(frozen=True)
class DealLearning:
    """Price cuts teach: who is offered them for long reacts more to the price of the week, and the brand loses with
    them part of what the cuts bring."""

    name: ClassVar[str] = "deal_learning"

    sensitivity: Annotated[
        float,
        Unknown(
            0.0,
            1.5,
            "elasticity added, share per unit of cut learned",
            "no source found",
            "A",
            vary="range",
            absent=0.0,
        ),
    ] = 0.5
    erosion: Annotated[
        float,
        Unknown(0.0, 1.0, "share of the lasting lift lost", "sign Ataman et al. 2010", "A", vary="range", absent=0.0),
    ] = 0.33
    carry_over: Annotated[
        float, Unknown(0.8, 0.99, "share of what was learned kept per week", "no source found", "A", vary="range")
    ] = 0.95

    def start(self, setting: Setting) -> Mechanism:
        """What the customers of one market learn."""
        return Deals(setting, self)


MATURE_BRAND = DealLearning(erosion=0.9)  # everybody knows the brand: cuts bring next to nothing for good
