"""What each lever of a strategy does over its range: orders and customer equity against today's policy.

Every other lever stays at its default. A lever whose best value lies at an end of its range is worth a look: at the
generous end orders must be most, at the mean end the firm may well save more than it loses. More orders for giving less
would be a fault of the model, and is called so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.errors import SpecError
from crmlab.experiments.files.world_file import WorldFile
from crmlab.experiments.questions.tune.question import EQUITY
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.spec.builder import new_experiment
from crmlab.sim.levers import Lever, levers_of
from crmlab.strategies import STRATEGIES

POINTS = 5
NOTICED = 2.0  # standard errors from which one end of a range is better than the other

# Higher values of these give customers less or later; of all others they give more.
ASKS = frozenset({
    "weeks_cycle", "silver_spend", "gold_factor", "reward_value", "pending_weeks", "delay_weeks", "every_weeks",
    "silent_weeks", "again_weeks", "min_spend",
})  # fmt: skip
FLAT, INSIDE = "nothing to choose", "inside the range"
GIVING_MOST, GIVING_LEAST = "at the end that gives most", "at the end that gives least"
HERE, ELSEWHERE = "with most of the budget here", "with the budget elsewhere"  # shares of a total that stays
FAULT = "more orders for giving least: look at it"


@dataclass(frozen=True)
class LeverSweep:
    """One lever over its range. `orders` and `equity` are differences to today's policy as a share of today's."""

    strategy: str
    lever: str
    values: tuple[float, ...]
    orders: tuple[float, ...]
    orders_se: float  # the largest of the values
    equity: tuple[float, ...]
    equity_se: float
    orders_best: str
    equity_best: str

    @property
    def is_fault(self) -> bool:
        """Whether it brings most orders where it gives least."""
        return self.orders_best == FAULT


def swept(
    world: WorldFile, kind: str, *, weeks: int = 78, customers: int = 400, replications: int = 6, seed: int = 1
) -> Iterator[LeverSweep]:
    """All levers of a shipped strategy, one after the other."""
    for name, values in _ranges(world, STRATEGIES[kind]()).items():
        arms = {f"v{number}": _set(kind, name, value) for number, value in enumerate(values)}
        experiment = new_experiment(
            world, arms=arms, weeks=weeks, customers=customers, replications=replications, seed=seed, unknowns=False
        )
        by_replication = [{run.arm: run.kpis for run in run_replication(experiment, r)} for r in range(replications)]
        changes = {
            kpi: np.array([[life[arm][kpi] / life["today"][kpi] - 1 for arm in arms] for life in by_replication])
            for kpi in ("orders", EQUITY)
        }
        orders, equity = changes["orders"], changes[EQUITY]
        best = best_at(name, orders)
        yield LeverSweep(
            kind, name, tuple(values), _means(orders), _error(orders), _means(equity), _error(equity),
            FAULT if best == GIVING_LEAST else best, best_at(name, equity),
        )  # fmt: skip


def best_at(lever: str, changes: NDArray[np.float64]) -> str:
    """Where in its range a lever does best, in words. `changes` [replications, values], low end first."""
    means = changes.mean(axis=0)
    best = int(means.argmax())
    if not _ahead(changes, best, int(means.argmin())):
        return FLAT
    better_end = 0 if means[0] > means[-1] else means.size - 1
    if not _ahead(changes, best, better_end):  # a cap that binds nobody any more is as good inside as at its end
        best = better_end
    if 0 < best < means.size - 1:
        return INSIDE
    if lever.startswith("factors."):
        return ELSEWHERE if best == 0 else HERE
    asks = lever in ASKS
    return GIVING_LEAST if (best == 0) != asks else GIVING_MOST


def _ahead(changes: NDArray[np.float64], one: int, other: int) -> bool:
    """Whether one value does noticeably better than another. `changes` [replications, values]."""
    ahead = changes[:, one] - changes[:, other]
    return bool(ahead.mean() > NOTICED * ahead.std(ddof=1) / math.sqrt(len(ahead)))


def _ranges(world: WorldFile, strategy: Any) -> dict[str, list[float]]:
    """Values from one end of each lever's range to the other; a table of numbers has a lever per paid channel."""
    found: dict[str, list[float]] = {}
    for name, field in levers_of(strategy).items():
        assert isinstance(field.range, Lever)
        values = _values(field.range.at(world.world.mean_order), isinstance(field.default, int))
        keys = [c.name for c in world.world.channels if c.half_budget > 0] if isinstance(field.default, dict) else []
        found |= {f"{name}.{key}": values for key in keys} or {name: values}
    return {name: kept for name, values in found.items() if len(kept := _legal(type(strategy), name, values)) > 1}


def _values(lever: Lever, whole: bool) -> list[float]:
    spread = np.geomspace if lever.log else np.linspace
    values = [float(value) for value in spread(lever.low, lever.high, POINTS)]
    return sorted({round(value) for value in values}) if whole else values


def _legal(cls: type, name: str, values: Sequence[float]) -> list[float]:
    kind = next(kind for kind, known in STRATEGIES.items() if known is cls)
    kept = []
    for value in values:
        try:
            _set(kind, name, value)
        except (ValueError, SpecError):
            continue  # contradicts the defaults of the other levers
        kept.append(value)
    return kept


def _set(kind: str, name: str, value: float) -> Any:
    lever, _, key = name.partition(".")
    return dataclasses.replace(STRATEGIES[kind](), **{lever: {key: value} if key else value})


def _means(changes: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(mean) for mean in changes.mean(axis=0))


def _error(changes: NDArray[np.float64]) -> float:
    return float(changes.std(axis=0, ddof=1).max() / math.sqrt(len(changes)))
