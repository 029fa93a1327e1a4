"""What a run cost beside its orders, summed by kind of money: whoever has posted it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.ledger import Kind, Ledger

Floats = NDArray[np.float64]
OF_NO_ORDER = (Kind.REACH, Kind.INCENTIVE, Kind.UPKEEP, Kind.OVERHEAD)


@dataclass(frozen=True)
class Costs:
    """The costs of the first `weeks` weeks in currency units of the rows; `minor` are the minor units in one."""

    ledger: Ledger
    weeks: int
    minor: float

    def by_week(self, *kinds: Kind) -> Floats:
        """Costs of these kinds. Shape [weeks]."""
        return self.booked(*self.ledger.of_kind(*kinds))

    def booked(self, *accounts: str) -> Floats:
        """Costs on these accounts. Shape [weeks]."""
        return self.ledger.by_week(accounts, self.weeks) / self.minor

    @property
    def of_no_order(self) -> Floats:
        """All costs that belong to no order. Shape [weeks]."""
        return self.by_week(*OF_NO_ORDER)

    def acquisition(self, until: int | None = None) -> tuple[float, float]:
        """(cost of being heard of, incentives) of the weeks before `until`. Incentives are what first orders cost less
        than the standing price, their welcome points, and the rewards for friends who brought them: all that is given
        to win a customer, and nothing else."""
        reach, given = (
            int(self.ledger.by_week(self.ledger.of_kind(*kinds), self.weeks)[:until].sum())
            for kinds in ((Kind.REACH,), (Kind.FIRST_ORDER, Kind.INCENTIVE))
        )
        return reach / self.minor, given / self.minor
