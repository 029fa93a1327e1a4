"""How people react to prices: acceptance rows 9 to 11, selection, and the guard."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace

import numpy as np
import pytest

from crmlab.sim import Coupon, FirstOrderOffer, Play
from crmlab.sim.behavior import adapted_reference, guarded, next_debt, order_hazard, price_log_effect
from crmlab.sim.customers import CUSTOMER, PROSPECT
from crmlab.sim.draws import key_of
from crmlab.sim.levers import unknowns_of
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.price.coupons import coupon_readiness, would_use
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.world import Base, Population
from crmlab.strategies import DiscountTiers, PriceCut
from tests.conftest import cohort, data_file, shop, today

EQUAL = replace(PriceResponse(), elasticity_cv=0.0)
STEADY = Base(model="nbd", r=4.0, alpha=20.0)  # nobody leaves: 0.2 orders a week each
REPLICATIONS = 12


def orders_by_week(price: PriceResponse, plays, weeks: int, customers: int = 10_000) -> np.ndarray:
    """Orders per week of `REPLICATIONS` worlds. Shape [replications, weeks]."""
    world = cohort(STEADY, price=price)
    return np.array(
        [
            Market(world, plays, customers=customers, replication=r).run(weeks).books["orders"]
            for r in range(REPLICATIONS)
        ]
    )


def assert_within_4_se(values: np.ndarray, target: float) -> None:
    se = values.std(ddof=1) / np.sqrt(values.size)
    assert abs(values.mean() - target) < 4 * se, f"{values.mean():.4f} +- {se:.4f}, wanted {target}"
    assert se < 0.05 * abs(target), "the test could not see a real fault"


def test_one_week_at_20_percent_off_lifts_orders_by_the_short_run_elasticity() -> None:
    cut = (Play("cut", PriceCut(0.2), start=10, stop=11),)
    plain, lifted = orders_by_week(EQUAL, (), 11), orders_by_week(EQUAL, cut, 11)
    assert_within_4_se(lifted[:, 10] / plain[:, 10], 0.8 ** -(1.8 + 0.8))  # 1.79


def test_of_an_isolated_bump_the_borrowed_share_is_missing_afterwards() -> None:
    """Row 10, with everybody reacting to the price but nobody's reference moving (the cut is over too soon)."""
    price = replace(EQUAL, carry_over=1.0)
    cut = (Play("cut", PriceCut(0.2), start=5, stop=6),)
    plain, lifted = (orders_by_week(price, plays, 40, customers=40_000) for plays in ((), cut))
    bump = (lifted - plain)[:, 5]
    dip = (plain - lifted)[:, 6:].sum(axis=1)
    assert_within_4_se(dip.mean() / bump.mean() + (dip - dip.mean()) / bump.mean(), 0.15)
    late = (plain - lifted)[:, 32:].sum(axis=1)
    assert abs(late.mean()) < 0.01 * bump.mean()  # and the hazard is back at its base


@pytest.mark.parametrize("depth", [*(pytest.param(d, marks=pytest.mark.slow) for d in (0.1, 0.3)), 0.2])
def test_of_one_week_off_fifteen_percent_of_the_bump_is_missing_later(depth: float) -> None:
    """The published 4-25 % of a bump is the whole later shortfall: reference price and borrowed orders together."""
    price = replace(PriceResponse(), elasticity_cv=0.0)
    cut = (Play("cut", PriceCut(depth), start=5, stop=6),)
    plain, lifted = (orders_by_week(price, plays, 40, customers=40_000) for plays in ((), cut))
    bump, dip = (lifted - plain)[:, 5], (plain - lifted)[:, 6:].sum(axis=1)
    assert abs(dip.mean() / bump.mean() - 0.15) < 4 * dip.std(ddof=1) / np.sqrt(dip.size) / bump.mean() + 0.005


@pytest.mark.parametrize("changes", [
    {"carry_over": 0.6, "gain": 1.8, "loss_aversion": 2.5, "p_exposure": 1.0, "latitude": 0.15, "pull_forward": 0.04},
    {"carry_over": 0.95, "gain": 0.2, "p_exposure": 0.05, "latitude": 0.5, "pull_forward": 0.25},
])  # fmt: skip
def test_at_both_ends_of_what_the_evidence_leaves_open_the_dip_is_what_was_stated(changes: dict) -> None:
    price = replace(PriceResponse(), elasticity_cv=0.0, elasticity=1.0, **changes)
    cut = (Play("cut", PriceCut(0.3), start=5, stop=6),)
    plain, lifted = (orders_by_week(price, plays, 40, customers=20_000) for plays in ((), cut))
    bump, dip = (lifted - plain)[:, 5], (plain - lifted)[:, 6:].sum(axis=1)
    assert (
        abs(dip.mean() / bump.mean() - changes["pull_forward"]) < 4 * dip.std(ddof=1) / np.sqrt(dip.size) / bump.mean()
    )


def test_in_the_default_world_where_people_come_and_leave_the_dip_stays_within_the_published_range() -> None:
    cut = Play("cut", PriceCut(0.2), start=5, stop=6)
    world = cohort(price=PriceResponse(), population=Population(customers=20_000, prospects=0))
    plain, lifted = (
        np.array([Market(world, p, customers=20_000, replication=r).run(40).books["orders"] for r in range(8)])
        for p in ((), (cut,))
    )
    bump, dip = (lifted - plain)[:, 5], (plain - lifted)[:, 6:].sum(axis=1)
    assert 0.04 < dip.mean() / bump.mean() < 0.25


def test_a_permanent_cut_ends_at_the_long_run_elasticity() -> None:
    """Row 11: reference adapted, exposed every week, nothing pulled forward."""
    price = replace(EQUAL, p_exposure=1.0, pull_forward=0.0)
    always = (Play("cut", PriceCut(0.2)),)
    plain, lifted = orders_by_week(price, (), 70), orders_by_week(price, always, 70)
    assert_within_4_se(lifted[:, 45:].sum(axis=1) / plain[:, 45:].sum(axis=1), 0.8**-1.8)  # 1.49
    assert lifted[:, 0].sum() / plain[:, 0].sum() > 1.7


def test_pull_forward_takes_its_share_of_a_permanent_lift_too() -> None:
    price = replace(EQUAL, p_exposure=1.0, pull_forward=0.15)
    always = (Play("cut", PriceCut(0.2)),)
    plain, lifted = orders_by_week(price, (), 70), orders_by_week(price, always, 70)
    target = 1 + (1 - 0.15) * (0.8**-1.8 - 1)
    assert_within_4_se(lifted[:, 45:].sum(axis=1) / plain[:, 45:].sum(axis=1), target)


@pytest.mark.plain
def test_expectations_follow_what_is_noticed() -> None:
    reference = 1.0
    for _ in range(4):
        reference = adapted_reference(reference, 0.8, 0.8)
    assert reference == pytest.approx(0.882, abs=5e-4)  # 1 - 0.2 (1 - 0.8^4)
    market = Market(cohort(), (Play("cut", PriceCut(0.2), stop=30),), customers=4000).run(30)
    low = market.customers.reference[market.customers.stage == CUSTOMER].mean()
    assert 0.80 < low < 0.90
    market.run(60)  # the price is back at 1, and so will be what is thought normal
    assert market.customers.reference[market.customers.stage == CUSTOMER].mean() > 0.97


def log_effect(price: float, reference: float) -> float:
    return price_log_effect(price, reference, 1.8, 0.8, 1.5, 0.2)


@pytest.mark.plain
def test_a_rise_of_the_regular_price_hurts_more_than_the_same_cut_helps() -> None:
    gain = log_effect(1 / 1.1, 1.0) + 1.8 * np.log(1 / 1.1)
    loss = log_effect(1.1, 1.0) + 1.8 * np.log(1.1)
    assert gain == pytest.approx(0.8 * np.log(1.1))
    assert loss == pytest.approx(-1.5 * gain)
    assert log_effect(1.0, 1.0) == 0.0


@pytest.mark.plain
def test_the_end_of_a_promotion_is_no_loss_and_the_end_of_a_long_cut_is_one() -> None:
    assert log_effect(1.0, 0.955) == 0.0  # after one week of 30 % off
    assert log_effect(1.0, 1 / 1.2) == pytest.approx(0.0, abs=1e-12)
    assert log_effect(1.0, 0.75) == pytest.approx(1.5 * 0.8 * np.log(0.75 * 1.2))  # used to a quarter less


@pytest.mark.plain
def test_orders_fall_evenly_as_the_price_rises_whatever_people_are_used_to() -> None:
    prices = np.linspace(0.5, 1.5, 2001)
    for reference in (0.6, 0.8, 0.9, 0.97, 1.0, 1.2):
        log_effects = np.array([log_effect(price, reference) for price in prices])
        steps = np.diff(log_effects)
        assert (steps < 0).all(), "a higher price never brings more orders"
        assert steps.min() > -(1.8 + 1.2) * 0.0005 / 0.5 - 1e-9, "and there is no jump"


def test_debt_is_repaid_in_full_and_never_takes_more_than_nine_tenths_of_a_week() -> None:
    debt, repaid = 10.0, 0.0
    for _ in range(400):
        hazard, repay, extra = order_hazard(0.1, 0.0, 0.0, debt, 0.25)
        assert repay <= 0.9 * 0.1 + 1e-15
        assert hazard >= 0
        debt = next_debt(debt, repay, extra, 0.15, 1.0)
        repaid += repay
    assert repaid == pytest.approx(10.0, rel=1e-6)
    assert order_hazard(0.1, -0.5, 0.0, 0.0, 0.25)[2] < 0  # a price rise ...
    assert next_debt(0.0, 0.0, -0.04, 0.15, 1.0) == 0.0  # ... makes no negative debt


def test_the_guard_keeps_effects_within_a_factor_of_five_and_binds_under_no_shipped_policy() -> None:
    assert guarded(3.0) == np.log(5.0)
    assert guarded(-3.0) == np.log(0.2)
    shipped = today(Play("cut", PriceCut(0.3)), Play("tiers", DiscountTiers(silver_rate=0.15, gold_extra=0.15)))
    assert Market(shop(), shipped, customers=3000).run(52).guarded_weeks == 0
    absurd = Market(shop(), today(Play("cut", PriceCut(0.5))), customers=3000).run(5)
    assert absurd.guarded_weeks > 0  # the counter counts


class WelcomeOffer:
    def decide(self, view):
        return [FirstOrderOffer(0.3)]


def test_an_acquisition_discount_selects_the_price_sensitive_and_changes_nobody() -> None:
    """Decisions 4: selection emerges. Those won by the offer are more elastic than those who come anyway."""
    world = shop(population=Population(customers=200, prospects=40_000))
    plain, offered = (
        Market(world, plays, customers=200).run(52) for plays in (today(), today(Play("welcome", WelcomeOffer())))
    )
    np.testing.assert_array_equal(plain.customers.elasticity, offered.customers.elasticity)
    new = slice(200, None)
    bought, bought_offer = plain.customers.orders[new] > 0, offered.customers.orders[new] > 0
    assert (bought_offer >= bought).all()
    won = offered.customers.elasticity[new][bought_offer & ~bought]
    anyway = offered.customers.elasticity[new][bought]
    se = np.sqrt(won.var() / won.size + anyway.var() / anyway.size)
    assert won.mean() - anyway.mean() > 4 * se


def test_first_orders_react_to_a_price_by_the_elasticity_alone() -> None:
    """Who has never ordered has no reference price yet: conversion hazard x 0.7^-1.8, not 0.7^-2.6."""
    assert EQUAL.first_order_gain == 0.0
    world = shop(
        price=EQUAL, population=Population(customers=0, prospects=60_000),
        channels=(Channel("organic", leads_max=2000, p_convert=0.2),),
    )  # fmt: skip
    plain = Market(world, (), customers=0).run(40)
    offered = Market(world, (Play("welcome", WelcomeOffer()),), customers=0).run(40)
    conversion = [m.books["first_orders"].sum() / m.books["leads"].sum() for m in (plain, offered)]
    odds = [c / (1 - c) for c in conversion]
    leads = plain.books["leads"].sum()
    se = np.sqrt(2 / (leads * conversion[0] * (1 - conversion[0])))
    assert abs(np.log(odds[1] / odds[0]) - 1.8 * np.log(1 / 0.7)) < 4 * se
    assert 0.8 * np.log(1 / 0.7) > 10 * se, "the test would see the gain"
    assert (plain.customers.reference == 1).all()


def test_a_first_order_offer_is_paid_once_and_only_on_first_orders() -> None:
    market = Market(shop(), today(Play("welcome", WelcomeOffer())), customers=2000).run(26)
    _, orders = market.order_log.table()
    first = orders.nth == 0
    assert first.sum() > 50
    np.testing.assert_allclose(orders.paid[first] / orders.value[first], 0.7, atol=0.02)
    assert (orders.paid[~first] == orders.value[~first]).all()


class OneCoupon:
    def decide(self, view):
        return [Coupon(0.2, to=np.ones(view.n, bool), weeks=6)] if view.week == 0 else []


@dataclass(frozen=True)
class WeeklyCoupon:
    """A coupon for everybody in every week: 20 % off one order of that week."""

    def decide(self, view):
        return [Coupon(0.2, to=np.ones(view.n, bool), weeks=1)]


@pytest.mark.parametrize("use", [1.0, 0.12])
def test_a_coupon_is_spent_when_it_is_spent(use: float) -> None:
    """One order a week each and a coupon of 20 % off: at m = 0.8^-2.6 until it is used and at 1 afterwards that is
    1 - e^-m + 1 - (1 - e^-m) / m = 1.366 orders in the week of who would use it, and 1 of who would not."""
    price = replace(EQUAL, coupon_use=use, coupon_use_icc=0.22, carry_over=1.0, pull_forward=0.0)
    often = Base(model="nbd", r=1e6, alpha=1e6)
    runs = [
        Market(cohort(often, price=price), (Play("coupon", WeeklyCoupon()),), customers=10_000, replication=r).run(8)
        for r in range(4)
    ]
    m = 0.8**-2.6
    used = 1 - np.exp(-m)
    orders = np.array([run.books["orders"] / run.scale for run in runs]) / 10_000
    target = use * (used + 1 - used / m) + (1 - use)
    se = np.sqrt(target / orders.size / 10_000 + 0.01 * use * (1 - use) / 4 / 10_000)  # people differ for good
    assert abs(orders.mean() - target) < 4 * se
    share = np.mean([(run.order_log.table()[1].paid < run.order_log.table()[1].value).sum() for run in runs]) / 80_000
    assert abs(share - use * used) < 4 * np.sqrt(use * (1 - use) * 0.4 / 40_000 + share * (1 - share) / 320_000)


def test_who_uses_coupons_does_it_again_as_in_the_complete_journey() -> None:
    """Beta over people with mean 0.12 and intraclass correlation 0.22: after one use (a + 1) / (a + b + 1) = 0.31 use
    the next (28 % of 1,366 household-campaigns do, 49 % among those of type A, whose correlation is 0.40)."""
    keys = key_of(3, 0)
    for mean, icc, again in ((0.12, 0.22, 0.3136), (0.166, 0.40, 0.4996)):
        readiness = coupon_readiness(replace(PriceResponse(), coupon_use=mean, coupon_use_icc=icc))
        uses = np.array([[would_use(*keys, who, ends, readiness) for ends in (7, 11)] for who in range(40_000)])
        assert abs(uses.mean() - mean) < 4 * np.sqrt(mean * (1 - mean) / 40_000)
        n = uses[:, 0].sum()
        assert abs(uses[uses[:, 0], 1].mean() - again) < 4 * np.sqrt(again * (1 - again) / n)


def test_coupons_are_redeemed_as_often_in_the_data_as_the_source_of_the_default_says() -> None:
    folder = data_file("complete_journey/campaigns.csv").parent
    kind, sent, used = (
        list(csv.DictReader((folder / name).open()))
        for name in ("campaign_descriptions.csv", "campaigns.csv", "coupon_redemptions.csv")
    )
    kinds = {row["campaign_id"]: row["campaign_type"] for row in kind}
    redeemed = {(row["campaign_id"], row["household_id"]) for row in used}
    pairs = [(row["campaign_id"], row["household_id"]) for row in sent]
    share = {
        name: np.mean([pair in redeemed for pair in pairs if kinds[pair[0]] == name])
        for name in ("Type A", "Type B", "Type C")
    }
    assert [round(100 * share[name]) for name in share] == [17, 7, 6]
    overall = np.mean([pair in redeemed for pair in pairs])
    assert round(float(overall), 2) == PriceResponse().coupon_use
    bounds = unknowns_of(PriceResponse)["coupon_use"].range
    assert bounds.low <= min(share.values()) + 0.005
    assert bounds.high >= max(share.values()) - 0.005


def test_a_coupon_worth_nothing_changes_nothing() -> None:
    world = cohort(Base(model="nbd", r=2.0, alpha=10.0), price=PriceResponse())
    plain, worthless = (
        Market(world, plays, customers=2000).run(10) for plays in ((), (Play("coupon", CouponOf(0.0)),))
    )
    np.testing.assert_array_equal(plain.books["orders"], worthless.books["orders"])


@dataclass(frozen=True)
class CouponOf:
    """A coupon of any rate, every fourth week."""

    rate: float

    def decide(self, view):
        return [Coupon(self.rate, to=np.ones(view.n, bool), weeks=4)] if view.week % 4 == 0 else []


def test_a_coupon_is_used_on_one_order_and_expires() -> None:
    world = cohort(Base(model="nbd", r=2.0, alpha=10.0), price=replace(EQUAL, coupon_use=1.0))
    market = Market(world, (Play("coupon", OneCoupon()),), customers=3000).run(20)
    week, orders = market.order_log.table()
    used = orders.paid < orders.value
    assert week[used].max() < 6
    assert np.bincount(orders.row[used]).max() == 1
    first_in_run = np.full(3000, -1)
    first_in_run[orders.row[::-1]] = np.arange(orders.n)[::-1]
    assert used[first_in_run[orders.row[used]]].all(), "the coupon goes to the earliest order"
    buyers_in_time = np.unique(orders.row[week < 6])
    assert used.sum() == buyers_in_time.size


def test_prospects_who_never_hear_of_us_are_untouched_by_prices() -> None:
    world = shop(channels=(Channel("organic", leads_max=0.0),))
    market = Market(world, today(Play("cut", PriceCut(0.3))), customers=600).run(10)
    assert (market.customers.stage[600:] == PROSPECT).all()
    assert (market.customers.reference[600:] == 1).all()
