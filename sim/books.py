"""The firm's books by week: what it can look back on, in real units of the whole market.

Series are read as `books["orders"]`: one value per week lived so far. Campaign results are kept per play that holds
customers out: how many were treated and held out, and what each group ordered and paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.offers import HELD_OUT, TREATED
from crmlab.sim.referral import ReferralWeek

if TYPE_CHECKING:
    from crmlab.sim.market import Market
    from crmlab.sim.offers import Settled
    from crmlab.sim.orders import Orders

SERIES = (
    "orders", "first_orders", "repeat_orders", "revenue", "discounts", "media", "leads",
    "active_customers", "invitations", "referred",
)  # fmt: skip
BY_CHANNEL = ("spend", "leads", "first_orders")
CAMPAIGN = ("customers", "orders", "paid")


class WeeklyBooks(Mapping[str, NDArray[np.float64]]):
    """Weekly series of the market. Arrays handed out are read-only and end at the last closed week."""

    SERIES = SERIES

    def __init__(self, n_sources: int) -> None:
        self.weeks = 0
        self._series = np.zeros((64, len(SERIES)))
        self._channels = np.zeros((64, len(BY_CHANNEL), n_sources))
        self._campaigns: dict[str, list[NDArray[np.float64]]] = {}
        self._refused: list[int] = []

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return _closed(self._series[: self.weeks, SERIES.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(SERIES)

    def __len__(self) -> int:
        return len(SERIES)

    def latest(self, name: str) -> float:
        """The value of the last closed week."""
        return float(self._series[self.weeks - 1, SERIES.index(name)])

    def by_channel(self, name: str) -> NDArray[np.float64]:
        """`spend`, `leads` or `first_orders` of each source (the channels, then friends). Shape [weeks, sources]."""
        return _closed(self._channels[: self.weeks, BY_CHANNEL.index(name)])

    @property
    def coupons_refused(self) -> NDArray[np.float64]:
        """Coupons of each week that were refused because the customer held a better one. Shape [weeks]."""
        return _closed(np.array(self._refused, np.float64))

    @property
    def campaigns(self) -> list[str]:
        """Names of the plays that have held customers out."""
        return list(self._campaigns)

    def campaign(self, play: str) -> dict[str, NDArray[np.float64]]:
        """Weekly results of a play with a holdout: `treated_...` and `held_out_...` customers, orders, paid."""
        results = np.array(self._campaigns.get(play, np.zeros((0, 2, len(CAMPAIGN)))))
        return {
            f"{group}_{name}": _closed(results[:, g, c])
            for g, group in enumerate(("treated", "held_out"))
            for c, name in enumerate(CAMPAIGN)
        }

    def close_week(self, market: Market, settled: Settled, orders: Orders, newcomers: NDArray[np.int32]) -> None:
        """Write the week that has just been lived."""
        if self.weeks == self._series.shape[0]:
            self._series = np.concatenate([self._series, np.zeros_like(self._series)])
            self._channels = np.concatenate([self._channels, np.zeros_like(self._channels)])
        told = market.referral.weeks.get(market.week, ReferralWeek())
        paid, value = int(orders.paid.sum()), int(orders.value.sum())
        self._series[self.weeks] = (
            orders.n,
            newcomers.size,
            orders.n - newcomers.size,
            paid / market.minor,
            (value - paid) / market.minor,
            settled.spend.sum(),
            market.leads.sum(),
            np.count_nonzero(market.customers.orders_52),
            told.invitations,
            told.won,
        )
        self._series[self.weeks] *= market.scale
        if market.sources:
            sources = market.customers.source[newcomers]
            by_channel = self._channels[self.weeks]
            by_channel[0] = settled.spend
            by_channel[1] = market.leads
            by_channel[2] = np.bincount(sources[sources >= 0], minlength=len(market.sources))
            by_channel *= market.scale
        self._refused.append(settled.coupons_refused)
        for play, group in settled.groups.items():
            self._campaigns.setdefault(play, []).append(_campaign_week(group, orders, market.minor) * market.scale)
        self.weeks += 1


def _campaign_week(group: NDArray[np.int8], orders: Orders, minor: float) -> NDArray[np.float64]:
    """Customers, orders and currency paid of the treated and the held-out. Shape [2, 3]."""
    people = np.bincount(group, minlength=HELD_OUT + 1)
    placed = np.bincount(group[orders.row], minlength=HELD_OUT + 1)
    paid = np.bincount(group[orders.row], weights=orders.paid / minor, minlength=HELD_OUT + 1)
    return np.stack([people, placed, paid], axis=1)[[TREATED, HELD_OUT]].astype(np.float64)


def _closed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    view = array.view()
    view.flags.writeable = False
    return view
