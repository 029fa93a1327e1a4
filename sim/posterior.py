"""Founding customers from a real order log: what they did is history, who they are is drawn from the posterior.

Given a customer's repeat orders x, the time of the last one t_x and the time watched T, the base models have exact
posteriors (no Markov chain needed):

    Pareto/NBD  alive (probability P(alive)): lambda ~ Gamma(r + x, alpha + T), mu ~ Gamma(s, beta + T); a departed
                customer left at tau in (t_x, T), density proportional to (alpha + tau)^-(r + x) (beta + tau)^-(s + 1),
                with lambda ~ Gamma(r + x, alpha + tau), mu ~ Gamma(s + 1, beta + tau)
    BG/NBD      alive: lambda ~ Gamma(r + x, alpha + T), p ~ Beta(a, b + x); gone at t_x:
                lambda ~ Gamma(r + x, alpha + t_x), p ~ Beta(a + 1, b + x - 1); without a repeat order always alive
    NBD         lambda ~ Gamma(r + x, alpha + T)
    spend       nu ~ Gamma(p n + q, gamma + n mbar) from n repeat orders of mean value mbar
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from crmlab.sim.clv_models import BGNBD, ParetoNBD
from crmlab.sim.customers import CUSTOMER, GONE, Customers
from crmlab.sim.draws import DEPARTED, POSTERIOR, RESAMPLE, key_of, uniforms
from crmlab.sim.jit import compiled
from crmlab.sim.orders import YEAR, Orders, kept_since, orders_by_week
from crmlab.sim.world import History, World

Floats = NDArray[np.float64]
TAU_NODES = 129


@dataclass(frozen=True)
class Summary:
    """What the base models know of a customer: repeat orders, their last time, time watched, and repeat spend.

    Times are in weeks from the customer's own first order. Shape [customers] each.
    """

    x: Floats
    t_x: Floats
    watched: Floats
    n_spend: Floats
    mean_spend: Floats

    def take(self, which: NDArray[np.intp]) -> Summary:
        return Summary(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def summary_of(history: History) -> Summary:
    """Recency, frequency and spend of each imported customer."""
    n, who = history.n_customers, history.customer
    first = np.full(n, -np.inf)
    np.maximum.at(first, who, history.weeks_before)
    last = np.full(n, np.inf)
    np.minimum.at(last, who, history.weeks_before)
    x = np.bincount(who, minlength=n).astype(np.float64) - 1
    repeat = history.weeks_before < first[who]
    amount = np.zeros(who.size) if history.amount is None else history.amount
    valued = repeat & (amount > 0)
    n_spend = np.bincount(who[valued], minlength=n).astype(np.float64)
    total = np.bincount(who[valued], weights=amount[valued], minlength=n)
    mean_spend = np.asarray(total / np.maximum(n_spend, 1), np.float64)
    return Summary(x, first - last, first, n_spend, mean_spend)


def create_imported(world: World, customers: Customers, n_founding: int, key: tuple, seed: int) -> dict[int, Orders]:
    """Turn the first `n_founding` rows into copies of the imported customers. Returns their orders."""
    assert world.history is not None
    copied = resampled(world.history.n_customers, n_founding, seed)
    _draw_posterior(world, customers, summary_of(world.history).take(copied), key)
    return _copy_records(world, customers, copied)


def resampled(n_imported: int, n_rows: int, seed: int) -> NDArray[np.intp]:
    """Which imported customer each row copies: whole shuffles one after the other, so that every customer appears
    equally often but for one, and fewer rows are the first of more rows."""
    key0, key1 = key_of(seed, 0)
    blocks = [
        np.argsort(_shuffle_keys(n_imported, block, key0, key1), kind="stable")
        for block in range(-(-n_rows // n_imported))
    ]
    return np.concatenate(blocks)[:n_rows] if blocks else np.empty(0, np.intp)


@compiled
def _shuffle_keys(n, block, key0, key1):
    keys = np.empty(n)
    for i in range(n):
        keys[i] = uniforms(key0, key1, RESAMPLE, i, block)[0]
    return keys


@compiled
def _posterior_uniforms(n, key0, key1):
    drawn = np.empty((5, n))
    for i in range(n):
        drawn[0, i], drawn[1, i], drawn[2, i], drawn[3, i] = uniforms(key0, key1, POSTERIOR, i, 0)
        drawn[4, i] = uniforms(key0, key1, DEPARTED, i, 0)[0]
    return drawn


def _draw_posterior(world: World, customers: Customers, seen: Summary, key: tuple) -> None:
    base, spend = world.base, world.spend
    n = seen.x.size
    u_alive, u_order, u_leave, u_spend, u_tau = _posterior_uniforms(n, *key)
    alive = np.ones(n, np.bool_)
    until = seen.watched
    departure = dropout = np.zeros(n)
    if base.model == "pareto_nbd":
        alive = u_alive < ParetoNBD(base.r, base.alpha, base.s, base.beta).p_alive(seen.x, seen.t_x, seen.watched)
        gone = np.flatnonzero(~alive)
        until = seen.watched.copy()
        until[gone] = _departure_time(world, seen.take(gone), u_tau[gone])
        departure = special.gammaincinv(base.s + ~alive, u_leave) / (base.beta + until) * world.departure_factor
    elif base.model == "bg_nbd":
        alive = u_alive < BGNBD(base.r, base.alpha, base.a, base.b).p_alive(seen.x, seen.t_x, seen.watched)
        until = np.where(alive, seen.watched, seen.t_x)
        fitted = special.betaincinv(base.a + ~alive, base.b + seen.x - ~alive, u_leave)
        dropout = np.minimum(fitted * world.departure_factor, 1.0)
    order_rate = special.gammaincinv(base.r + seen.x, u_order) / (base.alpha + until) * world.order_factor
    shape = spend.p * seen.n_spend + spend.q
    mean_order = spend.p * (spend.gamma + seen.n_spend * seen.mean_spend) / special.gammaincinv(shape, u_spend)
    customers.order_rate[:n] = order_rate
    customers.departure_rate[:n] = departure
    customers.p_dropout[:n] = dropout
    customers.mean_order[:n] = mean_order
    customers.stage[:n] = np.where(alive, CUSTOMER, GONE)


def _departure_time(world: World, seen: Summary, u: Floats) -> Floats:
    """When a departed Pareto/NBD customer left: inverse of the distribution on (t_x, T) by its integral on a grid."""
    base = world.base
    share = np.linspace(0.0, 1.0, TAU_NODES)
    tau = np.empty_like(u)
    for block in np.array_split(np.arange(u.size), 1 + u.size // 20_000):
        t_x, watched, x = seen.t_x[block, None], seen.watched[block, None], seen.x[block, None]
        grid = t_x + (watched - t_x) * share
        log_density = -(base.r + x) * np.log(base.alpha + grid) - (base.s + 1) * np.log(base.beta + grid)
        density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        mass = np.cumsum((density[:, 1:] + density[:, :-1]) / 2, axis=1)
        wanted = u[block, None] * mass[:, -1:]
        cell = (mass < wanted).sum(axis=1).clip(max=TAU_NODES - 2)
        rows = np.arange(block.size)
        before = np.where(cell > 0, mass[rows, cell - 1], 0.0)
        inside = (wanted[:, 0] - before) / (mass[rows, cell] - before)
        tau[block] = t_x[:, 0] + (watched - t_x)[:, 0] * (cell + inside) / (TAU_NODES - 1)
    return tau


def _copy_records(world: World, customers: Customers, copied: NDArray[np.intp]) -> dict[int, Orders]:
    """Write the imported orders into the recorded columns of the rows that copy their customers."""
    history = world.history
    assert history is not None
    order = np.lexsort((-history.weeks_before, history.customer))
    owner, before = history.customer[order], history.weeks_before[order]
    count = np.bincount(owner, minlength=history.n_customers)
    begin = np.concatenate([[0], np.cumsum(count)[:-1]])
    if history.amount is None:
        paid_once = np.full(owner.size, round(world.spend.mean * world.minor), np.int64)
    else:
        paid_once = np.rint(history.amount[order] * world.minor).astype(np.int64)

    n = copied.size
    per_row = count[copied]
    row = np.repeat(np.arange(n, dtype=np.int32), per_row)
    index = np.arange(row.size) - np.repeat(np.cumsum(per_row) - per_row, per_row)
    which = begin[copied][row] + index
    paid = paid_once[which]
    week = np.minimum(np.floor(-before[which]), -1).astype(np.int32)
    recent = week >= -YEAR

    customers.orders[:n] = per_row
    customers.orders_52[:n] = np.bincount(row[recent], minlength=n)
    customers.spend[:n] = np.bincount(row, weights=paid, minlength=n)
    customers.spend_52[:n] = np.bincount(row[recent], weights=paid[recent], minlength=n)
    customers.first_order[:n] = -before[begin[copied]]
    customers.last_order[:n] = -before[begin[copied] + per_row - 1]
    value = np.rint(paid / (1 - world.today_rate)).astype(np.int64)
    at = (-before[which] - week).astype(np.float32)
    no_points = np.zeros(row.size, np.int32)
    orders = Orders(row, index.astype(np.int32), at, value, paid, no_points, no_points)
    return orders_by_week(week, orders, kept_since(world))
