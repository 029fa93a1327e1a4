"""People of the base model for the two plain engines, drawn with an ordinary numpy Generator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.quantiles import KNOTS, LOGIT_MAX, lognormal_quantiles
from crmlab.sim.world import World

Floats = NDArray[np.float32]


class FoundingPopulation(NamedTuple):
    """Traits of shape [n], founding customers first; `affinity` is [channels, n]. `alive` is about customers.

    `source` is the channel of those who are leads at week 0, -1 for everybody else.
    """

    order_rate: Floats  # per week
    departure_rate: Floats  # per week
    mean_order: Floats  # currency
    elasticity: Floats
    affinity: Floats
    alive: NDArray[np.bool_]  # of the founding customers: not yet departed at week 0
    source: NDArray[np.int8]


def draw_founding_population(world: World, rng: np.random.Generator) -> FoundingPopulation:
    """A population of the world's size. Only the Pareto/NBD base is in the benchmark."""
    if world.base.model != "pareto_nbd":
        raise ValueError(f'the benchmark knows the base model "pareto_nbd" only, not "{world.base.model}"')
    people, base, spend = world.population, world.base, world.spend
    n = people.customers + people.prospects
    order_rate = rng.gamma(base.r, 1 / base.alpha, n)
    departure_rate = rng.gamma(base.s, 1 / base.beta, n)
    age = people.history_weeks * rng.random(people.customers)
    affinity = _affinities(world, order_rate, rng)
    return FoundingPopulation(
        order_rate.astype(np.float32),
        departure_rate.astype(np.float32),
        (spend.p / rng.gamma(spend.q, 1 / spend.gamma, n)).astype(np.float32),
        _elasticities(world.price, rng.random(n)),
        affinity,
        rng.standard_exponential(people.customers) > departure_rate[: people.customers] * age,
        _leads_at_week_0(world, affinity, rng),
    )


def _leads_at_week_0(world: World, affinity: Floats, rng: np.random.Generator) -> NDArray[np.int8]:
    """Who has been reached and has not decided yet: each channel's reach in the mean time that a lead takes."""
    weeks_a_lead = 1 / (conversion_hazards(world) + 1 / world.acquisition.lead_weeks)
    hazards = affinity * (Advertising(world).week() * weeks_a_lead)[:, None]
    wait = rng.standard_exponential(hazards.shape) / np.maximum(hazards, 1e-300)
    source = np.where(wait.min(axis=0) < 1, wait.argmin(axis=0), -1).astype(np.int8)
    source[: world.population.customers] = -1
    return source


def _elasticities(price: PriceResponse, u: NDArray[np.float64]) -> Floats:
    table = lognormal_quantiles(price.elasticity, price.elasticity_cv, price.elasticity_max).log_value
    return np.exp(np.interp(special.logit(u), np.linspace(-LOGIT_MAX, LOGIT_MAX, KNOTS), table)).astype(np.float32)


def _affinities(world: World, order_rate: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """How far each person is within reach of each channel: mean 1, leaning on the order rate. Shape [channels, n]."""
    r, relative = world.base.r, order_rate * world.base.alpha / world.base.r
    affinity = np.empty((len(world.channels), order_rate.size), np.float32)
    for channel, row in zip(world.channels, affinity, strict=True):
        lean = r * (channel.value_ratio - 1)
        mean = np.exp(special.gammaln(r + lean) - special.gammaln(r) - lean * np.log(r))
        sigma = np.sqrt(np.log1p(channel.affinity_cv**2))
        row[:] = np.maximum(relative, 1e-12) ** lean / mean * rng.lognormal(-(sigma**2) / 2, sigma, order_rate.size)
    return affinity


class Advertising:
    """Adstock and saturation of all channels under today's budgets: the reach hazard of a prospect of affinity 1."""

    def __init__(self, world: World) -> None:
        self.prospects = max(world.population.prospects, 1)
        self.most = np.array([c.leads_max for c in world.channels])
        self.half = np.array([c.half_budget for c in world.channels])
        self.slope = np.array([c.hill_slope for c in world.channels])
        self.budget = np.array([c.budget for c in world.channels])
        self.carry_over = np.array([c.carry_over for c in world.channels])
        self.adstock = self.budget / (1 - self.carry_over)

    def week(self) -> NDArray[np.float64]:
        """This week's hazard by channel."""
        self.adstock = self.carry_over * self.adstock + self.budget
        paid = self.half > 0
        x = (self.adstock * (1 - self.carry_over) / np.where(paid, self.half, 1.0)) ** self.slope
        return np.where(paid, self.most * x / (1 + x), self.most) / self.prospects


def conversion_hazards(world: World) -> NDArray[np.float64]:
    """Hazard of a lead's first order by channel, per week: p_convert is its chance against losing interest."""
    p_convert = np.array([c.p_convert for c in world.channels])
    return p_convert / (1 - p_convert) / world.acquisition.lead_weeks
