"""A play: one strategy as it is put on the field, with whom it addresses, since when, and who is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.strategy import Strategy
from crmlab.sim.target import Target
from crmlab.sim.view import FirmView


@dataclass(frozen=True)
class Play:
    """A strategy in an arm. The firm's marketing plan is a list of plays; later ones overrule earlier ones in a tie.

    `holdout` is the share of the target that is left alone, drawn by key under the play's name, so that the effect
    can be measured as a firm would measure it. It is active in weeks start <= week < stop; over the first
    `ramp_weeks` its audience grows evenly from none to all.
    """

    name: str
    strategy: Strategy
    target: Target = Target()
    holdout: float = 0.0
    start: int = 0
    stop: int | None = None
    ramp_weeks: int = 0

    @property
    def selective(self) -> bool:
        """Whether it reaches some identified customers only, so that everything it does must be on such."""
        return not self.target.everybody or self.holdout > 0 or self.ramp_weeks > 0

    def active(self, week: int) -> bool:
        """Whether the strategy is asked this week."""
        return week >= self.start and (self.stop is None or week < self.stop)

    def addressed(self, view: FirmView) -> NDArray[np.bool_] | None:
        """Identified customers whom this week's actions may reach, before the holdout. None means everybody."""
        ramping = self.ramp_weeks > 0 and view.week - self.start < self.ramp_weeks
        if self.target.everybody and not ramping:
            return None
        who = self.target.matches(view)
        if ramping:
            who &= view.uniform(f"{self.name}/ramp") < (view.week - self.start + 1) / (self.ramp_weeks + 1)
        return who

    def held_out(self, view: FirmView) -> NDArray[np.bool_] | None:
        """Identified customers of the holdout group. None when nobody is held out."""
        return view.uniform(f"{self.name}/holdout") < self.holdout if self.holdout > 0 else None
