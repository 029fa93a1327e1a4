"""The loyalty programme's record of each member, and what it has done to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns, column
from crmlab.sim.customers import LONG_AGO

NOT_ENROLLED = np.int16(-32_768)


@dataclass
class MemberColumns(Columns):
    """Open from the first week with a programme on."""

    enrolled: NDArray[np.int16] = column(np.int16, "week of joining", True, NOT_ENROLLED)
    points: NDArray[np.int32] = column(np.int32, "points not yet burnt or expired", True)
    points_pending: NDArray[np.int32] = column(np.int32, "points too new to be burnt", True)
    points_recent: NDArray[np.int32] = column(np.int32, "points earned within the term", True)
    progress: NDArray[np.int32] = column(np.int32, "points of own orders since the last reward", False)
    rewarded: NDArray[np.int16] = column(np.int16, "week of the last reward", True, LONG_AGO)
    tier: NDArray[np.uint8] = column(np.uint8, "0 is the basic tier", True)
    tier_ends: NDArray[np.int16] = column(np.int16, "week in which it is reviewed", True)
    tier_effect: NDArray[np.uint8] = column(np.uint8, "see worth.MOODS", False)
    tier_effect_ends: NDArray[np.int16] = column(np.int16, "first week in which it is gone", False)
