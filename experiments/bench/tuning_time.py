"""How long a tuning of everything takes: every shipped strategy on, levers of five of them searched, with racing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crmlab.experiments.bench.model import all_plays, base_plays, founding_customers, talkative_world
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.questions.tune.question import EQUITY, Tune
from crmlab.experiments.questions.tune.tune import tune
from crmlab.sim.plays import Play
from crmlab.strategies import ChannelMix

LEVERS = (
    SearchedLever("mix.factors.content", "mix", "factors", "content", 0.5, 4.0),
    SearchedLever("mix.factors.paid_search", "mix", "factors", "paid_search", 0.25, 4.0),
    SearchedLever("tiers.silver_rate", "tiers", "silver_rate", None, 0.0, 0.15),
    SearchedLever("tiers.silver_spend", "tiers", "silver_spend", None, 20.0, 500.0, log=True),
    SearchedLever("points.earn_rate", "points", "earn_rate", None, 0.0, 0.1),
    SearchedLever("friends.reward", "friends", "reward", None, 0.0, 30.0),
    SearchedLever("sale.rate", "sale", "rate", None, 0.0, 0.3),
)


@dataclass(frozen=True)
class TuningTimed:
    """A tuning and what it took: seconds on the clock, and of all processors together, which is what an idle machine
    would need. `simulated` and `full`: replications of candidates, with racing and without.

    Gains are differences to today in customer equity, with the interval of the fresh value.
    """

    seconds: float
    processor_seconds: float
    candidates: int
    simulated: int
    full: int
    stopped: str
    winner: int
    search_gain: float
    fresh_gain: float
    fresh_low: float
    fresh_high: float

    @property
    def optimism(self) -> float:
        """By how much the search looked better than fresh luck."""
        return self.search_gain - self.fresh_gain


def experiment_of(candidates: int, replications: int, rows: int, weeks: int, racing: bool = True) -> Experiment:
    """The base market of the benchmark, so many rows with its prospects, and an arm in which everything is on."""
    world = talkative_world()
    plays = all_plays()
    mix = Play("mix", ChannelMix(factors={"paid_search": 1.5, "content": 1.0}))
    arms = (Arm("today", base_plays()), Arm("everything", (plays[0], mix, *plays[2:])))
    search = Tune(
        "everything", LEVERS, (EQUITY,), (), "tpe", candidates=candidates, batch=10, replications=replications,
        confirm=3, confirm_replications=16, racing=racing,
    )  # fmt: skip
    design = Design(weeks=weeks, customers=founding_customers(world, rows), replications=16, seed=1, unknowns=False)
    return Experiment("tuning time", world, arms, design, question=search)


def timed(experiment: Experiment, workers: Any = 0, on_done: Callable[[int, int], None] | None = None) -> TuningTimed:
    """Search and look at the clock. Compilation is not part of it."""
    tune(experiment_of(2, 2, 1_000, 3), workers=1)
    started, worked = time.perf_counter(), _processor_seconds()
    found = tune(experiment, workers, on_done)
    seconds, worked = time.perf_counter() - started, _processor_seconds() - worked
    kpi_value = found.winners[0].kpi_values[EQUITY]
    return TuningTimed(
        seconds, worked, len(found.trials), found.simulations, len(found.trials) * found.search.replications,
        found.stopped,
        found.winners[0].number, kpi_value.search, kpi_value.fresh, kpi_value.fresh_low, kpi_value.fresh_high,
    )  # fmt: skip


def _processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
