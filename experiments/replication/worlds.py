"""Which markets are run in which world: each sampled one on `design.markets_per_world`, each with luck of its own.

Markets are numbered by their luck (the replication). Of R replications, market r is run in the world as stated and in
the sampled world r; the further markets of that world are the markets r + R, r + 2 R, ...
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.experiment import Design

STATED = -1  # number of the world as stated


def markets_of_sampled_worlds(design: Design) -> range:
    """The markets that are run in sampled worlds, first one in each world, then the next."""
    return range(design.replications * design.markets_per_world)


def number_of_world(design: Design, world: str, replication: int) -> int:
    """The number of the world ("fixed" or "sampled") in which a market is run."""
    return replication % design.replications if world == "sampled" else STATED


def by_market(kpi_values: pd.DataFrame) -> Callable[[str], NDArray[np.float64]]:
    """A function from a column of the KPI values of one arm (columns number and replication) to its values, shape
    [worlds, markets]; NaN for a market that is missing."""
    ordered = kpi_values.sort_values(["number", "replication"])
    world, row = np.unique(ordered["number"].to_numpy(), return_inverse=True)
    market = ordered.groupby("number").cumcount().to_numpy()
    shape = world.size, int(market.max(initial=0)) + 1

    def values(column: str) -> NDArray[np.float64]:
        found = np.full(shape, np.nan)
        found[row, market] = ordered[column].to_numpy(np.float64)
        return found

    return values
