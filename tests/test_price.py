"""How people react to prices: acceptance rows 9 to 11, selection, and the guard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crmlab.sim import Coupon, FirstOrderOffer, Play
from crmlab.sim.behavior import adapted_reference, guarded, next_debt, order_hazard, price_pull
from crmlab.sim.customers import CUSTOMER, PROSPECT
from crmlab.sim.market import Market
from crmlab.sim.responses import PriceResponse
from crmlab.sim.world import Base, Channel, Population
from crmlab.strategies import DiscountTiers, PriceCut
from tests.conftest import cohort, shop, today

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


def test_a_price_above_the_reference_hurts_more_than_one_below_helps() -> None:
    gain = price_pull(0.9, 1.0, 1.8, 0.8, 1.5) - price_pull(0.9, 0.9, 1.8, 0.8, 1.5)
    loss = price_pull(0.9, 0.9, 1.8, 0.8, 1.5) - price_pull(0.9, 0.81, 1.8, 0.8, 1.5)
    assert loss == pytest.approx(1.5 * gain)
    assert price_pull(1.0, 1.0, 1.8, 0.8, 1.5) == 0.0


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


def test_a_coupon_is_used_on_one_order_and_expires() -> None:
    world = cohort(Base(model="nbd", r=2.0, alpha=10.0), price=EQUAL)
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
    world = shop(channels=(Channel("organic", leads_most=0.0),))
    market = Market(world, today(Play("cut", PriceCut(0.3))), customers=600).run(10)
    assert (market.customers.stage[600:] == PROSPECT).all()
    assert (market.customers.reference[600:] == 1).all()
