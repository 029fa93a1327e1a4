"""Whom the end of a programme's week changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moves:
    """Rows that lost points and how many, rows that joined or changed tier and the tier they are in now."""

    lapsed: NDArray[np.int32]
    points: NDArray[np.int32]
    placed: NDArray[np.int32]
    tier: NDArray[np.uint8]
