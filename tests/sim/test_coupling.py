"""The same people with the same luck under every policy."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.experiments.statistics.effects import variance_reduction
from crmlab.sim import Play
from crmlab.sim.clv_models import ParetoNBD
from crmlab.sim.customers import GONE
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.world import Base, Population
from crmlab.strategies import DiscountTiers, DoNothing, PriceCut
from tests.conftest import INSENSITIVE, cohort, columns_of, shop, today

ELASTIC = replace(PriceResponse(), elasticity_cv=0.0, gain=0.0, pull_forward=0.0)


def state_of(market: Market) -> dict[str, np.ndarray]:
    week, orders = market.order_log.table()
    return columns_of(market) | {"order_week": week, **orders._asdict()}


def assert_identical(a: Market, b: Market) -> None:
    theirs = state_of(b)
    for name, column in state_of(a).items():
        np.testing.assert_array_equal(column, theirs[name], name)


@pytest.mark.plain
def test_the_same_world_twice_is_the_same_bit_for_bit() -> None:
    assert_identical(Market(shop(), today()).run(30), Market(shop(), today()).run(30))


def test_another_replication_is_another_world() -> None:
    a, b = (Market(shop(), today(), replication=r).run(10) for r in (0, 1))
    assert not np.array_equal(a.customers.order_rate, b.customers.order_rate)
    assert not np.array_equal(a.customers.spend, b.customers.spend)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(Play("idle", DoNothing()), id="a strategy that does nothing"),
        pytest.param(Play("zero", PriceCut(rate=0.0)), id="a price cut of nothing"),
        pytest.param(Play("flat", DiscountTiers(silver_rate=0.0, gold_extra=0.0)), id="tiers without discounts"),
        pytest.param(Play("never", PriceCut(rate=0.2), start=40), id="a play that has not started"),
    ],
)
def test_a_play_without_effect_changes_no_bit(extra: Play) -> None:
    assert_identical(Market(shop(), today()).run(30), Market(shop(), today(extra)).run(30))


def test_the_name_of_a_channel_and_an_unused_one_at_the_end_change_no_bit() -> None:
    plain = Market(shop(), today()).run(30)
    channels = shop().channels
    renamed = (replace(channels[0], name="search"), *channels[1:], Channel("unused", leads_max=0, half_budget=100))
    other = Market(shop(channels=renamed), today()).run(30)
    theirs = state_of(other)
    for name, column in state_of(plain).items():
        np.testing.assert_array_equal(column, theirs[name][:, :5] if name == "reach" else theirs[name], name)


@pytest.mark.parametrize("kind", ["customer", "prospect"])
def test_one_more_person_changes_nobody_else(kind: str) -> None:
    """The market grows by one row of one kind, its channels in proportion to the prospects: sharing is off."""
    small = shop(population=Population(customers=600, prospects=3000))
    grown = replace(small.population, **{kind + "s": getattr(small.population, kind + "s") + 1})
    share = grown.prospects / small.population.prospects
    channels = tuple(replace(c, leads_max=c.leads_max * share) for c in small.channels)
    a = Market(small, today()).run(30)
    b = Market(replace(small, population=grown, channels=channels), today()).run(30)
    new_row = 600 if kind == "customer" else 3600
    for name in ("orders", "spend", "stage", "source", "identified", "order_rate", "elasticity"):
        others = np.delete(getattr(b.customers, name), new_row)
        np.testing.assert_array_equal(getattr(a.customers, name), others, name)


def test_a_small_market_holds_the_first_people_of_a_large_one() -> None:
    a, b = Market(shop(), today(), customers=300), Market(shop(), today(), customers=900)
    for name in ("order_rate", "departure_rate", "mean_order", "elasticity", "orders", "spend", "order_clock"):
        np.testing.assert_array_equal(getattr(a.customers, name)[:300], getattr(b.customers, name)[:300], name)
        np.testing.assert_array_equal(
            getattr(a.customers, name)[300:1800], getattr(b.customers, name)[900:2400], f"{name} of prospects"
        )


def test_a_stronger_pull_never_loses_a_customer_an_order() -> None:
    """Pathwise monotone, customer by customer, while there is no feedback from the price (no reference, no debt)."""
    for model in ("pareto_nbd", "bg_nbd"):
        world = cohort(Base(model=model), price=ELASTIC)
        counts = [
            Market(world, (Play("cut", PriceCut(rate)),), customers=4000).run(40).customers.orders
            for rate in (0.0, 0.05, 0.1, 0.2)
        ]
        for weaker, stronger in itertools.pairwise(counts):
            assert (stronger >= weaker).all()
        assert counts[-1].sum() > counts[0].sum()


@settings(max_examples=15, deadline=None)
@given(
    r=st.floats(0.3, 5), alpha=st.floats(2, 30), low=st.floats(0, 0.3), more=st.floats(0, 0.2), seed=st.integers(0, 99)
)
def test_monotone_in_the_hazard_whatever_the_world(r: float, alpha: float, low: float, more: float, seed: int) -> None:
    world = cohort(Base(r=r, alpha=alpha), price=ELASTIC)
    weaker, stronger = (
        Market(world, (Play("cut", PriceCut(rate)),), customers=200, seed=seed).run(15).customers.orders
        for rate in (low, min(low + more, 0.5))
    )
    assert (stronger >= weaker).all()


def test_coupled_arms_still_follow_their_own_closed_form() -> None:
    """A price cut with equal sensitivity is the same model with a faster clock: alpha / multiplier."""
    base = Base()
    lift = 0.9**-1.8
    n = 40_000
    x = Market(cohort(price=ELASTIC), (Play("cut", PriceCut(0.1)),), customers=n, seed=21).run(52).customers.orders - 1
    target = float(ParetoNBD(base.r, base.alpha / lift, base.s, base.beta).expected_orders(52))
    assert abs(x.mean() - target) < 4 * x.std() / np.sqrt(n)


def test_pure_pull_forward_moves_orders_and_changes_none() -> None:
    """Everything borrowed is paid back: the order count of those who stay does not change by one."""
    price = replace(ELASTIC, pull_forward=1.0, repayment_weeks=1.0)
    world = cohort(price=price)
    cut = Play("cut", PriceCut(0.2), start=10, stop=13)
    plain, pulled = Market(world, customers=20_000).run(40), Market(world, (cut,), customers=20_000).run(40)
    stayed = plain.customers.stage != GONE
    np.testing.assert_array_equal(plain.customers.stage, pulled.customers.stage)
    np.testing.assert_array_equal(plain.customers.orders[stayed], pulled.customers.orders[stayed])
    assert pulled.books["orders"][10] > 1.3 * plain.books["orders"][10]


def test_departures_do_not_depend_on_the_price() -> None:
    plain = Market(shop(price=INSENSITIVE), today()).run(30)
    cheap = Market(shop(price=INSENSITIVE), today(Play("cut", PriceCut(0.3)))).run(30)
    np.testing.assert_array_equal(plain.customers.orders, cheap.customers.orders)
    np.testing.assert_array_equal(plain.customers.stage, cheap.customers.stage)
    assert cheap.customers.spend.sum() < plain.customers.spend.sum()


@dataclass(frozen=True)
class Reference:
    name: str
    play: Play
    min_base: float  # the customers the firm already has
    min_market: float  # with acquisition, where extra customers are genuinely new luck


POLICIES = (
    Reference("5 % off always", Play("cut", PriceCut(0.05)), 30, 15),
    Reference("tiers 5/10 %", Play("tiers", DiscountTiers()), 30, 30),
    Reference("10 % off always", Play("cut", PriceCut(0.10)), 22, 7),
    Reference("20 % off always", Play("cut", PriceCut(0.20)), 5, 3),
)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_coupling_makes_a_replication_worth_many(policy: Reference) -> None:
    """Decisions 27, on orders over 52 weeks. The factor does not depend on the number of customers; at 60 replications
    its own error is about a fifth of it, hence the distance to the figures that the benchmark prints."""
    base = shop(population=Population(customers=600, prospects=0))
    for world, least in ((base, policy.min_base), (shop(), policy.min_market)):
        orders = [
            [Market(world, plays, customers=2000, replication=r).run(52).books["orders"].sum() for r in range(60)]
            for plays in (today(policy.play), today())
        ]
        assert variance_reduction(np.array(orders[0]), np.array(orders[1])) > least
