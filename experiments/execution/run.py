"""What is kept of one arm in one replication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

WorldKind = Literal["fixed", "sampled"]


@dataclass(frozen=True)
class Run:
    """One arm in one replication: small enough to be sent between processes.

    `tables` (weekly series, funnel, ...) are kept for the world as stated only.
    """

    arm: str
    world: WorldKind
    replication: int
    kpis: Mapping[str, float]
    tables: Mapping[str, pd.DataFrame]
