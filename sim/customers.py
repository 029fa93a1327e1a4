"""The people of a market as columns: one row per person, prospects included, for the whole run.

Nobody is born and nobody is removed; being acquired and leaving are changes of stage. Every column states its unit,
who writes it, and whether the firm can see it. Times are in weeks from week 0, negative before it; money is in minor
units (cents); a price or reference price is a share of the list price.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Stages of a life. Only the simulation knows COLD and GONE; the firm sees silence. REACHED lasts for a moment: the
# prospects whom a channel reaches this week carry it between the channel's call and their own week.
PROSPECT, REACHED, LEAD, CUSTOMER, GONE, COLD = 0, 1, 2, 3, 4, 5
STAGES = ("prospect", "reached", "lead", "customer", "gone", "cold lead")

SOURCE_BEFORE = -1  # a customer of the founding base whose channel was not recorded
NEVER = np.float32(-1e9)  # the time of something that has not happened
MINOR = 100  # minor units in one currency unit


def column(dtype: Any, unit: str, writer: str, seen: bool) -> Any:
    """Declare a column: element type, unit, the file that writes it, and whether the firm can see it."""
    return dataclasses.field(metadata={"dtype": dtype, "unit": unit, "writer": writer, "seen": seen})


@dataclass
class Customers:
    """All columns, each of shape [n]; `reach` is [n, channels]."""

    # Who they are: hidden, fixed for life, written once by the founding.
    order_rate: NDArray[np.float32] = column(np.float32, "orders per week at today's price", "founding", False)
    departure_rate: NDArray[np.float32] = column(np.float32, "per week", "founding", False)
    p_dropout: NDArray[np.float32] = column(np.float32, "per repeat order", "founding", False)
    mean_order: NDArray[np.float32] = column(np.float32, "currency at list price", "founding", False)
    elasticity: NDArray[np.float32] = column(np.float32, "log orders per log price", "founding", False)
    reach: NDArray[np.float32] = column(
        np.float32, "channel clock at which the channel reaches them", "founding", False
    )

    # How they are: hidden, moved by the week.
    stage: NDArray[np.uint8] = column(np.uint8, "see STAGES", "crowd", False)
    order_clock: NDArray[np.float64] = column(np.float64, "hazard left before the next order", "crowd", False)
    life_clock: NDArray[np.float64] = column(np.float64, "hazard left before departure", "crowd", False)
    reference: NDArray[np.float32] = column(np.float32, "price thought normal / list price", "crowd", False)
    debt: NDArray[np.float32] = column(np.float32, "order hazard borrowed from the future", "crowd", False)

    # What was recorded: seen by the firm for those it can identify.
    identified: NDArray[np.bool_] = column(np.bool_, "-", "crowd", True)
    source: NDArray[np.int8] = column(np.int8, "channel number, -1 before week 0", "crowd", True)
    first_order: NDArray[np.float32] = column(np.float32, "weeks", "crowd", True)
    last_order: NDArray[np.float32] = column(np.float32, "weeks", "crowd", True)
    orders: NDArray[np.int32] = column(np.int32, "orders in all", "crowd", True)
    orders_52: NDArray[np.int32] = column(np.int32, "orders in the last 52 weeks", "crowd", True)
    spend: NDArray[np.int64] = column(np.int64, "minor units paid in all", "crowd", True)
    spend_52: NDArray[np.int64] = column(np.int64, "minor units paid in the last 52 weeks", "crowd", True)
    coupon_rate: NDArray[np.float32] = column(np.float32, "share of price", "offers", True)
    coupon_ends: NDArray[np.int16] = column(np.int16, "first week in which it is void", "offers", True)

    @classmethod
    def empty(cls, n: int, n_channels: int) -> Customers:
        """n prospects without traits: zeros everywhere, list price as reference, nothing ever ordered."""
        columns = {
            field.name: np.zeros((n, n_channels) if field.name == "reach" else n, field.metadata["dtype"])
            for field in dataclasses.fields(cls)
        }
        columns["reference"][:] = 1.0
        columns["source"][:] = SOURCE_BEFORE
        columns["first_order"][:] = NEVER
        columns["last_order"][:] = NEVER
        return cls(**columns)

    @property
    def n(self) -> int:
        return self.stage.size

    @property
    def bytes_per_row(self) -> float:
        """Memory of all columns per person."""
        return sum(getattr(self, name).nbytes for name in column_names()) / max(self.n, 1)

    def copy(self) -> Customers:
        """The same people once more, to be lived through another policy."""
        return Customers(**{name: getattr(self, name).copy() for name in column_names()})


def column_names() -> list[str]:
    """Names of all columns, in the order of their declaration."""
    return [field.name for field in dataclasses.fields(Customers)]
