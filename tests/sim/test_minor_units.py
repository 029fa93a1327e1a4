"""Money in whole minor units: a shop keeps its verdict when its prices are written in another currency."""

from dataclasses import replace

import pytest

from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.plays import Play
from crmlab.sim.world import Population, Spend, World
from crmlab.strategies import PointsAndTiers, PriceCut
from tests.conftest import shop, today
from tests.sim.test_oracle import assert_same_people


def in_units_of(world: World, factor: float) -> World:
    """The same shop with every amount of money written `factor` times as large."""
    channels = tuple(
        replace(c, half_budget=c.half_budget * factor, budget=c.budget * factor, fixed_cost=c.fixed_cost * factor)
        for c in world.channels
    )
    spend = replace(world.spend, gamma=world.spend.gamma * factor)
    economics = replace(world.economics, fulfilment_cost=world.economics.fulfilment_cost * factor)
    return replace(world, channels=channels, spend=spend, economics=economics)


@pytest.mark.parametrize(
    ("mean", "minor"),
    [(35.0, 100), (10.0, 100), (99_999.0, 100), (5.0, 1000), (0.06, 100_000), (1.2e-6, 1e9), (3e6, 1), (4e9, 1e-3)],
)
def test_an_order_is_worth_a_thousand_to_ten_million_minor_units(mean: float, minor: float) -> None:
    world = World(spend=Spend(p=6.0, q=4.0, gamma=mean / 2))
    assert world.minor == pytest.approx(minor)
    assert 1e3 - 1e-6 <= world.minor * mean <= 1e7


@pytest.mark.parametrize("factor", [1 / 600, 1e-9, 25_000.0, 1e10])
def test_a_price_cut_changes_profit_by_the_same_share_in_every_currency(factor: float) -> None:
    def effect(world: World) -> float:
        plain, cut = (
            read_all(Market(world, today(*plays), customers=400).run(40))["contribution"]
            for plays in ((), (Play("cut", PriceCut(rate=0.05)),))
        )
        return cut / plain - 1

    assert effect(in_units_of(shop(), factor)) == pytest.approx(effect(shop()), abs=0.0005)


@pytest.mark.parametrize("factor", [1 / 600, 1e10])
def test_the_books_say_the_same_in_every_currency(factor: float) -> None:
    market = Market(in_units_of(shop(), factor), today(), customers=300).run(30)
    reference = Market(shop(), today(), customers=300).run(30)
    assert market.order_log.table(since=0)[1].n == reference.order_log.table(since=0)[1].n
    assert sum(market.ledger.balances().values()) == 0
    sales = abs(reference.ledger.balances()["sales"]) / reference.minor
    for name, amount in reference.ledger.balances().items():
        ours = market.ledger.balances()[name] / market.minor / factor
        assert ours == pytest.approx(amount / reference.minor, abs=1e-4 * sales), name


def test_agents_and_compiled_pass_agree_on_points_where_cents_are_too_coarse() -> None:
    world = in_units_of(shop(population=Population(customers=120, prospects=400, history_weeks=60)), 1 / 600)
    assert world.minor == 100_000
    play = Play("loyalty", PointsAndTiers(silver_spend=1.0, silver_rate=0.03, reward_value=1.0, welcome_share=0.4))
    market = assert_same_people(world, today(play), weeks=20)
    assert sum(week.issued for week in Loyalty.of(market).weeks.values()) > 0
