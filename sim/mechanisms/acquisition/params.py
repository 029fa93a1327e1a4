"""How people hear of the firm and become customers: each number with range, source and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from crmlab.sim.levers import Unknown


@dataclass(frozen=True)
class Channel:
    """One way in which people hear of the firm: what it costs, whom it reaches, how it saturates.

    `budget` is today's weekly spend. `leads_max` is the number of leads a week at saturation and `half_budget` the
    steady weekly spend that brings half of them, both in a market nobody has left yet. A channel without
    `half_budget` (0) is organic: it brings `leads_max` leads a week and costs no media.
    """

    name: str
    leads_max: Annotated[float, Unknown(0, 1e7, "leads a week at saturation", "channel preset", "A", vary=1.25)]
    half_budget: Annotated[float, Unknown(0, 1e15, "currency a week", "channel preset", "A")] = 0.0
    budget: float = 0.0
    half_life_weeks: Annotated[float, Unknown(0, 12, "weeks", "Leone 1995", "M", vary=2.0)] = 1.0
    hill_slope: Annotated[float, Unknown(0.7, 2.0, "-", "shape of saturation", "A", vary="range")] = 1.0
    p_convert: Annotated[float, Unknown(0.001, 0.95, "lead to first order at today's price", "channel preset", "A")] = (
        0.2
    )
    value_ratio: Annotated[
        float,
        Unknown(
            0.5, 2.0, "order rate of those reached / all", "Villanueva et al. 2008 for word of mouth", "A", vary=1.25
        ),
    ] = 1.0
    affinity_cv: Annotated[
        float, Unknown(0.0, 2.0, "coefficient of variation", "reach differs between people", "A")
    ] = 0.5
    p_identified: Annotated[float, Unknown(0.0, 1.0, "buyers whose identity the firm gets", "preset", "A")] = 0.9
    commission: Annotated[float, Unknown(0.0, 0.4, "share of every order's price", "preset", "R2")] = 0.0
    fixed_cost: Annotated[float, Unknown(0.0, 1e15, "currency a week", "preset", "A")] = 0.0
    success_fee: Annotated[float, Unknown(0.0, 1e15, "currency per first order it brings", "preset", "A")] = 0.0

    def conversion_hazard(self, lead_weeks: float) -> float:
        """Weekly hazard of a lead's first order at today's price, such that `p_convert` order before cooling off."""
        return self.p_convert / (1 - self.p_convert) / lead_weeks

    @property
    def carry_over(self) -> float:
        """Share of this week's advertising pressure that is still there next week."""
        return 0.0 if self.half_life_weeks == 0 else 0.5 ** (1 / self.half_life_weeks)


@dataclass(frozen=True)
class Acquisition:
    """What happens between hearing of the firm and the first order."""

    lead_weeks: Annotated[
        float, Unknown(1.0, 12.0, "mean weeks a lead stays interested", "no source found", "A", vary="range")
    ] = 4.0
