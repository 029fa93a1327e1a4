"""How often people order, over the whole market: one gamma distribution, or a mix of one per persona.

Whoever needs the mean, the spread or the heaviest fifth of the order rate asks here, so that it is right in a market
whose personas bring their own rates as well as in one that was fitted as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from crmlab.sim.world import World

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderRates:
    """Shares of the people, and shape and rate (weeks) of the order rate of each part. Arrays of shape [parts]."""

    share: Floats
    shape: Floats
    rate: Floats

    @property
    def mean(self) -> float:
        """Orders a week of an average person."""
        return float(self.share @ (self.shape / self.rate))

    @property
    def log_mean(self) -> float:
        """Mean of the log order rate."""
        return float(self.share @ self._log_means)

    @property
    def log_sd(self) -> float:
        """Standard deviation of the log order rate: within the parts and between them."""
        between = self._log_means - self.log_mean
        return float(np.sqrt(self.share @ (special.polygamma(1, self.shape) + between * between)))

    @property
    def _log_means(self) -> Floats:
        return special.digamma(self.shape) - np.log(self.rate)

    @property
    def of_orders(self) -> OrderRates:
        """The order rates of those who place the orders: every person counts as often as he or she orders."""
        weight = self.share * self.shape / self.rate
        return OrderRates(weight / weight.sum(), self.shape + 1, self.rate)

    def quantile(self, share: float) -> float:
        """The order rate below which a share of the people lies."""
        of_parts = special.gammaincinv(self.shape, share) / self.rate
        low, high = float(of_parts.min()), float(of_parts.max())
        if low == high:
            return low
        from scipy.optimize import brentq

        return float(brentq(lambda x: self.share @ special.gammainc(self.shape, self.rate * x) - share, low, high))

    def relative_moments(self, power: float) -> Floats:
        """E[(order rate / mean)^power] within each part."""
        own = np.exp(special.gammaln(self.shape + power) - special.gammaln(self.shape) - power * np.log(self.shape))
        return own * (self.shape / self.rate / self.mean) ** power

    def tilting_power(self, ratio: float) -> float:
        """The power k for which people met in proportion to rate^k order `ratio` times as often as the average.

        E[rate^(1 + k)] / (E[rate] E[rate^k]) = ratio; for one gamma distribution k = shape (ratio - 1).
        """
        if self.share.size == 1:
            return float(self.shape[0]) * (ratio - 1)
        from scipy.optimize import brentq

        def excess(power: float) -> float:
            met, all_of_them = self.share @ self.relative_moments(1 + power), self.share @ self.relative_moments(power)
            return float(met / all_of_them) - ratio

        return float(brentq(excess, -(1 - 1e-6) * self.shape.min(), ratio * (self.shape.max() + 1), xtol=1e-12))


def order_rates(world: World) -> OrderRates:
    """The order rates of everybody in a world."""
    if not world.authored:
        base = world.base
        return OrderRates(np.ones(1), np.array([base.r]), np.array([base.alpha / world.order_factor]))
    bases = [persona.base or world.base for persona in world.personas]
    share = np.array([persona.share for persona in world.personas])
    return OrderRates(
        share / share.sum(),
        np.array([base.r for base in bases]),
        np.array([base.alpha for base in bases]) / world.order_factor,
    )
