"""Customers all but alike: worlds at the largest shapes live as their closed forms say."""

from dataclasses import replace

import numpy as np
import pytest

from crmlab.sim.clv_models import BGNBD, NBD, ParetoNBD, RepeatModel
from crmlab.sim.market import Market
from crmlab.sim.world import Base
from tests.conftest import cohort, today

PEOPLE, WEEKS = 4_000, 52


@pytest.mark.parametrize(
    ("base", "model"),
    [
        (Base(model="nbd", r=100, alpha=800), NBD(100, 800)),
        (Base(model="pareto_nbd", r=100, alpha=476, s=100, beta=6653), ParetoNBD(100, 476, 100, 6653)),
        (Base(model="bg_nbd", r=0.5, alpha=3, a=100, b=1500), BGNBD(0.5, 3, 100, 1500)),
        (Base(model="bg_nbd", r=3, alpha=0.5, a=2, b=198), BGNBD(3, 0.5, 2, 198)),
    ],
)
def test_a_year_of_equal_customers_brings_what_the_closed_form_says(base: Base, model: RepeatModel) -> None:
    world = cohort(base)
    world = replace(world, population=replace(world.population, customers=PEOPLE))
    market = Market(world, today()).run(WEEKS)
    orders = np.bincount(market.order_log.table(since=0)[1].row, minlength=PEOPLE)
    expected = float(model.expected_orders(WEEKS))
    assert abs(orders.mean() - expected) < 4 * orders.std() / np.sqrt(PEOPLE)
