"""What the firm knows of what went wrong: it hears of it from those who complain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns, column
from crmlab.sim.customers import LONG_AGO


@dataclass
class ComplaintColumns(Columns):
    """Complaints of customers."""

    complaints: NDArray[np.int16] = column(np.int16, "complaints in all", True)
    last_complaint: NDArray[np.int16] = column(np.int16, "week of the last complaint", True, LONG_AGO)
    overclaimed: NDArray[np.float32] = column(np.float32, "claim that won them, as far as it is still believed", False)
