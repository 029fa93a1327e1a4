"""Today's policy reproduces the calibrated rates, even when it moves people.

Rates estimated from an order log already contain what today's policy does. A standing discount is no difficulty: it is
the unit of price. But if today there are also tiers or points, playing them would count their effect twice. So two
factors, on all order rates and all departure rates, are found by simulation such that a fresh cohort under today's
policy repeats and stays, within 52 weeks, as the fitted model says.

The same holds for mechanisms that a world adds: failures, waits and what they do to satisfaction were there when the
log was written. People share a service desk with everybody else, so there it is the founding customers, in the whole
market, who must order and stay as they would without the mechanisms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crmlab.experiments.execution.task_keys import task_key
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.market import Market
from crmlab.sim.orders import YEAR
from crmlab.sim.plays import Play
from crmlab.sim.world import Population, World
from crmlab.strategies.today import Today

COHORT = 8_000
FOUNDING = 8_000  # rows at most, where the whole market is simulated
ROUNDS, ROUNDS_IN_MARKET = 12, 5  # what is left in a market after some is luck
MAX_REMEMBERED = 64  # worlds: the arms and replications of one share the search for its factors
CLOSE = 5e-4  # relative distance at which both targets count as met
CLOSE_IN_MARKET = 3e-3  # the same in a whole market, where a few orders more or less are luck

_found: dict[str, World] = {}


def moves_people(plays: Sequence[Play]) -> bool:
    """Whether a policy does more than spend its budgets and give the standing discount."""
    return any(not isinstance(play.strategy, Today) for play in plays)


def recentred(world: World, today: Sequence[Play], seed: int = 1) -> World:
    """The world as it stands today: its customers have lived under `today`, which reproduces the fitted rates by
    factors on order and departure rates.

    Targets are the same cohort run at today's prices and nothing else, person by person, so the factors carry
    hardly any noise.
    """
    if not moves_people(today) and not world.mechanisms:
        return world
    key = _key(world, today, seed)
    if key is None or key not in _found:
        found = _searched(world, today, seed)
        if key is None:
            return found
        while len(_found) >= MAX_REMEMBERED:
            _found.pop(next(iter(_found)))
        _found[key] = found
    return _found[key]


def _key(world: World, today: Sequence[Play], seed: int) -> str | None:
    """What the factors depend on, as one text; None where something in it has no name."""
    try:
        return task_key("", seed, (world, tuple(today)))
    except TypeError:
        return None


def _searched(world: World, today: Sequence[Play], seed: int) -> World:
    year_of, close, rounds = (
        (_founding_year, CLOSE_IN_MARKET, ROUNDS_IN_MARKET) if world.mechanisms else (_cohort_year, CLOSE, ROUNDS)
    )
    wanted_repeats, wanted_stay = year_of(replace(world, today=(), mechanisms={}), (Play("today", Today()),), seed)
    world = replace(world, today=tuple(today))
    order_factor, departure_factor = world.order_factor, world.departure_factor
    for _ in range(rounds):
        tried = replace(world, order_factor=order_factor, departure_factor=departure_factor)
        repeats, stay = year_of(tried, today, seed)
        if max(abs(repeats / wanted_repeats - 1), abs(stay / wanted_stay - 1)) < close:
            break
        order_factor *= wanted_repeats / max(repeats, 1e-9)
        if 0 < stay < 1 and wanted_stay < 1:
            departure_factor *= np.log(wanted_stay) / np.log(stay)
    return replace(world, order_factor=float(order_factor), departure_factor=float(departure_factor))


def _cohort_year(world: World, plays: Sequence[Play], seed: int) -> tuple[float, float]:
    """Mean repeat orders and share still there after 52 weeks of customers who have just placed a first order."""
    fresh = replace(
        world,
        population=Population(customers=COHORT, prospects=0, history_weeks=0.0),
        history=None,
        calendar=replace(world.calendar, season_amplitude=0.0),
    )
    people = Market(fresh, plays, seed=seed).run(YEAR).customers
    return float(people.orders.mean() - 1), float((people.stage == CUSTOMER).mean())


def _founding_year(world: World, plays: Sequence[Play], seed: int) -> tuple[float, float]:
    """Mean orders within 52 weeks, and share still there after them, of those who are customers at week 0."""
    rows = min(FOUNDING, world.population.customers)
    if not rows:
        return _cohort_year(world, plays, seed)
    market = Market(world, plays, customers=rows, seed=seed)
    before = market.customers.orders[: market.n_founding].copy()
    people = market.run(YEAR).customers
    founding = slice(0, market.n_founding)
    return float((people.orders[founding] - before).mean()), float((people.stage[founding] == CUSTOMER).mean())
