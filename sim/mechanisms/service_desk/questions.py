"""Who wants to know something: some orders lead to a question, and now and then any customer has one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import CUSTOMER
from crmlab.sim.draws import added_purpose, draw_many
from crmlab.sim.encounters import Requests
from crmlab.sim.kernel import PROSPECT_IDS
from crmlab.sim.mechanism import Setting, Week
from crmlab.sim.orders import YEAR

ABOUT_ORDER, ANY_TIME = "question about an order", "question"
LAG_WEEKS = 2 / 7  # mean from an order to the question about it, drawn exponentially


class Questions:
    """The questions of one market. Those about orders come a few days later, and so wait here for their week."""

    def __init__(self, setting: Setting, per_order: float, per_year: float) -> None:
        self.setting = setting
        self.per_order = per_order
        self.per_week = -math.expm1(-per_year / YEAR)
        self._pending = Requests(ABOUT_ORDER, np.empty(0, np.int32), np.empty(0), np.empty(0, np.int32))

    def of_week(self, week: Week) -> list[Requests]:
        """What is asked this week, by people who are still customers."""
        return [kind for kind in (self._about_orders(week), self._at_any_time(week)) if kind.row.size]

    def _about_orders(self, week: Week) -> Requests:
        """Of those that fall due, and of this week's orders; moments are kept as weeks since week 0."""
        if not self.per_order:
            return self._pending
        draw, orders = self.setting.draw, week.orders
        asks = draw("service_desk/order", orders.row, orders.nth) < self.per_order
        row, number = orders.row[asks], orders.nth[asks]
        lag = -LAG_WEEKS * np.log(draw("service_desk/lag", row, number))
        moment = week.number + orders.at[asks].astype(np.float64) + lag
        kept = self._pending
        row, number = np.concatenate([kept.row, row]), np.concatenate([kept.number, number])
        moment = np.concatenate([kept.at, moment])
        is_due = moment < week.number + 1
        asked = Requests(ABOUT_ORDER, row, moment, number)
        self._pending = asked.where(~is_due)
        now = asked.where(is_due & (self.setting.customers.stage[row] == CUSTOMER))
        return now._replace(at=now.at - week.number)

    def _at_any_time(self, week: Week) -> Requests:
        """Found by the gaps between those who ask, so that a week costs what is asked in it, and not what is not."""
        stage, n_founding = self.setting.customers.stage, self.setting.n_founding
        founding = self._asking(week.number, 0, n_founding)
        later = self._asking(week.number, int(PROSPECT_IDS), stage.size - n_founding) + n_founding
        row = np.concatenate([founding, later]).astype(np.int32)
        row = row[stage[row] == CUSTOMER]
        at = self.setting.draw("service_desk/at", row, week.number)
        return Requests(ANY_TIME, row, at, np.full(row.size, week.number, np.int32))

    def _asking(self, week: int, first_id: int, n: int) -> NDArray[np.int64]:
        """Which of `n` people ask this week, each with chance `per_week`; the draws are those of the group, numbered
        by the people found. Sorted, shape [found]."""
        if not self.per_week or not n:
            return np.empty(0, np.int64)
        found, place, purpose = [np.empty(0, np.int64)], -1, added_purpose("service_desk/asks")
        room = int(n * self.per_week * 1.2) + 20
        for block in range(n + 1):
            numbers = np.arange(block * room, (block + 1) * room)
            u = draw_many(*self.setting.key, purpose, np.full(room, first_id + week), numbers)
            places = place + np.cumsum(1 + np.floor(np.log(u) / math.log1p(-self.per_week))).astype(np.int64)
            found.append(places[places < n])
            place = int(places[-1])
            if place >= n:
                break
        return np.concatenate(found)
