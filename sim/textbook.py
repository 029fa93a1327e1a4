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
from dataclasses import astuple, dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit, gammaln, hyp2f1, hyperu, roots_legendre

Floats = NDArray[np.float64]
Parameter = float | Floats

_NEVER_AGAIN = 45.0  # exp(-45) is nothing: discounting beyond delta * t = 45 does not count


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


@cache
def _unit_legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = roots_legendre(count)
    return (nodes + 1) / 2, weights / 2


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
        log_rates = gammaln(self.r + x) - gammaln(self.r) - x * np.log(self.alpha + T)
        return log_rates - self.r * np.log1p(T / self.alpha)

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
        """Log of the likelihood kernel of those who stay beyond `T`."""
        return -(self.r + x) * np.log(self.alpha + T) - self.s * np.log(self.beta + T)

    def _log_departed(self, x: Floats, tx: Floats, T: Floats) -> Floats:
        """Log of the likelihood kernel of those who left in between: Int_tx^T s (alpha+u)^-(r+x) (beta+u)^-(s+1) du.

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
        return np.log(self.s) - shape * np.log(early_alpha) - (self.s + 1.0) * np.log(early_beta) + log_mass

    def p_alive(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        x, tx, T = _floats(x, tx, T)
        return expit(self._log_alive(x, T) - self._log_departed(x, tx, T))

    def log_likelihood(self, x: ArrayLike, tx: ArrayLike, T: ArrayLike) -> Floats:
        x, tx, T = _floats(x, tx, T)
        front = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha) + self.s * np.log(self.beta)
        return front + np.logaddexp(self._log_alive(x, T), self._log_departed(x, tx, T))

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
        if not near.any():
            return self._closed_orders(np.asarray(self.a), t)
        shift = np.where(near, nudge, 0.0)
        return (self._closed_orders(self.a - shift, t) + self._closed_orders(self.a + shift, t)) / 2.0

    def _closed_orders(self, a: Floats, t: ArrayLike) -> Floats:
        t = np.asarray(t, dtype=np.float64)
        kept = np.exp((1.0 - a) * np.log1p(t / self.alpha))
        c = a + self.b - 1.0
        return c / (a - 1.0) * (1.0 - kept * hyp2f1(a - 1.0, c - self.r, c, t / (self.alpha + t)))

    def survival(self, t: ArrayLike) -> Floats:
        t = np.asarray(t, dtype=np.float64)
        log_keep = -np.log1p(t / self.alpha)
        a_plus_b = self.a + self.b
        return np.exp(self.a * log_keep) * hyp2f1(self.a, a_plus_b - self.r, a_plus_b, t / (self.alpha + t))

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
        log_stayed = betaln(self.a, self.b + x) - betaln(self.a, self.b)
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
        return -betaln(px, self.q) + px * log_share - self.q * log_rest - np.log(mbar)
