"""Who recommended whom, and what it has done to both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns, column
from crmlab.sim.customers import LONG_AGO

NOBODY = np.int32(-1)
# Bits of `referral_flags`: the friend who won me is still a customer; I won a friend lately; I was won by a friend.
ACCOMPANIED, RECOMMENDED, REFERRED = 1, 2, 4
N_FLAGS = 8


@dataclass
class FriendColumns(Columns):
    """Open where people talk about the firm."""

    referrer: NDArray[np.int32] = column(np.int32, "row of the friend who won them", False, NOBODY)
    referrals: NDArray[np.int16] = column(np.int16, "friends won in all", True)
    referral_rewards: NDArray[np.int16] = column(np.int16, "rewards for friends this programme year", True)
    recommended: NDArray[np.int16] = column(np.int16, "week of the last friend won", True, LONG_AGO)
    referral_flags: NDArray[np.uint8] = column(np.uint8, "bits, see above", False)
    warned: NDArray[np.uint8] = column(np.uint8, "friends who spoke ill of the firm", False)
