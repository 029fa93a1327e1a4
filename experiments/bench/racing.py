"""What a race buys: the best of twenty policies, picked with the same number of runs by a race and by equal shares.

Twenty price cuts in a cheap world: nobody but customers, who are all equally sensitive to the price, and eight weeks.
Every policy is run in many replications once. Their means over all of them are the truth. Then the race is run again
and again, each time on replications of its own, and beside it the equal allocation of as many runs (rounded up).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.execution.executor import run_all
from crmlab.experiments.questions.tune.racing import FINISHED, GOES_ON, Entrant, judged, rounds
from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.plays import Play
from crmlab.sim.population import create_population
from crmlab.sim.world import Base, Economics, Population, World
from crmlab.strategies import PriceCut

CUTS = np.round(0.01 + 0.025 * np.arange(20), 3)  # shares of the price; the best one lies at 0.285
MAX_REPLICATIONS = 16  # replications of a candidate that is never dropped
CUSTOMERS, WEEKS = 1000, 8


@dataclass(frozen=True)
class Estimate:
    """A mean over repetitions with its standard error."""

    value: float
    standard_error: float

    @classmethod
    def of(cls, values: Any) -> Estimate:
        """Of independent values."""
        found_ = np.asarray(values, np.float64)
        return cls(float(found_.mean()), float(found_.std(ddof=1) / np.sqrt(found_.size)))


@dataclass(frozen=True)
class RaceMeasured:
    """How a race did over `repetitions`. Probabilities and money are means over them.

    `lead`: true value of the best policy above that of the second, with the error of this truth. `regret`: by how much
    the picked policy is truly worse than the best. `confirm_bias`: value on fresh replications minus the truth of the
    winner of the race; `search_bias` the same for the value in the race.
    """

    repetitions: int
    lead: Estimate
    n_runs: Estimate
    p_best_race: Estimate
    p_best_equal: Estimate
    p_gain: Estimate
    p_best_everything: Estimate
    regret_race: Estimate
    regret_equal: Estimate
    search_bias: Estimate
    confirm_bias: Estimate


def cheap_world() -> World:
    """Customers only, with a best price cut that can be computed: no reference price, nothing borrowed from later."""
    price = replace(PriceResponse(), elasticity=2.6, elasticity_cv=0.0, gain=0.0, pull_forward=0.0)
    return World(
        name="cheap",
        base=Base(model="nbd", r=4.0, alpha=20.0),
        population=Population(customers=CUSTOMERS, prospects=0, history_weeks=0.0),
        price=price,
        economics=Economics(gross_margin=0.6, fulfilment_cost=1.0, payment_cost=0.025, discount_rate=0.0),
    )


def policies_of_replication(replication: int) -> list[float]:
    """Customer equity under each of `CUTS` in one replication."""
    world = cheap_world()
    founding = create_population(world.at_rows(CUSTOMERS)[0], 1, replication)
    return [
        read_all(
            Market(
                world, (Play("cut", PriceCut(float(rate))),), customers=CUSTOMERS, seed=1, replication=replication,
                founding=founding,
            ).run(WEEKS)
        )["customer_equity"]
        for rate in CUTS
    ]  # fmt: skip


def run_pool(
    repetitions: int, workers: int = 0, on_done: Callable[[int, int], None] | None = None
) -> NDArray[np.float64]:
    """All policies in as many replications as the repetitions need. Shape [replications, policies]."""
    return np.array(run_all(policies_of_replication, range(MAX_REPLICATIONS * repetitions), workers, on_done))


def raced(simulated: NDArray[np.float64]) -> tuple[int, int]:
    """The policy that a race picks, and how many runs it took. Shape of `simulated` [replications, policies]."""
    running, n_runs, before = list(range(simulated.shape[1])), 0, 0
    looked_at = rounds(len(simulated), racing=True)
    for n in looked_at:
        n_runs += len(running) * (n - before)
        field = [Entrant(p, simulated[:n, [p]], np.empty((n, 0))) for p in running]
        verdicts = judged(field, [], last=n == looked_at[-1])
        running = [v.number for v in verdicts if v.word in (GOES_ON, FINISHED)]
        before = n
    return max(running, key=lambda p: simulated[:, p].mean()), n_runs


def measured(pool: NDArray[np.float64]) -> RaceMeasured:
    """Replay the race and the equal allocation, each time on `MOST` replications of their own. Values are gains
    against the mildest cut, on the same people with the same luck."""
    pool = pool - pool[:, :1]
    truth = pool.mean(axis=0)
    best, second = np.argsort(-truth)[:2]
    blocks = pool.reshape(-1, MAX_REPLICATIONS, pool.shape[1])
    race, equal, everything, n_runs, search, fresh = [], [], [], [], [], []
    for k, block in enumerate(blocks):
        picked, spent = raced(block)
        race.append(picked)
        n_runs.append(spent)
        equal.append(int(block[: -(-spent // pool.shape[1])].mean(axis=0).argmax()))
        everything.append(int(block.mean(axis=0).argmax()))
        search.append(block[:, picked].mean() - truth[picked])
        fresh.append(blocks[(k + 1) % len(blocks)][:, picked].mean() - truth[picked])
    hits = [np.asarray(picks) == best for picks in (race, equal, everything)]
    return RaceMeasured(
        len(blocks),
        Estimate.of(pool[:, best] - pool[:, second]),
        Estimate.of(n_runs),
        Estimate.of(hits[0]),
        Estimate.of(hits[1]),
        Estimate.of(hits[0].astype(float) - hits[1]),
        Estimate.of(hits[2]),
        Estimate.of(truth[best] - truth[race]),
        Estimate.of(truth[best] - truth[equal]),
        Estimate.of(search),
        Estimate.of(fresh),
    )
