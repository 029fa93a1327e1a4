"""What is tuned: the levers of one arm, the KPIs they are tuned for, the limits that must hold, and the effort."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlab.experiments.experiment import Question
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.own_code.loading import place_of
from crmlab.experiments.statistics.scores import Score
from crmlab.sim.kpis import KPIS

Sampler = Literal["tpe", "nsga2", "nsga3", "random", "qmc", "cmaes", "gp"]
EQUITY = "customer_equity"
VOLUME = "first_orders"
UNDEFINED = 1.0  # how far a KPI value without a value is counted to be beyond any limit


@dataclass(frozen=True)
class Constraint:
    """A limit on a KPI of the arm: its mean over the replications, or (`gain`) its mean difference to the baseline.

    `added`: nobody asked for it; every tuning has to look at customer equity, and one for a ratio at the number of new
    customers (a ratio alone is improved by winning almost nobody).
    """

    kpi: str
    op: Literal["<=", ">="]
    bound: float
    gain: bool = False
    added: bool = False

    def __str__(self) -> str:
        return f"{self.kpi}{' gain' if self.gain else ''} {self.op} {self.bound:g}"

    @property
    def why_added(self) -> str:
        """Why it is there although nobody asked for it: a sentence."""
        if self.kpi == VOLUME:
            return f"A ratio is improved by winning fewer customers, so this limit was added: {self}"
        return f"Customer equity is neither an objective nor a constraint here, so this limit was added: {self}"

    def kpi_value(self, arm: ArrayLike, baseline: ArrayLike) -> float:
        """What the limit is about, from the KPI values of each replication. NaN where one of them is undefined."""
        return float(np.mean(np.subtract(arm, baseline) if self.gain else np.asarray(arm, np.float64)))

    def beyond(self, kpi_value: ArrayLike) -> NDArray[np.float64]:
        """By how much a KPI value is beyond the limit, in the unit of the KPI: 0 or less is within."""
        over = np.asarray(kpi_value, np.float64) - self.bound
        return over if self.op == "<=" else -over

    def violation(self, kpi_value: float, baseline: float) -> float:
        """How far a KPI value is beyond the limit, as a share of the limit or the baseline: 0 or less is within."""
        if not math.isfinite(kpi_value):
            return UNDEFINED
        return float(self.beyond(kpi_value)) / (max(abs(self.bound), abs(baseline)) or 1.0)


@dataclass(frozen=True)
class OwnSampler:
    """A sampler of the user's own: `make` takes a seed and gives an Optuna sampler, anew for every batch."""

    make: Callable[[int], object]

    def __str__(self) -> str:
        return place_of(self.make)


@dataclass(frozen=True)
class Tune(Question):
    """How an arm is tuned.

    Every candidate is run by the same people with the same luck as the baseline, on at most `replications` markets:
    with `racing`, those that are surely beaten get fewer. The sampler proposes `batch` candidates at a time and learns
    from them before it proposes the next; the batch is part of the search, the number of processes is not. The search
    ends after `candidates`, or when `simulations` runs of candidates are spent, or when `patience` batches brought
    nothing. The `confirm` best are run again on `confirm_replications` markets that the search has never seen.

    `constraints` must hold; `soft` limits are wished for: the sampler hears of them, but a candidate beyond them may
    win. With `worlds`, every replication has a world of its own, drawn from the unknowns, and an objective is the
    `score` of the gains over these worlds. `first` are settings to be tried first, such as the best of a past run.
    """

    arm: str
    levers: tuple[SearchedLever, ...]
    objectives: tuple[str, ...] = (EQUITY,)
    constraints: tuple[Constraint, ...] = ()
    sampler: Sampler | OwnSampler = "tpe"
    candidates: int = 64
    batch: int = 8
    replications: int = 16
    confirm: int = 5
    confirm_replications: int = 16
    racing: bool = True
    soft: tuple[Constraint, ...] = ()
    simulations: int | None = None
    patience: int | None = None
    worlds: bool = False
    score: Score = "mean"
    first: tuple[Mapping[str, object], ...] = ()

    @property
    def watched(self) -> tuple[str, ...]:
        """The objectives, customer equity where it is not one of them, and new customers beside any ratio."""
        ratio = any(KPIS[kpi].is_ratio for kpi in (*self.objectives, *(c.kpi for c in self.limits)))
        return tuple(dict.fromkeys((*self.objectives, EQUITY, *((VOLUME,) if ratio else ()))))

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """All limits, those that must hold first."""
        return (*self.constraints, *self.soft)

    @property
    def read(self) -> tuple[str, ...]:
        """The KPIs that the search looks at, and those whose means make a ratio of them."""
        named = (*self.watched, *(c.kpi for c in self.limits))
        return tuple(dict.fromkeys((*named, *(part for kpi in named for part in KPIS[kpi].ratio_of or ()))))

    @property
    def kpis_asked(self) -> tuple[str, ...]:
        return self.read

    @property
    def own_functions(self) -> tuple[Callable[..., object], ...]:
        return (self.sampler.make,) if isinstance(self.sampler, OwnSampler) else ()

    @staticmethod
    def sign(kpi: str) -> int:
        """Which sign of a difference in a KPI is good; 0 where neither."""
        return KPIS[kpi].direction

    def direction(self, kpi: str) -> int:
        """+1 where a higher value of an objective is better, -1 where a lower one is: the sign of the KPI, but a share
        of worlds in which the arm pays should always be high."""
        return 1 if self.score == "pays" else self.sign(kpi)

    @property
    def rule(self) -> str:
        """How the winner is chosen, in a sentence: fixed before its fresh luck is seen, which therefore cannot flatter
        it."""
        over = f" by the score “{self.score}” over sampled worlds" if self.worlds else ""
        if len(self.objectives) == 1:
            label = KPIS[self.objectives[0]].label
            return f"The winner is the feasible candidate with the best {label} in the search{over}."
        return f"The winner is the candidate of the Pareto front with the highest customer equity in the search{over}."


def unit_of(kpi: str, score: str = "mean") -> str:
    """In what a gain is told: the unit of the KPI, or a share of worlds where that is what is scored."""
    return "share" if score == "pays" else KPIS[kpi].unit
