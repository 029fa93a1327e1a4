"""What is tuned: the levers of one arm, the KPIs they are tuned for, the limits that must hold, and the effort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sim.readings import KPIS

Sampler = Literal["tpe", "nsga2", "nsga3", "random"]
EQUITY = "customer_equity"
UNDEFINED = 1.0  # how far a reading without a value is counted to be beyond any limit


@dataclass(frozen=True)
class SearchedLever:
    """One number of a play that the search may move, within `low` and `high` (inclusive).

    `path` is how the file calls it: `play.lever`, or `play.lever.key` for an entry of a table such as the factors of a
    channel mix. `log`: the search moves in ratios; `step`: only multiples above `low`; `whole`: whole numbers only.
    """

    path: str
    play: str
    lever: str
    key: str | None
    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Constraint:
    """A limit on a KPI of the arm: its mean over the replications, or (`gain`) its mean difference to the baseline.

    `added`: nobody asked for it; every tuning has to look at customer equity (a ratio alone is improved by winning
    almost nobody).
    """

    kpi: str
    op: Literal["<=", ">="]
    bound: float
    gain: bool = False
    added: bool = False

    def __str__(self) -> str:
        return f"{self.kpi}{' gain' if self.gain else ''} {self.op} {self.bound:g}"

    def reading(self, arm: ArrayLike, baseline: ArrayLike) -> float:
        """What the limit is about, from the readings of each replication. NaN where one of them is undefined."""
        return float(np.mean(np.subtract(arm, baseline) if self.gain else np.asarray(arm, np.float64)))

    def violation(self, reading: float, baseline: float) -> float:
        """How far a reading is beyond the limit, as a share of the limit or the baseline: 0 or less is within."""
        if not math.isfinite(reading):
            return UNDEFINED
        beyond = reading - self.bound if self.op == "<=" else self.bound - reading
        return beyond / (max(abs(self.bound), abs(baseline)) or 1.0)


@dataclass(frozen=True)
class Search:
    """How an arm is tuned.

    Every candidate is lived by the same people with the same luck as the baseline, on `replications` markets. The
    sampler proposes `batch` candidates at a time and learns from them before it proposes the next; the batch is part
    of the search, the number of processes is not. The `confirm` best are lived again on `confirm_replications`
    markets that the search has never seen.
    """

    arm: str
    levers: tuple[SearchedLever, ...]
    objectives: tuple[str, ...] = (EQUITY,)
    constraints: tuple[Constraint, ...] = ()
    sampler: Sampler = "tpe"
    candidates: int = 64
    batch: int = 8
    replications: int = 4
    confirm: int = 5
    confirm_replications: int = 16

    @property
    def watched(self) -> tuple[str, ...]:
        """The objectives, and customer equity where it is not one of them."""
        return tuple(dict.fromkeys((*self.objectives, EQUITY)))

    @staticmethod
    def direction(kpi: str) -> int:
        """+1 where more of a KPI is better, -1 where less is, 0 where neither."""
        return KPIS[kpi].direction

    @property
    def rule(self) -> str:
        """How the winner is chosen, in a sentence: fixed before its fresh luck is seen, which therefore cannot flatter
        it."""
        if len(self.objectives) == 1:
            return f"The winner is the feasible candidate with the best {KPIS[self.objectives[0]].label} in the search."
        return "The winner is the candidate of the Pareto front with the highest customer equity in the search."
