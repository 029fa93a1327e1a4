"""An experiment: one world, a baseline arm, other arms, and the design under which they are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmlab.sim.kpis import Kpi, adopt
from crmlab.sim.plays import Play
from crmlab.sim.world import World

TODAY = "today"  # the arm that plays the policy in force, as the world states it


@dataclass(frozen=True)
class Arm:
    """A policy: the plays that are on together."""

    name: str
    plays: tuple[Play, ...]
    description: str = ""


@dataclass(frozen=True)
class Design:
    """How the question is put to the simulation.

    `customers` are founding customer rows (prospects come on top, in the world's proportion). `unknowns` adds, to the
    replications of the fixed world, as many worlds with a set of unknowns drawn for each. Every one of these is run
    on `markets_per_world` markets: two tell luck and world apart, one costs a third less and leaves luck in the range.
    """

    weeks: int = 104
    customers: int = 20_000
    replications: int = 16
    seed: int = 1
    unknowns: bool = True
    markets_per_world: int = 2
    confidence: float = 0.95
    primary: str = "customer_equity"


class Question:
    """What is asked of an experiment: the parent of frozen records such as `Compare`, `Tune` or `Sweep`.

    Each kind has a folder in `questions/` and a line in `questions/table.py`, which says how it is answered.
    """

    @property
    def kpis_asked(self) -> tuple[str, ...]:
        """Ids of the KPIs that it asks about, besides the primary one."""
        return ()

    @property
    def own_functions(self) -> tuple[Callable[..., object], ...]:
        """Functions of the user's own that its answer calls: their code is part of what determines the numbers."""
        return ()


@dataclass(frozen=True)
class Compare(Question):
    """Which arm is better, and how sure is that? What every experiment can be asked."""


@dataclass(frozen=True)
class Experiment:
    """Everything that determines the numbers of a run, and the texts that explain it.

    `arms` begins with the baseline. `question` is what is asked of them, `purpose` what is to be decided, in a
    sentence for readers. `fitted` names the parts of the world that were estimated from real data
    ("base", "spend", "history"); `calibration` is what `calibrate` knew about them (its JSON), None for an authored
    world; `log_covariance` maps a group ("base", "spend") to (parameter names, covariance of their logs). `quick` marks
    a question that was made smaller than it was put, for a first look. `kpis` are KPIs of one's own, read beside the
    shipped ones. `sections` are functions from the run's tables to a section or chart of the report
    (docs/adding-a-chart.md).
    """

    name: str
    world: World
    arms: tuple[Arm, ...]
    design: Design = Design()
    question: Question = Compare()
    purpose: str = ""
    fitted: frozenset[str] = frozenset()
    calibration: Mapping[str, Any] | None = None
    log_covariance: Mapping[str, tuple[tuple[str, ...], list[list[float]]]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    quick: bool = False
    kpis: tuple[Kpi, ...] = ()
    sections: tuple[Callable[..., object], ...] = ()

    def __post_init__(self) -> None:
        added = [kpi for numbers in self.world.mechanisms.values() for kpi in getattr(numbers, "kpis", ())]
        new = tuple(kpi for kpi in added if kpi.id not in {known.id for known in self.kpis})
        object.__setattr__(self, "kpis", (*self.kpis, *new))  # what the world's mechanisms can be judged by
        adopt(self.kpis)

    @property
    def today(self) -> tuple[Play, ...]:
        """Today's policy, whose effects the calibrated rates already contain: the arm of that name, or the baseline."""
        return next((arm.plays for arm in self.arms if arm.name == TODAY), self.baseline.plays)

    @property
    def baseline(self) -> Arm:
        return self.arms[0]

    def arm(self, name: str) -> Arm:
        """The arm of this name. Raises `KeyError` when there is none."""
        found = next((arm for arm in self.arms if arm.name == name), None)
        if found is None:
            raise KeyError(name)
        return found
