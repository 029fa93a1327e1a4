"""Failures and recovery of one market: what goes wrong, who complains, how it ends, and who leaves over it.

A failure is a mark of an order. Whoever stays silent may leave at once; whoever complains does so weeks later and waits
for an answer, which somebody else may give (`week.requests`, `week.heard.answers`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.sim.customers import CUSTOMER, GONE
from crmlab.sim.encounters import Experiences, Requests
from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.failures.accounts import ACCOUNTS, FAST_DELIVERY, QUALITY
from crmlab.sim.mechanisms.failures.actions import Claim, DeliveryPromise, PriorityDelivery, QualityInvestment
from crmlab.sim.mechanisms.failures.columns import ComplaintColumns
from crmlab.sim.mechanisms.failures.complaints import OUTCOMES, SILENT, Complaints
from crmlab.sim.mechanisms.failures.failing import KINDS, failures_of, voiced
from crmlab.sim.mechanisms.failures.numbers import FailureNumbers
from crmlab.sim.mechanisms.failures.policy import Policy
from crmlab.sim.mechanisms.failures.recovery import Recovery
from crmlab.sim.orders import Orders

Floats = NDArray[np.float64]
NO_READINESS = np.zeros(0)


class FailuresAndRecovery(Mechanism):
    """What went wrong in one market, from the failure to its end.

    `failed` counts failures by kind, `voiced` those that are or will be complained about, `asked` complaints made, and
    `withdrawn` those that never were because their customer had left by then.
    """

    name = "failures"
    settles = (QualityInvestment, DeliveryPromise, PriorityDelivery, Claim)
    series = ("complaints", "complaints_resolved")
    accounts = ACCOUNTS
    columns: ComplaintColumns

    def __init__(self, setting: Setting, numbers: FailureNumbers) -> None:
        super().__init__(setting, numbers)
        self.columns = ComplaintColumns.empty(setting.customers.n)
        self.pending = Complaints.none()  # to come in later weeks
        self.recovery = Recovery(setting, numbers)
        self.failed = np.zeros(len(KINDS), np.int64)
        self.voiced = self.asked = self.withdrawn = 0
        self._has_claimed = False
        self._fast_cost: dict[int, Floats] = {}  # by week: minor units of each order for being sent faster

    def settle(self, week: Week) -> None:
        self.policy = Policy(self.setting, self.params, week)

    def affect(self, week: Week) -> None:
        self.policy.affect(week)
        self.recovery.hear(week)

    def mark(self, week: Week) -> None:
        orders, told = week.orders, week.told.experiences
        complain = week.readiness.get("complain", NO_READINESS)
        for failed in failures_of(
            self.setting, self.params, week.number, orders, self.policy.rates(orders.row), complain
        ):
            told.append(Experiences(KINDS[failed.kind], failed.row, -failed.severity))
            self.failed[failed.kind] += failed.row.size
            self.voiced += int(failed.is_voiced.sum())
            self.pending = self.pending.and_those(voiced(failed, week.number))
            silent = voiced(failed._replace(is_voiced=~failed.is_voiced), week.number)
            self.recovery.may_leave(week, failed.kind, silent, np.full(silent.n, SILENT, np.int8))
        self._find_out(week)
        self._complain(week)

    def _find_out(self, week: Week) -> None:
        """Whoever was won by a claim finds out with every order how true it was, and believes less of it then."""
        orders, claimed, p = week.orders, self.columns.overclaimed, self.params
        if self.policy.claim:
            claimed[orders.row[orders.nth == 0]] = self.policy.claim
            self._has_claimed = True
        if self._has_claimed:
            row = orders.row[claimed[orders.row] != 0]
            week.told.experiences.append(Experiences("claim", row, -p.claim_slope * claimed[row].astype(np.float64)))
            np.multiply.at(claimed, row, np.float32(1 - p.claim_fades))

    def _complain(self, week: Week) -> None:
        """The complaints that fall due this week, of people who are still customers."""
        is_due = self.pending.due < week.number + 1
        due, self.pending = self.pending.where(is_due), self.pending.where(~is_due)
        made = due.where(self.setting.customers.stage[due.row] == CUSTOMER)
        columns = self.columns
        made = made._replace(again=week.number - columns.last_complaint[made.row] <= self.params.again_weeks)
        np.add.at(columns.complaints, made.row, 1)
        columns.last_complaint[made.row] = week.number
        for kind, name in enumerate(KINDS):
            mine = made.where(made.kind == kind)
            if mine.n:
                week.requests.append(Requests(name, mine.row, mine.due - week.number, mine.number))
        self.recovery.open = self.recovery.open.and_those(made)
        self.asked += made.n
        self.withdrawn += due.n - made.n
        week.series["complaints"] = float(made.n)

    def close(self, week: Week) -> None:
        ledger, setting = self.setting.ledger, self.setting
        spent = sum(self.policy.spent.values())
        ledger.post(week.number, QUALITY, CASH, round(spent * setting.minor / setting.scale))
        extra = self.policy.speeds(week.orders.row) - 1.0
        if extra.any():
            cost = np.rint(extra * self.params.speed_cost * setting.minor)
            self._fast_cost[week.number] = cost
            ledger.post(week.number, FAST_DELIVERY, CASH, int(cost.sum()))

    def cost_of_orders(self, week: NDArray[np.int32], orders: Orders) -> Floats:
        cost = np.zeros(orders.n)
        for number, amounts in self._fast_cost.items():
            cost[week == number] = amounts
        return cost

    def tables(self) -> dict[str, pd.DataFrame]:
        """How failures ended, and whether their customers are still there at the end of the run, in real customers."""
        gone = self.setting.customers.stage == GONE
        rows = []
        for number, name in enumerate(OUTCOMES):
            whose = [closed.row[closed.outcome == number] for closed in self.recovery.closed]
            row = np.concatenate([np.empty(0, np.int32), *whose])
            left = float(gone[row].sum())
            rows += [(name, "left", left), (name, "stayed", row.size - left)]
        table = pd.DataFrame(rows, columns=["ended", "then", "value"])
        return {"failures": table.assign(value=table["value"] * self.setting.scale)}
