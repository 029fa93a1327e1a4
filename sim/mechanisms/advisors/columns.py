"""What advisors and the score leave behind on each person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns, column
from crmlab.sim.customers import LONG_AGO


@dataclass
class AdvisorColumns(Columns):
    """Of leads: score, grade, and what follow-up does to them. Of key accounts: their last two contacts."""

    lead_score: NDArray[np.float32] = column(np.float32, "SD among those who will not buy", False)
    lead_grade: NDArray[np.uint8] = column(np.uint8, "1 (A) to 4 (D), 0: no lead of the run", True)
    lead_week: NDArray[np.int16] = column(np.int16, "week in which they became a lead", False, LONG_AGO)
    lead_effect: NDArray[np.float32] = column(np.float32, "log hazard of the first order, by follow-up", False)
    contact_last: NDArray[np.int16] = column(np.int16, "week of the last contact as a key account", True, LONG_AGO)
    contact_depth: NDArray[np.float32] = column(
        np.float32, "of that contact: 1 if it was long enough, else less", False
    )
    contact_before: NDArray[np.int16] = column(np.int16, "week of the contact before that one", True, LONG_AGO)
