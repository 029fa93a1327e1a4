"""Maximum likelihood for the textbook models: estimates, how sure they are, and whether the data say anything at all.

Parameters are positive, so everything happens in their logarithms: the covariance is that of the log parameters, in
the order of the model's fields. Where the likelihood has no interior maximum the estimate is withheld, with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from crmlab.sim.textbook import BGNBD, NBD, GammaGamma, ParetoNBD

Floats = NDArray[np.float64]
Model = NBD | ParetoNBD | BGNBD | GammaGamma

_SEARCH_RANGE = 10.0  # log parameters may move by a factor of e^10 from the first guess
_LARGEST_LOG_ERROR = 2.0  # a 95 % range wider than a factor of 50 to either side says nothing about a parameter
_STEP = 1e-3  # of the log parameters, for second derivatives
_ROUGH_ROWS = 8_000  # starting values are tried on this many rows; the final estimate uses all


@dataclass(frozen=True)
class Fit:
    """One fitted model, or the reason why its parameters cannot be told from these data.

    `log_covariance` is of the log parameters in the order of `parameters`; `customers` the number fitted to.
    """

    model: Model | None
    log_likelihood: float
    log_covariance: Floats
    customers: int
    reason: str = ""

    @property
    def identified(self) -> bool:
        return self.model is not None

    @property
    def parameters(self) -> dict[str, float]:
        return {name.name: float(getattr(self.model, name.name)) for name in fields(self.model)} if self.model else {}

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter on its own scale (delta method)."""
        log_errors = np.sqrt(np.diag(self.log_covariance))
        return {name: value * float(e) for (name, value), e in zip(self.parameters.items(), log_errors, strict=True)}

    def to_json(self) -> dict[str, Any]:
        if not self.identified:
            return {"identified": False, "reason": self.reason, "customers": self.customers}
        return {
            "identified": True,
            **self.parameters,
            "log_likelihood": self.log_likelihood,
            "standard_errors": self.standard_errors,
            "log_covariance": self.log_covariance.tolist(),
            "log_covariance_order": [f"log {name}" for name in self.parameters],
            "customers": self.customers,
        }


def not_fitted(reason: str, customers: int = 0) -> Fit:
    """A model for which there is nothing to fit."""
    return Fit(None, float("nan"), np.empty((0, 0)), customers, reason)


@dataclass(frozen=True)
class _Likelihood:
    """Mean negative log-likelihood of weighted rows as a function of the log parameters."""

    model: type[Model]
    columns: tuple[Floats, ...]
    weights: Floats

    def __call__(self, log_parameters: Floats) -> float:
        with np.errstate(all="ignore"):
            rows = self.model(*np.exp(log_parameters)).log_likelihood(*self.columns)
        value = -float(self.weights @ rows / self.weights.sum())
        return value if np.isfinite(value) else 1e10

    def thinned(self) -> _Likelihood:
        if len(self.weights) <= _ROUGH_ROWS:
            return self
        rows = np.random.default_rng(0).choice(len(self.weights), _ROUGH_ROWS, replace=False)
        return _Likelihood(self.model, tuple(column[rows] for column in self.columns), self.weights[rows])

    def curvature(self, at: Floats) -> Floats:
        """Second derivatives by central differences."""
        size = len(at)
        steps = _STEP * np.eye(size)
        here = self(at)
        result = np.empty((size, size))
        for i in range(size):
            result[i, i] = (self(at + steps[i]) - 2 * here + self(at - steps[i])) / _STEP**2
            for j in range(i):
                same = self(at + steps[i] + steps[j]) + self(at - steps[i] - steps[j])
                cross = self(at + steps[i] - steps[j]) + self(at - steps[i] + steps[j])
                result[i, j] = result[j, i] = (same - cross) / (4 * _STEP**2)
        return result


def maximise(
    model: type[Model], columns: tuple[Floats, ...], weights: Floats, starts: Sequence[tuple[float, ...]]
) -> tuple[Fit, list[str]]:
    """Fit `model` to rows that occur `weights` times each, from several first guesses (natural scale).

    Returns the fit, and the names of the parameters that ran off (empty where all are identified).
    """
    likelihood = _Likelihood(model, columns, weights)
    best = _search(likelihood, [np.log(start) for start in starts])
    customers = int(weights.sum())
    total = -best.fun * customers
    curvature = likelihood.curvature(best.x)
    strengths, directions = np.linalg.eigh(curvature)
    names = [entry.name for entry in fields(model)]
    if strengths[0] > 0:
        covariance = np.linalg.inv(curvature) / customers
        if np.sqrt(np.diag(covariance)).max() <= _LARGEST_LOG_ERROR:
            return Fit(model(*np.exp(best.x).tolist()), total, covariance, customers), []
    runaway = [name for name, share in zip(names, np.abs(directions[:, 0]), strict=True) if share > 0.3]
    return Fit(None, total, np.empty((0, 0)), customers), runaway


def _search(likelihood: _Likelihood, starts: list[Floats]) -> OptimizeResult:
    """Rough search from every start on few rows, then to the top on all of them."""
    rough = likelihood.thinned()
    bounds = [(low - _SEARCH_RANGE, low + _SEARCH_RANGE) for low in starts[0]]

    def climb(target: _Likelihood, start: Floats) -> OptimizeResult:
        return minimize(target, start, method="L-BFGS-B", jac="2-point", bounds=bounds, options={"ftol": 1e-10})

    climbs = [climb(rough, start) for start in starts]
    best = min(climbs, key=lambda result: result.fun)
    curvature = rough.curvature(best.x)
    if np.linalg.eigvalsh(curvature)[0] <= 1e-8:
        return climb(likelihood, best.x)  # nothing to be precise about
    inverse = np.linalg.inv(curvature)
    options = {"hess_inv0": (inverse + inverse.T) / 2, "gtol": 1e-6}
    return minimize(likelihood, best.x, method="BFGS", jac="3-point", options=options)


def fit_repeat_models(x: Floats, tx: Floats, T: Floats) -> dict[str, Fit]:
    """NBD, Pareto/NBD and BG/NBD for customers with `x` repeats, the last at week `tx`, seen for `T` weeks each.

    Keys "nbd", "pareto_nbd", "bg_nbd". Needs at least one repeat order. Equal histories are evaluated once.
    """
    rows, counts = np.unique(np.column_stack([x, tx, T]), axis=0, return_counts=True)
    columns, weights = tuple(np.ascontiguousarray(rows.T)), counts.astype(np.float64)
    weeks_per_order, weeks_seen = float(T.sum() / x.sum()), float(T.mean())
    nbd, _ = maximise(NBD, columns, weights, [(0.5, 0.5 * weeks_per_order), (2.0, 2.0 * weeks_per_order)])
    r, alpha = nbd.parameters.values() if nbd.identified else (1.0, weeks_per_order)
    pareto = maximise(
        ParetoNBD,
        columns,
        weights,
        [(r, alpha, 0.5, weeks_seen), (2 * r, alpha, 1.0, 0.3 * weeks_seen), (r, alpha, 0.2, 5 * weeks_seen)],
    )
    bg = maximise(
        BGNBD, columns, weights, [(r, alpha, 0.8, 2.5), (0.5 * r, 0.5 * alpha, 1.0, 1.0), (r, alpha, 0.2, 5.0)]
    )
    if not nbd.identified:
        nbd = not_fitted("customers differ no more in their repeat orders than luck allows", nbd.customers)
    found = {"nbd": nbd}
    for name, (fit, runaway) in {"pareto_nbd": pareto, "bg_nbd": bg}.items():
        if fit.identified:
            found[name] = fit
        elif fit.log_likelihood - nbd.log_likelihood < 1.0:
            found[name] = not_fitted(
                "no drop-out is visible: the likelihood is highest where nobody leaves", fit.customers
            )
        else:
            found[name] = not_fitted(_ran_off(runaway), fit.customers)
    return found


def fit_spend(x: Floats, mbar: Floats) -> Fit:
    """Gamma-Gamma for customers with `x` >= 1 repeat orders worth `mbar` > 0 on average."""
    mean = float(mbar.mean())
    starts = [(6.0, 4.0, mean / 2), (1.5, 2.5, mean), (20.0, 10.0, mean / 2)]
    fit, runaway = maximise(GammaGamma, (x, mbar), np.ones(len(x)), starts)
    return fit if fit.identified else not_fitted(_ran_off(runaway), fit.customers)


def _ran_off(names: list[str]) -> str:
    return f"the likelihood is highest on the boundary: {', '.join(names)} run off together and cannot be told apart"
