"""The desk for large markets: the rules of `desk.py` in one compiled pass over a week's tickets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.desk.desk import Desk
from crmlab.sim.desk.heap_pass import work_week
from crmlab.sim.desk.tickets import TicketLog


class CompiledDesk(Desk):
    """Clerks at work in a heap by the end of their work, tickets in a line for each class."""

    name = "compiled"

    def _work(self, log: TicketLog, n_old: int, on_duty: NDArray[np.int64], begin: float) -> None:
        tickets = log.tickets
        give_up = tickets.arrival + tickets.patience
        work_week(
            tickets.arrival, tickets.handling, give_up, tickets.priority, log.first_reply, log.ended, log.clerk,
            n_old, on_duty, begin,
        )  # fmt: skip
