"""What the compiled week reads and writes: tuples of columns and numbers, since numba takes no objects.

Nothing here belongs to a mechanism: a mechanism says what it does to its people in `Effects`, who comes in `Entries`,
and reads what happened in `Orders` and `departed`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class CustomerColumns(NamedTuple):
    """The columns that the clocks read and move. See `customers.Customers`."""

    order_rate: NDArray[np.float32]
    departure_rate: NDArray[np.float32]
    p_dropout: NDArray[np.float32]
    mean_order: NDArray[np.float32]
    elasticity: NDArray[np.float32]
    stage: NDArray[np.uint8]
    order_clock: NDArray[np.float64]
    life_clock: NDArray[np.float64]
    reference: NDArray[np.float32]
    debt: NDArray[np.float32]
    identified: NDArray[np.bool_]
    source: NDArray[np.int8]
    first_order: NDArray[np.float32]
    last_order: NDArray[np.float32]
    orders: NDArray[np.int32]
    orders_52: NDArray[np.int32]
    spend: NDArray[np.int64]
    spend_52: NDArray[np.int64]


class Baskets(NamedTuple):
    """Equally likely baskets, as people expect theirs to be: `sizes` [k] times the own mean order / `shape` is what is
    paid for each under today's standing discount `today_rate`; `minor` units in one currency unit."""

    sizes: Floats
    shape: float
    today_rate: float
    minor: float


class BehaviorParams(NamedTuple):
    """The world's constants of buying, leaving and taking a price. Arrays are by source."""

    today_rate: float
    gain: float
    first_gain: float  # gain of leads, who have no reference price yet
    loss_aversion: float
    latitude: float
    carry_over: float
    p_exposure: float
    pull_forward: float
    repay_share: float
    spend_shape: float
    spend_quantiles: Floats
    cooling: Floats  # hazard of a lead's losing interest, per week
    conversion: Floats  # hazard of a lead's first order at today's price, per week
    p_identified: Floats
    minor: float  # minor units in one currency unit
    baskets: Baskets


Terms = NDArray[np.void]  # of `TERM`: a record array, so that the kernel is handed one array and not six
TERM = np.dtype(
    [
        ("whose", np.int32),
        ("rate", np.float64),
        ("min_spend", np.float64),
        ("max_off", np.float64),
        ("single", np.bool_),
        ("stacks", np.bool_),
    ],
    align=True,
)
"""A price cut with conditions. `whose` is a row, or the source + 1 of everybody who came that way. A cut of `rate`
holds for baskets worth `min_spend` or more at list price, and takes off `max_off` at most; both are minor units. A
`single` one is spent on one order; it is taken off what is left after the standing cut if it `stacks`, and replaces
that one otherwise."""
NO_TERMS = np.empty(0, TERM)


class Offer(NamedTuple):
    """What is offered this week. `public` and `first` are shares of the list price by source + 1 (0 is the founding
    base); what has conditions stands in `shared`, by source + 1, and in `own`, sorted by row."""

    public: Floats  # on every order
    first: Floats  # on first orders
    shared: Terms = NO_TERMS  # those that are `single` are on first orders
    own: Terms = NO_TERMS


class Effects(NamedTuple):
    """What the mechanisms do to each person this week. Shape [n] each, or empty while nobody is moved.

    `log_rate` adds to the log hazard of a customer's next order, or of a lead's first (it ends with that order);
    `departure` multiplies a customer's hazard and chance of leaving; `order_value` the mean order; `standing` is a
    price cut on every order and `single` one on a single order, both shares of the list price.
    """

    log_rate: Floats
    departure: Floats
    order_value: Floats
    standing: Floats
    single: Floats


class Effect(NamedTuple):
    """The same for one person."""

    log_rate: float
    departure: float
    order_value: float
    standing: float
    single: float


NO_EFFECT = Effect(0.0, 1.0, 1.0, 0.0, 0.0)


def effect_on(row: int, effects: Effects) -> Effect:
    """What all mechanisms together do to one person."""
    pairs = zip(effects, NO_EFFECT, strict=True)
    return Effect(*(float(values[row]) if values.size else neutral for values, neutral in pairs))


class Entries(NamedTuple):
    """Who becomes a lead this week, sorted by row: when in the week, and through which source. Shape [m] each."""

    row: NDArray[np.int32]
    at: Floats
    source: NDArray[np.int8]


class Happened(NamedTuple):
    """Room for what happens in a week: its orders, and the rows of customers who leave. See `orders.Orders`."""

    row: NDArray[np.int32]
    nth: NDArray[np.int32]
    at: NDArray[np.float32]
    value: NDArray[np.int64]
    paid: NDArray[np.int64]
    spent: NDArray[np.int32]  # the price cut for a single order that it used up: see `price_terms.price_of`
    departed: NDArray[np.int32]

    @classmethod
    def space(cls, capacity: int) -> Happened:
        """Room for `capacity` orders and as many departures."""
        types = (np.int32, np.int32, np.float32, np.int64, np.int64, np.int32, np.int32)
        return cls._make(np.empty(capacity, dtype) for dtype in types)

    def grown(self, n_orders: int, n_departed: int) -> Happened:
        """Twice the room, holding what has been written."""
        bigger = Happened.space(2 * self.row.size)
        for name in self._fields:
            written = n_departed if name == "departed" else n_orders
            getattr(bigger, name)[:written] = getattr(self, name)[:written]
        return bigger
