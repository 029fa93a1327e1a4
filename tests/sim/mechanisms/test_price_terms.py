"""Price cuts with conditions: from a basket to what is paid, and what somebody expects before there is a basket."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from crmlab.sim import NO_CAP, Coupon, Discount, FirstOrderOffer, Play, PublicDiscount, check_mechanism, check_strategy
from crmlab.sim.actions import ActionError
from crmlab.sim.behavior import list_value, paid_value
from crmlab.sim.kernel_types import NO_TERMS
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.deal_learning import DealLearning
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.price.prices import Prices
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.price_terms import NOT_SPENT, PLAIN, baskets_of, expected_cut, price_of, terms_of, with_terms
from crmlab.sim.world import Base, Population, World
from crmlab.strategies import CouponCampaign, PriceCut, TargetedDiscount, WelcomeOffer, WinBackCoupon
from tests.conftest import cohort, shop, today
from tests.sim.test_oracle import TALKATIVE, assert_same_people

EVERYBODY_USES = replace(PriceResponse(), coupon_use=1.0)
OFTEN = Base(model="nbd", r=20.0, alpha=40.0)  # one order in two weeks each
NOBODY_REACHES = 1e9


def term(rate: float, min_spend: float = 0.0, max_off: float = NO_CAP, *, single: bool = False, stacks: bool = False):
    """One line of somebody's own terms, in cents."""
    return terms_of([7], rate, min_spend, max_off, single, stacks)


def paid(value: int, *own, standing: float = 0.0, single: float = 0.0, may_spend: bool = True) -> tuple[float, int]:
    terms = NO_TERMS
    for line in own:
        terms = with_terms(terms, line)
    return price_of(value, standing, single, False, may_spend, NO_TERMS, 0, terms, 0, terms.size)


FIVE, TWENTY_FROM_100 = 0.05, term(0.20, 100_00)
COUPON_FROM_60 = term(0.30, 60_00, single=True)
STACKING = term(0.10, single=True, stacks=True)


@pytest.mark.plain
@pytest.mark.parametrize(("value", "own", "single", "wanted"), [
    # of the standing cuts the best that this basket reaches
    (50_00, [TWENTY_FROM_100], 0.0, (47_50, NOT_SPENT)),
    (99_99, [TWENTY_FROM_100], 0.0, (94_99, NOT_SPENT)),  # 9499.05
    (100_00, [TWENTY_FROM_100], 0.0, (80_00, NOT_SPENT)),
    (150_00, [TWENTY_FROM_100], 0.0, (120_00, NOT_SPENT)),
    (150_00, [term(0.20, 100_00, 25_00)], 0.0, (125_00, NOT_SPENT)),
    (150_00, [term(0.20, 100_00, 5_00)], 0.0, (142_50, NOT_SPENT)),  # the cap leaves less than 5 % saves
    # a coupon replaces the standing cut where it saves more, and is kept where it does not
    (50_00, [COUPON_FROM_60], 0.0, (47_50, NOT_SPENT)),
    (60_00, [COUPON_FROM_60], 0.0, (42_00, 0)),
    (60_00, [term(0.30, 60_00, 2_00, single=True)], 0.0, (57_00, NOT_SPENT)),
    (60_00, [term(0.04, single=True, max_off=50_00)], 0.0, (57_00, NOT_SPENT)),
    (150_00, [TWENTY_FROM_100, term(0.20, single=True, max_off=90_00)], 0.0, (120_00, NOT_SPENT)),  # a tie keeps it
    # one that stacks is taken off what is left: 95 % of 90 %, 80 % of 90 %
    (50_00, [STACKING], 0.0, (42_75, 0)),
    (150_00, [TWENTY_FROM_100, STACKING], 0.0, (108_00, 1)),
    (1_01, [STACKING], 0.0, (86, 0)),  # 0.9595 -> 96, and 86.4 -> 86: each cut rounds once
    (50_00, [term(0.10, 48_00, single=True, stacks=True)], 0.0, (42_75, 0)),  # reached at list price, not at 47.50
    (50_00, [term(0.10, max_off=1_00, single=True, stacks=True)], 0.0, (46_50, 0)),
    # of several single-use cuts the one that saves most on this basket; the plain one where both do
    (50_00, [COUPON_FROM_60], 0.15, (42_50, PLAIN)),
    (60_00, [COUPON_FROM_60], 0.15, (42_00, 0)),
    (60_00, [COUPON_FROM_60], 0.30, (42_00, PLAIN)),
    (60_00, [COUPON_FROM_60, term(0.35, 50_00, single=True)], 0.15, (39_00, 1)),
    (150_00, [TWENTY_FROM_100], 0.15, (120_00, NOT_SPENT)),  # the standing cut saves more than the plain coupon
])  # fmt: skip
def test_what_is_paid_for_a_basket_is_what_one_would_reckon_by_hand(value, own, single, wanted) -> None:
    assert paid(value, *own, standing=FIVE, single=single) == wanted


@pytest.mark.plain
def test_one_single_use_cut_a_week_is_spent() -> None:
    assert paid(60_00, COUPON_FROM_60, standing=FIVE, single=0.5, may_spend=False) == (57_00, NOT_SPENT)


@pytest.mark.plain
def test_a_first_order_offer_is_for_who_is_new_and_came_that_way() -> None:
    offer = terms_of([2], 0.3, 40_00, NO_CAP, True, False)

    def first(value: int, new: bool = True, door: int = 2) -> tuple[float, int]:
        return price_of(value, 0.0, 0.0, new, True, offer, door, NO_TERMS, 0, 0)

    assert first(40_00) == (28_00, PLAIN)
    assert first(39_99) == (39_99, NOT_SPENT)
    assert first(40_00, new=False) == first(40_00, door=1) == (40_00, NOT_SPENT)


def test_without_conditions_the_price_is_that_of_the_rate_to_the_last_minor_unit() -> None:
    for value in (1, 3, 17, 1_01, 49_99, 123_45):
        for rate in (0.0, 0.05, 0.1, 0.333, 0.95):
            assert paid(value, term(rate)) == (paid_value(value, rate), NOT_SPENT)
            assert paid(value, standing=rate) == (paid_value(value, rate), NOT_SPENT)


BASKETS = baskets_of(6.25, 0.0, 100.0)


def expected(mean: float, *own, standing: float = 0.0, single: float = 0.0) -> float:
    terms = NO_TERMS
    for line in own:
        terms = with_terms(terms, line)
    return expected_cut(mean, BASKETS, standing, single, False, True, NO_TERMS, 0, terms, 0, terms.size)


@pytest.mark.plain
def test_what_is_expected_is_the_rate_where_there_are_no_conditions_and_where_nobody_reaches_them() -> None:
    assert expected(35.0, standing=0.1, single=0.07) == 0.1
    for out_of_reach in (term(0.5, NOBODY_REACHES), term(0.5, max_off=0.0), term(0.0, 10_00)):
        for single in (False, True):
            out_of_reach["single"] = single
            assert expected(35.0, out_of_reach, standing=0.1, single=0.07) == 0.1
    assert expected(35.0, term(0.2, 0.01)) == pytest.approx(0.2, abs=2e-4)  # rounded baskets


@pytest.mark.plain
def test_what_is_expected_is_what_one_would_pay_for_ones_own_baskets() -> None:
    values = np.array([list_value(35.0, size, 6.25, 0.0, 100.0) for size in BASKETS.sizes], np.float64)
    bills = np.where(values >= 40_00, np.maximum(np.floor(0.8 * values + 0.5), values - 9_00), values)
    assert 0.2 < (values >= 40_00).mean() < 0.5
    assert expected(35.0, term(0.2, 40_00, 9_00)) == pytest.approx(1 - bills.sum() / values.sum(), abs=1e-12)


def test_thirty_two_baskets_are_as_good_as_the_whole_distribution() -> None:
    """E[V; V >= t] / E[V] of a Gamma(p, 1) is that of a Gamma(p + 1, 1) beyond t, over people whose means differ."""
    from scipy import special

    means = np.linspace(20.0, 50.0, 301)
    few = np.mean([expected(mean, term(0.2, 40_00)) for mean in means])
    exact = np.mean(0.2 * special.gammaincc(7.25, 40.0 / means * 6.25))
    assert few == pytest.approx(exact, rel=0.01)


@pytest.mark.plain
def test_more_off_more_easily_reached_or_less_capped_is_never_dearer() -> None:
    values = [1, 99, 20_00, 39_99, 40_00, 77_77, 200_00]
    for single, stacks in ((False, False), (True, False), (True, True)):

        def bill(rate: float = 0.2, spend: float = 40_00, off: float = 6_00, single=single, stacks=stacks):
            line = term(rate, spend, off, single=single, stacks=stacks)
            cut = expected(30.0, line, standing=0.05)
            return [*(paid(value, line, standing=0.05)[0] for value in values), -cut]

        for moved in (
            [bill(rate=rate) for rate in (0.0, 0.02, 0.1, 0.3, 0.9)],
            [bill(spend=spend) for spend in (NOBODY_REACHES, 80_00, 40_00, 20_00, 0)],
            [bill(off=off) for off in (0, 2_00, 6_00, 20_00, NO_CAP)],
        ):
            assert (np.diff(np.array(moved), axis=0) <= 0).all()
            assert moved[-1] != moved[0]


@dataclass(frozen=True)
class Returns:
    """The same actions in every week."""

    actions: tuple = ()

    def decide(self, view):
        return [action(view) if callable(action) else action for action in self.actions]


def coupon(rate: float, weeks: int = 4, **terms):
    return lambda view: Coupon(rate, to=np.ones(view.n, bool), weeks=weeks, **terms)


def simulated(*actions, world: World | None = None, weeks: int = 26, customers: int = 300, **play) -> Market:
    world = world or shop(base=replace(OFTEN, model="bg_nbd"), price=EVERYBODY_USES)
    plays = today(Play("it", Returns(actions), **play))
    return Market(world, plays, customers=customers, seed=5).run(weeks)


def assert_same_market(one: Market, other: Market) -> None:
    for name in ("stage", "order_clock", "life_clock", "reference", "debt", "orders", "spend"):
        np.testing.assert_array_equal(one.column(name), other.column(name), name)
    for mine, theirs in zip(one.order_log.table()[1], other.order_log.table()[1], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert one.ledger.journal == other.ledger.journal


PLAIN_OFFERS = (PublicDiscount(0.03), FirstOrderOffer(0.1, "paid_search"), Discount(0.05), coupon(0.15))


@pytest.mark.parametrize("null", [{"min_spend": NOBODY_REACHES}, {"max_off": 0.0}])
def test_conditions_that_are_never_met_move_nobody_by_a_bit(null: dict) -> None:
    out_of_reach = (
        PublicDiscount(0.4, **null), FirstOrderOffer(0.4, **null), FirstOrderOffer(0.4, stacks=True, **null),
        Discount(0.4, **null), coupon(0.4, **null), coupon(0.4, stacks=True, **null),
    )  # fmt: skip
    for plain in ((), PLAIN_OFFERS):
        assert_same_market(simulated(*plain), simulated(*plain, *out_of_reach))


def test_a_threshold_of_nothing_and_no_cap_are_the_plain_cut() -> None:
    same = {"min_spend": 0.0, "max_off": math.inf}
    stated = (
        PublicDiscount(0.03, **same), FirstOrderOffer(0.1, "paid_search", stacks=False, **same), Discount(0.05, **same),
        coupon(0.15, stacks=False, **same),
    )  # fmt: skip
    assert_same_market(simulated(*PLAIN_OFFERS), simulated(*stated))


def test_a_threshold_near_nothing_is_nearly_the_plain_cut() -> None:
    plain, near = simulated(PublicDiscount(0.1)), simulated(PublicDiscount(0.1, min_spend=0.01))
    assert near.books["orders"].sum() == pytest.approx(plain.books["orders"].sum(), rel=2e-3)
    _, orders = near.order_log.table()
    np.testing.assert_array_equal(orders.paid, np.floor(orders.value * 0.9 + 0.5))


def test_a_public_threshold_is_paid_to_the_minor_unit_on_every_order_of_a_year() -> None:
    market = simulated(PublicDiscount(0.05), PublicDiscount(0.2, min_spend=40.0, max_off=12.0), weeks=52)
    _, orders = market.order_log.table()
    usual = np.floor(orders.value * 0.95 + 0.5)
    reduced = np.maximum(np.floor(orders.value * 0.8 + 0.5), orders.value - 12_00)
    np.testing.assert_array_equal(orders.paid, np.where(orders.value >= 40_00, np.minimum(reduced, usual), usual))
    assert (orders.value - orders.paid == 12_00).any(), "the cap has bound"
    balances = market.ledger.balances()
    assert balances["sales"] + balances["discounts"] == -orders.paid.sum()
    assert balances["first-order discounts"] == 0, "a public cut wins nobody"
    assert not MarketOutcome(market).incentive.any()


def test_a_market_does_not_keep_what_everybody_could_have_had_in_every_week_of_the_past() -> None:
    market = simulated(lambda view: Discount(np.full(view.n, 0.1), min_spend=40.0), weeks=6)
    assert len(market.posted) == 6
    assert not any(offer.own.size for offer in market.posted)


def test_a_coupon_is_kept_while_no_basket_reaches_it_and_gone_once_one_does() -> None:
    world = cohort(OFTEN, price=EVERYBODY_USES)
    market = Market(world, (Play("once", Returns((coupon(0.25, weeks=8, min_spend=50.0),)), stop=1),), customers=500)
    market.run(4)
    _, orders = market.order_log.table()
    large = np.unique(orders.row[orders.value >= 50_00])
    holds = np.flatnonzero(market.column("coupon_rate") > 0)
    assert large.size > 50
    assert np.isin(np.setdiff1d(orders.row, large), holds).all(), "who bought little only still has it"
    assert holds.size > 50
    assert not np.isin(large, holds).any(), "and who bought much has used it"
    used = orders.paid < orders.value
    np.testing.assert_array_equal(orders.paid[used], np.floor(0.75 * orders.value[used] + 0.5))
    assert np.unique(orders.row[used]).size == used.sum() == large.size, "one order each, the first that reached it"
    market.run(4)
    assert not Prices.of(market).columns.is_open, "void after eight weeks"


def test_of_several_coupons_each_basket_takes_the_best_and_leaves_the_others() -> None:
    """One of 12.5 % for any basket, one of 25 % from 50 on."""
    world = cohort(OFTEN, price=EVERYBODY_USES)
    both = Returns((coupon(0.125, weeks=8), coupon(0.25, weeks=8, min_spend=50.0)))
    market = Market(world, (Play("once", both, stop=1),), customers=500).run(1)
    _, orders = market.order_log.table()
    first = np.unique(orders.row, return_index=True)[1]
    rate = np.where(orders.value[first] >= 50_00, 0.25, 0.125)
    np.testing.assert_array_equal(orders.paid[first], np.floor(orders.value[first] * (1 - rate) + 0.5))
    left = market.column("coupon_rate")[orders.row[first]]
    np.testing.assert_allclose(left, 0.375 - rate, rtol=1e-6)
    others = np.setdiff1d(np.arange(500), orders.row)
    np.testing.assert_allclose(market.column("coupon_rate")[others], 0.25, rtol=1e-6)


def test_the_first_order_is_dearer_for_who_buys_little_and_its_incentive_is_what_it_was_given() -> None:
    market = simulated(PublicDiscount(0.05), PublicDiscount(0.1, min_spend=60.0), FirstOrderOffer(0.2, min_spend=30.0))
    outcome = MarketOutcome(market)
    orders, first = outcome.orders, outcome.orders.nth == 0
    assert first.sum() > 30
    posted = np.where(orders.value >= 60_00, np.floor(0.9 * orders.value + 0.5), np.floor(0.95 * orders.value + 0.5))
    wanted = np.where(orders.value >= 30_00, np.floor(0.8 * orders.value + 0.5), posted)
    np.testing.assert_array_equal(orders.paid, np.where(first, wanted, posted))
    np.testing.assert_allclose(outcome.incentive, (posted - orders.paid) / 100)
    assert outcome.incentive.sum() * 100 == pytest.approx(market.ledger.balances()["first-order discounts"])


def test_who_misses_the_threshold_of_the_first_order_cannot_have_it_on_the_second() -> None:
    world = shop(base=Base(model="nbd", r=400.0, alpha=40.0), population=Population(customers=0, prospects=4000))
    offer = Play("welcome", WelcomeOffer(rate=0.3, min_spend=40.0))
    market = Market(world, today(offer), customers=0, seed=2).run(12)
    _, orders = market.order_log.table()
    reduced = orders.paid < orders.value
    assert (orders.nth > 0).sum() > 200, "many order again in the week of the first"
    np.testing.assert_array_equal(reduced, (orders.nth == 0) & (orders.value >= 40_00))


def test_orders_react_to_the_price_that_is_expected() -> None:
    """10 % from 40 on is, for everybody's own baskets, some other permanent cut: orders as under the mix of those."""
    price = replace(PriceResponse(), elasticity_cv=0.0, carry_over=1.0, pull_forward=0.0)
    world = cohort(Base(model="nbd", r=20.0, alpha=40.0), price=price)
    runs = [
        [Market(world, plays, customers=6000, replication=r) for r in range(4)]
        for plays in ((), (Play("cut", PriceCut(0.3, min_spend=40.0)),))
    ]
    plain, reduced = (np.array([market.run(6).books["orders"].sum() for market in arm]) for arm in runs)
    people = runs[1][0].customers
    mean, rate = people.mean_order.astype(float), people.order_rate.astype(float)
    cut = np.array([expected(value, term(0.3, 40_00)) for value in mean])
    lift = np.average((1 - cut) ** -2.6, weights=rate)
    se = (reduced / plain).std(ddof=1) / 2
    assert abs((reduced / plain).mean() - lift) < 4 * se + 0.002
    assert 1.2 < lift < 0.7**-2.6 - 0.3


class Conditional:
    """Everything with conditions at once, changing from week to week."""

    def decide(self, view):
        some, all_ = view.uniform("some") < 0.5, np.ones(view.n, bool)
        return [
            PublicDiscount(0.03),
            PublicDiscount(0.12, min_spend=45.0),
            PublicDiscount(0.2, channel="organic", min_spend=20.0, max_off=5.0),
            FirstOrderOffer(0.2, min_spend=30.0, stacks=view.week % 2 == 0),
            FirstOrderOffer(0.1, channel="paid_social", max_off=3.0),
            Discount(np.where(view.orders_52 > 2, 0.1, 0.0)),
            Discount(np.where(some, 0.15, 0.08), min_spend=30.0 + view.week % 7),
            Discount(np.where(some, 0.0, 0.3), max_off=4.0),
            Coupon(0.2, to=some, weeks=3),
            Coupon(np.where(some, 0.3, 0.25), to=all_, weeks=1 + view.week % 4, min_spend=40.0),
            Coupon(0.1, to=view.uniform("other") < 0.6, weeks=3, stacks=True),
            Coupon(0.15, to=~some, weeks=2, stacks=True, min_spend=35.0, max_off=6.0),
        ]


@pytest.mark.plain
@pytest.mark.parametrize("use", [0.3, 1.0])
def test_all_conditions_together_are_the_same_told_by_agents(use: float) -> None:
    world = shop(
        base=Base(model="bg_nbd", r=2.0, alpha=3.0),
        today_rate=0.02,
        price=replace(PriceResponse(), coupon_use=use, coupon_use_icc=0.4, first_order_gain=0.3),
        population=Population(customers=120, prospects=400, history_weeks=30),
        word_of_mouth=TALKATIVE,
        mechanisms={"deal_learning": DealLearning(sensitivity=1.0, erosion=0.3)},
    )
    world = replace(world, today=(Play("before", Conditional()),))
    market = assert_same_people(world, today(Play("all", Conditional(), start=1)), weeks=14)
    _, orders = market.order_log.table()
    rates = np.round(1 - orders.paid / orders.value, 2)
    assert np.unique(rates).size > 10


def test_coupons_of_before_week_0_keep_their_conditions() -> None:
    """Recorded orders that reached a threshold have used theirs; the others still hold it."""
    world = shop(base=Base(model="nbd", r=2.0, alpha=4.0), price=EVERYBODY_USES, population=Population(400, 0, 40))
    given = Play("coupons", CouponCampaign(rate=0.2, every_weeks=20, valid_weeks=26, min_spend=60.0), start=0)
    world = replace(world, today=(given,))
    market = Market(world, (), seed=4)
    held = Prices.of(market).columns
    assert held.conditions[1] == (60_00, math.inf, False)
    holders = np.unique(held.lines.row)
    assert holders.size > 0
    (last,) = {int(end) - 26 for end in held.lines.ends}
    weeks, orders = market.order_log.table(since=last)
    spent = np.unique(orders.row[(orders.value >= 60_00) & (weeks >= last)])
    known_then = np.flatnonzero(market.customers.first_order < last)
    np.testing.assert_array_equal(holders, np.setdiff1d(known_then, spent))


@pytest.mark.parametrize("terms", [{"min_spend": NOBODY_REACHES}, {"max_off": 1e-6}])
def test_the_strategies_gain_nothing_by_what_nobody_can_have(terms: dict) -> None:
    world = shop(price=EVERYBODY_USES)
    nothing = Market(world, today(), customers=200, seed=3).run(20)
    for kind in (PriceCut, TargetedDiscount, CouponCampaign, WinBackCoupon, WelcomeOffer):
        market = Market(world, today(Play("it", kind(rate=0.3, **terms))), customers=200, seed=3).run(20)
        assert_same_market(nothing, market)


@pytest.mark.parametrize("kind", [PriceCut, TargetedDiscount, CouponCampaign, WinBackCoupon, WelcomeOffer])
def test_conditions_keep_the_contract_of_strategies(kind: type) -> None:
    check_strategy(kind(min_spend=40.0, max_off=10.0))


def test_deal_learning_keeps_its_contract_where_cuts_have_conditions() -> None:
    check_mechanism(DealLearning(sensitivity=1.0, erosion=0.3))


@pytest.mark.parametrize(("action", "message"), [
    (PublicDiscount(0.1, min_spend=-1.0), "min_spend must lie between 0 and"),
    (FirstOrderOffer(0.1, max_off=math.nan), "max_off must lie between 0 and inf"),
    (Discount(0.1, min_spend=np.array([1.0, 2.0])), "min_spend must be one number"),
])  # fmt: skip
def test_conditions_that_cannot_be_carried_out_are_refused(action, message: str) -> None:
    with pytest.raises(ActionError, match=message):
        simulated(action, weeks=1)
