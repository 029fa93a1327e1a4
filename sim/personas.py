"""Personas: which kind of customer everybody is, and what being of that kind adds.

Two modes. In a *calibrated* market the traits were fitted as a whole, and the persona is drawn given the traits:

    P(persona p | scores z) = exp(c_p + tilt_p . z) / sum over personas,    z the normal scores of the traits

so that every trait keeps the fitted distribution exactly; the constants c are solved such that the shares of all people
are those stated. In an *authored* market every persona has rates of its own: first the persona is drawn by its share,
then the traits from the persona's distributions (`traits.py`). Luck is keyed by person and personas by position, so
neither names nor what a persona adds (reach, readiness to invite) changes anybody's traits.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from crmlab.sim.customers import Customers
from crmlab.sim.draws import PERSONA, uniforms
from crmlab.sim.jit import compiled
from crmlab.sim.kernel import person_id
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.order_rates import OrderRates, order_rates
from crmlab.sim.traits import blocks, fitted_scores, weave_of
from crmlab.sim.world import TRAITS, World

Floats = NDArray[np.float64]
NODES_OF_RATE, NODES = 24, 10  # of the Gauss-Hermite grid over all people, per trait that matters


def draw_by_share(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """Authored market: everybody's persona, before any trait is known."""
    log_odds, nothing = np.log(shares(world)), np.zeros((len(world.personas), len(TRAITS)))
    for rows in blocks(customers.n):
        no_scores = np.zeros((rows.stop - rows.start, len(TRAITS)))
        _choose(customers.persona[rows], rows.start, log_odds, nothing, no_scores, n_founding, *key)


def draw_by_traits(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """Calibrated market: everybody's persona given the traits they have."""
    tilts = _tilts(world)
    log_odds = _log_odds(tuple(shares(world)), _rows(tilts), _rows(weave_of(world)))
    for rows in blocks(customers.n):
        scores = fitted_scores(world, customers, rows, n_founding, key)
        _choose(customers.persona[rows], rows.start, log_odds, tilts, scores, n_founding, *key)


@compiled
def _choose(persona, first, log_odds, tilts, scores, n_founding, key0, key1):
    odds = np.empty(log_odds.size)
    for j in range(persona.size):
        most = -np.inf
        for p in range(odds.size):
            odds[p] = log_odds[p]
            for k in range(scores.shape[1]):
                odds[p] += tilts[p, k] * scores[j, k]
            most = max(most, odds[p])
        whole = 0.0
        for p in range(odds.size):
            odds[p] = math.exp(odds[p] - most)
            whole += odds[p]
        left = uniforms(key0, key1, PERSONA, person_id(first + j, n_founding), 0)[0] * whole
        chosen = 0
        while chosen < odds.size - 1 and left >= odds[chosen]:
            left -= odds[chosen]
            chosen += 1
        persona[j] = chosen


def shares(world: World) -> Floats:
    """Share of each persona among all people; they add up to 1. Shape [personas]."""
    stated = np.array([persona.share for persona in world.personas])
    return stated / stated.sum()


def _tilts(world: World) -> Floats:
    return np.array([[getattr(persona.tilt, trait) for trait in TRAITS] for persona in world.personas])


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in matrix)


@lru_cache(maxsize=32)
def _log_odds(share: tuple[float, ...], tilts: tuple, weave: tuple) -> Floats:
    """The constants under which the personas have their shares of all people: no luck in it. Shape [personas]."""
    wanted = np.array(share)
    if wanted.size == 1 or not np.any(tilts):
        return np.log(wanted)
    scores, weight = _everybody(tilts, weave)
    log_odds = scores @ np.array(tilts).T

    def excess(constants: Floats) -> Floats:
        return weight @ special.softmax(log_odds + np.append(0.0, constants), axis=1)[:, 1:] - wanted[1:]

    start = np.log(wanted[1:] / wanted[0])
    found = optimize.root(excess, start, tol=1e-12)
    if np.abs(excess(found.x)).max() > 1e-8:
        raise ValueError("no persona shares of this kind go with such strong tilts")
    return np.append(0.0, found.x)


def _everybody(tilts: tuple, weave: tuple) -> tuple[Floats, Floats]:
    """All people of a fitted market as a grid: normal scores [points, traits] and weights [points].

    A trait that no persona cares about has one point, its median; the order rate always has many.
    """
    cares = np.any(np.array(tilts) @ np.array(weave) != 0, axis=0)
    counts = [NODES_OF_RATE, *(NODES if care else 1 for care in cares[1:])]
    rules = [np.polynomial.hermite_e.hermegauss(count) for count in counts]
    independent = np.array(list(product(*(nodes for nodes, _ in rules))))
    weight = np.array([math.prod(point) for point in product(*(weights / weights.sum() for _, weights in rules))])
    return independent @ np.array(weave).T, weight


def social_of(world: World) -> Floats:
    """How readily people of each persona invite others, relative to the average person: over all people the mean is 1.

    Shape [personas]; a single 1 where there are no personas.
    """
    if not world.personas:
        return np.ones(1)
    social = np.array([p.social for p in world.personas])
    return social / max(float(shares(world) @ social), 1e-300)


def affinities(world: World, channel: Channel, customers: Customers) -> Floats:
    """How far each person is within a channel's reach, noise apart; the mean over all people is 1. Shape [n].

    One part is the persona's reach. The other follows the order rate, as rate^k, so that the people whom the channel
    reaches order `value_ratio` times as often as all would, if every persona were within reach alike.
    """
    rates = order_rates(world)
    power = rates.tilting_power(channel.value_ratio)
    relative = customers.order_rate.astype(np.float64) / rates.mean
    by_value = np.maximum(relative, 1e-12) ** power
    reach = np.array([p.reach.get(channel.name, 1.0) for p in world.personas] or [1.0])
    if np.all(reach == reach[0]):  # also when there are no personas, or nobody is beyond reach
        return by_value / float(rates.share @ rates.relative_moments(power))
    return reach[customers.persona] * by_value / _mean_affinity(world, rates, reach, power)


def _mean_affinity(world: World, rates: OrderRates, reach: Floats, power: float) -> float:
    """E[reach of the persona x (order rate / mean)^power] over all people."""
    if world.authored:
        return float(rates.share @ (reach * rates.relative_moments(power)))
    tilts, weave = _rows(_tilts(world)), _rows(weave_of(world))
    scores, weight = _everybody(tilts, weave)
    log_odds = scores @ np.array(tilts).T + _log_odds(tuple(shares(world)), tilts, weave)
    within = special.softmax(log_odds, axis=1) @ reach
    by_value = (_gamma_quantile(float(rates.shape[0]), scores[:, 0]) / rates.shape[0]) ** power
    return float(weight @ (within * by_value))


def _gamma_quantile(shape: float, scores: Floats) -> Floats:
    """The gamma quantile (rate 1) of normal scores, good in both tails."""
    lower, upper = special.gammaincinv(shape, special.ndtr(scores)), special.gammainccinv(shape, special.ndtr(-scores))
    return np.maximum(np.where(scores < 0, lower, upper), 1e-300)
