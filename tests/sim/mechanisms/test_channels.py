"""Channels: acceptance rows 6 and 7, depletion, and money into leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crmlab.experiments.replication.tables import run_tables
from crmlab.sim import Play
from crmlab.sim.customers import COLD, LEAD, PROSPECT
from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.mechanisms.acquisition.channels import hill_elasticity, hill_leads
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.world import Population
from crmlab.strategies import ChannelMix, DoNothing
from tests.conftest import shop, today

SEARCH = Channel("search", leads_max=100, half_budget=1000, budget=1000, half_life_weeks=2)


@pytest.mark.parametrize("pressure", [250.0, 1000.0, 4000.0])
@pytest.mark.parametrize("slope", [0.7, 1.0, 1.5])
def test_average_over_marginal_cac_is_the_hill_elasticity(pressure: float, slope: float) -> None:
    channel = replace(SEARCH, hill_slope=slope)
    up, down = hill_leads(channel, pressure * 1.005), hill_leads(channel, pressure * 0.995)
    marginal_cac = 0.01 * pressure / (up - down)
    average_cac = pressure / hill_leads(channel, pressure)
    assert average_cac / marginal_cac == pytest.approx(hill_elasticity(channel, pressure), rel=0.01)


def test_the_published_elasticities_at_slope_one() -> None:
    for x, elasticity in ((0.25, 0.8), (0.5, 0.667), (1, 0.5), (2, 0.333), (4, 0.2)):
        assert hill_elasticity(SEARCH, 1000 * x) == pytest.approx(elasticity, abs=5e-4)
    organic = Channel("organic", leads_max=7)
    assert hill_leads(organic, 0) == hill_leads(organic, 1e6) == 7
    assert hill_elasticity(organic, 1e6) == 0


class OneBurst:
    """Spends once and never again."""

    def decide(self, view):
        from crmlab.sim import ChannelBudget

        return [ChannelBudget("search", 1.0)] if view.week == 0 else []


@pytest.mark.parametrize(
    ("half_life", "multiplier", "weeks_90"), [(1, 2.0, 3.3), (2, 3.4, 6.6), (4, 6.3, 13.3), (8, 12.0, 26.6)]
)
def test_one_burst_of_advertising_fades_as_the_table_says(half_life: float, multiplier: float, weeks_90: float) -> None:
    channel = replace(SEARCH, half_life_weeks=half_life, budget=0.0)
    market = Market(shop(channels=(channel,)), (Play("burst", OneBurst()),))
    adstock = []
    for _ in range(400):
        market.step()
        adstock.append(Acquisition.of(market).channels[0].adstock)
    theta = 0.5 ** (1 / half_life)
    assert sum(adstock) == pytest.approx(1 / (1 - theta), rel=1e-9)
    assert sum(adstock) == pytest.approx(multiplier, abs=0.06)
    assert np.log(0.1) / np.log(theta) == pytest.approx(weeks_90, abs=0.06)
    assert adstock[10] == pytest.approx(theta**10, rel=1e-12)


def test_todays_budget_brings_its_steady_number_of_leads_from_the_first_week_on() -> None:
    world = shop(channels=(SEARCH,), population=Population(customers=100, prospects=100_000))
    leads = np.array([Market(world, today(), replication=r).run(4).books["leads"] for r in range(30)])
    expected = hill_leads(SEARCH, SEARCH.budget)  # 50 a week; depletion in four weeks is 0.2 %
    for week in range(4):
        assert abs(leads[:, week].mean() - expected) < 4 * np.sqrt(expected / 30) + 0.003 * expected


def test_first_orders_flow_from_the_first_week_on_because_there_are_leads_already() -> None:
    world = shop(channels=(SEARCH,), population=Population(customers=100, prospects=100_000))
    first = np.array([Market(world, today(), replication=r).run(4).books["first_orders"] for r in range(40)])
    expected = hill_leads(SEARCH, SEARCH.budget) * SEARCH.p_convert
    for week in range(4):
        assert abs(first[:, week].mean() - expected) < 4 * np.sqrt(expected / 40)


def test_the_market_depletes_by_itself() -> None:
    world = shop(channels=(replace(SEARCH, leads_max=2000, affinity_cv=0.0),), population=Population(100, 5000))
    market = Market(world, today()).run(30)
    left = (market.customers.stage[100:] == PROSPECT).mean()
    reach_per_week = hill_leads(world.channels[0], 1000) / 5000
    weeks_a_lead = 4.0 * (1 - world.channels[0].p_convert)  # those who were leads at week 0
    assert left == pytest.approx(np.exp(-(30 + weeks_a_lead) * reach_per_week), abs=4 * np.sqrt(left / 5000))
    assert market.books["leads"][-5:].mean() < 0.05 * market.books["leads"][:5].mean()


def test_leads_convert_as_often_as_their_channel_says() -> None:
    channel = replace(SEARCH, leads_max=3000, p_convert=0.3)
    market = Market(shop(channels=(channel,), population=Population(100, 20_000)), today()).run(12)
    market = _without_new_leads(market)
    reached = market.customers.source[100:] == 0
    assert not (market.customers.stage[100:][reached] == LEAD).any()
    bought = market.customers.orders[100:][reached] > 0
    assert abs(bought.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / bought.size)
    assert ((market.customers.stage[100:][reached] == COLD) == ~bought).all()


def _without_new_leads(market: Market) -> Market:
    """Wait until every lead has decided: 80 mean lives later nobody hesitates."""
    market.plays = (Play("none", DoNothing()),)
    Acquisition.of(market).channels[0].adstock = 0.0
    return market.run(80)


def test_doubling_a_budget_brings_less_than_twice_the_customers_and_raises_cac() -> None:
    double = Play("mix", ChannelMix(total=2.0))
    plain, more = Market(shop(), today(), customers=3000).run(40), Market(shop(), today(double), customers=3000).run(40)
    assert plain.books["first_orders"].sum() < more.books["first_orders"].sum()
    cac = [m.books["media"].sum() / m.books["first_orders"].sum() for m in (plain, more)]
    assert cac[1] > 1.2 * cac[0]


def test_budgets_of_the_real_market_shrink_with_the_rows() -> None:
    small, large = (Market(shop(), today(), customers=n).run(30) for n in (600, 6000))
    assert small.scale == 1.0
    assert large.scale == 0.1
    assert small.books["media"][0] == large.books["media"][0] == pytest.approx(2600)
    a, b = small.books["first_orders"].sum(), large.books["first_orders"].sum()
    assert abs(a - b) < 4 * np.sqrt(a + b / 10)


def test_a_channel_can_cost_per_week_and_per_new_customer() -> None:
    channel = replace(SEARCH, fixed_cost=40.0, success_fee=7.5)
    world = shop(channels=(channel,), population=Population(customers=100, prospects=20_000))
    market = Market(world, today()).run(20)
    new = int(market.books["first_orders"].sum())
    assert new > 50
    assert market.ledger.balances()["channel fees"] == 20 * 4000 + new * 750
    table = run_tables(market)["channels"].set_index("channel")
    assert table.loc["search", "spend"] == pytest.approx(20 * 1040 + new * 7.5)
    assert read_all(market)["cac"] == pytest.approx((20 * 1040 + new * 7.5) / new)


def test_commission_is_paid_on_every_order_of_the_channel_and_shown_by_channel() -> None:
    market = Market(shop(), today(), customers=3000).run(30)
    _, orders = market.order_log.table()
    theirs = market.customers.source[orders.row] == 3
    paid = -market.ledger.balances()["cash"]  # direction only; the amount is checked below
    assert paid != 0
    booked = market.ledger.balances()["commissions"]
    assert booked == np.rint(orders.paid[theirs] * 0.12).sum()
    table = run_tables(market)["channels"].set_index("channel")
    assert table.loc["organic", "spend"] == 0
    assert table.loc["paid_search", "cac"] > 0
    at_half = table.loc["paid_search"]
    assert at_half["cac_marginal"] == pytest.approx(2 * at_half["cac"], rel=1e-6)  # half saturation
