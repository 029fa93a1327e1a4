"""A market in which one person is watched: what the firm's records say of them, week by week."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmlab.sim.columns import owner_of
from crmlab.sim.customers import COLD, LEAD, PROSPECT, STAGES
from crmlab.sim.kernel_types import effect_on
from crmlab.sim.market import Market
from crmlab.sim.mechanism import Week
from crmlab.sim.price_terms import expected_cut, own_lines

# Recorded columns that merely repeat the order log, or are shown in another form (the coupon).
REPEATS_ORDERS = frozenset(
    ("identified", "source", "first_order", "last_order", "orders", "orders_52", "spend", "spend_52")
)
COUPON = frozenset(("coupon_rate", "coupon_ends"))


class WatchedMarket(Market):
    """A market in which one person's records are noted every week, as they meet that week's offer."""

    def __init__(self, *args: Any, row: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.notes: list[dict[str, object]] = []

    def run_clocks(self, week: Week) -> None:
        self.notes.append(self.note() | {"offered": self._offered(week)})
        super().run_clocks(week)

    def note(self) -> dict[str, object]:
        """What stands in the columns now. Stage is hidden; all others are records of the firm, NaN where nothing was
        recorded yet."""
        stage = STAGES[int(self.customers.stage[self.row])]
        note = {"week": self.week, "stage": stage, "offered": np.nan, "coupon": self._coupon()}
        return note | {name: self._record(name) for name in recorded_columns(self)}

    def _record(self, name: str) -> float:
        value, fill = self._value(name), owner_of(name, self.owners).fill_of(name)
        return np.nan if fill != 0 and value == fill else float(value)

    def _value(self, name: str) -> Any:
        return self.gather(name, np.array([self.row]))[0]

    def _coupon(self) -> float:
        valid = self._value("coupon_ends") > self.week
        return float(self._value("coupon_rate")) if valid else 0.0

    def _offered(self, week: Week) -> float:
        """The best price cut this person could use this week, on average over their baskets where it has conditions:
        share of list price, NaN for those nobody reached."""
        stage, source = int(self.customers.stage[self.row]), int(self.customers.source[self.row]) + 1
        if stage == PROSPECT:
            return np.nan
        effect, new, public = effect_on(self.row, week.effects), stage in (LEAD, COLD), float(week.offer.public[source])
        standing, single = (public, week.offer.first[source]) if new else (max(public, effect.standing), effect.single)
        expected = expected_cut(
            float(self.customers.mean_order[self.row]) * effect.order_value, self.setting.baskets, standing,
            float(single), new, True, week.offer.shared, source, week.offer.own,
            *own_lines(week.offer.own, 0, self.row),
        )  # fmt: skip
        return float(expected) if new else max(float(expected), self._coupon())


def recorded_columns(market: Market) -> list[str]:
    """Columns that the firm keeps of a customer, one number each, besides what the order log says."""
    return [name for owner in market.owners for name in owner.seen() if name not in REPEATS_ORDERS | COUPON]
