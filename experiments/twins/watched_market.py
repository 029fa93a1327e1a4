"""A market in which one person is watched: what the firm's records say of them, week by week."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from crmlab.sim.conditions import Offer, Programme
from crmlab.sim.customers import COLD, LEAD, NOT_ENROLLED, PROSPECT, STAGES, Customers, fill_of
from crmlab.sim.market import Market
from crmlab.sim.orders import Orders

# Recorded columns that merely repeat the order log, or are shown in another form (the coupon).
REPEATS_ORDERS = frozenset(
    ("identified", "source", "first_order", "last_order", "orders", "orders_52", "spend", "spend_52")
)
COUPON = frozenset(("coupon_rate", "coupon_ends"))


class WatchedMarket(Market):
    """A market in which one person's records are noted every week, as they meet that week's offer."""

    def __init__(self, *args, row: int, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.notes: list[dict[str, Any]] = []

    def live(self, offer: Offer, programme: Programme) -> Orders:
        self.notes.append(self.note() | {"offered": self._offered(offer, programme)})
        return super().live(offer, programme)

    def note(self) -> dict[str, Any]:
        """What stands in the columns now. Stage is hidden; all others are records of the firm, NaN where nothing was
        recorded yet."""
        people = self.customers
        note = {"week": self.week, "stage": STAGES[people.stage[self.row]], "offered": np.nan, "coupon": self._coupon()}
        return note | {name: self._record(name) for name in recorded_columns(people)}

    def _record(self, name: str) -> float:
        column, fill = getattr(self.customers, name), fill_of(name)
        value = column[self.row] if column.size else fill
        return np.nan if fill != 0 and value == fill else float(value)

    def _coupon(self) -> float:
        valid = self.customers.coupon_ends[self.row] > self.week
        return float(self.customers.coupon_rate[self.row]) if valid else 0.0

    def _offered(self, offer: Offer, programme: Programme) -> float:
        """The best price cut this person could use this week: share of list price, NaN for those nobody reached."""
        people, row = self.customers, self.row
        stage, source = int(people.stage[row]), int(people.source[row]) + 1
        if stage == PROSPECT:
            return np.nan
        if stage in (LEAD, COLD):
            return float(max(offer.public[source], offer.first[source]))
        rates = [float(offer.public[source]), self._coupon()]
        if offer.own.size:
            rates.append(float(offer.own[row]))
        if programme.on and people.enrolled[row] != NOT_ENROLLED:
            rates.append(float(programme.rates[min(int(people.tier[row]), programme.rates.size - 1)]))
        return max(rates)


def recorded_columns(people: Customers) -> list[str]:
    """Columns that the firm keeps of a customer, one number each, besides what the order log says."""
    return [
        field.name
        for field in dataclasses.fields(people)
        if field.metadata["seen"]
        and field.name not in REPEATS_ORDERS | COUPON
        and getattr(people, field.name).ndim == 1
    ]
