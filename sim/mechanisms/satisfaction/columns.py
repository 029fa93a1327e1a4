"""How satisfied each customer is, and what they last told the firm about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns, column
from crmlab.sim.customers import LONG_AGO

NO_CSAT, NO_NPS = np.int8(0), np.int8(-1)  # of who has never answered: outside both scales


@dataclass
class SatisfactionColumns(Columns):
    """The state is known to the simulation only; the firm knows answers."""

    satisfaction: NDArray[np.float32] = column(np.float32, "SD from the mean of all people: what is acted on", False)
    glow: NDArray[np.float32] = column(np.float32, "satisfaction felt and said beyond that, and not acted on", False)
    usual_satisfaction: NDArray[np.float32] = column(np.float32, "the same, without any experience: for life", False)
    csat: NDArray[np.int8] = column(np.int8, "last answer, 1 to 5; 0: none", True, NO_CSAT)
    nps: NDArray[np.int8] = column(np.int8, "last answer, 0 to 10; -1: none", True, NO_NPS)
    survey_week: NDArray[np.int16] = column(np.int16, "week of the last answer", True, LONG_AGO)
