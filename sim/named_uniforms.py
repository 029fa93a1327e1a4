"""The uniforms of customers by name, kept from week to week: a holdout asks for the same ones every week."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.draws import draw_named_uniforms, name_index
from crmlab.sim.kernel import person_ids

MAX_KEPT = 16  # names; a strategy that asks under a new name each week fills no memory


class NamedUniforms:
    """Uniform numbers by customer, drawn by key under a name: those asked for last are kept, so that each week only
    the customers registered since are drawn. `n_founding` parts founding customers from prospects in the draws."""

    def __init__(self, key: tuple[np.uint64, np.uint64], n_founding: int) -> None:
        self.key, self.n_founding = key, n_founding
        self._kept: dict[str, NDArray[np.float64]] = {}

    def __call__(self, name: str, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """The uniforms of these customers, all in order of registration. Shape [n]."""
        kept = self._kept.pop(name, np.empty(0))
        named = np.concatenate([kept, self._drawn(name, rows[kept.size :])])
        self._kept[name] = named
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return named.copy()

    def _drawn(self, name: str, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        ids: NDArray[np.int64] = person_ids(rows, self.n_founding)
        named: NDArray[np.float64] = draw_named_uniforms(*self.key, name_index(name), ids)
        return named
