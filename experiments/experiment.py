"""An experiment: one world, a baseline arm, other arms, and the design under which they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.tuning.search import Search
from sim.plays import Play
from sim.world import World


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
    replications of the fixed world, as many in which one set of the world's unknowns is drawn per replication.
    """

    weeks: int = 104
    customers: int = 20_000
    replications: int = 16
    seed: int = 1
    unknowns: bool = True
    confidence: float = 0.95
    primary: str = "customer_equity"


@dataclass(frozen=True)
class Experiment:
    """Everything that determines the numbers of a run, and the texts that explain it.

    `arms` begins with the baseline. `fitted` names the parts of the world that were estimated from real data
    ("base", "spend", "history"); `calibration` is what `calibrate` knew about them (its JSON), None for an authored
    world; `log_covariance` maps a group ("base", "spend") to (parameter names, covariance of their logs). `search` is
    what a tuning looks for, None for a comparison.
    """

    name: str
    world: World
    arms: tuple[Arm, ...]
    design: Design = Design()
    question: str = ""
    fitted: frozenset[str] = frozenset()
    calibration: Mapping[str, Any] | None = None
    log_covariance: Mapping[str, tuple[tuple[str, ...], list[list[float]]]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    search: Search | None = None

    @property
    def today(self) -> tuple[Play, ...]:
        """Today's policy, whose effects the calibrated rates already contain: the arm of that name, or the baseline."""
        return next((arm.plays for arm in self.arms if arm.name == "today"), self.baseline.plays)

    @property
    def baseline(self) -> Arm:
        return self.arms[0]
