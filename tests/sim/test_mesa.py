"""A market is a Mesa model like any other: it can be stepped, collected from, run in batches, shared with agents."""

from __future__ import annotations

import mesa
import pandas as pd
import pytest
from mesa.batchrunner import batch_run

from crmlab.sim import Play
from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.mechanisms.acquisition.channels import Channel
from crmlab.strategies import DiscountTiers
from tests.conftest import shop, today

WEEKS = 6


def small_market(replication: int = 0) -> Market:
    return Market(shop(), today(), customers=200, replication=replication)


def test_a_market_is_stepped_week_by_week_as_any_model():
    market = small_market()
    assert isinstance(market, mesa.Model)
    for week in range(WEEKS):
        assert market.week == market.steps == week
        market.step()
    assert read_all(market) == read_all(small_market().run(WEEKS))


def test_a_collector_of_ones_own_reads_model_and_channels():
    market = small_market()
    collector = mesa.DataCollector(
        model_reporters={"orders": lambda m: int(m.books.latest("orders")), "week": "week"},
        agent_reporters={"spend": "spend", "clock": "clock"},
    )
    for _ in range(WEEKS):
        market.step()
        collector.collect(market)
    weekly, channels = collector.get_model_vars_dataframe(), collector.get_agent_vars_dataframe()
    assert weekly["orders"].tolist() == market.datacollector.get_model_vars_dataframe()["orders"].tolist()
    assert len(channels) == WEEKS * len(Acquisition.of(market).channels)
    assert (channels["clock"].unstack().diff().iloc[1:] >= 0).all().all()


def test_a_collector_put_in_place_of_the_markets_own_is_filled_by_it():
    market = small_market()
    market.datacollector = mesa.DataCollector(
        model_reporters={"leads": lambda m: m.books.by_channel("leads")[-1].sum() / m.scale}
    )
    market.run(WEEKS)
    assert len(market.datacollector.get_model_vars_dataframe()) == WEEKS


def test_channels_are_an_agent_set():
    market = small_market()
    market.step()
    assert list(market.agents) == list(market.agents_by_type[Channel]) == Acquisition.of(market).channels
    paid = market.agents.select(lambda channel: channel.spec.half_budget > 0)
    assert {channel.spec.name for channel in paid} == {"paid_search", "paid_social", "content", "marketplace"}
    assert market.agents.agg("spend", sum) == pytest.approx(sum(c.spend for c in Acquisition.of(market).channels))
    groups = market.agents.groupby(lambda channel: channel.spec.half_budget > 0)
    assert groups.count() == {True: 4, False: 1}
    assert [c.number for c in market.agents.sort("number", ascending=False)] == [4, 3, 2, 1, 0]


class Bystander(mesa.Agent):
    """Looks on, and rolls dice."""

    def look_on(self) -> None:
        self.seen = (int(self.model.counts.sum()), self.model.random.random(), self.model.rng.random())


def test_agents_of_ones_own_live_in_the_market_and_change_nobodys_luck():
    watched = small_market()
    Bystander.create_agents(watched, 3)
    for _ in range(WEEKS):
        watched.agents_by_type[Bystander].shuffle_do("look_on")
        watched.step()
    assert len(watched.agents) == 3 + len(Acquisition.of(watched).channels)
    assert read_all(watched) == read_all(small_market().run(WEEKS))


class TieredShop(Market):
    """What docs/python.md shows: the parameters of a batch are those of the subclass."""

    def __init__(self, silver_rate: float = 0.05, replication: int = 0) -> None:
        tiers = Play("tiers", DiscountTiers(silver_spend=20.0, silver_rate=silver_rate, gold_extra=0.0))
        super().__init__(shop(), today(tiers), customers=200, replication=replication)


def batch(**more) -> pd.DataFrame:
    parameters = {"silver_rate": [0.0, 0.1], "replication": range(2)}
    return pd.DataFrame(batch_run(TieredShop, parameters, max_steps=WEEKS - 1, display_progress=False, **more))


def test_a_batch_lives_every_combination_and_replications_are_coupled():
    rows = batch(data_collection_period=1)
    assert len(rows) == 2 * 2 * WEEKS
    orders = rows.pivot_table(index=["replication", "Step"], columns="silver_rate", values="orders")
    for replication in range(2):
        alone = small_market(replication).run(WEEKS).datacollector.get_model_vars_dataframe()["orders"]
        assert orders.loc[replication][0.0].tolist() == alone.tolist()  # tiers without a discount change nobody's week
    assert orders[0.1].sum() > orders[0.0].sum()


def test_a_market_itself_goes_into_a_batch_with_its_arguments_as_parameters():
    plays = [today(), today(Play("tiers", DiscountTiers(silver_spend=20.0)))]
    parameters = {"world": [shop()], "plays": plays, "customers": 200, "replication": [0, 1]}
    rows = batch_run(Market, parameters, max_steps=WEEKS - 1, display_progress=False)
    assert len(rows) == 4
    assert {row["Step"] for row in rows} == {WEEKS - 1}


@pytest.mark.slow
def test_a_batch_over_processes_is_equal_to_one_in_this_process():
    pd.testing.assert_frame_equal(
        batch().sort_values("RunId", ignore_index=True),
        batch(number_processes=2).sort_values("RunId", ignore_index=True),
    )
