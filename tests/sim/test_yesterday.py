"""The customers of week 0 have lived under today's policy: programme, prices and coupons, told by its own rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crmlab.experiments.replication.recentre import recentred
from crmlab.sim import Coupon, Play, Tag
from crmlab.sim.customers import Customers
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED, MemberColumns
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.price.prices import Prices
from crmlab.sim.population import create_population
from crmlab.sim.world import History, Population
from crmlab.strategies import DiscountTiers, PointsAndTiers
from tests.conftest import shop, today
from tests.sim.test_oracle import assert_same_people

PROGRAMME_OF_TODAY = today(Play("points", PointsAndTiers(silver_spend=40.0, reward_value=2.0)))


def base_alone(**changes):
    """Founding customers and nobody else: what the calibration predicts."""
    return shop(**{"population": Population(customers=3_000, prospects=0)} | changes)


def imported(customers: int = 3_000, weeks: int = 80, seed: int = 3) -> History:
    """An order log as the base model itself would have written it."""
    world = base_alone(population=Population(customers=customers, prospects=0, history_weeks=float(weeks)))
    people = create_population(replace(world, today=today()), seed, 7)
    who, when, paid = [], [], []
    for week, orders in people.past.items():
        who.append(orders.row)
        when.append(-(week + orders.at.astype(np.float64)))
        paid.append(orders.paid / 100)
    who, when, paid = (np.concatenate(parts) for parts in (who, when, paid))
    order = np.argsort(-when, kind="stable")
    _, numbers = np.unique(who[order], return_inverse=True)
    return History(numbers, when[order], paid[order])


def weekly_orders(world, plays, weeks: int, replications: int = 6) -> np.ndarray:
    return np.array(
        [Market(world, plays, seed=5, replication=r).run(weeks).books["orders"] for r in range(replications)]
    )


def standard_errors_apart(simulated: np.ndarray, expected: np.ndarray) -> float:
    """How far the means of two sets of replications lie apart, in standard errors of their difference as if they were
    independent; that they are the same people makes the real error smaller."""
    se = np.hypot(simulated.std(ddof=1), expected.std(ddof=1)) / np.sqrt(simulated.size)
    return float((simulated.mean() - expected.mean()) / se)


@pytest.mark.parametrize("policy", ["points", "tiers"])
@pytest.mark.parametrize("past", ["simulated", "imported"])
def test_a_base_with_a_programme_orders_from_week_0_on_as_was_calibrated(past, policy) -> None:
    plays = {
        "points": PROGRAMME_OF_TODAY,
        "tiers": today(Play("tiers", DiscountTiers(silver_spend=40.0))),
    }[policy]
    world = base_alone() if past == "simulated" else base_alone(history=imported())
    centred = recentred(world, plays)
    expected = weekly_orders(world, today(), 13)
    simulated = weekly_orders(centred, plays, 13)
    assert abs(standard_errors_apart(simulated.sum(axis=1), expected.sum(axis=1))) < 4
    assert simulated.sum() == pytest.approx(expected.sum(), rel=0.03)  # same people, same luck: much sharper
    first_weeks = simulated[:, :4].sum() / expected[:, :4].sum()
    assert first_weeks == pytest.approx(1.0, abs=0.03)


def test_without_their_past_the_same_customers_order_too_little_in_the_first_weeks() -> None:
    """What the programme does has to be there at week 0, else the re-centred base falls short until it has grown."""
    centred = recentred(base_alone(), PROGRAMME_OF_TODAY)
    with_past = weekly_orders(centred, PROGRAMME_OF_TODAY, 4, 3).sum()
    without = weekly_orders(replace(centred, today=()), PROGRAMME_OF_TODAY, 4, 3).sum()
    assert without < 0.99 * with_past


def assert_books_agree(market: Market) -> None:
    opening = Loyalty.of(market).books.opening
    stock = opening.outstanding
    for week in Loyalty.of(market).weeks.values():
        stock += week.issued - week.burnt - week.expired
        assert week.outstanding == stock
    assert Loyalty.of(market).columns.points.sum() == stock
    for name in ("points", "points_pending", "points_recent"):
        assert (market.column(name) >= 0).all(), name
    assert (Loyalty.of(market).columns.points_recent >= Loyalty.of(market).columns.points_pending).all()
    balances = market.ledger.balances()
    assert sum(balances.values()) == 0
    assert -balances["points liability"] == Loyalty.of(market).books.liability
    assert balances["opening balance"] == opening.liability
    assert -balances["points liability"] == opening.liability + balances["points provision"]


@pytest.mark.parametrize("expiry", ["rolling", "inactivity", "calendar", "never"])
@pytest.mark.parametrize("expiry_weeks", [13, 78])
def test_the_books_of_points_agree_from_week_0_on(expiry, expiry_weeks) -> None:
    programme = PointsAndTiers(expiry=expiry, expiry_weeks=expiry_weeks, pending_weeks=4, reward_value=1.0)
    plays = today(Play("points", programme))
    market = Market(replace(base_alone(), today=plays), plays, customers=500)
    opening = Loyalty.of(market).books.opening
    assert opening.outstanding == Loyalty.of(market).columns.points.sum()
    assert opening.outstanding > 0 or expiry == "calendar"  # 78 weeks before week 0 all points lapsed, as at week 0
    for _ in range(60):
        market.step()
        assert_books_agree(market)
    assert Loyalty.of(market).weeks[59].burnt >= 0


def test_points_before_week_0_are_owed_by_the_firm_and_cost_the_run_nothing() -> None:
    world = replace(base_alone(), today=PROGRAMME_OF_TODAY)
    market = Market(world, PROGRAMME_OF_TODAY, customers=500).run(1)
    owed = Loyalty.of(market).books.opening.liability
    assert owed > 0
    assert market.ledger.balances()["points provision"] == Loyalty.of(market).books.liability - owed


def test_recorded_orders_stay_as_they_were() -> None:
    """Today's rules write the programme; records of customers and their orders are the same with and without."""
    for world in (base_alone(), base_alone(history=imported())):
        plain, simulated = (create_population(replace(world, today=t), 1, 0) for t in (today(), PROGRAMME_OF_TODAY))
        for name in set(Customers.names()) - {"reference", "debt"}:
            np.testing.assert_array_equal(getattr(plain.customers, name), getattr(simulated.customers, name), name)
        earned = sum(orders.earned.sum() for orders in simulated.past.values())
        assert earned > 0


def test_members_joined_at_an_order_and_heavier_buyers_did_more_often() -> None:
    founding = create_population(replace(base_alone(), today=PROGRAMME_OF_TODAY), 1, 0)
    people, n = founding.customers, founding.n_founding
    columns = founding.inheritance["loyalty"].columns
    enrolled = columns.get("enrolled")
    member = enrolled != NOT_ENROLLED
    assert 0.2 < member.mean() < 0.98
    assert (enrolled[member] >= np.floor(people.first_order[:n][member])).all()
    assert people.order_rate[:n][member].mean() > people.order_rate[:n][~member].mean()
    assert (columns.get("points")[~member] == 0).all()
    silver = people.spend_52[:n] >= 4_000
    assert (columns.get("tier")[member & silver] >= 1).all()
    grace = PROGRAMME_OF_TODAY[1].strategy.grace_weeks
    assert (
        columns.get("tier_ends")[columns.get("tier") > 0] > -grace
    ).all()  # whose time and grace are over has fallen
    assert set(np.unique(columns.get("tier"))) >= {0, 1, 2}


def test_the_first_rows_are_the_same_in_a_smaller_market() -> None:
    for world in (base_alone(), base_alone(history=imported(300))):
        world = replace(world, today=PROGRAMME_OF_TODAY)
        small, large = (Market(world, (), customers=rows, seed=2, replication=1) for rows in (200, 700))
        for name in [*MemberColumns.names(), "orders", "reference"]:
            np.testing.assert_array_equal(small.column(name)[:200], large.column(name)[:200], name)


def test_a_programme_that_an_arm_introduces_starts_empty() -> None:
    world = recentred(base_alone(), today(Play("tiers", DiscountTiers(silver_spend=40.0))))
    market = Market(world, (*world.today, PROGRAMME_OF_TODAY[1]), customers=500)
    assert not Loyalty.of(market).columns.enrolled.size
    market.run(3)
    assert Loyalty.of(market).books.opening.outstanding == 0
    assert (Loyalty.of(market).columns.enrolled[Loyalty.of(market).columns.enrolled != NOT_ENROLLED] >= 0).all()


def test_an_arm_that_ends_todays_programme_still_owes_its_points() -> None:
    world = replace(base_alone(), today=PROGRAMME_OF_TODAY)
    market = Market(world, today(), customers=500).run(30)
    assert Loyalty.of(market).books.opening.outstanding > 0
    assert sum(week.issued for week in Loyalty.of(market).weeks.values()) == 0
    assert sum(week.burnt + week.expired for week in Loyalty.of(market).weeks.values()) > 0
    assert_books_agree(market)


@pytest.mark.plain
def test_agents_go_on_from_the_same_week_0() -> None:
    world = replace(shop(population=Population(customers=120, prospects=300)), today=PROGRAMME_OF_TODAY)
    assert_same_people(world, PROGRAMME_OF_TODAY, weeks=12)


@dataclass(frozen=True)
class Letters:
    """A coupon and a mark for whom has been silent for half a year, as a shop may have sent for years."""

    def decide(self, view):
        silent = (view.weeks_since_order >= 26) & ~view.tag("written to")
        return [Coupon(rate=0.2, to=silent, weeks=30), Tag("written to", on=silent, weeks=52)]


def test_coupons_and_marks_that_today_has_given_are_there_at_week_0() -> None:
    plays = today(Play("letters", Letters()))
    world = replace(base_alone(), today=plays)
    everybody_uses_them = replace(world, price=replace(world.price, coupon_use=1.0))
    market = Market(everybody_uses_them, plays, customers=800)
    people = market.customers
    held = market.column("coupon_ends") > 0
    silent = -people.last_order
    assert 0.02 < held.mean() < 0.9
    assert (silent[held] >= 26).all()  # who has ordered since has used it
    assert market.look().tag("written to").sum() >= held.sum()
    hardly_anybody_does = Market(world, plays, customers=800)
    unused = (hardly_anybody_does.column("coupon_ends") > 0) & (-hardly_anybody_does.column("last_order") < 26)
    assert unused.any()
    fresh = Market(replace(world, today=()), plays, customers=800)
    assert not Prices.of(fresh).columns.is_open


def test_a_price_that_has_been_paid_for_years_is_thought_normal_at_week_0() -> None:
    plays = today(Play("tiers", DiscountTiers(silver_spend=1.0, gold_factor=1.0, silver_rate=0.1, gold_extra=0.0)))
    founding = create_population(replace(base_alone(), today=plays), 1, 0)
    people, n = founding.customers, founding.n_founding
    regular = people.orders_52[:n] >= 6
    assert people.reference[:n][regular].mean() == pytest.approx(0.9, abs=0.01)
