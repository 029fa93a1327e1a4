"""Today's policy is in the calibrated rates already: playing it must reproduce them."""

from __future__ import annotations

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
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.world import Population
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
