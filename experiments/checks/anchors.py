"""What a world does, beside what was measured in the field: a few short experiments on the world itself.

A world whose numbers lie far from these is not wrong, but its user should know. All figures are of the world as it is
stated, at a scale of some thousand people; the last digit is luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crmlab.sim.kpis import read_all
from crmlab.sim.levers import unknowns_of
from crmlab.sim.market import Market
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.plays import Play
from crmlab.sim.world import World
from crmlab.strategies import CouponCampaign, PriceCut, ReferralReward, Today, WelcomeOffer

ROWS, REPLICATIONS, SEED = 5_000, 4, 1
CUT_WEEK, AFTER_WEEKS = 5, 40
TODAY = Play("today", Today())


@dataclass(frozen=True)
class Anchor:
    """One figure: what the world does, what was measured (low to high), and where."""

    name: str
    here: float
    low: float
    high: float
    source: str

    @property
    def fits(self) -> bool:
        """Whether the world does what was measured."""
        return self.low <= self.here <= self.high


def anchors(world: World, rows: int = ROWS) -> list[Anchor]:
    """The figures of a world, those of word of mouth and acquisition only where it has them."""
    found = [*_price(world, rows), _coupon(world, rows)]
    if world.channels and world.population.prospects:
        found += _first_orders(world)
        if not world.correlation:
            found += [
                replace(a, name=f"... in the sampled world worst for it: {a.name}")
                for a in _first_orders(_worst(world))
            ]
    if world.word_of_mouth.on:
        found += _friends(world, rows)
    return found


def _runs(world: World, plays: Sequence[Play], weeks: int, rows: int) -> list[Market]:
    return [
        Market(world, (TODAY, *plays), customers=rows, seed=SEED, replication=r).run(weeks) for r in range(REPLICATIONS)
    ]


def _price(world: World, rows: int) -> list[Anchor]:
    """One week of 20 % off for the customers of today, nobody new coming."""
    alone = replace(world, population=replace(world.population, prospects=0), channels=())
    cut = Play("cut", PriceCut(0.2), start=CUT_WEEK, stop=CUT_WEEK + 1)
    plain, lifted = (
        np.mean([market.books["orders"] for market in _runs(alone, plays, CUT_WEEK + AFTER_WEEKS, rows)], axis=0)
        for plays in ((), (cut,))
    )
    more = lifted - plain
    bump, dip = more[CUT_WEEK], -more[CUT_WEEK + 1 :].sum()
    return [
        Anchor("orders in a week of 20 % off / without", lifted[CUT_WEEK] / plain[CUT_WEEK], 1.20, 2.25,
               "Bijmolt et al. 2005"),
        Anchor("later shortfall / bump of that week", dip / bump, 0.04, 0.25, "van Heerde, Leeflang & Wittink 2000"),
    ]  # fmt: skip


def _coupon(world: World, rows: int) -> Anchor:
    """Of the coupons that are held when an order is placed, how many are used."""
    coupon = CouponCampaign(rate=0.1, every_weeks=7, valid_weeks=7)
    used = held = 0
    for market in _runs(world, (Play("coupon", coupon),), 7, rows):
        _, orders = market.order_log.table()
        own = orders.row < market.n_founding
        buyers = np.unique(orders.row[own & market.customers.identified[orders.row]])
        base = 1 - world.today_rate
        cheaper = orders.paid < orders.value * base - 1
        used += np.unique(orders.row[own & cheaper]).size
        held += buyers.size
    return Anchor("coupons used / held at an order", used / held, 0.05, 0.20, "Complete Journey")


def _worst(world: World) -> World:
    """The same world where those who mind the price order as rarely and leave as soon as sampled worlds may have it."""
    ranges = {name: field.range for name, field in unknowns_of(world.price).items()}
    ends = {"with_order_rate": ranges["with_order_rate"].low, "with_departure": ranges["with_departure"].high}
    return replace(world, price=replace(world.price, **ends))


def _first_orders(world: World) -> list[Anchor]:
    """What those are worth whom 30 % off the first order brings, in repeat orders of 52 weeks at what they paid."""
    none_yet = replace(world, population=replace(world.population, customers=0))
    scale = max(1.0, none_yet.population.prospects / (20 * ROWS))
    none_yet = replace(
        none_yet,
        population=replace(none_yet.population, prospects=round(none_yet.population.prospects / scale)),
        channels=tuple(
            replace(c, leads_max=c.leads_max / scale, half_budget=c.half_budget / scale, budget=c.budget / scale)
            for c in none_yet.channels
        ),
    )
    worth = []
    for plays in ((), (Play("offer", WelcomeOffer(0.3)),)):
        sums = np.zeros(2)
        for market in _runs(none_yet, plays, 2 * YEAR, 0):
            outcome = MarketOutcome(market)
            inside = (outcome.orders.nth > 0) & (outcome.age <= YEAR) & (outcome.moment - outcome.age <= YEAR)
            first = (outcome.orders.nth == 0) & (outcome.moment <= YEAR)
            sums += outcome.orders.paid[inside].sum(), np.count_nonzero(first)
        worth.append(sums)
    (paid, n), (paid_offer, n_offer) = worth
    everybody = (paid_offer / n_offer) / (paid / n)
    more = ((paid_offer - paid) / max(n_offer - n, 1)) / (paid / n)
    return [
        Anchor("value of all who come at 30 % off the first order / at full price", everybody, 0.55, 1.16,
               "Lewis 2006, Anderson & Simester 2004; all who come do not fall to the expected 0.74"),
        Anchor("value of those whom only the offer brings / of the others", more, 0.55, 1.16, "as above"),
    ]  # fmt: skip


def _friends(world: World, rows: int) -> list[Anchor]:
    def k(plays: Sequence[Play]) -> float:
        return float(np.mean([read_all(market)["k_factor"] for market in _runs(world, plays, 2 * YEAR, rows)]))

    source = "Kumar, Petersen & Leone 2007"
    return [
        Anchor("friends won per customer and year, no reward", k(()), 0.02, 0.06, source),
        Anchor("... with 10 % back and 20 % off", k((Play("friends", ReferralReward()),)), 0.05, 0.15, source),
    ]
