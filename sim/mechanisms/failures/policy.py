"""What the firm does this week about failures: money against them, promises, speed, and what it claims."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import CUSTOMER
from crmlab.sim.mechanism import Setting, Week
from crmlab.sim.mechanisms.failures.actions import Claim, DeliveryPromise, PriorityDelivery, QualityInvestment
from crmlab.sim.mechanisms.failures.failing import KINDS
from crmlab.sim.mechanisms.failures.numbers import FailureNumbers
from crmlab.sim.mechanisms.failures.rules import claim_log_effect, improved, p_late, promise_log_effect
from crmlab.sim.play_actions import mask_of

Floats = NDArray[np.float64]


class Policy:
    """The terms of one week, which hold for no other: `claim`, currency `spent` by kind of failure, days promised."""

    def __init__(self, setting: Setting, numbers: FailureNumbers, week: Week) -> None:
        self.setting, self.params = setting, numbers
        self.claim, self.promised_days, self.speed = 0.0, numbers.promised_days, 1.0
        self.spent = dict.fromkeys(KINDS, 0.0)
        self._first: Floats | None = None  # speed of each person's orders, where it differs [n]
        for _, investment in week.actions(QualityInvestment):
            self.spent[investment.kind] += investment.spend
        for _, promise in week.actions(DeliveryPromise):
            self.promised_days, self.speed = promise.days, promise.speed
        for asked, priority in week.actions(PriorityDelivery):
            rows = week.rows[mask_of(asked, "PriorityDelivery.first", priority.first, week.rows.size)]
            if self._first is None:
                self._first = np.ones(week.n)
            self._first[rows] = np.maximum(self._first[rows], priority.speed)
        for _, claim in week.actions(Claim):
            self.claim = claim.strength

    def affect(self, week: Week) -> None:
        """What is promised and claimed sells: the promise to everybody, the claim to those who have not bought yet."""
        if self.claim:
            new = self.setting.customers.stage != CUSTOMER
            week.effect("log_rate")[new] += claim_log_effect(self.claim, self.params)
        if self.promised_days != self.params.promised_days:
            week.effect("log_rate")[:] += promise_log_effect(self.promised_days, self.params)

    def speeds(self, rows: NDArray[np.int32]) -> Floats:
        """How fast orders of these rows are sent, as times today's speed. Shape as `rows`."""
        return np.full(rows.size, self.speed) if self._first is None else np.maximum(self._first[rows], self.speed)

    def rates(self, rows: NDArray[np.int32]) -> dict[str, Floats]:
        """Chances of failing, by kind, of orders of these rows. Shape as `rows` or one number for all."""
        p = self.params
        found: dict[str, Floats] = {}
        for name in KINDS:
            rate = p.kind(name).rate
            found[name] = np.asarray(improved(rate, self.spent[name], p) if self.spent[name] else rate)
        speeds, place = np.unique(self.speeds(rows), return_inverse=True)
        if self.promised_days != p.promised_days or (speeds != 1.0).any():
            found["delivery"] = p_late(self.promised_days, speeds, float(found["delivery"]), p)[place]
        return found
