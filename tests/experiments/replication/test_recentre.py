"""Today's policy is in the calibrated rates already: playing it must reproduce them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.replication.recentre import moves_people, recentred
from crmlab.experiments.replication.replication import run_replication
from crmlab.sim import Play
from crmlab.sim.clv_models import BGNBD, ParetoNBD
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.deal_learning import DealLearning
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.sim.world import Population, World
from crmlab.strategies import DiscountTiers, PointsAndTiers
from tests.conftest import CDNOW_BG, CDNOW_PARETO, cohort, shop, today

LOYAL = today(Play("tiers", DiscountTiers(silver_spend=30)), Play("points", PointsAndTiers()))


def fresh(base):
    return cohort(base, price=PriceResponse())


def test_todays_budgets_and_standing_discount_need_no_recentring() -> None:
    world = shop(today_rate=0.1)
    assert not moves_people(today())
    assert recentred(world, today()) is world


@pytest.mark.parametrize("base", [CDNOW_PARETO, CDNOW_BG], ids=["pareto_nbd", "bg_nbd"])
def test_a_programme_of_today_leaves_repeat_orders_and_survival_as_calibrated(base) -> None:
    """E[X(52)] and S(52) at default strengths, within 4 standard errors; without re-centring far off."""
    clv_models = (
        ParetoNBD(base.r, base.alpha, base.s, base.beta)
        if base.model == "pareto_nbd"
        else BGNBD(base.r, base.alpha, base.a, base.b)
    )
    world = fresh(base)
    centred = recentred(world, LOYAL, seed=3)
    assert centred.order_factor < 1
    n = 40_000
    people = Market(centred, LOYAL, customers=n, seed=77).run(52).customers
    repeats, there = people.orders - 1.0, people.stage == CUSTOMER
    assert abs(repeats.mean() - float(clv_models.expected_orders(52))) < 4 * repeats.std() / np.sqrt(n)
    assert abs(there.mean() - float(clv_models.survival(52))) < 4 * there.std() / np.sqrt(n)
    plain = Market(world, LOYAL, customers=n, seed=77).run(52).customers.orders - 1.0
    assert plain.mean() - float(clv_models.expected_orders(52)) > 8 * repeats.std() / np.sqrt(n)


def test_an_experiment_on_such_a_world_is_recentred_for_every_arm() -> None:
    world = shop(population=Population(customers=500, prospects=500))
    arms = (Arm("today", LOYAL), Arm("without", today()))
    experiment = Experiment("x", world, arms, Design(weeks=30, customers=500, replications=2))
    simulated = {run.arm: run.kpis["orders"] for run in run_replication(experiment, 0)}
    naive = replace(experiment, arms=(Arm("baseline", today()), Arm("programme", LOYAL)))
    unmoved = {run.arm: run.kpis["orders"] for run in run_replication(naive, 0)}
    assert simulated["today"] < unmoved["programme"], "today must not count its own effect twice"
    assert simulated["without"] < unmoved["baseline"], "to end the programme is a loss against today"


FAILING = {
    "failures": Failures(product=0.08, delivery=0.09, courtesy=0.04, billing=0.015),
    "service_desk": ServiceDesk(questions_per_order=0.2),
    "satisfaction": Satisfaction(),
}


def founding_year(world: World, replication: int = 0) -> tuple[float, float]:
    """Orders within a year, and share still there after it, of each of the customers of week 0."""
    market = Market(world, today(), replication=replication)
    before = market.customers.orders[: market.n_founding].copy()
    people = market.run(52).customers
    orders = people.orders[: market.n_founding] - before
    return float(orders.mean()), float((people.stage[: market.n_founding] == CUSTOMER).mean())


def test_failures_and_waits_of_today_are_in_the_rates_already() -> None:
    """Customers order and stay as without the mechanisms, which were at work when the log was written."""
    plain = shop(population=Population(4000, 12000))
    added = replace(plain, mechanisms=FAILING)
    adapted = recentred(added, today())
    assert adapted.departure_factor < 0.95
    assert adapted.order_factor > 1.0
    wanted, naive, found = (
        np.mean([founding_year(world, replication) for replication in (1, 2, 3)], axis=0)
        for world in (plain, added, adapted)
    )
    se_stay = math.sqrt(wanted[1] * (1 - wanted[1]) / 12_000)
    assert abs(found[1] - wanted[1]) < 4 * se_stay
    assert naive[1] < wanted[1] - 2 * abs(found[1] - wanted[1])
    assert abs(found[0] / wanted[0] - 1) < 0.02
    assert naive[0] / wanted[0] < 0.97


def test_a_mechanism_that_moves_nobody_under_todays_policy_leaves_the_rates_as_they_are() -> None:
    world = shop(mechanisms={"deal_learning": DealLearning()})
    adapted = recentred(world, today())
    assert (adapted.order_factor, adapted.departure_factor) == (world.order_factor, world.departure_factor)
