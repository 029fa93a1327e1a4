"""The numbers of satisfaction; a world names them to have the mechanism."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from crmlab.sim.kpi import Kpi
from crmlab.sim.levers import Unknown
from crmlab.sim.mechanism import Mechanism, Setting
from crmlab.sim.mechanisms.satisfaction.kpis import KPIS
from crmlab.sim.mechanisms.satisfaction.satisfaction import CustomerSatisfaction

NO_SOURCE: Any = ("no source found", "A")


@dataclass(frozen=True)
class Satisfaction:
    """Customers are more or less satisfied, each around a level of their own; what they meet with moves it, and the
    less satisfied leave sooner, order less, recommend less and complain more. The firm can ask them."""

    name: ClassVar[str] = "satisfaction"
    kpis: ClassVar[tuple[Kpi, ...]] = KPIS

    departure: Annotated[
        float,
        Unknown(
            0.15,
            0.6,
            "log departure less per SD",
            "correlation with retention Kumar et al. 2013, shape Mittal & Kamakura 2001",
            "M",
            off=0.0,
            vary="range",
        ),
    ] = 0.35
    ordering: Annotated[
        float,
        Unknown(0.0, 0.2, "log orders per SD", "sign Cooil et al. 2007, size ours", "A", vary="range", absent=0.0),
    ] = 0.08
    recommending: Annotated[float, Unknown(0.0, 0.8, "log readiness per SD", *NO_SOURCE, vary="range", absent=0.0)] = (
        0.3
    )
    complaining: Annotated[
        float, Unknown(0.0, 0.8, "log readiness less per SD", *NO_SOURCE, vary="range", absent=0.0)
    ] = 0.3
    weight: Annotated[
        float, Unknown(0.05, 0.5, "SD per SD of experience", "rule Bolton 1998, size ours", "A", vary="range")
    ] = 0.2
    weight_later: Annotated[
        float,
        Unknown(0.25, 1.0, "of the weight, after a year", "sign Bolton 1998, size ours", "A", vary="range"),
    ] = 0.5
    asymmetry: Annotated[
        float, Unknown(1.0, 3.0, "negative / positive", "Mittal, Ross & Baldasare 1998", "M", vary="range")
    ] = 2.0
    half_life_weeks: Annotated[float, Unknown(4.0, 104.0, "weeks", *NO_SOURCE, vary="range")] = 26.0
    satisfied: Annotated[float, Unknown(0.4, 0.95, "share in the top two boxes", "scenario", "A")] = 0.70
    delighted: Annotated[float, Unknown(0.05, 0.38, "share in the top box", "scenario", "A")] = 0.35
    promoters: Annotated[float, Unknown(0.1, 0.5, "share of 9 and 10", "scenario", "A")] = 0.40
    detractors: Annotated[float, Unknown(0.05, 0.45, "share of 0 to 6", "scenario", "A")] = 0.25
    response: Annotated[float, Unknown(0.02, 1.0, "share of invitations", *NO_SOURCE, vary="range")] = 0.20
    response_bias: Annotated[
        float, Unknown(0.0, 1.5, "log odds per SD off the middle", *NO_SOURCE, vary="range", absent=0.0)
    ] = 0.5
    answer_noise: Annotated[float, Unknown(0.0, 1.5, "SD", *NO_SOURCE, vary="range", absent=0.0)] = 0.6

    def start(self, setting: Setting) -> Mechanism:
        """The satisfaction of one market's customers."""
        return CustomerSatisfaction(setting, self)
