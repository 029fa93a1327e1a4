"""How often customers come back, until when, and what they spend: the textbook models and their closed forms.

A new customer has just placed the first order; every count here is of *repeat* orders after it. Three models say how
they arrive: everybody stays (NBD), people leave unseen after a random time (Pareto/NBD), or they may leave after any
repeat order (BG/NBD). Gamma-Gamma says what an order is worth. The world at null strength must reproduce these
numbers, and calibration fits these likelihoods.

Symbols: `x` repeat orders seen, `tx` weeks from the first order to the latest one (0 if x = 0), `T` weeks from the
first order to the end of observation, `t` weeks ahead, `delta` continuous discount rate a week. All arguments and all
parameters broadcast as numpy arrays; results are float64 of the broadcast shape.

Sources: Schmittlein, Morrison & Colombo (1987) Management Science 33; Fader, Hardie & Lee (2005) Marketing Science 24
(BG/NBD) and Journal of Marketing Research 42 (spend, DERL). Hypergeometric functions appear in their Euler-transformed
forms, which stay bounded for customers with thousands of orders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import (
    betainc,
    betaincc,
    betaln,
    digamma,
    expit,
    gammaln,
    hyp2f1,
    hyperu,
    log_expit,
    polygamma,
    roots_legendre,
)

Floats = NDArray[np.float64]
Parameter = float | Floats

_NEVER_AGAIN = 45.0  # exp(-45) is nothing: discounting beyond delta * t = 45 does not count


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


@cache
def _unit_legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = roots_legendre(count)
    return (nodes + 1) / 2, weights / 2


def _log_rising(shape: ArrayLike, steps: ArrayLike) -> Floats:
    """Log of Gamma(shape + steps) / Gamma(shape), also for shapes at which either logarithm has lost all its digits."""
    shape, steps = _floats(shape, steps)

    def correction(z: Floats) -> Floats:  # Stirling's series, good to 1e-15 beyond 60
        return (1 / 12 - (1 / 360 - 1 / 1260 / z**2) / z**2) / z

    with np.errstate(all="ignore"):
        above = shape + steps
        large = (shape - 0.5) * np.log1p(steps / shape) + steps * (np.log(above) - 1) + correction(above)
        return np.where(shape > 60, large - correction(shape), gammaln(above) - gammaln(shape))


def _beta_nodes(a: Floats, b: Floats, steepness: Floats) -> tuple[Floats, Floats]:
    """Points p and weights for means over Beta(a, b) of functions that are flat where p is far below 1 / steepness.

    Shape [nodes, n]. Gauss-Legendre in the log odds of p, the tails beyond added as points: good to 1e-5 at worst and
    1e-7 from a + b = 20 on.
    """
    nodes, weights = (column[:, None] for column in _unit_legendre(160))
    centre, spread = digamma(a) - digamma(b), np.sqrt(polygamma(1, a) + polygamma(1, b))
    low = np.maximum(centre - 14 * spread, -np.log1p(steepness) - 28)
    high = np.maximum(np.minimum(centre + 14 * spread, 32.0), low)
    log_odds = low + (high - low) * nodes
    density = np.exp(a * log_expit(log_odds) + b * log_expit(-log_odds) - betaln(a, b))
    mass = [betainc(a, b, expit(low))[None], weights * (high - low) * density, betaincc(a, b, expit(high))[None]]
    masses = np.concatenate(mass)
    points = expit(np.concatenate([low[None], log_odds, high[None]]))
    return points, masses / masses.sum(axis=0)


class RepeatModel(ABC):
    """What a firm may expect of a customer after the first order; the models differ in who leaves and when."""

    r: Parameter
    alpha: Parameter

    @abstractmethod
    def expected_orders(self, t: ArrayLike) -> Floats:
        """Repeat orders a new customer places within `t` weeks, on average: E[X(t)]."""

    @abstractmethod
    def survival(self, t: ArrayLike) -> Floats:
        """Share of new customers who have not left for good `t` weeks after the first order."""

    @abstractmethod
    def p_none(self, t: ArrayLike) -> Floats:
        """Share of new customers who place no repeat order within `t` weeks."""

    @abstractmethod
    def p_alive(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        """Probability that a customer with this history has not left for good at `T`."""

    @abstractmethod
    def log_likelihood(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        """Log-likelihood of each customer's history (of the order times; comparable between the models)."""

    @abstractmethod
    def given_alive(self, x: ArrayLike, T: ArrayLike) -> Self:
        """The model that holds from `T` on for customers with `x` repeats known to be alive (parameters are arrays)."""

    def p_any(self, t: ArrayLike) -> Floats:
        """Repurchase rate: share of new customers with at least one repeat order within `t` weeks."""
        return 1.0 - self.p_none(t)

    def expected_future(self, t: ArrayLike, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        """Orders in the next `t` weeks from a customer with this history, on average: E[Y(t) | x, tx, T]."""
        return self.p_alive(x, tx, T) * self.given_alive(x, T).expected_orders(t)

    def discounted_expected_orders(self, delta: float, horizon: float) -> Floats:
        """Present value, in orders, of a new customer's repeat orders within `horizon` weeks (may be infinite)."""
        every = type(self)(*(np.asarray(value, dtype=np.float64)[..., None] for value in astuple(self)))  # type: ignore[call-overload]
        scale = every.alpha  # a customer's rate is known on this scale, so nodes are dense below it and sparse above
        last_week = min(horizon, _NEVER_AGAIN / delta) if delta > 0 else horizon
        if delta == 0:
            return self.expected_orders(horizon)
        nodes, weights = _unit_legendre(96)
        log_range = np.log1p(last_week / scale)
        weeks = scale * np.expm1(log_range * nodes)
        density = delta * np.exp(-delta * weeks) * (weeks + scale) * log_range
        inside = np.sum(weights * density * every.expected_orders(weeks), axis=-1)
        return inside + np.exp(-delta * last_week) * self.expected_orders(last_week)

    def derl_new(self, delta: float) -> Floats:
        """Discounted expected repeat orders of a new customer over the whole future."""
        return self.discounted_expected_orders(delta, np.inf)

    def derl(self, delta: float, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        """Discounted expected residual lifetime, in orders, of a customer with this history; times margin it is CLV."""
        return self.p_alive(x, tx, T) * self.given_alive(x, T).derl_new(delta)


@dataclass(frozen=True)
class NBD(RepeatModel):
    """Nobody leaves: orders are Poisson with rate lambda a week, lambda ~ Gamma(shape r, rate alpha in weeks)."""

    r: Parameter
    alpha: Parameter

    def expected_orders(self, t: ArrayLike) -> Floats:
        return np.asarray(self.r * np.asarray(t, dtype=np.float64) / self.alpha)

    def survival(self, t: ArrayLike) -> Floats:
        return np.ones_like(self.expected_orders(t))

    def p_none(self, t: ArrayLike) -> Floats:
        return np.exp(-self.r * np.log1p(np.asarray(t, dtype=np.float64) / self.alpha))

    def p_alive(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        return np.ones(np.broadcast_shapes(np.shape(x), np.shape(tx), np.shape(T), np.shape(self.r)))

    def log_likelihood(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        x, T = _floats(x, T)
        return _log_rising(self.r, x) - x * np.log(self.alpha + T) - self.r * np.log1p(T / self.alpha)

    def given_alive(self, x: ArrayLike, T: ArrayLike) -> NBD:
        x, T = _floats(x, T)
        return NBD(self.r + x, self.alpha + T)

    def derl_new(self, delta: float) -> Floats:
        return np.asarray(self.r / self.alpha / delta)


@dataclass(frozen=True)
class ParetoNBD(RepeatModel):
    """People leave unseen, as time passes: lifetime ~ Exponential(mu), mu ~ Gamma(shape s, rate beta in weeks).

    While they stay, orders are Poisson with rate lambda a week, lambda ~ Gamma(shape r, rate alpha in weeks).
    """

    r: Parameter
    alpha: Parameter
    s: Parameter
    beta: Parameter

    def expected_orders(self, t: ArrayLike) -> Floats:
        log_growth = np.log1p(np.asarray(t, dtype=np.float64) / self.beta)
        excess = np.asarray(self.s - 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            weeks_alive_per_beta = np.where(excess == 0, log_growth, -np.expm1(-excess * log_growth) / excess)
        return self.r / self.alpha * self.beta * weeks_alive_per_beta

    def survival(self, t: ArrayLike) -> Floats:
        return np.exp(-self.s * np.log1p(np.asarray(t, dtype=np.float64) / self.beta))

    def p_none(self, t: ArrayLike) -> Floats:
        return np.exp(self.log_likelihood(0, 0, t))

    def _log_alive(self, x: Floats, T: Floats) -> Floats:
        """Log of the likelihood kernel of those who stay beyond `T`, times alpha^r beta^s: no digits cancel."""
        return -self.r * np.log1p(T / self.alpha) - x * np.log(self.alpha + T) - self.s * np.log1p(T / self.beta)

    def _log_departed(self, x: Floats, tx: Floats, T: Floats) -> Floats:
        """Log of the likelihood kernel of those who left in between: Int_tx^T s (alpha+u)^-(r+x) (beta+u)^-(s+1) du,
        times alpha^r beta^s.

        The published difference of two 2F1 loses all digits silently for frequent buyers when alpha >> beta. On the
        scale log(1 + steepness * weeks) the integrand is smooth: fixed nodes are good to 1e-6 at worst, mostly 1e-11.
        """
        shape = self.r + x
        early_alpha, early_beta = self.alpha + tx, self.beta + tx
        steepness = shape / early_alpha + (self.s + 1.0) / early_beta
        log_range = np.log1p(steepness * (T - tx))
        mass = np.zeros(np.shape(log_range))
        for node, weight in zip(*_unit_legendre(24), strict=True):
            steps = np.expm1(log_range * node)
            weeks = steps / steepness
            log_kernel = -shape * np.log1p(weeks / early_alpha) - (self.s + 1.0) * np.log1p(weeks / early_beta)
            mass += weight * (steps + 1.0) * np.exp(log_kernel)
        with np.errstate(divide="ignore"):  # nobody can have left since an order on the very last day
            log_mass = np.log(mass * log_range / steepness)
        until_tx = -self.r * np.log1p(tx / self.alpha) - x * np.log(early_alpha) - self.s * np.log1p(tx / self.beta)
        return np.log(self.s / early_beta) + until_tx + log_mass

    def p_alive(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        x, tx, T = _floats(x, tx, T)
        return expit(self._log_alive(x, T) - self._log_departed(x, tx, T))

    def log_likelihood(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        x, tx, T = _floats(x, tx, T)
        return _log_rising(self.r, x) + np.logaddexp(self._log_alive(x, T), self._log_departed(x, tx, T))

    def given_alive(self, x: ArrayLike, T: ArrayLike) -> ParetoNBD:
        x, T = _floats(x, T)
        return ParetoNBD(self.r + x, self.alpha + T, self.s, self.beta + T)

    def derl_new(self, delta: float) -> Floats:
        rate = self.r / self.alpha
        closed = rate * self.beta**self.s * delta ** (self.s - 1.0) * hyperu(self.s, self.s, self.beta * delta)
        plausible = np.isfinite(closed) & (closed >= 0) & (closed <= rate / delta)
        return closed if np.all(plausible) else np.where(plausible, closed, super().derl_new(delta))


@dataclass(frozen=True)
class BGNBD(RepeatModel):
    """People may leave after any repeat order, with probability p ~ Beta(a, b); who never repeats never leaves.

    While they stay, orders are Poisson with rate lambda a week, lambda ~ Gamma(shape r, rate alpha in weeks).
    """

    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter

    def expected_orders(self, t: ArrayLike) -> Floats:
        nudge = 1e-4  # the closed form is 0/0 at a = 1 and at a + b = 1 but smooth across: take the mean of both sides
        near = (np.abs(np.asarray(self.a) - 1.0) < nudge) | (np.abs(np.asarray(self.a) + self.b - 1.0) < nudge)
        shift = np.where(near, nudge, 0.0)
        with np.errstate(all="ignore"):
            closed = self._closed_orders(self.a - shift, t)
            if near.any():
                closed = (closed + self._closed_orders(self.a + shift, t)) / 2.0
        most = self.r * np.asarray(t, dtype=np.float64) / self.alpha
        return self._trusted(closed, t, most, lambda p, log_kept: -np.expm1(-log_kept) / p)

    def _trusted(
        self, closed: Floats, t: ArrayLike, most: ArrayLike, given_p: Callable[[Floats, Floats], Floats]
    ) -> Floats:
        """The closed form where its 2F1 can be trusted; elsewhere the same expectation as a mean over p, the chance to
        leave after an order. `given_p` takes p and r log(1 + p t / alpha).

        2F1 works with Gamma(a + b), which overflows beyond 171 into values that are not finite, or not plausible.
        """
        r, alpha, a, b, weeks = np.broadcast_arrays(*_floats(self.r, self.alpha, self.a, self.b, t))
        plausible = np.isfinite(closed) & (closed >= 0) & (closed <= np.asarray(most) * (1 + 1e-9)) & (a + b <= 120)
        doubtful = ~plausible & (weeks > 0)
        if not doubtful.any():
            return closed
        result = np.array(np.broadcast_to(closed, weeks.shape))
        for block in np.array_split(np.flatnonzero(doubtful), 1 + np.count_nonzero(doubtful) // 10_000):
            r_, alpha_, a_, b_, weeks_ = (column.flat[block] for column in (r, alpha, a, b, weeks))
            p, weights = _beta_nodes(a_, b_, r_ * weeks_ / alpha_)
            values = given_p(p, r_ * np.log1p(p * weeks_ / alpha_))
            result.flat[block] = np.sum(weights * values, axis=0)
        return result

    def _closed_orders(self, a: Floats, t: ArrayLike) -> Floats:
        t = np.asarray(t, dtype=np.float64)
        kept = np.exp((1.0 - a) * np.log1p(t / self.alpha))
        c = a + self.b - 1.0
        return c / (a - 1.0) * (1.0 - kept * hyp2f1(a - 1.0, c - self.r, c, t / (self.alpha + t)))

    def survival(self, t: ArrayLike) -> Floats:
        t = np.asarray(t, dtype=np.float64)
        log_keep = -np.log1p(t / self.alpha)
        a_plus_b = self.a + self.b
        with np.errstate(all="ignore"):
            closed = np.exp(self.a * log_keep) * hyp2f1(self.a, a_plus_b - self.r, a_plus_b, t / (self.alpha + t))
        return self._trusted(closed, t, 1.0, lambda p, log_kept: np.exp(-log_kept))

    def p_none(self, t: ArrayLike) -> Floats:
        return np.exp(-self.r * np.log1p(np.asarray(t, dtype=np.float64) / self.alpha))

    def _log_odds_left(self, x: Floats, tx: Floats, T: Floats) -> Floats:
        """Log odds of having left at the latest order rather than staying; minus infinity where x = 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log_odds = np.log(self.a / (self.b + x - 1.0)) + (self.r + x) * np.log((self.alpha + T) / (self.alpha + tx))
        return np.where(x > 0, log_odds, -np.inf)

    def p_alive(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        return expit(-self._log_odds_left(*_floats(x, tx, T)))

    def log_likelihood(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        x, tx, T = _floats(x, tx, T)
        log_stayed = _log_rising(self.b, x) - _log_rising(np.asarray(self.a) + self.b, x)
        log_orders = NBD(self.r, self.alpha).log_likelihood(x, tx, T)
        return log_orders + log_stayed + np.logaddexp(0.0, self._log_odds_left(x, tx, T))

    def given_alive(self, x: ArrayLike, T: ArrayLike) -> BGNBD:
        x, T = _floats(x, T)
        return BGNBD(self.r + x, self.alpha + T, self.a, self.b + x)


@dataclass(frozen=True)
class GammaGamma:
    """What an order is worth: ~ Gamma(shape p, rate nu) around the customer's own mean p / nu, nu ~ Gamma(q, gamma).

    Spend is independent of how often a customer orders. `x` counts the orders averaged in `mbar`; money in the unit
    of `gamma`.
    """

    p: Parameter
    q: Parameter
    gamma: Parameter

    def mean(self) -> Floats:
        """Mean order value over all customers; infinite when q <= 1."""
        return self.expected_mean(0, 0)

    def expected_mean(self, x: ArrayLike, mbar: ArrayLike) -> Floats:
        """A customer's own mean order value given `x` orders of mean value `mbar`: between mean() and mbar."""
        x, mbar = _floats(x, mbar)
        shape = np.asarray(self.p * x + self.q - 1.0)
        with np.errstate(divide="ignore"):
            return np.where(shape > 0, self.p * (self.gamma + x * mbar) / shape, np.inf)

    def log_likelihood(self, x: ArrayLike, mbar: ArrayLike) -> Floats:
        """Log density of each customer's mean order value; needs x >= 1 and mbar > 0."""
        x, mbar = _floats(x, mbar)
        px = self.p * x
        log_share = np.log(x * mbar / (self.gamma + x * mbar))
        log_rest = np.log1p(x * mbar / self.gamma)
        return _log_rising(self.q, px) - gammaln(px) + px * log_share - self.q * log_rest - np.log(mbar)
