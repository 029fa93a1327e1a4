"""Two engines, one truth: the compiled pass and one Mesa agent per person must agree bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crmlab.sim import ChannelBudget, Coupon, Discount, FirstOrderOffer, Play, PublicDiscount, Tag, Target
from crmlab.sim.agent_market import AgentMarket
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.price.prices import Prices
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.referral.referral import Referral
from crmlab.sim.world import Base, Calendar, Persona, Population, Tilt
from crmlab.strategies import ChannelMix, CouponCampaign, DiscountTiers, PointsAndTiers, PriceCut, ReferralReward
from tests.conftest import shop, today


@dataclass(frozen=True)
class ForEverybody:
    """Public actions, changing from week to week."""

    def decide(self, view):
        return [
            PublicDiscount(0.05 if view.week % 3 == 0 else 0.0),
            PublicDiscount(0.10, channel="organic"),
            FirstOrderOffer(0.15, channel="paid_social"),
            ChannelBudget("content", 800.0),
        ]


@dataclass(frozen=True)
class ForCustomers:
    """Actions on identified customers, changing from week to week."""

    def decide(self, view):
        lucky = view.uniform("coupon") < 0.7
        actions = [
            Discount(np.where(view.orders_52 > 1, 0.12, 0.0)),
            Tag("lucky", lucky, weeks=10),
        ]
        if view.week % 5 == 1:
            actions.append(Coupon(np.where(view.tag("lucky"), 0.2, 0.15), to=lucky, weeks=4))
        return actions


PLAYS = today(
    Play("public", ForEverybody()),
    Play("own", ForCustomers(), holdout=0.2, ramp_weeks=3),
    Play("tiers", DiscountTiers(), target=Target(bands={"orders": (2, 99)}), start=2, stop=30),
    Play("mix", ChannelMix(factors={"paid_search": 2.0})),
    Play(
        "loyalty",
        PointsAndTiers(silver_spend=40, silver_rate=0.03, expiry_weeks=13, reward_value=1.0, welcome_share=0.4),
        stop=40,
    ),
    Play("friends", ReferralReward(reward=1.0, max_rewards=1), start=3),
)
TALKATIVE = WordOfMouth(
    p_invite=0.4, accept_strong=0.6, accept_weak=0.5, p_warn=0.6, false_claims=0.2, p_identified=0.8
)


def assert_same_people(world, plays, weeks: int, customers: int = 120) -> Market:
    market = Market(world, plays, customers=customers, seed=3, replication=2)
    agents = AgentMarket(world, plays, customers=customers, seed=3, replication=2)
    for week in range(weeks):
        market.step()
        agents.step()
        for name in (name for owner in market.owners for name in owner.names()):
            np.testing.assert_array_equal(market.column(name), agents.column(name), f"{name} in week {week}")
        ours, theirs = market.order_log.week(week), agents.order_log.week(week)
        for name in ours._fields:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), f"order {name} in week {week}")
        np.testing.assert_array_equal(market.counts, agents.counts)
        np.testing.assert_array_equal(market.books.by_channel("leads"), agents.books.by_channel("leads"))
    assert Loyalty.of(market).weeks == Loyalty.of(agents).weeks
    for ours, theirs in zip(Prices.of(market).columns.lines, Prices.of(agents).columns.lines, strict=True):
        np.testing.assert_array_equal(ours, theirs, "coupons")
    assert Referral.of(market).weeks == Referral.of(agents).weeks
    assert market.ledger.journal == agents.ledger.journal
    assert sum(market.order_log.week(week).n for week in range(weeks)) > 20
    return market


@pytest.mark.plain
@pytest.mark.parametrize(
    ("model", "graph"), [("pareto_nbd", "small_world"), ("bg_nbd", "scale_free"), ("nbd", "small_world")]
)
def test_a_year_with_everything_on_is_the_same_told_by_agents(model: str, graph: str) -> None:
    world = shop(
        base=Base(model=model, r=1.0, alpha=6.0),
        calendar=Calendar(season_amplitude=0.3, season_peak_week=10),
        today_rate=0.02,
        price=replace(PriceResponse(), p_exposure=0.5, first_order_gain=0.3),
        population=Population(customers=120, prospects=400, history_weeks=60),
        word_of_mouth=replace(TALKATIVE, graph=graph),
        personas=(Persona("quiet", 0.7, social=0.5), Persona("sociable", 0.3, tilt=Tilt(order_rate=1.0), social=3.0)),
    )
    market = assert_same_people(world, PLAYS, weeks=20 if model != "pareto_nbd" else 55)
    said = Referral.of(market).weeks.values()
    for happened in ("invitations", "won", "claimed", "rewards", "paid"):
        assert sum(getattr(week, happened) for week in said) > 0, f"nothing of {happened}"
    assert model == "nbd" or sum(week.warnings for week in said) > 0


@pytest.mark.plain
@pytest.mark.parametrize("use", [0.17, 1.0])
def test_coupons_every_week_are_the_same_told_by_agents(use: float) -> None:
    """Used or not, and the rest of the week at the standing price, with a standing cut and departures beside."""
    world = shop(
        base=Base(model="bg_nbd", r=2.0, alpha=2.0),
        price=replace(PriceResponse(), coupon_use=use, coupon_use_icc=0.4),
        population=Population(customers=120, prospects=200),
    )
    coupons = Play("coupons", CouponCampaign(rate=0.25, every_weeks=1, valid_weeks=2), holdout=0.1)
    plays = today(coupons, Play("cut", PriceCut(0.05, weeks_on=1, weeks_cycle=3)))
    market = assert_same_people(world, plays, weeks=12)
    _, orders = market.order_log.table()
    used = orders.paid < 0.8 * orders.value
    assert 10 < used.sum() < 0.9 * orders.n


@dataclass(frozen=True)
class ManyCoupons:
    """Coupons of several rates and lengths, so that a customer holds some of each."""

    def decide(self, view):
        everybody, some = np.ones(view.n, np.bool_), view.uniform("some") < 0.5
        return [
            Coupon(0.10 + 0.05 * (view.week % 3), to=everybody, weeks=3),
            Coupon(np.where(some, 0.25, 0.15), to=some | (view.week % 2 == 0), weeks=1 + view.week % 5),
        ]


@pytest.mark.plain
@pytest.mark.parametrize("use", [0.17, 1.0])
def test_several_coupons_at_a_time_are_the_same_told_by_agents(use: float) -> None:
    world = shop(
        base=Base(model="bg_nbd", r=2.0, alpha=2.0),
        price=replace(PriceResponse(), coupon_use=use, coupon_use_icc=0.4),
        population=Population(customers=120, prospects=200),
    )
    plays = today(Play("coupons", ManyCoupons(), holdout=0.1), Play("cut", PriceCut(0.12, weeks_on=1, weeks_cycle=3)))
    market = assert_same_people(replace(world, today=plays), plays, weeks=12)
    lines = Prices.of(market).columns.lines
    assert np.bincount(lines.row).max() >= 4


def test_a_full_order_book_is_enlarged_without_losing_or_repeating_anything() -> None:
    world = shop(base=Base(r=20.0, alpha=1.0))  # twenty orders a week each
    roomy = Market(world, today(), customers=200)
    cramped = Market(world, today(), customers=200)
    cramped._room = cramped._room.__class__.space(1)
    roomy.run(3)
    cramped.run(3)
    for week in range(3):
        for a, b in zip(roomy.order_log.week(week), cramped.order_log.week(week), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(roomy.totals, cramped.totals)
    np.testing.assert_array_equal(roomy.customers.spend, cramped.customers.spend)
