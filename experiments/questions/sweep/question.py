"""What is swept: the numbers that move, between which values, by which design, and on how many markets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crmlab.experiments.experiment import Question
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.sim.kpis import HEADLINE

DesignKind = Literal["grid", "lhs", "sobol", "morris", "saltelli", "tornado"]
INDICES: tuple[DesignKind, ...] = ("morris", "saltelli")  # designs from which sensitivity indices are computed


@dataclass(frozen=True)
class Factor:
    """One number that moves between `low` and `high` (inclusive): a lever of the arm, or an unknown of the world.

    `path` is how the file calls it: `play.lever`, or `price.elasticity` for an unknown. `lever` is None for an unknown.
    `points` is how many values a grid takes of it, None where that follows from the size of the grid.
    """

    path: str
    low: float
    high: float
    lever: SearchedLever | None = None
    points: int | None = None

    @property
    def column(self) -> str:
        """Its name in tables: levers and unknowns are never mixed without a label."""
        return f"lever.{self.path}" if self.lever else f"unknown.{self.path}"

    def value(self, place: float) -> float:
        """The value at a place of the range, from 0 (low) to 1 (high).

        A lever that moves in ratios is placed by its logarithm; one that moves in steps takes each step equally often.
        """
        lever, low, high = self.lever, self.low, self.high
        if lever is None:
            return low + place * (high - low)
        if step := lever.step or (1 if lever.whole else 0):
            steps = round((high - low) / step)
            stepped = low + step * min(int(place * (steps + 1) + 1e-9), steps)
            return int(stepped) if lever.whole else stepped
        if lever.log:
            return min(max(low * (high / low) ** place, low), high)
        return low + place * (high - low)


@dataclass(frozen=True)
class Sweep(Question):
    """How an arm is swept.

    Every point is a setting of all factors. On `replications` markets the arm meets the baseline there, with the same
    people and the same luck at every point. `points` is how many points are run at most; each design takes as many
    as it can use. `kpis` are those whose effects are told, the primary KPI of the experiment always among them.
    """

    arm: str
    factors: tuple[Factor, ...]
    design: DesignKind = "grid"
    points: int = 64
    replications: int = 4
    kpis: tuple[str, ...] = HEADLINE

    @property
    def levers(self) -> tuple[Factor, ...]:
        """The factors that the firm chooses."""
        return tuple(factor for factor in self.factors if factor.lever)

    @property
    def unknowns(self) -> tuple[Factor, ...]:
        """The factors that the world sets."""
        return tuple(factor for factor in self.factors if not factor.lever)

    @property
    def kpis_asked(self) -> tuple[str, ...]:
        return self.kpis

    def watched(self, primary: str) -> tuple[str, ...]:
        """The KPIs whose effects are told, the primary one first."""
        return tuple(dict.fromkeys((primary, *self.kpis)))
