"""The people of a market as columns: one row per person, prospects included, for the whole run.

Nobody is born and nobody is removed; being acquired and leaving are changes of stage. These are the columns of the
population and the kernel; each mechanism has its own (`columns.py`). Times are in weeks from week 0, negative before
it; money is in minor units (cents, see `World.minor`); a price or reference price is a share of the list price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.columns import Columns, column

# Stages of a life. Only the simulation knows COLD and GONE; the firm sees silence. Whoever is ENTERING has been won
# (by a friend) and becomes a lead when the next week begins.
PROSPECT, ENTERING, LEAD, CUSTOMER, GONE, COLD = 0, 2, 3, 4, 5, 6
STAGES = {
    PROSPECT: "prospect",
    ENTERING: "entering",
    LEAD: "lead",
    CUSTOMER: "customer",
    GONE: "gone",
    COLD: "cold lead",
}

SOURCE_BEFORE = -1  # a customer of the founding base whose channel was not recorded
NEVER = np.float32(-1e9)  # the time of something that has not happened
LONG_AGO = np.int16(-10_000)


@dataclass
class Customers(Columns):
    """Columns of the population (fixed for life) and of the kernel (moved by the week); `reach` is [n, channels]."""

    # Who they are: hidden, written once when the population is created.
    order_rate: NDArray[np.float32] = column(np.float32, "orders per week at today's price", False)
    departure_rate: NDArray[np.float32] = column(np.float32, "per week", False)
    p_dropout: NDArray[np.float32] = column(np.float32, "per repeat order", False)
    mean_order: NDArray[np.float32] = column(np.float32, "currency at list price", False)
    elasticity: NDArray[np.float32] = column(np.float32, "log orders per log price", False)
    persona: NDArray[np.uint8] = column(np.uint8, "number in World.personas, 0 where there are none", False)
    reach: NDArray[np.float32] = column(np.float32, "channel clock at which the channel reaches them", False)

    # How they are: hidden, moved by the kernel.
    stage: NDArray[np.uint8] = column(np.uint8, "see STAGES", False)
    order_clock: NDArray[np.float64] = column(np.float64, "hazard left before the next order", False)
    life_clock: NDArray[np.float64] = column(np.float64, "hazard left before departure", False)
    reference: NDArray[np.float32] = column(np.float32, "price thought normal / today's price", False, 1.0)
    debt: NDArray[np.float32] = column(np.float32, "order hazard borrowed from the future", False)

    # What was recorded: seen by the firm for those it can identify.
    identified: NDArray[np.bool_] = column(np.bool_, "-", True)
    source: NDArray[np.int8] = column(np.int8, "channel number, -1 before week 0", True, SOURCE_BEFORE)
    first_order: NDArray[np.float32] = column(np.float32, "weeks", True, NEVER)
    last_order: NDArray[np.float32] = column(np.float32, "weeks", True, NEVER)
    orders: NDArray[np.int32] = column(np.int32, "orders in all", True)
    orders_52: NDArray[np.int32] = column(np.int32, "orders in the last 52 weeks", True)
    spend: NDArray[np.int64] = column(np.int64, "minor units paid in all", True)
    spend_52: NDArray[np.int64] = column(np.int64, "minor units paid in the last 52 weeks", True)

    @classmethod
    def of_prospects(cls, n: int, n_channels: int) -> Customers:
        """n prospects without traits, who have never ordered anything."""
        customers = cls.empty(n)
        customers.reach = np.zeros((n, n_channels), np.float32)
        return customers

    @property
    def n(self) -> int:
        return self.stage.size
