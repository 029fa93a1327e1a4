"""One replication: a world, its people and their luck, on which any number of arms are run.

All arms of a replication meet the same people with the same luck in the same world, so that what differs is the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from crmlab.experiments.execution.chunks import Failed
from crmlab.experiments.execution.failures import attempt
from crmlab.experiments.execution.run import Run, WorldKind
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.replication.recentre import recentred
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.replication.tables import run_tables
from crmlab.experiments.replication.worlds import number_of_world
from crmlab.sim.draws import MODEL
from crmlab.sim.kpis import KPIS, read_all
from crmlab.sim.market import Market
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.plays import Play
from crmlab.sim.population import FoundingPopulation, create_population
from crmlab.sim.world import World


@dataclass(frozen=True)
class Replication:
    """Replication `index` of an experiment in a `world` (None: the one that it states).

    `use` names the luck: MODEL for whatever is compared, CONFIRM for luck that a search has not seen. The world is
    re-centred for today's policy and its people are founded when the first arm is run.
    """

    experiment: Experiment
    world: World | None = None
    index: int = 0
    use: int = MODEL

    @classmethod
    def sampled(cls, experiment: Experiment, index: int, use: int = MODEL) -> Replication:
        """The replication in the world that is drawn from the unknowns for it."""
        number = number_of_world(experiment.design, "sampled", index)
        return cls(experiment, sampled_world(experiment, number), index, use)

    @cached_property
    def setting(self) -> World:
        """The world in which the arms are run: today's policy reproduces its calibrated rates."""
        experiment = self.experiment
        world = experiment.world if self.world is None else self.world
        return recentred(world, experiment.today, experiment.design.seed)

    @cached_property
    def founding(self) -> FoundingPopulation:
        """The people of week 0, the same for every arm."""
        design = self.experiment.design
        return create_population(self.setting.at_rows(design.customers)[0], design.seed, self.index, self.use)

    def opened(self, plays: Sequence[Play] = (), market: type[Market] | None = None, **more: Any) -> Any:
        """A market (of the kind `market`) at the start of week 0; `more` goes to its constructor."""
        design = self.experiment.design
        return (market or Market)(
            self.setting,
            tuple(plays),
            customers=design.customers,
            seed=design.seed,
            replication=self.index,
            use=self.use,
            founding=self.founding,
            **more,
        )

    def simulate(self, plays: Sequence[Play], market: type[Market] | None = None, **more: Any) -> Any:
        """The same market after the weeks of the design under these plays."""
        return self.opened(plays, market, **more).run(self.experiment.design.weeks)

    def run(self, arm: Arm, kpis: Iterable[str] | None = None) -> dict[str, float]:
        """What an arm comes to: these KPIs by id, or all, the experiment's own among them."""
        market, own = self.simulate(arm.plays), self.experiment.kpis
        if kpis is None:
            return read_all(market, own)
        outcome, known = MarketOutcome(market), KPIS | {kpi.id: kpi for kpi in own}
        return {kpi: float(known[kpi].read(outcome)) for kpi in kpis}

    def attempt(self, arm: Arm, kpis: Iterable[str] | None = None) -> dict[str, float] | Failed:
        """The same, or why it failed: so that the other arms of a task are not taken along."""
        return attempt(partial(self.run, arm, kpis))


def run_replication(
    experiment: Experiment,
    index: int,
    kind: WorldKind = "fixed",
    world: World | None = None,
    arms: Sequence[Arm] | None = None,
    use: int = MODEL,
) -> list[Run]:
    """All arms of one replication, or some: in the world as stated, in a sampled one, or in another `world`.

    Tables are kept of the world as stated. An arm that fails takes the replication with it, for without it there is
    nothing to compare the others with.
    """
    as_stated = kind == "fixed" and world is None
    sampled = kind == "sampled" and world is None
    replication = Replication.sampled(experiment, index, use) if sampled else Replication(experiment, world, index, use)
    runs = []
    for arm in experiment.arms if arms is None else arms:
        market = replication.simulate(arm.plays)
        tables = run_tables(market) if as_stated else {}
        runs.append(Run(arm.name, kind, index, read_all(market, experiment.kpis), tables))
    return runs
