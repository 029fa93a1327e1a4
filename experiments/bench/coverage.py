"""Do the intervals cover what they promise? Many small experiments of 16 replications each, with the truth known.

luck only           covers the mean effect in the world as stated. The truth of an experiment is the mean over the
                    replications of all the others, thousands of them
luck and unknowns   holds the effect in one more world, drawn after the experiment was made, as often as it says it
                    does: 16 worlds hold 15 / 17 of further ones
false alarms        the baseline against itself, with other people and other luck: how often p < 1 - confidence

The world is as cheap as a world can be: customers who have just placed a first order, nobody else, a few weeks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.execution.executor import Executor, Failed, run_all
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.statistics.effects import luck_interval, paired_effect, range_holds, range_of_worlds
from crmlab.sim import Play
from crmlab.sim.kpis import KPIS
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.population import create_population
from crmlab.sim.world import Population, World
from crmlab.strategies import PriceCut, Today

REPLICATIONS = 16
TOLERANCE = 4.0  # standard errors that a share may be from what it should be
READ = ("customer_equity", "orders", "revenue")
Floats = NDArray[np.float64]
KpiValues = dict[str, list[list[list[float]]]]  # by kind of world: [replications][2 arms][KPIs]


@dataclass(frozen=True)
class Coverage:
    """How often an interval of one KPI covered (or a test rang a false alarm) among so many experiments."""

    what: str
    kpi: str
    share: float
    expected: float
    runs: int

    @property
    def standard_error(self) -> float:
        """Of a share that is as expected: binomial."""
        return math.sqrt(self.expected * (1 - self.expected) / self.runs)

    @property
    def met(self) -> bool:
        """Whether the share is as near to what it should be as so many experiments can tell."""
        return abs(self.share - self.expected) <= TOLERANCE * self.standard_error


def cheap_experiment(customers: int, weeks: int, seed: int) -> Experiment:
    """A tenth off for customers who have all just placed their first order."""
    people = Population(customers=customers, prospects=0, history_weeks=0.0)
    price = PriceResponse(elasticity_cv=0.0)
    plain = Play("today", Today())
    arms = (Arm("today", (plain,)), Arm("cut", (plain, Play("cut", PriceCut(rate=0.10)))))
    return Experiment(
        "coverage", World(name="cheap", population=people, price=price), arms, Design(weeks, customers, 16, seed)
    )


def coverages(
    runs: int = 1500,
    customers: int = 200,
    weeks: int = 6,
    seed: int = 1,
    workers: int | Executor = 0,
    on_done: Callable[[int, int], None] | None = None,
) -> list[Coverage]:
    """Run `runs` experiments and count. Experiments share no replication."""
    experiment = cheap_experiment(customers, weeks, seed)
    for arm in experiment.arms:  # so that workers inherit compiled code
        Market(experiment.world, arm.plays, customers=10).run(1)
    simulated = run_all(partial(kpis_of_run, experiment), range(runs), workers, on_done)
    fixed, sampled = (np.array([_whole(one)[kind] for one in simulated]) for kind in ("fixed", "sampled"))
    confidence = experiment.design.confidence
    held, _ = range_holds(REPLICATIONS, confidence)
    return [
        found_there
        for number, kpi in enumerate(READ)
        for found_there in (
            _share("luck only", kpi, covers_truth(fixed[..., number], confidence), confidence),
            _share("luck and unknowns", kpi, covers_new_world(sampled[..., number], confidence), held),
            _share("false alarms", kpi, false_alarms(fixed[..., number], confidence), 1 - confidence),
        )
    ]


def _whole(one: KpiValues | Failed) -> KpiValues:
    if isinstance(one, Failed):
        raise RuntimeError(one.error)
    return one


def kpis_of_run(experiment: Experiment, run: int) -> KpiValues:
    """The KPIs `READ` of baseline and arm in one small experiment: in the stated world ("fixed"), and in as many
    sampled worlds and one more ("sampled")."""
    first = run * (REPLICATIONS + 1)
    fixed = [_pair(experiment, experiment.world, first + r) for r in range(REPLICATIONS)]
    worlds = range(first, first + REPLICATIONS + 1)
    return {"fixed": fixed, "sampled": [_pair(experiment, sampled_world(experiment, w), w) for w in worlds]}


def _pair(experiment: Experiment, world: World, replication: int) -> list[list[float]]:
    design = experiment.design
    founding = create_population(world.at_rows(design.customers)[0], design.seed, replication)
    pair = []
    for arm in experiment.arms:
        market = Market(
            world, arm.plays, customers=design.customers, seed=design.seed, replication=replication, founding=founding
        )
        outcome = MarketOutcome(market.run(design.weeks))
        pair.append([float(KPIS[kpi].read(outcome)) for kpi in READ])
    return pair


def covers_truth(kpi_values: Floats, confidence: float) -> Iterator[bool]:
    """Whether the luck-only interval of each experiment holds the mean of all others. `kpi_values` is
    [runs, replications, 2 arms]."""
    difference = kpi_values[..., 1] - kpi_values[..., 0]
    runs, sums = difference.shape[0], difference.sum(axis=1)
    for one, own in zip(difference, sums, strict=True):
        truth = (sums.sum() - own) / ((runs - 1) * one.size)
        low, high = luck_interval(one, confidence)
        yield low <= truth <= high


def covers_new_world(kpi_values: Floats, confidence: float) -> Iterator[float]:
    """Whether the interval of luck and unknowns of each experiment holds the effect in the last world, which was kept
    from it. `kpi_values` is [runs, replications + 1, 2 arms].

    Orders are whole numbers, so a new world is often just as extreme as the most extreme of the others. Counted as
    held, such a tie would make the range look wider than it is. Which of k + 1 equal worlds was the one kept back is
    chance: it lies outside in one case of k + 1.
    """
    for one in kpi_values[..., 1] - kpi_values[..., 0]:
        low, high = range_of_worlds(one[:-1], confidence)
        new, outside = one[-1], 1 / (1 + np.count_nonzero(one[:-1] == one[-1]))
        yield 1.0 - (new < low) - (new > high) - outside * (new == low) - outside * (new == high)


def false_alarms(kpi_values: Floats, confidence: float) -> Iterator[bool]:
    """Whether a comparison of the baselines of two experiments, alike but for their luck, is called significant."""
    baselines = kpi_values[..., 0]
    for one, other in zip(baselines[0::2], baselines[1::2], strict=False):
        yield paired_effect(one, other, confidence=confidence).p_value < 1 - confidence


def _share(what: str, kpi: str, counted: Iterator[float], expected: float) -> Coverage:
    hits = list(counted)
    return Coverage(what, kpi, float(np.mean(hits)), expected, len(hits))
