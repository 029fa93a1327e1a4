"""The firm's books by week: what it can look back on, in real units of the whole market.

Series are read as `books["orders"]`: one value per week so far. Campaign results are kept per play that holds
customers out: how many were treated and held out, and what each group ordered and paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

OWN_SERIES = ("orders", "first_orders", "repeat_orders", "revenue", "discounts", "active_customers")
BY_CHANNEL = ("spend", "leads", "first_orders")
CAMPAIGN = ("customers", "orders", "paid", "orders_squared", "paid_squared")


class WeeklyMetrics(Mapping[str, NDArray[np.float64]]):
    """Weekly series of the market: its own, and those that its mechanisms note. Arrays handed out are read-only and end
    at the last closed week."""

    def __init__(self, n_sources: int, series: Sequence[str] = ()) -> None:
        self.weeks = 0
        self.names = (*OWN_SERIES, *series)
        self._series = np.zeros((64, len(self.names)))
        self._channels = np.zeros((64, len(BY_CHANNEL), n_sources))
        self._campaigns: dict[str, list[NDArray[np.float64]]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return _closed(self._series[: self.weeks, self.names.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def latest(self, name: str) -> float:
        """The value of the last closed week."""
        return float(self._series[self.weeks - 1, self.names.index(name)])

    def by_channel(self, name: str) -> NDArray[np.float64]:
        """`spend`, `leads` or `first_orders` of each source (the channels, then friends). Shape [weeks, sources]."""
        return _closed(self._channels[: self.weeks, BY_CHANNEL.index(name)])

    @property
    def campaigns(self) -> list[str]:
        """Names of the plays that have held customers out."""
        return list(self._campaigns)

    def campaign(self, play: str) -> dict[str, NDArray[np.float64]]:
        """Weekly results of a play with a holdout: `treated_...` and `held_out_...` customers, sums over them of what
        each ordered and paid that week, and the sums of their squares (`..._orders_squared`)."""
        results = np.array(self._campaigns.get(play, np.zeros((0, 2, len(CAMPAIGN)))))
        return {
            f"{group}_{name}": _closed(results[:, g, c])
            for g, group in enumerate(("treated", "held_out"))
            for c, name in enumerate(CAMPAIGN)
        }

    def close_week(
        self,
        series: Mapping[str, float],
        by_channel: Mapping[str, NDArray[np.generic]],
        results: Mapping[str, NDArray[np.float64]],
        scale: float,
    ) -> None:
        """Write the week that has just ended: figures by name, figures of each source by name, and results by play
        with a holdout [2 groups, `CAMPAIGN`], all in rows; `scale` is the number of real people per row."""
        if self.weeks == self._series.shape[0]:
            self._series = np.concatenate([self._series, np.zeros_like(self._series)])
            self._channels = np.concatenate([self._channels, np.zeros_like(self._channels)])
        self._series[self.weeks] = [series.get(name, 0.0) for name in self.names]
        self._series[self.weeks] *= scale
        for number, name in enumerate(BY_CHANNEL):
            self._channels[self.weeks, number] = by_channel.get(name, 0.0)
        self._channels[self.weeks] *= scale
        for play, sums in results.items():
            self._campaigns.setdefault(play, []).append(sums * scale)
        self.weeks += 1


def _closed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    view = array.view()
    view.flags.writeable = False
    return view
