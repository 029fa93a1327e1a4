"""The base model of the benchmark: what all three engines run, week by week.

Nine rows in ten are prospects at week 0, the others customers with a past. The numbers are those of a `sim.World`;
each engine draws its own luck. In every week

1. each channel's budget becomes adstock (A = carry_over A + spend), the adstock saturates (Hill), and leads / prospects
   is the week's reach hazard of a prospect of affinity 1. Affinities are lognormal and lean towards people who order
   often; being reached depletes the market
2. a lead places a first order with hazard `conversion` or loses interest with hazard 1 / `lead_weeks`
3. a customer orders as a Poisson process with a rate of his own, several times a week if it happens, and leaves for
   good with a hazard of his own (Pareto/NBD), both within the part of the week that he is there
4. an order is worth a Gamma around the customer's own mean (Gamma-Gamma), in whole cents

An optional uniform price cut (off in the base) moves order hazards by elasticity and by the gap to a reference price,
which moves towards the price in weeks with an order or by chance; a share of the extra hazard is borrowed from later
weeks and paid back.

`Market` is the engine under test and also keeps an order log, books and a ledger. `numpy_plain` is the model in plain
vectorised numpy; `mesa_plain` is one agent per person, as Mesa's examples are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crmlab.sim import Action, Coupon, FirmView, Play
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.sim.world import World
from crmlab.strategies import ChannelMix, DiscountTiers, PointsAndTiers, PriceCut, ReferralReward, Today


@dataclass(frozen=True)
class Outcome:
    """What a run comes to: counts of rows, revenue in currency units, customers alive at the end."""

    orders: int
    first_orders: int
    revenue: float
    alive: int


def base_world() -> World:
    """A shop with five kinds of channel; at today's budgets about two prospects in a hundred become leads a week."""
    return World(
        name="benchmark",
        channels=(
            Channel("paid_search", leads_max=480, half_budget=7200, budget=7200, half_life_weeks=1, p_convert=0.25),
            Channel("paid_social", leads_max=640, half_budget=9600, budget=8000, half_life_weeks=2, value_ratio=0.8),
            Channel("content", leads_max=320, half_budget=4800, budget=4000, half_life_weeks=6, hill_slope=1.5),
            Channel("marketplace", leads_max=240, half_budget=2400, budget=1600, p_identified=0.1, commission=0.12),
            Channel("organic", leads_max=200, half_life_weeks=0, p_convert=0.3),
        ),
    )


def talkative_world() -> World:
    """The same shop where customers recommend it to friends: not part of the base model, but of the whole market."""
    return replace(base_world(), word_of_mouth=WordOfMouth(p_invite=0.08))


def founding_customers(world: World, rows: int) -> int:
    """Founding customers of a market of so many rows, prospects included."""
    people = world.population
    return round(rows * people.customers / (people.customers + people.prospects))


def served(rows: int) -> World:
    """The talkative shop with satisfaction, failures and a service desk, as large as so many rows."""
    world = talkative_world()
    customers = founding_customers(world, rows)
    size = customers / world.population.customers
    channels = tuple(
        replace(c, leads_max=c.leads_max * size, half_budget=c.half_budget * size, budget=c.budget * size)
        for c in world.channels
    )
    population = replace(world.population, customers=customers, prospects=rows - customers)
    mechanisms = {numbers.name: numbers for numbers in (Satisfaction(), Failures(), ServiceDesk())}
    return replace(world, population=population, channels=channels, mechanisms=mechanisms)


@dataclass(frozen=True)
class SilentCoupon:
    """A single-use coupon for customers who have not ordered for a quarter and hold none."""

    rate: float = 0.10
    weeks: int = 4

    def decide(self, view: FirmView) -> list[Action]:
        silent = (view.weeks_since_order > 13) & (view.weeks_since_order < 26) & (view.coupon_weeks_left == 0)
        return [Coupon(self.rate, to=np.asarray(silent), weeks=self.weeks)]


def base_plays(cut: float = 0.0) -> tuple[Play, ...]:
    """Today's media budgets, and the uniform price cut if there is one."""
    today = Play("today", Today())
    return (today, Play("price cut", PriceCut(rate=cut))) if cut > 0 else (today,)


def all_plays() -> tuple[Play, ...]:
    """Every shipped lever at once: tiers, points, rewards for friends, another channel mix, sales, coupons."""
    return (
        *base_plays(),
        Play("mix", ChannelMix(factors={"paid_search": 1.5, "paid_social": 0.5})),
        Play("tiers", DiscountTiers()),
        Play("points", PointsAndTiers()),
        Play("friends", ReferralReward()),
        Play("sale", PriceCut(rate=0.10, weeks_on=1, weeks_cycle=13)),
        Play("coupon", SilentCoupon(), holdout=0.1),
    )
