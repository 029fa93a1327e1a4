"""How complaints end, and who leaves over it.

One coin per failure decides on leaving, however it ends: whoever stays over a bad ending would have stayed over a
better one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.encounters import Answers, Recoveries
from crmlab.sim.mechanism import Setting, Week
from crmlab.sim.mechanisms.failures.complaints import FAST, RESOLVED, UNRESOLVED, Closed, Complaints, key_of_request
from crmlab.sim.mechanisms.failures.failing import KINDS
from crmlab.sim.mechanisms.failures.numbers import FailureNumbers
from crmlab.sim.mechanisms.failures.rules import p_leave

OPEN = -1


class Recovery:
    """The complaints of one market that have been made: those that are `open`, and how others were `closed`."""

    def __init__(self, setting: Setting, numbers: FailureNumbers) -> None:
        self.setting, self.params = setting, numbers
        self.open = Complaints.none()
        self.closed: list[Closed] = []

    def hear(self, week: Week) -> None:
        """Close the complaints of which an answer has come, or for which it is too late."""
        outcome = np.full(self.open.n, OPEN, np.int8)
        for answers in week.heard.answers:
            if answers.kind in KINDS:
                self._match(answers, outcome)
        overdue = self.open.due + self.params.patience_weeks <= week.number
        outcome[(outcome == OPEN) & overdue] = UNRESOLVED
        ended = outcome != OPEN
        if ended.any():
            self._end(week, self.open.where(ended), outcome[ended])
            self.open = self.open.where(~ended)

    def _match(self, answers: Answers, outcome: NDArray[np.int8]) -> None:
        """Write how the complaints ended that these answers are about."""
        keys = key_of_request(answers.row, answers.number)
        mine = np.flatnonzero(self.open.kind == KINDS.index(answers.kind))
        _, here, there = np.intersect1d(self.open.keys[mine], keys, return_indices=True)
        fast = answers.took[there] <= self.params.fast_hours
        outcome[mine[here]] = np.where(answers.is_abandoned[there], UNRESOLVED, np.where(fast, FAST, RESOLVED))

    def _end(self, week: Week, complaints: Complaints, outcome: NDArray[np.int8]) -> None:
        for kind in range(len(KINDS)):
            of_kind = complaints.kind == kind
            self.may_leave(week, kind, complaints.where(of_kind), outcome[of_kind])
        good = outcome >= RESOLVED
        week.series["complaints_resolved"] = float(good.sum())
        if good.any():
            p, done, fast = self.params, complaints.where(good), outcome[good] == FAST
            weeks = (week.number - done.failed).astype(np.int32)
            share, glow = np.where(fast, 1.0, p.restored), np.where(fast, p.glow, 0.0)
            week.told.recoveries.append(Recoveries(done.row, done.severity, weeks, share, glow, p.glow_acted_on))

    def may_leave(self, week: Week, kind: int, complaints: Complaints, outcome: NDArray[np.int8]) -> None:
        """Let those leave whose coin says so, over failures of one kind that have ended so."""
        p = self.params
        base = np.array([p.leave_silent, p.leave_unresolved, p.leave_resolved, p.leave_fast])[outcome]
        coin = self.setting.draw(f"failures/{KINDS[kind]}/leave", complaints.row, complaints.number)
        week.leave(complaints.row[coin < p_leave(base, complaints.number, complaints.again, p)])
        self.closed.append(Closed(complaints.row, outcome, np.full(complaints.n, week.number, np.int32)))
