"""The world: everything that the firm does not choose, grouped by mechanism, each number with range and source.

A `World` is plain data. Money is in whole currency units, time in weeks, sizes are those of the real market; the
market itself runs on `rows`, each standing for `scale` real people (see `World.at_rows`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Any, Literal

import numpy as np

from crmlab.sim.levers import Unknown
from crmlab.sim.mechanisms.acquisition.params import Acquisition, Channel
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.plays import Play

PurchaseModel = Literal["pareto_nbd", "bg_nbd", "nbd"]
CDNOW = "CDNOW 1/10 sample, Fader, Hardie & Lee 2005a; re-estimated"
TRAITS = ("order_rate", "departure", "mean_order", "elasticity")  # what people differ in, in the order of the draws


@dataclass(frozen=True)
class Base:
    """How often people buy when nothing is done to them, and how they leave.

    Orders are Poisson with rate lambda ~ Gamma(r, alpha). People leave at rate mu ~ Gamma(s, beta) (`pareto_nbd`),
    or after a repeat order with probability p ~ Beta(a, b) (`bg_nbd`), or never (`nbd`).
    """

    model: PurchaseModel = "pareto_nbd"
    r: Annotated[float, Unknown(0.01, 100, "shape of the order rate", CDNOW, "C")] = 0.553
    alpha: Annotated[float, Unknown(0.001, 1e6, "weeks", CDNOW, "C")] = 10.578
    s: Annotated[float, Unknown(0.001, 100, "shape of the departure rate", CDNOW, "C")] = 0.606
    beta: Annotated[float, Unknown(0.001, 1e6, "weeks", CDNOW, "C")] = 11.669
    a: Annotated[float, Unknown(0.001, 100, "-", CDNOW, "C")] = 0.793
    b: Annotated[float, Unknown(0.01, 1e5, "-", CDNOW, "C")] = 2.426


@dataclass(frozen=True)
class Spend:
    """What an order is worth at list price: Gamma(p, nu) within a customer, nu ~ Gamma(q, gamma) between them."""

    p: Annotated[float, Unknown(0.3, 100, "shape within a customer", CDNOW, "C")] = 6.25
    q: Annotated[float, Unknown(1.001, 100, "shape between customers", CDNOW, "C")] = 3.74
    gamma: Annotated[float, Unknown(1e-12, 1e15, "currency", CDNOW, "C")] = 15.44

    @property
    def mean(self) -> float:
        """Mean order value over all customers, in currency units."""
        return self.p * self.gamma / (self.q - 1)


@dataclass(frozen=True)
class Population:
    """Who is there at week 0: the customers the firm already has, and the people who might become customers.

    Without an imported order history, existing customers get one: each was acquired at a uniform moment of the
    `history_weeks` before week 0 and followed the base model since.
    """

    customers: int = 5_000
    prospects: int = 45_000
    history_weeks: Annotated[float, Unknown(0, 520, "weeks", "age of the founding base", "A")] = 104.0


@dataclass(frozen=True)
class Tilt:
    """Where a persona lies among the traits that the market as a whole has: the log odds of belonging to it grow by so
    much for each SD of a trait (of its normal score, so that the shape of the trait's distribution plays no part)."""

    order_rate: Annotated[float, Unknown(-3.0, 3.0, "log odds per SD", "scenario", "A", vary=1.5)] = 0.0
    departure: Annotated[float, Unknown(-3.0, 3.0, "log odds per SD", "scenario", "A", vary=1.5)] = 0.0
    mean_order: Annotated[float, Unknown(-3.0, 3.0, "log odds per SD", "scenario", "A", vary=1.5)] = 0.0
    elasticity: Annotated[float, Unknown(-3.0, 3.0, "log odds per SD", "scenario", "A", vary=1.5)] = 0.0


@dataclass(frozen=True)
class Persona:
    """A kind of customer by name. People of one kind still differ from one another, as much as the traits do.

    In a calibrated market personas have no `base` and no `spend`: each lies somewhere among the fitted traits (`tilt`),
    and the fit stays what it is. In an authored market every persona has both, and `price_sensitivity` besides.
    `reach` (by channel), `social` and `price_sensitivity` are relative to the average person: only their ratios count,
    so they move nothing that the world states for everybody. So are shares: they are made to add up to 1.
    """

    name: str
    share: Annotated[float, Unknown(0.001, 1.0, "share of the people", "scenario", "A", vary=1.5)]
    description: str = ""
    tilt: Tilt = Tilt()
    base: Base | None = None
    spend: Spend | None = None
    price_sensitivity: Annotated[
        float, Unknown(0.1, 4.0, "elasticity relative to the average person", "scenario", "A", vary=1.25)
    ] = 1.0
    reach: Annotated[
        Mapping[str, float], Unknown(0.0, 10.0, "affinity relative to the average person", "scenario", "A", vary=1.5)
    ] = field(default_factory=dict, hash=False)
    social: Annotated[
        float, Unknown(0.0, 20.0, "invitations relative to the average person", "scenario", "A", vary=1.5)
    ] = 1.0


REFERRAL = "referral"  # the source of those whom a friend has won


@dataclass(frozen=True)
class Economics:
    """What an order earns and costs, and what later money is worth."""

    gross_margin: Annotated[float, Unknown(0.05, 0.95, "share of list price", "scenario", "A", vary=1.2)] = 0.45
    fulfilment_cost: Annotated[float, Unknown(0.0, 1e15, "currency per order", "scenario", "A", vary=1.5)] = 3.0
    payment_cost: Annotated[float, Unknown(0.0, 0.1, "share of price paid", "practitioner pages", "R2", vary=1.5)] = (
        0.025
    )
    reward_cost: Annotated[
        float, Unknown(0.0, 1.0, "cost of a loyalty reward / its value", "scenario", "A", vary=1.2)
    ] = 0.6
    programme_setup: Annotated[
        float, Unknown(0.0, 1e15, "currency, once, to start a loyalty programme", "scenario", "A", vary=2.0)
    ] = 2_000.0
    programme_member: Annotated[
        float, Unknown(0.0, 1e15, "currency per member and year to run a loyalty programme", "scenario", "A", vary=2.0)
    ] = 1.0
    discount_rate: Annotated[float, Unknown(0.0, 0.4, "per year", "convention", "A")] = 0.15
    currency: str = "USD"

    @property
    def weekly_discount(self) -> float:
        """Continuous discount rate per week: ln(1 + annual) / 52."""
        return math.log1p(self.discount_rate) / 52


@dataclass(frozen=True)
class Calendar:
    """Real dates and the season of demand."""

    start: date | None = None
    season_amplitude: Annotated[float, Unknown(0.0, 0.5, "log units", "none unless estimated", "A")] = 0.0
    season_peak_week: Annotated[float, Unknown(0, 52, "weeks after week 0", "scenario", "A")] = 0.0

    def season(self, weeks: int) -> list[float]:
        """Multiplier of everybody's order rate in each week; its mean over a year is 1."""
        waves = [math.exp(self.season_amplitude * math.cos(self._angle(t))) for t in range(max(weeks, 52))]
        mean = math.fsum(waves[:52]) / 52
        return [wave / mean for wave in waves[:weeks]]

    def _angle(self, week: int) -> float:
        return 2 * math.pi * (week % 52 - self.season_peak_week) / 52


@dataclass(frozen=True, eq=False)
class History:
    """The order log before week 0 of imported customers.

    `customer` [m] counts from 0 without gaps, `weeks_before` [m] is how long before week 0 the order was, `amount` [m]
    its value in currency units (None when the log had no amounts). One entry per customer and day, oldest first.
    """

    customer: np.ndarray
    weeks_before: np.ndarray
    amount: np.ndarray | None

    @property
    def n_customers(self) -> int:
        return int(self.customer.max()) + 1 if self.customer.size else 0


@dataclass(frozen=True)
class World:
    """A market: its people, how they react, what things cost, and the policy in force today."""

    name: str = "shop"
    base: Base = Base()
    spend: Spend = Spend()
    population: Population = Population()
    price: PriceResponse = PriceResponse()
    acquisition: Acquisition = Acquisition()
    loyalty: LoyaltyResponse = LoyaltyResponse()
    economics: Economics = Economics()
    calendar: Calendar = Calendar()
    word_of_mouth: WordOfMouth = WordOfMouth()
    channels: tuple[Channel, ...] = ()
    personas: tuple[Persona, ...] = ()
    correlation: Annotated[
        Mapping[str, float], Unknown(-0.95, 0.95, "correlation of normal scores", "scenario", "A")
    ] = field(default_factory=dict, hash=False)  # of two TRAITS within every persona, by "one/other"
    mechanisms: Mapping[str, Any] = field(default_factory=dict, hash=False)  # that this world adds: numbers, by name
    history: History | None = field(default=None, compare=False)
    today: tuple[Play, ...] = field(default=(), hash=False)  # policy under which the customers of week 0 have lived
    today_rate: float = 0.0  # today's standing discount, share of list price: calibrated rates contain it
    order_factor: float = 1.0  # re-centring: keeps today's policy at the calibrated order rate
    departure_factor: float = 1.0  # ... and at the calibrated departure rate or dropout chance

    @property
    def authored(self) -> bool:
        """Whether everybody's traits come from the own rates of a persona, and not from `base` and `spend`."""
        return any(persona.base is not None for persona in self.personas)

    @property
    def correlations(self) -> Mapping[str, float]:
        """Correlations of two traits within every persona, by "one/other": those that the world states, or else what
        hangs together with price sensitivity."""
        if self.correlation:
            return self.correlation
        own = {
            "order_rate/elasticity": self.price.with_order_rate,
            "departure/elasticity": self.price.with_departure,
        }
        return {pair: value for pair, value in own.items() if value != 0}

    @property
    def mean_order(self) -> float:
        """Mean order value over all people, in currency units."""
        if not self.authored:
            return self.spend.mean
        share = math.fsum(persona.share for persona in self.personas)
        parts = ((persona.share, persona.spend or self.spend) for persona in self.personas)
        return math.fsum(part * self.spend.p * spend.gamma / (spend.q - 1) for part, spend in parts) / share

    @property
    def minor(self) -> float:
        """Minor units in one currency unit: cents, finer where an order is worth less than ten currency units and
        coarser beyond 100,000, so that rounding to whole units weighs the same in every currency (an order is worth
        some 10^3 to 10^7 of them) and sums stay exact in 64 bits. A power of ten."""
        digits = math.log10(self.mean_order)
        if digits < 1:
            return 10.0 ** math.ceil(3 - digits)
        return 10.0 ** min(2, math.floor(7 - digits))

    @property
    def sources(self) -> tuple[Channel, ...]:
        """Everything through which customers come: the channels, then friends where people talk about the firm."""
        if not self.word_of_mouth.on:
            return self.channels
        return (*self.channels, Channel(REFERRAL, leads_max=0, p_identified=self.word_of_mouth.p_identified))

    def at_rows(self, customers: int) -> tuple[World, float]:
        """The same market played on `customers` founding rows, and the number of real people per row.

        Budgets, saturation and fixed costs shrink with the market, so that shares, rates and costs per customer stay.
        """
        scale = self.population.customers / customers if self.population.customers and customers else 1.0
        channels = tuple(
            replace(
                c,
                leads_max=c.leads_max / scale,
                half_budget=c.half_budget / scale,
                budget=c.budget / scale,
                fixed_cost=c.fixed_cost / scale,
            )
            for c in self.channels
        )
        prospects = round(self.population.prospects / scale)
        founding = customers if self.population.customers else 0
        population = replace(self.population, customers=founding, prospects=prospects)
        economics = replace(self.economics, programme_setup=self.economics.programme_setup / scale)
        return replace(self, channels=channels, population=population, economics=economics), scale
