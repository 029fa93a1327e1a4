"""Deal learning: what a history of price cuts does, against its closed form, and at its limits."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crmlab.experiments
from crmlab.experiments.files.world_file import load_world
from crmlab.sim import Play, check_mechanism
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.deal_learning import MATURE_BRAND, DealLearning
from crmlab.sim.mechanisms.deal_learning.deals import Deals
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.world import Base, Population
from crmlab.strategies import CouponCampaign, DiscountTiers, PriceCut
from tests.conftest import shop, today
from tests.sim.test_oracle import assert_same_people

CUT = 0.2
LATE = slice(150, 200)  # by then all is learned, and all that was borrowed is paid back every week
REPLICATIONS = 4


def market(numbers: DealLearning | None, plays: tuple[Play, ...], replication: int = 0, weeks: int = 200) -> Market:
    """A thousand customers who never leave, one order in two weeks each, all with an elasticity of 1.8."""
    world = shop(
        base=Base(model="nbd", r=1e4, alpha=2e4),
        price=PriceResponse(elasticity=1.8, elasticity_cv=0.0),
        population=Population(customers=1000, prospects=0),
        channels=(),
        mechanisms={} if numbers is None else {"deal_learning": numbers},
    )
    return Market(world, plays, customers=1000, replication=replication).run(weeks)


def elasticity_of_discounting(numbers: DealLearning | None) -> tuple[float, float]:
    """Of a permanent cut, in the long run: log orders gained per log price lost, with its standard error."""
    cut = (Play("cut", PriceCut(CUT)),)
    gained = []
    for replication in range(REPLICATIONS):
        plain, lifted = (market(numbers, plays, replication).books["orders"][LATE].sum() for plays in ((), cut))
        gained.append(math.log(lifted / plain) / -math.log(1 - CUT))
    return float(np.mean(gained)), float(np.std(gained, ddof=1) / math.sqrt(REPLICATIONS))


def expected(sensitivity: float, erosion: float) -> float:
    """elasticity * (1 + sensitivity * D - erosion), less what is borrowed of what the price brings."""
    log_effect = 1.8 * -math.log(1 - CUT)
    price, other = log_effect, log_effect * (sensitivity * CUT - erosion)
    lifted = math.exp(price + other) - 0.15 * max(0.0, math.exp(price + other) - math.exp(other))
    return math.log(lifted) / -math.log(1 - CUT)


@pytest.mark.parametrize("numbers", [DealLearning(0.5, 0.0), DealLearning(0.0, 0.5), DealLearning(0.5, 0.33)])
def test_the_long_run_elasticity_is_that_of_the_closed_form(numbers: DealLearning) -> None:
    found, se = elasticity_of_discounting(replace(numbers, carry_over=0.9))
    assert abs(found - expected(numbers.sensitivity, numbers.erosion)) < 4 * se
    assert se < 0.06


def test_a_mature_brand_gains_next_to_nothing_for_good_from_permanent_discounting() -> None:
    """Over many brands the total elasticity to discounting is about 0.04, and a third of the first effect is lost."""
    without, _ = elasticity_of_discounting(None)
    mature, se = elasticity_of_discounting(MATURE_BRAND)
    print(f"elasticity of permanent discounting: {without:.2f} without deal learning, {mature:.3f} +- {se:.3f} mature")
    assert without > 1.4
    assert 0.04 - 2 * se < mature < 0.2 + 2 * se
    assert se < 0.05


def test_what_is_learned_is_the_moving_average_of_the_cuts_on_offer() -> None:
    learned = Deals.of(market(DealLearning(), (Play("cut", PriceCut(CUT), stop=10),), weeks=30)).columns.deal_learned
    np.testing.assert_allclose(learned, CUT * (1 - 0.95**10) * 0.95**20, rtol=1e-5)


def test_where_no_price_was_ever_cut_nobody_lives_otherwise() -> None:
    without, idle = market(None, (), weeks=40), market(DealLearning(1.5, 1.0), (), weeks=40)
    for name in ("order_clock", "spend", "reference"):
        np.testing.assert_array_equal(without.column(name), idle.column(name))


def test_it_keeps_the_contract_of_mechanisms() -> None:
    check_mechanism(DealLearning)


@pytest.mark.plain
def test_what_today_has_taught_is_known_at_week_0_and_told_alike_by_agents() -> None:
    plays = today(
        Play("tiers", DiscountTiers(silver_spend=20.0)), Play("coupons", CouponCampaign(rate=0.25, every_weeks=3))
    )
    world = shop(
        base=Base(model="bg_nbd", r=2.0, alpha=4.0),
        price=replace(PriceResponse(), coupon_use=0.8),
        population=Population(customers=120, prospects=200),
        mechanisms={"deal_learning": DealLearning()},
        today=plays,
    )
    opening = Deals.of(Market(world, plays, customers=120)).columns.deal_learned
    assert (opening[:120] > 0).mean() > 0.2
    assert_same_people(world, plays, weeks=15)


def test_a_world_file_names_it(tmp_path) -> None:
    text = (Path(crmlab.experiments.__file__).parent / "worlds" / "shop.toml").read_text()
    file = tmp_path / "deals.toml"
    file.write_text(
        text + '\n[[mechanism]]\nkind = "crmlab.sim.mechanisms.deal_learning:DealLearning"\nerosion = 0.5\n'
    )
    assert load_world(file).world.mechanisms == {"deal_learning": DealLearning(erosion=0.5)}
