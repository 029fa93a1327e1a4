"""By how much each policy is better than the baseline, world by world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.errors import UserError
from crmlab.experiments.replication.worlds import STATED
from crmlab.experiments.statistics.effects import luck_interval
from crmlab.sim.kpis import KPIS


@dataclass(frozen=True, eq=False)
class Gains:
    """Differences to the baseline in one KPI, in the direction in which it is good: more is better.

    `arms`: the baseline first. `stated` [arms, stated replications] in the world as stated, `sampled` [arms, worlds] in
    the other worlds, as means over the `replications` run in each; `worlds` [worlds] are their numbers. `left_out`
    counts worlds in which the KPI has no value for some arm.
    """

    kpi: str
    arms: tuple[str, ...]
    stated: NDArray[np.float64]
    sampled: NDArray[np.float64]
    worlds: NDArray[np.int64]
    replications: int
    left_out: int

    @cached_property
    def luck(self) -> NDArray[np.float64]:
        """How much luck moved each arm in each stated replication: deviations of the spread of the true ones."""
        n = self.stated.shape[1]
        deviations = self.stated - self.stated.mean(axis=1, keepdims=True)
        return deviations * np.sqrt(n / (n - 1)) if n > 1 else deviations

    def error_against(self, arm: str) -> NDArray[np.float64]:
        """Standard error that luck leaves in the difference of each arm to this one, in one world. Shape [arms]."""
        apart = self.luck - self.luck[self.arms.index(arm)]
        return np.sqrt((apart**2).mean(axis=1) / self.replications)

    @property
    def best(self) -> str:
        """The arm that is best in the world as stated; the baseline where no arm is better."""
        return self.arms[int(self.stated.mean(axis=1).argmax())]

    def of(self, arm: str) -> NDArray[np.float64]:
        """Gains of an arm in the sampled worlds. Shape [worlds]."""
        return self.sampled[self.arms.index(arm)]

    def resamples(self, n: int) -> Iterator[NDArray[np.float64]]:
        """`n` other draws of worlds and luck: as many worlds with repetition, all moved by the luck of as many stated
        replications as were run in each world. Shape [arms, worlds] each."""
        n_worlds, n_stated = self.sampled.shape[1], self.luck.shape[1]
        rng = np.random.default_rng(n_worlds)
        for _ in range(n):
            worlds = rng.integers(n_worlds, size=n_worlds)
            shift = self.luck[:, rng.integers(n_stated, size=self.replications)].mean(axis=1, keepdims=True)
            yield self.sampled[:, worlds] + shift

    def stated_of(self, arm: str, confidence: float) -> tuple[float, float, float]:
        """Mean gain in the world as stated, and its interval."""
        gains = self.stated[self.arms.index(arm)]
        return float(gains.mean()), *luck_interval(gains, confidence)


def gains_of(kpi_values: pd.DataFrame, kpi: str, arms: tuple[str, ...], replications: int) -> Gains:
    """The gains from the table of runs (columns arm, number of the world, replication, KPIs).

    Worlds in which a replication is without a value for some arm are left out. Raises `UserError` where the KPI has no
    value in the world as stated.
    """
    wide = kpi_values.pivot(index=["number", "replication"], columns="arm", values=kpi)[list(arms)]
    gains = KPIS[kpi].direction * wide.sub(wide[arms[0]], axis=0)
    stated = gains.loc[[STATED]].dropna()
    if stated.empty:
        about = KPIS[kpi]
        raise UserError(f"{kpi} has no value in the world as stated ({about.eligible}; {about.censoring}).")
    by_world = gains.drop(index=STATED, level="number").groupby(level="number").mean()
    undefined = gains.isna().any(axis=1).groupby(level="number").any().reindex(by_world.index)
    kept = by_world[~undefined]
    return Gains(
        kpi,
        arms,
        stated.to_numpy().T,
        kept.to_numpy().T,
        kept.index.to_numpy(),
        replications,
        int(undefined.sum()),
    )
