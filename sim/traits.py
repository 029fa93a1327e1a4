"""From uniforms to traits: how often somebody orders, when they leave, what they spend, how they take a price.

Each trait has a uniform of its own, and a normal score that goes with it (0: the median person, 1: one SD above). A
world may correlate the scores by a Gaussian copula, inside every persona alike. Where traits were fitted as a whole the
copula may move the elasticity only, about which the fit says nothing: rates and spend are independent in the fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from crmlab.sim.customers import Customers
from crmlab.sim.draws import TRAITS as TRAIT_DRAW
from crmlab.sim.draws import uniforms
from crmlab.sim.jit import compiled
from crmlab.sim.kernel import person_id
from crmlab.sim.quantiles import beta_quantiles, gamma_quantiles, lognormal_quantiles, quantile
from crmlab.sim.world import TRAITS, Base, World

Floats = NDArray[np.float64]
BLOCK = 65_536  # people at a time, so that what is only needed on the way takes no room
RISES = np.array([1.0, 1.0, -1.0, 1.0])  # the mean order is p / nu: it falls as its uniform rises
ELASTICITY = TRAITS.index("elasticity")
MAX_SCORE = 8.0
CAPPED = 0.9  # a persona's mean elasticity is at most this share of the truncation


def draw_traits(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """Everybody's traits, from the world's distributions or from those of their own persona."""
    tables = _tables(world)
    for rows in blocks(customers.n):
        u = trait_uniforms(rows.start, rows.stop, n_founding, *key)
        _weave(world, u)
        _fill_traits(
            customers.order_rate[rows], customers.departure_rate[rows], customers.p_dropout[rows],
            customers.mean_order[rows], customers.elasticity[rows], customers.persona[rows], u, world.spend.p, *tables,
        )  # fmt: skip


def blocks(n: int) -> Iterator[slice]:
    """The rows 0 to n in pieces."""
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


@compiled
def trait_uniforms(first, last, n_founding, key0, key1):
    """The four uniforms of the rows from `first` on. Shape [rows, traits]."""
    u = np.empty((last - first, 4))
    for i in range(first, last):
        u[i - first] = uniforms(key0, key1, TRAIT_DRAW, person_id(i, n_founding), 0)
    return u


@compiled
def _fill_traits(
    order_rate, departure_rate, p_dropout, mean_order, elasticity, persona, u, spend_shape,
    q_order, q_departure, q_dropout, q_spend, q_elasticity,
):  # fmt: skip
    """Quantile tables have one row per kind of customer: one for all, or one per persona."""
    for i in range(order_rate.size):
        kind = np.int64(persona[i]) if q_order.shape[0] > 1 else 0
        order_rate[i] = quantile(q_order[kind], u[i, 0])
        if q_departure.shape[0] > 0:
            departure_rate[i] = quantile(q_departure[kind], u[i, 1])
        if q_dropout.shape[0] > 0:
            p_dropout[i] = quantile(q_dropout[kind], u[i, 1])
        mean_order[i] = spend_shape / quantile(q_spend[kind], u[i, 2])
        elasticity[i] = quantile(q_elasticity[kind], u[i, 3])


def _tables(world: World) -> tuple[Floats, ...]:
    """Quantiles of order rate, departure rate, dropout chance, spend and elasticity. Each [kinds, knots] or empty."""
    bases = [p.base or world.base for p in world.personas] if world.authored else [world.base]
    spends = [p.spend or world.spend for p in world.personas] if world.authored else [world.spend]
    return (
        _stacked([gamma_quantiles(b.r, b.alpha / world.order_factor).log_value for b in bases]),
        _stacked([departure_quantiles(world, b) for b in bases if b.model == "pareto_nbd"]),
        _stacked([dropout_quantiles(world, b) for b in bases if b.model == "bg_nbd"]),
        _stacked([gamma_quantiles(s.q, s.gamma).log_value for s in spends]),
        _stacked([_elasticity_quantiles(world, mean) for mean in mean_elasticities(world)]),
    )


def _stacked(tables: list[Floats]) -> Floats:
    return np.stack(tables) if tables else np.zeros((0, 0))


def departure_quantiles(world: World, base: Base) -> Floats:
    """Quantiles of the departure rate under one set of rates."""
    return gamma_quantiles(base.s, base.beta / world.departure_factor).log_value


def dropout_quantiles(world: World, base: Base) -> Floats:
    """Quantiles of the chance to leave after a repeat order under one set of rates; re-centring scales it up to 1."""
    return np.minimum(beta_quantiles(base.a, base.b).log_value + np.log(world.departure_factor), 0.0)


def _elasticity_quantiles(world: World, mean: float) -> Floats:
    return lognormal_quantiles(mean, world.price.elasticity_cv, world.price.elasticity_max).log_value


def mean_elasticities(world: World) -> list[float]:
    """Mean elasticity of each kind of customer; over all people it is that of the world.

    A mean too close to the truncation is lowered, so that sampled worlds with high elasticities can be simulated at
    all.
    """
    price = world.price
    if not world.authored:
        return [price.elasticity]
    share = np.array([p.share for p in world.personas])
    relative = np.array([p.price_sensitivity for p in world.personas])
    means = price.elasticity * relative / (share @ relative / share.sum())
    return [float(mean) for mean in np.minimum(means, CAPPED * price.elasticity_max)]


def correlations(stated: Mapping[str, float]) -> Floats:
    """The matrix of the pairs that a world states as "one/other". Shape [traits, traits]."""
    matrix = np.eye(len(TRAITS))
    for pair, correlation in stated.items():
        one, other = (TRAITS.index(name) for name in pair.split("/"))
        matrix[one, other] = matrix[other, one] = correlation
    return matrix


def weave_of(world: World) -> Floats:
    """What turns independent normal scores into correlated ones: the Cholesky factor. Shape [traits, traits].

    Raises `ValueError` where no people could have the stated correlations all at once.
    """
    try:
        return np.asarray(np.linalg.cholesky(correlations(world.correlations)), np.float64)
    except np.linalg.LinAlgError:
        raise ValueError("no people can have all the stated correlations at once") from None


def woven(weave: Floats, scores: Floats, trait: int) -> Floats:
    """The correlated score of one trait, summed term by term: a small market holds the bits of a large one."""
    together = weave[trait, 0] * scores[:, 0]
    for k in range(1, trait + 1):
        together = together + weave[trait, k] * scores[:, k]
    return together


def _weave(world: World, u: Floats) -> None:
    """Correlate uniforms in place. A trait that depends on no other keeps its bits. `u` is [people, traits]."""
    weave = weave_of(world)
    if np.array_equal(weave, np.eye(len(TRAITS))):
        return
    independent = special.ndtri(u) * RISES
    for trait in range(len(TRAITS)):
        if weave[trait, :trait].any():
            u[:, trait] = uniform_of(woven(weave, independent, trait) * RISES[trait])


def uniform_of(scores: Floats) -> Floats:
    """The uniform of a normal score, strictly inside (0, 1)."""
    return np.clip(special.ndtr(scores), 2.0**-34, 1 - 2.0**-34)


def fitted_scores(world: World, customers: Customers, rows: slice, n_founding: int, key: tuple) -> Floats:
    """Where people lie among the traits of a market that was fitted as a whole: normal scores, elasticity included.

    Those of an imported customer come from the traits that the posterior gave; the elasticity hangs together with them
    as with anybody's. Shape [rows, traits].
    """
    scores = special.ndtri(trait_uniforms(rows.start, rows.stop, n_founding, *key)) * RISES
    imported = min(max(n_founding - rows.start, 0), scores.shape[0]) if world.history is not None else 0
    if imported:
        scores[:imported, :ELASTICITY] = _scores_of_traits(world, customers, rows.start, rows.start + imported)
    scores[:, ELASTICITY] = woven(weave_of(world), scores, ELASTICITY)
    return scores


def _scores_of_traits(world: World, customers: Customers, first: int, last: int) -> Floats:
    base, spend = world.base, world.spend
    rate = customers.order_rate[first:last].astype(np.float64)
    nu = spend.p / customers.mean_order[first:last].astype(np.float64)
    quantiles = np.full((last - first, 3), 0.5)
    quantiles[:, 0] = special.gammainc(base.r, rate * base.alpha / world.order_factor)
    if base.model == "pareto_nbd":
        departure = customers.departure_rate[first:last].astype(np.float64)
        quantiles[:, 1] = special.gammainc(base.s, departure * base.beta / world.departure_factor)
    elif base.model == "bg_nbd":
        dropout = customers.p_dropout[first:last].astype(np.float64) / world.departure_factor
        quantiles[:, 1] = special.betainc(base.a, base.b, np.minimum(dropout, 1.0))
    quantiles[:, 2] = special.gammaincc(spend.q, spend.gamma * nu)
    return np.clip(special.ndtri(quantiles), -MAX_SCORE, MAX_SCORE)


def tie_elasticity(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """Let the elasticity of imported customers hang together with the traits that the posterior gave them."""
    table = _elasticity_quantiles(world, world.price.elasticity)
    for rows in blocks(n_founding):
        scores = fitted_scores(world, customers, rows, n_founding, key)
        _fill_elasticity(customers.elasticity[rows], table, uniform_of(scores[:, ELASTICITY]))


@compiled
def _fill_elasticity(elasticity, table, u):
    for i in range(elasticity.size):
        elasticity[i] = quantile(table, u[i])
