"""An experiment: one world, a baseline arm, other arms, and the design under which they are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crmlab.sim.plays import Play
from crmlab.sim.readings import Kpi, adopt
from crmlab.sim.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from crmlab.experiments.files.world_file import WorldFile
    from crmlab.experiments.questions.tune.search import Search


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
    replications of the fixed world, as many worlds with a set of unknowns drawn for each. Every one of these is lived
    on `lives` markets: two tell luck and world apart, one costs a third less and leaves luck in the range.
    """

    weeks: int = 104
    customers: int = 20_000
    replications: int = 16
    seed: int = 1
    unknowns: bool = True
    lives: int = 2
    confidence: float = 0.95
    primary: str = "customer_equity"


@dataclass(frozen=True)
class Experiment:
    """Everything that determines the numbers of a run, and the texts that explain it.

    `arms` begins with the baseline. `fitted` names the parts of the world that were estimated from real data
    ("base", "spend", "history"); `calibration` is what `calibrate` knew about them (its JSON), None for an authored
    world; `log_covariance` maps a group ("base", "spend") to (parameter names, covariance of their logs). `search` is
    what a tuning looks for, and `task` what any other question asks (a sweep, a stress test, an explanation): a frozen
    dataclass whose class says in `DRIVER` which module answers it. A comparison has neither. `quick` marks a question
    that was made smaller than it was put, for a first look. `kpis` are KPIs of one's own, read beside the shipped ones.
    `sections` are functions from the run's tables to a section or chart of the report (docs/adding-a-chart.md).
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
    task: Any = None
    quick: bool = False
    kpis: tuple[Kpi, ...] = ()
    sections: tuple[Callable[..., Any], ...] = ()

    def __post_init__(self) -> None:
        adopt(self.kpis)

    @classmethod
    def of(
        cls,
        world: WorldFile | World | Path | str,
        /,
        *,
        name: str = "notebook",
        question: str = "",
        baseline: str = "today",
        arms: Mapping[str, Any] | None = None,
        kpis: Sequence[Kpi] = (),
        sections: Sequence[Callable[..., Any]] = (),
        **settings_and_arms: Any,
    ) -> Experiment:
        """An experiment from objects, checked as a file would be.

        `world` is the name of a shipped world, the path of a world file, what `load_world` gives, or a `World` of your
        own. Keywords that are settings of `Design` (`weeks`,
        `customers`, `replications`, ...) are the design. Every other keyword is an arm (as is every entry of `arms`,
        for names that are no Python words): a strategy, a `Play`, or a list of them, on top of today's plays; an `Arm`
        has its own plays and nothing else. `today` is always there. `kpis` are
        KPIs of your own: columns of every table, and good as primary KPI, objective or limit. `sections` are functions
        of your own from the run's tables to a section or chart of its report.

            Experiment.of("shop", tiers=DiscountTiers(), both=[DiscountTiers(), ChannelMix()], weeks=52)

        Raises `SpecError`, one sentence per mistake.
        """
        from crmlab.experiments.spec.builder import composed  # it needs this class

        return composed(world, name, question, baseline, arms or {}, settings_and_arms, tuple(kpis), tuple(sections))

    @property
    def today(self) -> tuple[Play, ...]:
        """Today's policy, whose effects the calibrated rates already contain: the arm of that name, or the baseline."""
        return next((arm.plays for arm in self.arms if arm.name == "today"), self.baseline.plays)

    @property
    def baseline(self) -> Arm:
        return self.arms[0]

    @property
    def driver(self) -> str:
        """The module that answers what is asked; its function of the same name does."""
        asked = self.search if self.task is None else self.task
        return "crmlab.experiments.questions.compare.compare" if asked is None else asked.DRIVER
