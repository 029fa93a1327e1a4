"""Maximum likelihood for the textbook models: estimates, how sure they are, and whether the data say anything at all.

Parameters are positive, so everything happens in their logarithms: the covariance is that of the log parameters, in
the order of the model's fields. An estimate counts where the likelihood has a top: its curvature says how sure it is,
and the profile (the best that the other parameters can do beside it) must fall on both sides as the curvature promises.

Where customers differ no more than luck allows, a shape runs off to infinity and takes its partner along. Such a shape
is held at the largest value that a world takes, where people are all but alike, and the rest is fitted beside it:
what is known (how often people order, how soon they leave) is kept, and what is not known is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from crmlab.sim.clv_models import BGNBD, NBD, GammaGamma, ParetoNBD
from crmlab.sim.levers import unknowns_of
from crmlab.sim.world import Base, Spend

Floats = NDArray[np.float64]
Model = NBD | ParetoNBD | BGNBD | GammaGamma

_SEARCH_RANGE = 10.0  # log parameters may move by a factor of e^10 from the first guess
_LARGEST_LOG_ERROR = 2.0  # a 95 % range wider than a factor of 50 to either side says nothing about a parameter
_PROFILED_FROM = 0.25  # standard error of a log parameter from which its profile is looked at, not only its curvature
_MIN_FALL = 0.2  # of the log-likelihood two standard errors away, where a parabola falls by 2
_MAX_LOST = 3.0  # log-likelihood that holding a shape may cost, unless its estimate lies beyond the limit anyway
_VISIBLE = 1.0  # log-likelihood by which a model must beat the one in which nobody leaves
_STEP = 1e-3  # of the log parameters, for second derivatives
_ROUGH_ROWS = 8_000  # starting values are tried on this many rows; the final estimate uses all

# A shape, the parameter that runs off with it, and what it means when it does: the ratio of the two stays known.
_PARTNERS = {"r": "alpha", "s": "beta", "a": "b", "q": "gamma", "p": "gamma"}
_ALIKE = {
    "r": "customers differ no more in how often they order than luck allows",
    "s": "customers differ no more in how soon they leave than luck allows",
    "a": "customers differ no more in how readily they leave than luck allows",
    "p": "the orders of one customer are worth nearly the same",
    "q": "customers differ no more in what they spend than luck allows",
}


@dataclass(frozen=True)
class Fit:
    """One fitted model, or the reason why its parameters cannot be told from these data.

    `log_covariance` is of the log parameters in the order of `parameters`, with zeros for those `held`; `customers` the
    number fitted to; `lost` the log-likelihood by which holding them misses the best.
    """

    model: Model | None
    log_likelihood: float
    log_covariance: Floats
    customers: int
    reason: str = ""
    held: tuple[str, ...] = ()
    lost: float = 0.0

    @property
    def identified(self) -> bool:
        return self.model is not None

    @property
    def parameters(self) -> dict[str, float]:
        return {name.name: float(getattr(self.model, name.name)) for name in fields(self.model)} if self.model else {}

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter on its own scale (delta method); 0 for those held."""
        log_errors = np.sqrt(np.diag(self.log_covariance))
        return {name: value * float(e) for (name, value), e in zip(self.parameters.items(), log_errors, strict=True)}

    @property
    def notes(self) -> list[str]:
        """What was held, and why, in words."""
        beyond = f"log-likelihood {self.lost:.1f} below the best"
        return [
            f"{_ALIKE[name]}: {name} is held at {self.parameters[name]:g}, the largest that a world takes ({beyond})"
            for name in self.held
        ]

    def to_json(self) -> dict[str, object]:
        if not self.identified:
            return {"identified": False, "reason": self.reason, "customers": self.customers}
        held = {"held": list(self.held), "log_likelihood_lost": self.lost} if self.held else {}
        return {
            "identified": True,
            **self.parameters,
            "log_likelihood": self.log_likelihood,
            "standard_errors": self.standard_errors,
            "log_covariance": self.log_covariance.tolist(),
            "log_covariance_order": [f"log {name}" for name in self.parameters],
            **held,
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

    def curvature(self, at: Floats, free: list[int]) -> Floats:
        """Second derivatives by the free parameters, by central differences."""
        size = len(free)
        steps = _STEP * np.eye(len(at))[free]
        here = self(at)
        result = np.empty((size, size))
        for i in range(size):
            result[i, i] = (self(at + steps[i]) - 2 * here + self(at - steps[i])) / _STEP**2
            for j in range(i):
                same = self(at + steps[i] + steps[j]) + self(at - steps[i] - steps[j])
                cross = self(at + steps[i] - steps[j]) + self(at - steps[i] + steps[j])
                result[i, j] = result[j, i] = (same - cross) / (4 * _STEP**2)
        return result

    def top(self, starts: Sequence[Floats], free: list[int]) -> OptimizeResult:
        """The best values of the free parameters, from several first guesses of all."""
        if not free:
            return OptimizeResult(x=starts[0], fun=self(starts[0]))

        def part_of(target: _Likelihood) -> Callable[[Floats], float]:
            return lambda part: target(_with(starts[0], free, part))

        def climb(target: _Likelihood, start: Floats) -> OptimizeResult:
            bounds = [(low - _SEARCH_RANGE, low + _SEARCH_RANGE) for low in starts[0][free]]
            first = np.clip(start[free], *np.transpose(bounds))
            return minimize(
                part_of(target), first, method="L-BFGS-B", jac="2-point", bounds=bounds, options={"ftol": 1e-10}
            )

        rough = self.thinned()
        best = min((climb(rough, start) for start in starts), key=lambda result: result.fun)
        curvature = rough.curvature(_with(starts[0], free, best.x), free)
        if np.linalg.eigvalsh(curvature)[0] <= 1e-8:  # nothing to be precise about
            best = climb(self, _with(starts[0], free, best.x))
        else:
            inverse = np.linalg.inv(curvature)
            options = {"hess_inv0": (inverse + inverse.T) / 2, "gtol": 1e-6}
            best = minimize(part_of(self), best.x, method="BFGS", jac="3-point", options=options)
        best.x = _with(starts[0], free, best.x)
        return best


def _with(whole: Floats, places: list[int], part: Floats) -> Floats:
    changed = whole.copy()
    changed[places] = part
    return changed


def maximise(
    model: type[Model], columns: tuple[Floats, ...], weights: Floats, starts: Sequence[tuple[float, ...]]
) -> tuple[Fit, list[str]]:
    """Fit `model` to rows that occur `weights` times each, from several first guesses (natural scale).

    Shapes that the data do not show, or that lie beyond what a world takes, are held at the limit. Returns the fit, and
    the names of the parameters that ran off (empty where the model stands).
    """
    likelihood = _Likelihood(model, columns, weights)
    names = [entry.name for entry in fields(model)]
    logs = [np.log(start) for start in starts]
    best = likelihood.top(logs, list(range(len(names))))
    customers = int(weights.sum())
    fit, runaway = _judged(likelihood, best.x, customers, ())
    if fit.identified and _fits_a_world(fit):
        return fit, []
    for size in (1, 2):
        found = []
        for held in _holdings(names, size):
            values = {name: _limits_of(name)[1] for name in held}
            moved = [_moved(names, start, values) for start in [best.x, *logs]]
            free = [place for place, name in enumerate(names) if name not in held]
            beside, _ = _judged(likelihood, likelihood.top(moved, free).x, customers, held)
            cheap = -best.fun * customers - beside.log_likelihood <= _MAX_LOST
            beyond = all(np.exp(best.x[names.index(name)]) >= value for name, value in values.items())
            if beside.identified and _fits_a_world(beside) and (cheap or beyond):
                found.append(beside)
        if found:
            chosen = max(found, key=lambda held_fit: held_fit.log_likelihood)
            lost = max(-best.fun * customers - chosen.log_likelihood, 0.0)
            return replace(chosen, lost=lost), []
    if fit.identified:
        return not_fitted(_outside(fit), customers), []
    return fit, runaway


def _holdings(names: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return combinations([name for name in names if name in _PARTNERS], size)


def _limits_of(name: str) -> tuple[float, float]:
    """What a world takes for a parameter."""
    known = {**unknowns_of(Base), **unknowns_of(Spend)}[name].range
    return known.low, known.high


def _fits_a_world(fit: Fit) -> bool:
    limits = {name: _limits_of(name) for name in fit.parameters if name != "gamma"}
    return all(low <= fit.parameters[name] <= high * (1 + 1e-9) for name, (low, high) in limits.items())


def _outside(fit: Fit) -> str:
    """Which estimate no world can hold."""
    for name, value in fit.parameters.items():
        low, high = _limits_of(name)
        if name != "gamma" and not low <= value <= high:
            return f"{name} was estimated at {value:.3g}, but a world takes {low:g} to {high:g}"
    return ""


def _moved(names: list[str], log_parameters: Floats, held: Mapping[str, float]) -> Floats:
    """The same means with some shapes elsewhere."""
    moved = log_parameters.copy()
    for name, value in held.items():
        place, partner = names.index(name), names.index(_PARTNERS[name])
        step = np.log(value) - moved[place]
        moved[place] = np.log(value)
        moved[partner] += -step if name == "p" else step
    return moved


def _judged(likelihood: _Likelihood, at: Floats, customers: int, held: tuple[str, ...]) -> tuple[Fit, list[str]]:
    """The fit at a top, if it is one in all directions that are not held; and the names of those in which it is not."""
    names = [entry.name for entry in fields(likelihood.model)]
    free = [place for place, name in enumerate(names) if name not in held]
    here = likelihood(at)
    curvature = likelihood.curvature(at, free)
    strengths, directions = np.linalg.eigh(curvature)
    covariance = np.zeros((len(names), len(names)))
    values = [_limits_of(name)[1] if name in held else float(np.exp(at[i])) for i, name in enumerate(names)]
    fit = Fit(likelihood.model(*values), -here * customers, covariance, customers, held=held)
    runaway = [names[free[i]] for i, share in enumerate(np.abs(directions[:, 0])) if share > 0.3]
    if not strengths[0] > 0:
        return replace(fit, model=None), runaway
    covariance[np.ix_(free, free)] = np.linalg.inv(curvature) / customers
    errors = np.sqrt(np.diag(covariance))
    if errors.max() > _LARGEST_LOG_ERROR:
        return replace(fit, model=None), runaway
    for place in free:
        if errors[place] > _PROFILED_FROM and not _falls(likelihood, at, place, free, errors[place], here, customers):
            return replace(fit, model=None), runaway
    return fit, []


def _falls(
    likelihood: _Likelihood, at: Floats, place: int, free: list[int], error: float, here: float, customers: int
) -> bool:
    """Whether the profile of a parameter falls on both sides of its estimate."""
    others = [other for other in free if other != place]
    for step in (-2 * error, 2 * error):
        moved = at.copy()
        moved[place] += step
        if (likelihood.top([moved], others).fun - here) * customers < _MIN_FALL:
            return False
    return True


def fit_repeat_models(x: Floats, tx: Floats, T: Floats) -> dict[str, Fit]:
    """NBD, Pareto/NBD and BG/NBD for customers with `x` repeats, the last at week `tx`, seen for `T` weeks each.

    Keys "nbd", "pareto_nbd", "bg_nbd". Needs at least one repeat order. Equal histories are evaluated once.
    """
    rows, counts = np.unique(np.column_stack([x, tx, T]), axis=0, return_counts=True)
    columns, weights = tuple(np.ascontiguousarray(rows.T)), counts.astype(np.float64)
    weeks_per_order, weeks_seen = float(T.sum() / x.sum()), float(T.mean())
    nbd, _ = maximise(NBD, columns, weights, [(0.5, 0.5 * weeks_per_order), (2.0, 2.0 * weeks_per_order)])
    r, alpha = nbd.parameters.values() if nbd.identified and not nbd.held else (1.0, weeks_per_order)
    pareto = maximise(
        ParetoNBD,
        columns,
        weights,
        [(r, alpha, 0.5, weeks_seen), (2 * r, alpha, 1.0, 0.3 * weeks_seen), (r, alpha, 0.2, 5 * weeks_seen)],
    )
    bg = maximise(
        BGNBD, columns, weights, [(r, alpha, 0.8, 2.5), (0.5 * r, 0.5 * alpha, 1.0, 1.0), (r, alpha, 0.2, 5.0)]
    )
    found = {"nbd": nbd}
    for name, (fit, runaway) in {"pareto_nbd": pareto, "bg_nbd": bg}.items():
        visible = fit.log_likelihood - nbd.log_likelihood >= _VISIBLE
        if fit.reason or (fit.identified and (visible or not fit.held)):
            found[name] = fit
        elif not visible:
            found[name] = not_fitted(
                "no drop-out is visible: the likelihood is highest where nobody leaves", fit.customers
            )
        else:
            found[name] = not_fitted(_ran_off(runaway), fit.customers)
    return found


def preferred(fits: Mapping[str, Fit]) -> str:
    """The model to build on: with drop-out where it is visible, with nothing held where that can be.

    Pareto/NBD before BG/NBD; a model in which shapes are held only where its likelihood is higher all the same.
    """
    leaving = [name for name in ("pareto_nbd", "bg_nbd") if fits[name].identified]
    free = [name for name in leaving if not fits[name].held][:1]
    held = [name for name in leaving if fits[name].held]
    return max([*free, *held], key=lambda name: fits[name].log_likelihood, default="nbd")


def fit_spend(x: Floats, mbar: Floats) -> Fit:
    """Gamma-Gamma for customers with `x` >= 1 repeat orders worth `mbar` > 0 on average."""
    mean = float(mbar.mean())
    starts = [(6.0, 4.0, mean / 2), (1.5, 2.5, mean), (20.0, 10.0, mean / 2)]
    fit, runaway = maximise(GammaGamma, (x, mbar), np.ones(len(x)), starts)
    return fit if fit.identified or fit.reason else not_fitted(_ran_off(runaway), fit.customers)


def _ran_off(names: list[str]) -> str:
    return f"the likelihood is highest on the boundary: {', '.join(names)} run off together and cannot be told apart"
