"""From a world and a seed to its people at week 0.

Prospects get their traits from the world's distributions or from those of their persona (`traits.py`, `personas.py`).
Existing customers come with a past: either the imported order log, whose owners get traits from the exact posterior
given what they did (`posterior.py`), or, without one, a past under the base model since a uniform moment of the
last `history_weeks`.

A person's traits depend only on the seed, the replication and the person's own number, so a small market holds the
first people of the large one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.behavior import list_value, paid_value
from crmlab.sim.customers import CUSTOMER, GONE, LEAD, PROSPECT, Customers
from crmlab.sim.draws import AFFINITY, ARRIVAL, LIFE, MODEL, ORDER, PAST, REACH, exponential, key_of, uniforms
from crmlab.sim.draws import LEAD as LEAD_DRAW
from crmlab.sim.jit import compiled
from crmlab.sim.kernel import person_id
from crmlab.sim.mechanisms.acquisition.acquisition import first_reached
from crmlab.sim.mechanisms.acquisition.channels import opening_clock
from crmlab.sim.orders import YEAR, Orders, kept_since, orders_by_week
from crmlab.sim.personas import affinities, draw_by_share, draw_by_traits
from crmlab.sim.posterior import create_imported
from crmlab.sim.quantiles import gamma_quantiles, lognormal_quantiles, quantile
from crmlab.sim.traits import draw_traits, tie_elasticity
from crmlab.sim.world import World
from crmlab.sim.yesterday import Inheritance, inherit, weeks_needed


@dataclass(frozen=True)
class FoundingPopulation:
    """The people at week 0 (`n_founding` customers first, then prospects) and the orders of the year before, or of as
    long as points live.

    `queue` [channels, prospects] holds the prospects' rows in the order in which each channel would reach them,
    `opening_clock` [channels] how far the channels had come at week 0.
    """

    customers: Customers
    past: dict[int, Orders]
    n_founding: int
    queue: NDArray[np.int32]
    opening_clock: NDArray[np.float64]
    inheritance: Inheritance = field(default_factory=dict)


def create_population(world: World, seed: int, replication: int, use: int = MODEL) -> FoundingPopulation:
    """The founding population of a replication. `world` is already at the wanted number of rows."""
    n_founding = world.population.customers
    n = n_founding + world.population.prospects
    customers = Customers.of_prospects(n, len(world.channels))
    key = key_of(seed, replication, use)
    _draw_people(world, customers, n_founding, key)
    customers.stage[:n_founding] = CUSTOMER
    customers.stage[n_founding:] = PROSPECT
    customers.identified[:n_founding] = True
    if world.history is not None and world.history.n_customers:
        past = create_imported(world, customers, n_founding, key, seed)
    else:
        past = _simulate_the_past(world, customers, n_founding, key)
    inheritance = inherit(world, customers, past, n_founding, key)
    first_needed = -weeks_needed(inheritance)
    past = {week: orders for week, orders in past.items() if week >= first_needed and orders.n}
    _fit_personas(world, customers, n_founding, key)
    _draw_reach(world, customers, n_founding, key)
    _wind_clocks(customers.stage, customers.orders, customers.order_clock, customers.life_clock, n_founding, *key)
    queue = n_founding + np.argsort(customers.reach[n_founding:], axis=0, kind="stable").T.astype(np.int32, order="C")
    opening = np.array([opening_clock(c, n - n_founding, world.acquisition.lead_weeks) for c in world.channels])
    _call_leads(
        customers.stage, customers.source, customers.order_clock, customers.life_clock, customers.reach, opening,
        n_founding, *key,
    )  # fmt: skip
    return FoundingPopulation(customers, past, n_founding, queue, opening, inheritance)


def _draw_people(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """Traits and personas of everybody: the persona first where it has rates of its own, else the traits."""
    if world.authored:
        draw_by_share(world, customers, n_founding, key)
    draw_traits(world, customers, n_founding, key)


def _fit_personas(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """What a fitted market says of people beyond their traits, once the traits of all of them are known."""
    if world.correlations and world.history is not None:
        tie_elasticity(world, customers, n_founding, key)
    if world.personas and not world.authored:
        draw_by_traits(world, customers, n_founding, key)


def _draw_reach(world: World, customers: Customers, n_founding: int, key: tuple) -> None:
    """Each prospect's threshold on each channel's clock: unit exponential over affinity.

    Affinities have mean 1. They follow the persona and the order rate (`personas.py`); the rest is noise.
    """
    for number, channel in enumerate(world.channels):
        affinity = affinities(world, channel, customers)
        noise = lognormal_quantiles(1.0, channel.affinity_cv)
        _fill_reach(customers.reach, number, affinity, noise.log_value, n_founding, *key)


@compiled
def _fill_reach(reach, channel, known, noise, n_founding, key0, key1):
    block = channel // 4
    lane = channel % 4
    for i in range(n_founding, known.size):
        who = person_id(i, n_founding)
        wait = exponential(uniforms(key0, key1, REACH, who, block)[lane])
        affinity = known[i] * quantile(noise, uniforms(key0, key1, AFFINITY, who, block)[lane])
        reach[i, channel] = wait / affinity if affinity > 0.0 else np.inf


def _simulate_the_past(world: World, customers: Customers, n_founding: int, key: tuple) -> dict[int, Orders]:
    """Give founding customers without an imported log a past under the base model."""
    spend = gamma_quantiles(world.spend.p).log_value
    capacity = max(64, 4 * n_founding)
    while True:
        book = Orders.space(capacity)
        week = np.empty(capacity, np.int32)
        n_orders = _fill_past(
            customers.order_rate, customers.departure_rate, customers.p_dropout, customers.mean_order,
            customers.stage, customers.first_order, customers.last_order, customers.orders, customers.orders_52,
            customers.spend, customers.spend_52, spend, world.spend.p, world.today_rate, world.minor,
            float(world.population.history_weeks), world.order_factor, world.departure_factor, book, week, n_founding,
            *key,
        )  # fmt: skip
        if n_orders <= capacity:
            break
        capacity = n_orders
        for name in ("orders", "orders_52", "spend", "spend_52"):
            getattr(customers, name)[:n_founding] = 0
        customers.stage[:n_founding] = CUSTOMER
    return orders_by_week(week[:n_orders], book.first(n_orders), kept_since(world))


@compiled
def _fill_past(
    order_rate, departure_rate, p_dropout, mean_order, stage, first_order, last_order, n_orders, orders_52,
    spend, spend_52, q_spend, spend_shape, today_rate, minor, history_weeks, order_factor, departure_factor,
    book, week, n_founding, key0, key1,
):  # fmt: skip
    """Returns the number of orders; those beyond the room of the book are counted and not written.

    The past was run under today's policy, so at the rates that were estimated under it: before re-centring."""
    m = 0
    for i in range(n_founding):
        who = person_id(i, n_founding)
        age = history_weeks * uniforms(key0, key1, ARRIVAL, who, 0)[0]
        leaves = age + 1.0
        if departure_rate[i] > 0:
            leaves = exponential(uniforms(key0, key1, LIFE, who, 1)[0]) / (float(departure_rate[i]) / departure_factor)
        first_order[i] = -age
        since = 0.0
        index = 0
        while since <= age and since <= leaves:
            u_gap, u_spend, u_drop, _ = uniforms(key0, key1, PAST, who, index)
            size = quantile(q_spend, u_spend)
            value = np.int64(list_value(float(mean_order[i]), size, spend_shape, today_rate, minor))
            paid = np.int64(paid_value(value, today_rate))
            when = min(int(np.floor(since - age)), -1)
            if m < week.size:
                week[m] = when
                book.row[m] = i
                book.nth[m] = index
                book.at[m] = since - age - when
                book.value[m] = value
                book.paid[m] = paid
            m += 1
            n_orders[i] += 1
            spend[i] += paid
            if when >= -YEAR:
                orders_52[i] += 1
                spend_52[i] += paid
            last_order[i] = since - age
            if index > 0 and u_drop < float(p_dropout[i]) / departure_factor:
                leaves = since
            index += 1
            since += exponential(u_gap) / (float(order_rate[i]) / order_factor)
            if history_weeks == 0.0:
                break
        if leaves < age:
            stage[i] = GONE
    return m


@compiled
def _call_leads(stage, source, order_clock, life_clock, reach, opening_clock, n_founding, key0, key1):
    """Prospects whom a channel has reached before week 0 are leads; how long they have been does not matter."""
    since = np.zeros_like(opening_clock)
    for i in range(n_founding, stage.size):
        channel, _ = first_reached(reach[i], since, opening_clock)
        if channel >= 0:
            u_order, u_cool, _, _ = uniforms(key0, key1, LEAD_DRAW, person_id(i, n_founding), 0)
            stage[i] = LEAD
            source[i] = channel
            order_clock[i] = exponential(u_order)
            life_clock[i] = exponential(u_cool)


@compiled
def _wind_clocks(stage, orders, order_clock, life_clock, n_founding, key0, key1):
    """Set the clocks of founding customers; the exponential has no memory, so the past does not matter."""
    for i in range(n_founding):
        if stage[i] == CUSTOMER:
            who = person_id(i, n_founding)
            order_clock[i] = exponential(uniforms(key0, key1, ORDER, who, orders[i] - 1)[0])
            life_clock[i] = exponential(uniforms(key0, key1, LIFE, who, 0)[0])
