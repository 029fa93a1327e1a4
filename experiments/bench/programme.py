"""What a loyalty programme does to the orders of its members, in whole and by part: the causal effect.

The same people run with and without the programme under the same luck. Nothing differs before somebody joins, so a
member's orders after the week of joining are compared with the orders of the same person in the same weeks of the other
run: no selection. A part is what the programme does when only that reaction is left in the world. Over sampled worlds
the whole effect has a range: what it could be, as far as anybody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.sim import Play
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.order_rates import order_rates
from crmlab.sim.strategy import Strategy
from crmlab.sim.world import World
from crmlab.strategies import PointsAndTiers, Today

PARTS: dict[str, tuple[str, ...]] = {
    "goal gradient": ("goal_gradient",),
    "membership": ("member",),
    "after a reward": ("reward",),
    "head start": ("head_start",),
    "deadlines": ("pressure",),
    "tier reached, missed, lost": ("success", "failure", "demotion"),
    "benefits": ("perks",),
}
OFF = {name: 0.0 for names in PARTS.values() for name in names} | {"status": 1.0}


@dataclass(frozen=True)
class Effect:
    """Change of members' orders after joining, as a share of what they would have ordered: mean and standard error
    over replications; of all members, of the heavy buyers among them and of the others."""

    part: str
    orders: float
    se: float
    heavy: float
    others: float


def programme_effect(
    world: World,
    strategy: Strategy | None = None,
    *,
    customers: int = 5_000,
    weeks: int = 104,
    replications: int = 8,
    parts: bool = True,
    seed: int = 1,
) -> list[Effect]:
    """The whole effect first, then each part alone, then the programme without its goal gradient."""
    strategy = strategy or PointsAndTiers()
    pairs = [
        _Pair(world, strategy, customers, weeks, seed, replication) for replication in range(replications)
    ]  # one run without the programme for all reactions to it
    effects = []
    for part, loyalty in _reactions(world.loyalty) if parts else [("all", world.loyalty)]:
        changes = np.array([pair.change(loyalty) for pair in pairs])
        mean, se = np.nanmean(changes, axis=0), np.nanstd(changes[:, 0], ddof=1) / math.sqrt(replications)
        effects.append(Effect(part, float(mean[0]), float(se), float(mean[1]), float(mean[2])))
    return effects


def over_worlds(
    experiment: Experiment, strategy: Strategy | None = None, *, worlds: int = 32, customers: int = 1_000, **size: int
) -> list[float]:
    """The whole effect in each of so many sampled worlds, each run twice; `size` as of `programme_effect`."""
    sampled = (sampled_world(experiment, number) for number in range(worlds))
    size = {"customers": customers, "replications": 2, **size}
    return [programme_effect(world, strategy, parts=False, **size)[0].orders for world in sampled]


def _reactions(stated: LoyaltyResponse) -> Iterator[tuple[str, LoyaltyResponse]]:
    yield "all", stated
    for part, names in PARTS.items():
        yield f"{part} alone", replace(stated, **{**OFF, **{name: getattr(stated, name) for name in names}})
    yield "without goal gradient", replace(stated, goal_gradient=0.0)


class _Pair:
    """One population run without the programme, and as often as asked with it."""

    def __init__(
        self, world: World, strategy: Strategy, customers: int, weeks: int, seed: int, replication: int
    ) -> None:
        self.world, self.strategy, self.weeks = world, strategy, weeks
        self.size: dict[str, Any] = {"customers": customers, "seed": seed, "replication": replication}
        self.plain = self._simulate(world)

    def _simulate(self, world: World, *plays: Play) -> Market:
        return Market(world, (Play("today", Today()), *plays), **self.size).run(self.weeks)

    def change(self, loyalty: LoyaltyResponse) -> tuple[float, float, float]:
        """Relative change of the orders of all members, of heavy buyers, of others."""
        world = replace(self.world, loyalty=loyalty)
        market = self._simulate(world, Play("programme", self.strategy))
        joined = Loyalty.of(market).columns.enrolled
        after, before = _orders_since(market, joined), _orders_since(self.plain, joined)
        heavy_rate = order_rates(self.world).of_orders.quantile(1 - loyalty.heavy_share)
        member = joined != NOT_ENROLLED
        heavy = market.customers.order_rate >= heavy_rate
        everybody, some, others = (_ratio(after[who], before[who]) for who in (member, member & heavy, member & ~heavy))
        return everybody, some, others


def _orders_since(market: Market, joined: np.ndarray) -> np.ndarray:
    """Orders of each row after the week of joining."""
    week, orders = market.order_log.table(since=0)
    later = (joined[orders.row] != NOT_ENROLLED) & (week > joined[orders.row])
    return np.bincount(orders.row[later], minlength=joined.size)


def _ratio(after: np.ndarray, before: np.ndarray) -> float:
    return float(after.sum() / before.sum() - 1) if before.sum() else math.nan
