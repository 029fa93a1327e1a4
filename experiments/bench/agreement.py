"""Do the three engines run the same model? Means over independent runs, compared in standard errors."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np

from crmlab.experiments.bench.engines import ENGINES
from crmlab.experiments.bench.model import Outcome

MAX_Z = 4.5
QUANTITIES = tuple(field.name for field in fields(Outcome))


@dataclass(frozen=True)
class Agreement:
    """One quantity of one engine beside ours: means over the runs and the difference in standard errors."""

    engine: str
    quantity: str
    cut: float
    ours: float
    theirs: float
    z: float

    @property
    def holds(self) -> bool:
        """Whether the difference can be luck."""
        return abs(self.z) <= MAX_Z


def agreements(rows: int, weeks: int, runs: int, cut: float = 0.0) -> list[Agreement]:
    """Every quantity of the plain engines against ours, over `runs` runs of each with seeds of their own."""
    simulated = {
        name: np.array([astuple(build(rows, seed, cut).run(weeks).outcome) for seed in range(1, runs + 1)])
        for name, build in ENGINES.items()
    }
    mean = {name: totals.mean(axis=0) for name, totals in simulated.items()}
    error = {name: totals.var(axis=0, ddof=1) / runs for name, totals in simulated.items()}
    return [
        Agreement(
            name,
            quantity,
            cut,
            float(mean["ours"][q]),
            float(mean[name][q]),
            float((mean["ours"][q] - mean[name][q]) / np.sqrt(error["ours"][q] + error[name][q])),
        )
        for name in ("numpy", "mesa")
        for q, quantity in enumerate(QUANTITIES)
    ]
