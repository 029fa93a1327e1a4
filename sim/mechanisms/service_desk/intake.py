"""From a request to a ticket: by which medium it comes, how much work it is, how long its customer will wait.

All of it is drawn by the request (person, kind and number), so that no policy changes anybody's luck: more clerks find
the same callers, each as patient as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.desk.staffing import Plan
from crmlab.sim.desk.tickets import WEEK_HOURS, Tickets, moments
from crmlab.sim.encounters import Requests
from crmlab.sim.mechanism import Setting
from crmlab.sim.mechanisms.service_desk.numbers import DeskNumbers
from crmlab.sim.mechanisms.service_desk.questions import ABOUT_ORDER, ANY_TIME

MAIL, PHONE, CHAT = 0, 1, 2
MEDIA = ("written", "phone", "chat")
QUESTIONS = (ABOUT_ORDER, ANY_TIME)
DAY_START, DAY_END = 8 / 24, 20 / 24  # shares of a day
STAND_IN = -1  # the number of a ticket that stands for somebody of whom the market has no row


class Arrivals(NamedTuple):
    """The tickets of a week in the order of their arrival, and of each the number of its request [m]. `deflected` is
    the number of requests that self-service has answered."""

    tickets: Tickets
    number: NDArray[np.int32]
    deflected: int


@dataclass
class Intake:
    """The intake of one market. `kinds` are what requests have been about so far; a ticket's kind is a place in it."""

    setting: Setting
    params: DeskNumbers

    def __post_init__(self) -> None:
        self.kinds: list[str] = list(QUESTIONS)

    def tickets(
        self, week: int, requests: Sequence[Requests], deflection: float, first: NDArray[np.bool_] | None, plan: Plan
    ) -> Arrivals:
        """The tickets of a week. `deflection` is the share of questions that need no clerk, `first` [n] who is served
        before others, `plan` who is on duty: whoever finds the line closed writes. Where a row of the market stands for
        several people, all of them ask: each at a moment of their own, and the row hears how its own request went."""
        parts, deflected = [], 0
        for asked in requests:
            if asked.kind in QUESTIONS and deflection > 0.0:
                finds_it = self._draw(asked, "self-service") < deflection
                deflected += int(finds_it.sum())
                asked = asked.where(~finds_it)
            parts += [(asked, "", asked.number)]
            parts += [(more, f"/{copy}", np.full(more.row.size, STAND_IN)) for copy, more in self._stand_ins(asked)]
        made = [
            (*self._ticket(week, asked, suffix, first, plan), number)
            for asked, suffix, number in parts
            if asked.row.size
        ]
        if not made:
            return Arrivals(Tickets.of([], []), np.empty(0, np.int32), deflected)
        columns = [np.concatenate(column) for column in zip(*made, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        *ticket, number = (column[order] for column in columns)
        return Arrivals(Tickets._make(ticket), number.astype(np.int32), deflected)

    def _stand_ins(self, asked: Requests) -> list[tuple[int, Requests]]:
        """The same requests of the other people for whom each row stands, as many as `scale` says in the mean."""
        others = self.setting.scale - 1.0
        found = []
        for copy in range(1, int(np.ceil(others)) + 1):
            exists = self._draw(asked, f"exists/{copy}") < others - (copy - 1)
            at = self._draw(asked, f"at/{copy}")
            found.append((copy, Requests(asked.kind, asked.row[exists], at[exists], asked.number[exists])))
        return found

    def _ticket(
        self, week: int, asked: Requests, suffix: str, first: NDArray[np.bool_] | None, plan: Plan
    ) -> tuple[NDArray[np.generic], ...]:
        """The columns of `Tickets`, in their order."""
        p, n = self.params, asked.row.size
        if asked.kind not in self.kinds:
            self.kinds.append(asked.kind)
        is_question = asked.kind in QUESTIONS
        u = self._draw(asked, f"medium{suffix}")
        medium = np.where(u < p.phone_share, PHONE, np.where(u < p.phone_share + p.chat_share, CHAT, MAIL))
        arrival = moments(week, in_daytime(asked.at, p.daytime_share))
        medium[plan[arrival.astype(np.int64) % WEEK_HOURS] == 0] = MAIL
        work = (p.question_minutes if is_question else p.complaint_minutes) / 60
        patience = np.where(medium == MAIL, p.mail_patience_days * 24, p.call_patience_minutes / 60)
        return (
            arrival,
            asked.row.astype(np.int32),
            np.full(n, self.kinds.index(asked.kind), np.int16),
            medium.astype(np.int8),
            np.ones(n, np.int8) if first is None else np.where(first[asked.row], 0, 1).astype(np.int8),
            -work * np.log(self._draw(asked, f"work{suffix}")),
            -patience * np.log(self._draw(asked, f"patience{suffix}")),
        )

    def _draw(self, asked: Requests, what: str) -> NDArray[np.float64]:
        return self.setting.draw(f"service_desk/{asked.kind}/{what}", asked.row, asked.number)


def in_daytime(at: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Moments of a week, evenly spread, moved within their day so that this share of them lies between 8 and 20 o'clock
    and the rest before and after. The day stays, and so does the order of moments within it."""
    day, u = np.divmod(np.asarray(at, np.float64) * 7, 1.0)
    night = 1.0 - share
    early = night * DAY_START / (DAY_START + 1 - DAY_END)  # share of a day's requests before 8 o'clock
    in_day = np.interp(u, [0.0, early, early + share, 1.0], [0.0, DAY_START, DAY_END, 1.0])
    return (day + in_day) / 7
