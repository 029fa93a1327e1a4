"""The people of a market as columns: one row per person, prospects included, for the whole run.

Nobody is born and nobody is removed; being acquired and leaving are changes of stage. Every column states its unit,
who writes it, and whether the firm can see it. Times are in weeks from week 0, negative before it; money is in minor
units (cents, see `World.minor`); a price or reference price is a share of the list price.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Stages of a life. Only the simulation knows COLD and GONE; the firm sees silence. REACHED and REFERRED last for a
# moment: those whom a channel reaches this week, or a friend won last week, carry it until their own week is lived.
PROSPECT, REACHED, REFERRED, LEAD, CUSTOMER, GONE, COLD = 0, 1, 2, 3, 4, 5, 6
STAGES = ("prospect", "reached", "referred", "lead", "customer", "gone", "cold lead")

SOURCE_BEFORE = -1  # a customer of the founding base whose channel was not recorded
NEVER = np.float32(-1e9)  # the time of something that has not happened
NOT_ENROLLED = np.int16(-32_768)
LONG_AGO = np.int16(-10_000)
NOBODY = np.int32(-1)
# Bits of `bond`: the friend who won me is still a customer; I have won a friend lately; I was won by a friend; I have
# left this week and may say so.
ACCOMPANIED, RECOMMENDED, REFERRED_BOND, LEFT = 1, 2, 4, 8
N_BONDS = 16


PROGRAMME, NETWORK = "programme", "network"  # parts of a life that not every world or policy has


def column(dtype: Any, unit: str, writer: str, seen: bool, fill: Any = 0, part: str = "") -> Any:
    """Declare a column: element type, unit, the files that write it, whether the firm can see it, the value of a
    prospect, and the part of life it belongs to (empty until that part is opened)."""
    about = {"dtype": dtype, "unit": unit, "writer": writer, "seen": seen, "fill": fill, "part": part}
    return dataclasses.field(metadata=about)


@dataclass
class Customers:
    """All columns, each of shape [n]; `reach` is [n, channels]."""

    # Who they are: hidden, fixed for life, written once by the founding.
    order_rate: NDArray[np.float32] = column(np.float32, "orders per week at today's price", "founding", False)
    departure_rate: NDArray[np.float32] = column(np.float32, "per week", "founding", False)
    p_dropout: NDArray[np.float32] = column(np.float32, "per repeat order", "founding", False)
    mean_order: NDArray[np.float32] = column(np.float32, "currency at list price", "founding", False)
    elasticity: NDArray[np.float32] = column(np.float32, "log orders per log price", "founding", False)
    persona: NDArray[np.uint8] = column(np.uint8, "number in World.personas, 0 where there are none", "founding", False)
    reach: NDArray[np.float32] = column(
        np.float32, "channel clock at which the channel reaches them", "founding", False
    )

    # How they are: hidden, moved by the week.
    stage: NDArray[np.uint8] = column(np.uint8, "see STAGES", "crowd", False)
    order_clock: NDArray[np.float64] = column(np.float64, "hazard left before the next order", "crowd", False)
    life_clock: NDArray[np.float64] = column(np.float64, "hazard left before departure", "crowd", False)
    reference: NDArray[np.float32] = column(np.float32, "price thought normal / today's price", "crowd", False, 1.0)
    debt: NDArray[np.float32] = column(np.float32, "order hazard borrowed from the future", "crowd", False)

    # What was recorded: seen by the firm for those it can identify.
    identified: NDArray[np.bool_] = column(np.bool_, "-", "crowd", True)
    source: NDArray[np.int8] = column(np.int8, "channel number, -1 before week 0", "crowd", True, SOURCE_BEFORE)
    first_order: NDArray[np.float32] = column(np.float32, "weeks", "crowd", True, NEVER)
    last_order: NDArray[np.float32] = column(np.float32, "weeks", "crowd", True, NEVER)
    orders: NDArray[np.int32] = column(np.int32, "orders in all", "crowd", True)
    orders_52: NDArray[np.int32] = column(np.int32, "orders in the last 52 weeks", "crowd", True)
    spend: NDArray[np.int64] = column(np.int64, "minor units paid in all", "crowd", True)
    spend_52: NDArray[np.int64] = column(np.int64, "minor units paid in the last 52 weeks", "crowd", True)
    coupon_rate: NDArray[np.float32] = column(np.float32, "share of price", "offers", True)
    coupon_ends: NDArray[np.int16] = column(np.int16, "first week in which it is void", "offers", True)

    # The loyalty programme's record and what it does to its members.
    enrolled: NDArray[np.int16] = column(np.int16, "week of joining", "crowd", True, NOT_ENROLLED, PROGRAMME)
    points: NDArray[np.int32] = column(
        np.int32, "points not yet burnt or expired", "crowd, loyalty", True, 0, PROGRAMME
    )
    points_pending: NDArray[np.int32] = column(
        np.int32, "points too new to be burnt", "crowd, loyalty", True, 0, PROGRAMME
    )
    points_recent: NDArray[np.int32] = column(
        np.int32, "points earned within the term", "crowd, loyalty", True, 0, PROGRAMME
    )
    progress: NDArray[np.int32] = column(
        np.int32, "points of own orders since the last reward", "crowd", False, 0, PROGRAMME
    )
    rewarded: NDArray[np.int16] = column(np.int16, "week of the last reward", "crowd", True, LONG_AGO, PROGRAMME)
    tier: NDArray[np.uint8] = column(np.uint8, "0 is the basic tier", "loyalty", True, 0, PROGRAMME)
    tier_ends: NDArray[np.int16] = column(
        np.int16, "week in which it is reviewed", "crowd, loyalty", True, 0, PROGRAMME
    )
    mood: NDArray[np.uint8] = column(np.uint8, "see loyalty.MOODS", "loyalty", False, 0, PROGRAMME)
    mood_ends: NDArray[np.int16] = column(np.int16, "first week in which it is gone", "loyalty", False, 0, PROGRAMME)

    # Who recommended whom, and what it does to both.
    referrer: NDArray[np.int32] = column(np.int32, "row of the friend who won them", "referral", False, NOBODY, NETWORK)
    referrals: NDArray[np.int16] = column(np.int16, "friends won in all", "referral", True, 0, NETWORK)
    referral_rewards: NDArray[np.int16] = column(
        np.int16, "rewards for friends this programme year", "referral", True, 0, NETWORK
    )
    recommended: NDArray[np.int16] = column(
        np.int16, "week of the last friend won", "referral", True, LONG_AGO, NETWORK
    )
    bond: NDArray[np.uint8] = column(np.uint8, "bits, see above", "crowd, referral", False, 0, NETWORK)
    warned: NDArray[np.uint8] = column(np.uint8, "friends who spoke ill of the firm", "referral", False, 0, NETWORK)

    @classmethod
    def empty(cls, n: int, n_channels: int) -> Customers:
        """n prospects without traits, who have never ordered anything."""
        columns = {}
        for field in dataclasses.fields(cls):
            rows = 0 if field.metadata["part"] else n
            shape = (rows, n_channels) if field.name == "reach" else rows
            columns[field.name] = np.full(shape, field.metadata["fill"], field.metadata["dtype"])
        return cls(**columns)

    def open(self, part: str) -> None:
        """Give everybody a place in the columns of a part of life (`PROGRAMME`, `NETWORK`)."""
        for field in dataclasses.fields(self):
            if field.metadata["part"] == part and getattr(self, field.name).size < self.n:
                setattr(self, field.name, np.full(self.n, field.metadata["fill"], field.metadata["dtype"]))

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


def fill_of(name: str) -> Any:
    """The value of a column for somebody whom nothing has happened to, in the column's type."""
    about = Customers.__dataclass_fields__[name].metadata
    return about["dtype"](about["fill"])


def column_names() -> list[str]:
    """Names of all columns, in the order of their declaration."""
    return [field.name for field in dataclasses.fields(Customers)]
