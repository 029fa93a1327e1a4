"""Whether somebody would use a coupon: a coin for each coupon, with a chance of the person's own.

The chances are beta distributed over people. In the Complete Journey data 17 / 7 / 6 % of household-campaigns have a
redemption by type of campaign, 12 % over all; households differ by an intraclass correlation of 0.22.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.draws import BEFORE_WEEK_0, COUPON, READINESS, uniforms
from crmlab.sim.jit import rule
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.quantiles import KNOTS, beta_quantiles, quantile


def coupon_readiness(price: PriceResponse) -> NDArray[np.float64]:
    """Log quantiles over people of the chance that somebody would use a coupon; at a mean of 1 everybody would."""
    if price.coupon_use == 1:
        return np.zeros(KNOTS)
    strength = (1 - price.coupon_use_icc) / price.coupon_use_icc
    return beta_quantiles(price.coupon_use * strength, (1 - price.coupon_use) * strength).log_value


@rule
def would_use(key0, key1, who, ends, readiness):
    """Whether somebody would use the coupon that ends in that week."""
    keen = quantile(readiness, uniforms(key0, key1, READINESS, who, 0)[0])
    return uniforms(key0, key1, COUPON, who, ends if ends > 0 else BEFORE_WEEK_0 + ends)[0] < keen
