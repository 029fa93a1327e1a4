"""What rewards of very different worth do to orders and customer equity, against today's policy with the same luck.

Rewards that are worth nothing, or that hardly anybody can reach, must not pay: whoever finds one that does has found a
fault of the model, not a policy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmlab.experiments.files.world_file import WorldFile
from crmlab.experiments.questions.tune.question import EQUITY
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.spec.builder import new_experiment
from crmlab.strategies import PointsAndTiers

_PLAIN: dict[str, Any] = {"silver_multiplier": 1.0, "gold_extra_multiplier": 0.0}  # tiers that give nothing
REWARDS = {
    "4 % points, reward 5": PointsAndTiers(),
    "1 % points, reward 1": PointsAndTiers(earn_rate=0.01, reward_value=1.0),
    "0.3 % points, reward 1": PointsAndTiers(earn_rate=0.003, reward_value=1.0),
    "tiers without any benefit": PointsAndTiers(earn_rate=0.0, **_PLAIN),
    "reward 100 after 6,050, half of it given": PointsAndTiers(
        earn_rate=100 / 6050, reward_value=100.0, welcome_share=0.5, **_PLAIN
    ),
}


@dataclass(frozen=True)
class Gain:
    """What a reward adds to today's policy: `orders` as a share of today's, `equity` in currency; with the standard
    errors of their means over replications. `today` is the equity of today's policy."""

    reward: str
    orders: float
    orders_se: float
    equity: float
    equity_se: float
    today: float


def gains(world: WorldFile, *, weeks: int = 104, customers: int = 5_000, replications: int = 8) -> list[Gain]:
    """The rewards of `REWARDS` in one world."""
    arms = {f"r{number}": strategy for number, strategy in enumerate(REWARDS.values())}
    experiment = new_experiment(
        world, arms=arms, weeks=weeks, customers=customers, replications=replications, unknowns=False
    )
    by_replication = [{run.arm: run.kpis for run in run_replication(experiment, r)} for r in range(replications)]
    today = float(np.mean([life["today"][EQUITY] for life in by_replication]))
    found = []
    for arm, name in zip(arms, REWARDS, strict=True):
        orders = np.array([life[arm]["orders"] / life["today"]["orders"] - 1 for life in by_replication])
        equity = np.array([life[arm][EQUITY] - life["today"][EQUITY] for life in by_replication])
        errors = (float(values.std(ddof=1) / math.sqrt(replications)) for values in (orders, equity))
        orders_se, equity_se = errors
        found.append(Gain(name, float(orders.mean()), orders_se, float(equity.mean()), equity_se, today))
    return found
