"""One replication: every arm lived by the same people with the same luck, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.replication.lives import number_of_world
from crmlab.experiments.replication.recentre import recentred
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.replication.tables import run_tables
from crmlab.sim.draws import MODEL
from crmlab.sim.founding import found
from crmlab.sim.market import Market
from crmlab.sim.readings import read_all
from crmlab.sim.world import World

WorldKind = Literal["fixed", "sampled"]


@dataclass(frozen=True)
class Run:
    """One arm in one replication: small enough to be sent between processes.

    `tables` (weekly series, funnel, ...) are kept for the world as stated only.
    """

    arm: str
    world: WorldKind
    replication: int
    kpis: Mapping[str, float]
    tables: Mapping[str, pd.DataFrame]


def live_replication(
    experiment: Experiment,
    replication: int,
    kind: WorldKind = "fixed",
    world: World | None = None,
    arms: Sequence[Arm] | None = None,
    use: int = MODEL,
) -> list[Run]:
    """Live one replication of all `arms`, or some; in a `world` other than the experiment's, if one is given."""
    design, as_stated = experiment.design, kind == "fixed" and world is None
    if world is None:
        number = number_of_world(design, kind, replication)
        world = sampled_world(experiment, number) if kind == "sampled" else experiment.world
    world = recentred(world, experiment.today, design.seed)
    founders = found(world.at_rows(design.customers)[0], design.seed, replication, use)
    runs = []
    for arm in experiment.arms if arms is None else arms:
        market = Market(
            world,
            arm.plays,
            customers=design.customers,
            seed=design.seed,
            replication=replication,
            use=use,
            founders=founders,
        ).run(design.weeks)
        tables = run_tables(market) if as_stated else {}
        runs.append(Run(arm.name, kind, replication, read_all(market, experiment.kpis), tables))
    return runs
