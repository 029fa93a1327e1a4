"""What coupling buys: variance-reduction factors of the reference policies on orders.

Three populations. *Customers*: the founding base and nobody new, which the published magnitudes and the targets are
about. *Market*: the same with prospects and channels. A price cut that wins customers adds people whose orders have no
counterpart under today's policy, so their whole variance stays in the difference: a binary event whose rate rises by
the share d has a factor of about 2 / d under the best of couplings, 9 for 10 % off. A target is set there for rewards
to customers who bring friends, which mean nothing without people to bring. *Service*: the market with satisfaction,
failures and a desk, where a clerk more or fewer changes what people wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crmlab.experiments.bench.model import base_plays, base_world, served, talkative_world
from crmlab.experiments.execution.executor import run_all
from crmlab.experiments.statistics.effects import luck_interval, variance_reduction
from crmlab.sim import Play
from crmlab.sim.market import Market
from crmlab.sim.population import create_population
from crmlab.sim.world import World
from crmlab.strategies import DiscountTiers, PointsAndTiers, PriceCut, ReferralReward, StaffedDesk

BASELINE = "today"
POLICIES: dict[str, tuple[Play, ...]] = {
    BASELINE: (),
    "5 % off always": (Play("cut", PriceCut(rate=0.05)),),
    "tiers 5/10 %": (Play("tiers", DiscountTiers()),),
    "10 % off always": (Play("cut", PriceCut(rate=0.10)),),
    "20 % off always": (Play("cut", PriceCut(rate=0.20)),),
    "points 4 %": (Play("points", PointsAndTiers(earn_rate=0.04)),),
}
TARGETS = {
    "5 % off always": 30.0,
    "tiers 5/10 %": 30.0,
    "10 % off always": 30.0,
    "20 % off always": 5.0,
    "points 4 %": 30.0,
}
FRIENDS = "10 % for a friend who gets 20 % off"
MARKET_POLICIES = POLICIES | {FRIENDS: (Play("friends", ReferralReward()),)}
MARKET_TARGETS = {FRIENDS: 5.0}
SERVICE_POLICIES: dict[str, tuple[Play, ...]] = {
    BASELINE: (),
    "a clerk fewer": (Play("desk", StaffedDesk(clerks=1)),),
    "a clerk more": (Play("desk", StaffedDesk(clerks=3)),),
    "from eight to eight, every day": (Play("desk", StaffedDesk(clerks=2, opens=8, closes=20, days=7)),),
}
SERVICE_TARGETS = dict.fromkeys(list(SERVICE_POLICIES)[1:], 5.0)
BOOTSTRAPS = 2_000


@dataclass(frozen=True)
class Reduction:
    """A policy against today: relative effect on orders, half-width of its 95 % interval, and the factor."""

    policy: str
    effect: float  # share of today's orders
    half_width: float  # share of today's orders
    factor: float
    standard_error: float  # of the factor, bootstrap over replications
    target: float | None

    @property
    def met(self) -> bool | None:
        """Whether the factor reaches its target; None without one."""
        return None if self.target is None else self.factor >= self.target


def customers_alone(customers: int) -> World:
    """The founding base of the benchmark's shop, and nobody new. It is played on as many rows as one likes."""
    world = base_world()
    return replace(world, channels=(), population=replace(world.population, prospects=0))


def with_acquisition(customers: int) -> World:
    """The shop with its prospects and channels, where customers talk."""
    return talkative_world()


def with_service(customers: int) -> World:
    """The same with satisfaction, failures and a desk, as large as so many customers."""
    people = talkative_world().population
    return served(round(customers * (people.customers + people.prospects) / people.customers))


@dataclass(frozen=True)
class Reference:
    """A population, the policies that are tried on it, and the factors that are promised."""

    world: Callable[[int], World]  # of so many customers
    policies: dict[str, tuple[Play, ...]]
    targets: dict[str, float]


ALONE = Reference(customers_alone, POLICIES, TARGETS)
MARKET = Reference(with_acquisition, MARKET_POLICIES, MARKET_TARGETS)
SERVICE = Reference(with_service, SERVICE_POLICIES, SERVICE_TARGETS)


def reductions(
    customers: int = 20_000,
    weeks: int = 52,
    replications: int = 48,
    seed: int = 1,
    reference: Reference = ALONE,
    workers: int = 1,
    on_done: Callable[[int, int], None] | None = None,
) -> list[Reduction]:
    """Run every reference policy on the same people with the same luck, replication by replication."""
    policies, targets = reference.policies, reference.targets
    work = partial(orders_of_replication, customers, weeks, seed, reference)
    orders = np.array(run_all(work, range(replications), workers, on_done))
    today = orders[:, 0]
    return [
        _reduction(name, orders[:, p], today, targets.get(name)) for p, name in enumerate(policies) if name != BASELINE
    ]


def orders_of_replication(customers: int, weeks: int, seed: int, reference: Reference, replication: int) -> list[float]:
    """Orders under each of the policies of a reference in one replication."""
    world, policies = reference.world(customers), reference.policies
    founding = create_population(world.at_rows(customers)[0], seed, replication)
    return [
        float(
            Market(
                world, (*base_plays(), *plays), customers=customers, seed=seed, replication=replication,
                founding=founding,
            ).run(weeks).books["orders"].sum()
        )
        for plays in policies.values()
    ]  # fmt: skip


def _reduction(policy: str, orders: NDArray[np.float64], today: NDArray[np.float64], target: float | None) -> Reduction:
    difference = orders - today
    low, high = luck_interval(difference, 0.95)
    spread = stats.bootstrap(
        (orders, today), variance_reduction, paired=True, vectorized=False, n_resamples=BOOTSTRAPS,
        method="percentile", rng=np.random.default_rng(1),
    ).standard_error  # fmt: skip
    return Reduction(
        policy,
        float(difference.mean() / today.mean()),
        float((high - low) / 2 / today.mean()),
        variance_reduction(orders, today),
        float(spread),
        target,
    )
