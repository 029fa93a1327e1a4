"""What a KPI is, and the words that many of them share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crmlab.sim.outcome import MarketOutcome

NAN = math.nan
MARKETING_METRICS = "Farris et al. 2010"
FADER = "Fader, Hardie & Lee 2005b"
ALL = "every order of the run"
RUN = "the run"
NONE = "none"
COHORT = "first orders whose first 52 weeks lie inside the run"
LEFT_OUT = "later cohorts are left out; undefined in runs of 52 weeks or less"


@dataclass(frozen=True)
class Kpi:
    """One number a strategist reads. `direction` +1: higher is better, -1: lower, 0: neither."""

    id: str
    label: str
    unit: str
    formula: str
    eligible: str
    window: str
    censoring: str
    direction: int
    reference: str
    read: Callable[[MarketOutcome], float]
    hidden: bool = False  # known to the simulation only, not to the firm
    # KPIs whose means it divides, so that three figures on a page agree
    ratio_of: tuple[str, str] | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether it says nothing of how much there is: per somebody, a share, a ratio, a time. Such a number can be
        improved by having less, so a volume belongs beside it."""
        return " per " in self.unit or self.unit in ("share", "ratio", "weeks")


def total(outcome: MarketOutcome, amount: np.ndarray | float) -> float:
    """A sum over rows, for the real market."""
    return float(np.sum(amount)) * outcome.market.scale
