"""What a stress test asks: of which policy, and in which possible worlds."""

from __future__ import annotations

from dataclasses import dataclass

from crmlab.experiments.experiment import Question
from crmlab.experiments.statistics.scores import TAIL


@dataclass(frozen=True)
class WorldTable:
    """Possible worlds written down by somebody, one a row: `unknowns` are the columns, named as in the world file
    (`price.elasticity`). What a row does not say is as in the world as stated."""

    unknowns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Stress(Question):
    """How a recommendation is tried in other possible worlds.

    `arm` is the policy on trial, None for the one that is best in the world as stated. Worlds are the rows of `table`
    or else `worlds` draws of everything that is not known. Every arm is run on `replications` markets in each of
    them, the same people with the same luck in all worlds, so that only the world differs. `tail` is the share of
    worlds that CVaR looks at.
    """

    arm: str | None = None
    worlds: int = 200
    replications: int = 2
    tail: float = TAIL
    table: WorldTable | None = None

    @property
    def n_worlds(self) -> int:
        """How many possible worlds there are."""
        return len(self.table.rows) if self.table else self.worlds
