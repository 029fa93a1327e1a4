"""The rules of failing, leaving and being made good again."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.mechanisms.failures.numbers import FailureNumbers

MAX_ORDERS = 10  # earlier orders beyond these soothe nobody further
Floats = NDArray[np.float64]
NORMAL = NormalDist()


def improved(rate: float, spend: float, numbers: FailureNumbers) -> float:
    """A failure rate when so much a week is spent on it: a part stays, the rest halves with every `quality_half`."""
    floor: float = numbers.quality_floor
    return rate * (floor + (1 - floor) * 0.5 ** (spend / numbers.quality_half))


def p_late(days: float, speed: Floats | float, rate: float, numbers: FailureNumbers) -> Floats:
    """Chance that an order is there later than `days`, at `speed` times today's.

    Days to delivery are lognormal; their median is the one at which today's promise is broken in a share `rate` of
    orders. Today's promise at today's speed gives `rate` back.
    """
    if rate <= 0.0:
        return np.zeros(np.shape(speed))
    slack = np.log(days / numbers.promised_days) + np.log(speed)
    at = slack / numbers.delivery_spread + NORMAL.inv_cdf(1 - rate)
    return np.array([1 - NORMAL.cdf(z) for z in np.ravel(at)]).reshape(np.shape(at))


def promise_log_effect(days: float, numbers: FailureNumbers) -> float:
    """What another promise than today's does to the log order rate."""
    return numbers.promise_slope * math.log(numbers.promised_days / days)


def claim_log_effect(strength: float, numbers: FailureNumbers) -> float:
    """What a claim does to the log rate of first orders: less and less, the stronger it is."""
    return numbers.claim_lift * -math.expm1(-strength)


def p_leave(base: Floats, orders: NDArray[np.int32], again: NDArray[np.bool_], numbers: FailureNumbers) -> Floats:
    """Chance of leaving over a failure whose way of ending has the chance `base`: earlier `orders` soothe, another
    complaint lately makes it worse."""
    soothed = np.exp(-numbers.loyalty_per_order * np.minimum(orders, MAX_ORDERS))
    return np.minimum(base * soothed * np.where(again, numbers.again_factor, 1.0), 1.0)
