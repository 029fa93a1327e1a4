"""Points, rewards and tiers: what experiments and field data say of them, and the books."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crmlab.sim import Discount, Play, PointsRule, TierRule
from crmlab.sim.actions import ActionError
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.columns import NOT_ENROLLED
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.mechanisms.loyalty.rules import p_join, progress_after, status_factor, tier_gap, tiers_reached
from crmlab.sim.mechanisms.loyalty.worth import goal_log_effect, goal_progress
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Base, Economics, Population, Spend
from crmlab.strategies import PointsAndTiers
from tests.conftest import cohort, shop, today

NO_EFFECT = LoyaltyResponse(
    member=0.0,
    goal_gradient=0.0,
    head_start=0.0,
    reward=0.0,
    pressure=0.0,
    success=0.0,
    failure=0.0,
    demotion=0.0,
    perks=0.0,
    status=1.0,
    heavy=1.0,
    reach_weeks=104.0,
)


@dataclass(frozen=True)
class Rules:
    """Returns the rules it was given."""

    points: PointsRule | None = None
    tiers: TierRule | None = None

    def decide(self, view):
        return [rule for rule in (self.points, self.tiers) if rule]


def programme(points: PointsRule | None = None, tiers: TierRule | None = None, **schedule) -> Play:
    return Play("programme", Rules(points, tiers), **schedule)


STANDARD = Play("programme", PointsAndTiers())


def assert_points_add_up(market: Market) -> None:
    issued = burnt = expired = 0
    for week in Loyalty.of(market).weeks.values():
        issued, burnt, expired = issued + week.issued, burnt + week.burnt, expired + week.expired
        assert issued == burnt + expired + week.outstanding
        assert week.outstanding >= 0
    assert Loyalty.of(market).columns.points.sum() == issued - burnt - expired
    assert (Loyalty.of(market).columns.points >= 0).all()
    assert (Loyalty.of(market).columns.points_pending >= 0).all()
    assert issued > 0


def test_a_ten_stamp_card_is_finished_faster_than_it_is_begun() -> None:
    """Where one in ten is free, the last gap is 0.80 of the first, within 2 % (Kivetz et al. 2006).

    One order in eight weeks, so that a week hardly ever holds two: the pull of a week is that of the progress at its
    beginning, and faster orders would be blurred by that, not by the mechanism. 250 weeks hold three cards of each.
    """
    world = cohort(
        Base(model="nbd", r=50.0, alpha=400.0),  # one order in eight weeks, all alike
        spend=Spend(p=100.0, q=100.0, gamma=9.9),  # every basket is worth about 10
        loyalty=replace(NO_EFFECT, goal_gradient=2.5, p_join=0.9, join_selection=0.0, p_redeem=1.0),
    )
    card = PointsRule(
        per_unit=1.0, reward_points=100, reward_value=10.0, expiry="never"
    )  # ten points an order, a hundred a card
    market = Market(world, (programme(card),), customers=20_000, seed=3)
    market.run(250)
    week, orders = market.order_log.table()
    moment = week + orders.at.astype(float)
    order = np.lexsort((orders.nth, orders.row))
    row, moment, points = orders.row[order], moment[order], (orders.earned - orders.burnt)[order]
    same = np.diff(row) == 0
    gap = np.diff(moment)
    held = np.zeros(row.size)
    for i in range(1, row.size):  # points after each order of a card
        held[i] = held[i - 1] * (row[i] == row[i - 1]) + points[i]
    first = same & (held[:-1] >= 5) & (held[:-1] < 15)  # one stamp on the card
    last = same & (held[:-1] >= 95) & (held[:-1] < 105)  # ten: the next order takes the reward
    assert gap[last].mean() / gap[first].mean() == pytest.approx(0.80, rel=0.02)


def weeks_to_a_full_card(card: PointsRule, head_start: float) -> np.ndarray:
    """Weeks from joining until the points suffice for a reward, of every member. Ten points an order."""
    world = cohort(
        Base(model="nbd", r=50.0, alpha=200.0),
        spend=Spend(p=100.0, q=100.0, gamma=9.9),
        loyalty=replace(
            NO_EFFECT, goal_gradient=2.5, head_start=head_start, p_join=0.9, join_selection=0.0, p_redeem=0
        ),
    )
    market = Market(world, (programme(card),), customers=6_000, seed=4).run(150)
    week, orders = market.order_log.table()
    moment = week + orders.at.astype(float)
    order = np.lexsort((orders.nth, orders.row))
    row, moment, earned = orders.row[order], moment[order], orders.earned[order].astype(np.int64)
    before = np.concatenate([[0], np.cumsum(earned)])
    begins = np.flatnonzero(np.diff(row, prepend=-1))
    held = before[1:] - np.repeat(before[begins], np.diff(np.append(begins, row.size)))
    joined = {int(r): float(m) for r, m in zip(row[earned > 0][::-1], moment[earned > 0][::-1], strict=True)}
    full = {int(r): float(m) for r, m in zip(row[held >= card.reward_points][::-1],
                                             moment[held >= card.reward_points][::-1], strict=True)}  # fmt: skip
    return np.array([full[r] - joined[r] for r in full])


def test_a_card_with_a_head_start_is_filled_faster_than_the_gradient_alone_can_tell() -> None:
    """Kivetz et al. 2006: 12 stamps of which 2 are given took 12.7 days, 10 stamps 15.6."""
    ten = PointsRule(per_unit=1.0, reward_points=95, reward_value=9.5, expiry="never")
    twelve = PointsRule(per_unit=1.0, reward_points=115, reward_value=11.5, welcome_points=20, expiry="never")
    plain = weeks_to_a_full_card(ten, head_start=0.25)
    gradient_alone = weeks_to_a_full_card(twelve, head_start=0.0)
    begun = weeks_to_a_full_card(twelve, head_start=0.25)
    assert gradient_alone.mean() > plain.mean(), "given points are no progress"
    assert begun.mean() / plain.mean() == pytest.approx(12.7 / 15.6, abs=0.06)


def test_a_head_start_ends_with_the_first_reward_and_costs_its_points() -> None:
    market = Market(
        shop(), (*today(), Play("p", PointsAndTiers(welcome_share=0.5, expiry="never"))), customers=400
    ).run(40)
    assert_points_add_up(market)
    week, orders = market.order_log.table()
    rule = Loyalty.of(market).points_rule
    joins = week == Loyalty.of(market).columns.enrolled[orders.row]
    assert (orders.earned[joins] > 0).any()
    given = np.zeros(market.customers.n, np.int64)
    np.add.at(given, orders.row, orders.earned - np.floor(orders.paid * rule.per_unit / 100 * 1.0 + 1e-9).astype(int))
    basic = Loyalty.of(market).columns.tier == 0
    members = Loyalty.of(market).columns.enrolled != NOT_ENROLLED
    assert set(given[members & basic]) >= {rule.welcome_points}
    assert (given[members] >= rule.welcome_points).all()


def test_a_programme_without_effect_is_pure_selection() -> None:
    """Row 13 and check (d): revenue as without a programme to the cent, and yet members look far better."""
    world = shop(loyalty=NO_EFFECT)
    plain = Market(world, today(), customers=3000).run(60)
    selected = Market(world, today(STANDARD), customers=3000).run(60)
    np.testing.assert_array_equal(plain.customers.orders, selected.customers.orders)
    np.testing.assert_array_equal(plain.customers.spend, selected.customers.spend)
    np.testing.assert_array_equal(plain.customers.stage, selected.customers.stage)
    a, b = read_all(plain), read_all(selected)
    assert a["revenue"] == b["revenue"]
    assert b["programme_cost"] > 0
    assert a["contribution"] - b["contribution"] == pytest.approx(b["programme_cost"])
    member = Loyalty.of(selected).columns.enrolled != NOT_ENROLLED
    known = selected.customers.identified & (selected.customers.orders > 0)
    assert selected.customers.orders[member].mean() > 1.3 * selected.customers.orders[known & ~member].mean()
    assert b["member_share"] > 0.3


def test_the_naive_member_gap_is_several_times_the_causal_one() -> None:
    """In the default population: between 3 and 10 times (Leenheer et al. 2007: about seven), among those who ordered
    since there is a programme and so could have joined. Over all who ever ordered it is far larger: who has left joins
    nothing, and that says nothing of programmes."""
    naive, causal = [], []
    for replication in range(4):
        plain = Market(shop(), today(), customers=6000, replication=replication).run(26)
        market = Market(shop(), today(STANDARD), customers=6000, replication=replication).run(26)
        member = Loyalty.of(market).columns.enrolled != NOT_ENROLLED
        active = market.customers.identified & (market.customers.last_order >= 0)
        other, member = active & ~member, active & member
        before, before_plain = market.customers.orders.copy(), plain.customers.orders.copy()
        market.run(26)
        plain.run(26)
        later = market.customers.orders - before
        naive.append(later[member].mean() / later[other].mean() - 1)
        causal.append(later[member].sum() / (plain.customers.orders - before_plain)[member].sum() - 1)
    assert 0.03 < np.mean(causal) < 0.12
    assert 3 < np.mean(naive) / np.mean(causal) < 10


def test_about_a_fifth_of_those_near_a_tier_reach_it_in_time() -> None:
    """Row 14: of the members within a quarter of the next threshold eight weeks before the review, 10 to 40 %;
    of those who have ordered within 13 weeks, as the others take no part."""
    market = Market(shop(), today(STANDARD), customers=20_000)
    near: list[np.ndarray] = []
    deadline = 52 + 20
    market.run(deadline - 8)
    people, members, rule = market.customers, Loyalty.of(market).columns, Loyalty.of(market).tier_rule
    assert rule is not None
    thresholds = np.array([*rule.thresholds, np.inf]) * 100
    due = (members.enrolled != NOT_ENROLLED) & (members.tier_ends > market.week) & (members.tier_ends <= deadline)
    gap = 1 - people.spend_52 / thresholds[members.tier]
    active = people.last_order >= market.week - 13
    chasing = due & active & (gap > 0) & (gap <= 0.25)
    tier_before = members.tier.copy()
    market.run(8)
    near.append(members.tier[chasing] > tier_before[chasing])
    reached = np.concatenate(near)
    assert reached.size > 40
    assert 0.10 < reached.mean() < 0.40


@pytest.mark.parametrize("expiry", ["rolling", "inactivity", "calendar", "never"])
@pytest.mark.parametrize("pending_weeks", [0, 3])
def test_points_issued_are_burnt_expired_or_outstanding_every_week(expiry: str, pending_weeks: int) -> None:
    rule = PointsRule(10.0, 200, 1.0, pending_weeks=pending_weeks, expiry=expiry, expiry_weeks=15)
    market = Market(shop(), today(programme(rule)), customers=1500).run(50)
    assert_points_add_up(market)
    expired = sum(week.expired for week in Loyalty.of(market).weeks.values())
    assert (expired > 0) == (expiry != "never")
    assert sum(market.ledger.balances().values()) == 0


def test_rolling_points_expire_oldest_first_after_their_term() -> None:
    """Recomputed from the order log, customer by customer, as a queue of batches."""
    rule = PointsRule(10.0, 300, 1.0, expiry="rolling", expiry_weeks=12)
    market = Market(shop(base=Base(r=1.0, alpha=5.0)), today(programme(rule)), customers=300).run(40)
    week, orders = market.order_log.table()
    for row in np.unique(orders.row[orders.earned > 0])[:150]:
        batches: list[list[int]] = []
        mine = np.flatnonzero(orders.row == row)
        for now in range(40):
            for j in mine[week[mine] == now]:
                burn = orders.burnt[j]
                while burn > 0:
                    used = min(burn, batches[0][1])
                    batches[0][1] -= used
                    burn -= used
                    if batches[0][1] == 0:
                        batches.pop(0)
                batches.append([now, orders.earned[j]])
            batches = [batch for batch in batches if now - batch[0] < 12]
        assert Loyalty.of(market).columns.points[row] == sum(points for _, points in batches), row


def test_pending_points_cannot_be_burnt_yet() -> None:
    base = Base(model="nbd", r=20.0, alpha=10.0)  # two orders a week
    loyal = replace(NO_EFFECT, p_redeem=1.0, p_join=0.9)
    rule = PointsRule(10.0, 100, 1.0, pending_weeks=6, expiry="never")
    market = Market(cohort(base, loyalty=loyal), (programme(rule),), customers=300).run(12)
    week, orders = market.order_log.table()
    assert week[orders.burnt > 0].min() == 7  # the first week that begins six weeks after every order of week 0
    at_once = Market(cohort(base, loyalty=loyal), (programme(replace(rule, pending_weeks=0)),), customers=300).run(12)
    week, orders = at_once.order_log.table()
    assert week[orders.burnt > 0].min() == 0


def test_what_the_points_will_cost_is_on_the_books_before_they_are_burnt() -> None:
    rule = PointsRule(10.0, 500, 4.0, expiry_weeks=26)
    economics = replace(Economics(), reward_cost=0.5, programme_setup=900.0, programme_member=5.2)
    market = Market(shop(economics=economics), today(programme(rule)), customers=2000).run(40)
    balances = market.ledger.balances()
    assert sum(balances.values()) == 0
    outstanding = Loyalty.of(market).columns.points.sum()
    burnt, expired = (
        sum(getattr(week, what) for week in Loyalty.of(market).weeks.values()) for what in ("burnt", "expired")
    )
    assert 0.05 < expired / (burnt + expired) < 0.95
    assert -balances["points liability"] == round(outstanding * 400 * 0.5 / 500 * (1 - expired / (burnt + expired)))
    early = Loyalty.of(market).weeks[20]
    assert early.liability == round(early.outstanding * 400 * 0.5 / 500), "before anything expired, all may be burnt"
    assert balances["programme set-up"] == round(90_000 / market.scale)
    assert balances["programme running"] == pytest.approx(
        sum(w.running_cost for w in Loyalty.of(market).weeks.values())
    )
    assert Loyalty.of(market).weeks[39].running_cost == (Loyalty.of(market).columns.enrolled != NOT_ENROLLED).sum() * 10
    assert balances["rewards"] == pytest.approx(burnt * 400 * 0.5 / 500, abs=len(Loyalty.of(market).weeks))
    outcome = MarketOutcome(market)
    assert outcome.mechanisms_cost.sum() == pytest.approx(balances["rewards"])
    kpis = read_all(market)
    profit = -sum(amount for account, amount in balances.items() if account not in ("cash", "points liability"))
    assert kpis["contribution"] == pytest.approx(profit / 100 * market.scale)
    assert kpis["points_liability"] == pytest.approx(-balances["points liability"] / 100 * market.scale)


def test_a_withdrawn_programme_ends_the_earning_and_lets_balances_run_out() -> None:
    rule = PointsRule(10.0, 200, 1.0, expiry="rolling", expiry_weeks=20)
    tiers = TierRule((50.0,), rates=(0.0, 0.1))
    market = Market(shop(), today(programme(rule, tiers, stop=15)), customers=1500).run(15)
    held = Loyalty.of(market).columns.points.sum()
    market.run(5)
    week, orders = market.order_log.table(since=15)
    assert orders.earned.sum() == 0
    assert orders.burnt.sum() > 0
    assert (orders.paid == orders.value).all(), "no tier prices without a programme"
    assert 0 < Loyalty.of(market).columns.points.sum() < held
    market.run(20)
    assert Loyalty.of(market).columns.points.sum() == 0
    assert_points_add_up(market)
    assert week.size


@pytest.mark.parametrize(
    ("downgrade", "after"), [("one_level", {1}), ("to_level", {0}), ("never", {2})], ids=["one level", "all", "never"]
)
def test_a_tier_is_held_for_its_term_and_its_grace_and_then_falls_by_the_rule(downgrade: str, after: set[int]) -> None:
    """Customers who stop buying at once: gold is kept for 10 weeks and 4 of grace."""
    rule = TierRule((30.0, 60.0), hold_weeks=10, grace_weeks=4, downgrade=downgrade)
    market = Market(shop(loyalty=replace(NO_EFFECT, p_join=0.9)), today(programme(None, rule)), customers=800).run(3)
    gold = np.flatnonzero(
        (Loyalty.of(market).columns.tier == 2) & (Loyalty.of(market).columns.tier_ends == market.week + 10)
    )
    assert gold.size > 5
    market.customers.spend_52[:] = 0  # from here on nobody's record reaches anything
    market.customers.order_rate[:] = 1e-9
    market.order_log._weeks.clear()
    market.run(13)
    assert set(Loyalty.of(market).columns.tier[gold]) == {2}, "still within the term and the grace"
    market.run(2)
    assert set(Loyalty.of(market).columns.tier[gold]) == after
    fallen = Loyalty.of(market).columns.tier_effect[gold] == 3
    assert fallen.all() == (downgrade != "never")


def test_tiers_pay_less_and_earn_faster_and_cost_what_their_perks_cost() -> None:
    rule = PointsRule(10.0, 500, 1.0)
    tiers = TierRule((60.0,), rates=(0.0, 0.1), multipliers=(1.0, 2.0), perk_costs=(0.0, 26.0))
    market = Market(shop(), today(programme(rule, tiers)), customers=2000).run(2)
    market.step()
    orders = market.order_log.week(2)
    cut = orders.paid < orders.value
    assert 0 < cut.sum() < orders.n
    np.testing.assert_allclose(orders.earned[cut], np.floor(orders.paid[cut] * 0.2), atol=1)
    silver = (Loyalty.of(market).columns.tier == 1).sum()
    assert Loyalty.of(market).weeks[2].perk_cost == round(silver * 2600 / 52)
    assert market.ledger.balances()["tier benefits"] == sum(w.perk_cost for w in Loyalty.of(market).weeks.values())


def test_a_tier_price_and_a_personal_one_do_not_add_up() -> None:
    @dataclass(frozen=True)
    class Personal:
        def decide(self, view):
            return [Discount(0.05)]

    tiers = TierRule((0.01,), rates=(0.02, 0.1))
    plays = today(programme(None, tiers), Play("own", Personal()))
    market = Market(shop(loyalty=replace(NO_EFFECT, p_join=0.9)), plays, customers=800).run(10)
    orders = market.order_log.week(9)
    rates = np.round(1 - orders.paid / orders.value, 2)
    assert set(rates) <= {0.0, 0.05, 0.1}
    assert (rates == 0.1).sum() > 0


def test_heavier_buyers_join_sooner_and_status_keeps_people_longer() -> None:
    assert p_join(0.0, 0.8, 1.0) / (1 - p_join(0.0, 0.8, 1.0)) == pytest.approx(np.exp(0.8))
    assert status_factor(0.85, 0.0, 2.0) == 1.0
    assert status_factor(0.85, 2.0, 2.0) == pytest.approx(0.85)
    market = Market(shop(), today(STANDARD), customers=5000).run(30)
    member = Loyalty.of(market).columns.enrolled != NOT_ENROLLED
    buyers = market.customers.identified & (market.customers.last_order >= 0)
    rate = np.log(market.customers.order_rate)
    assert rate[member].mean() - rate[buyers & ~member].mean() > 0.2
    status = replace(NO_EFFECT, p_join=0.9, status=0.7)
    everybody = TierRule((0.01,))
    kept = Market(shop(loyalty=status), today(programme(None, everybody)), customers=4000).run(52)
    plain = Market(shop(loyalty=NO_EFFECT), today(programme(None, everybody)), customers=4000).run(52)
    assert (kept.customers.stage == CUSTOMER).sum() > (plain.customers.stage == CUSTOMER).sum()


@pytest.mark.plain
def test_progress_beyond_the_goal_carries_no_pull_and_gaps_are_shares() -> None:
    assert goal_log_effect(0.0, 0.1, 2.5, 1.0) == 0.0
    assert goal_log_effect(0.5, 0.1, 2.5, 1.0) == pytest.approx(0.125)
    assert goal_log_effect(0.5, 0.1, 2.5, 3.0) == pytest.approx(0.25 / 8)
    assert goal_log_effect(0.5, 0.0, 2.5, 1.0) == 0.0, "a reward that is worth nothing pulls nobody"
    assert goal_progress(100, 100, 100, 10.0) == goal_progress(500, 500, 100, 10.0) == 0.95
    assert goal_progress(100, 40, 100, 10.0) == 0.35, "points that have expired are no progress"
    assert goal_progress(35, 35, 1, 35.0) == 0.5, "a reward that every order earns has no way to go"
    for orders in (1, 2, 5, 10):  # the pull of a whole card is the same however many orders it takes
        card = [goal_progress(10 * k, 10 * k, 10 * orders, 10.0) for k in range(1, orders + 1)]
        assert np.mean(card) == pytest.approx(0.5)
    assert progress_after(105, 100, 0, 10) == 15, "a full card pulls until the next order only"
    assert progress_after(80, 100, 100, 10) == 10, "a reward that was begun for them empties the card too"
    assert progress_after(80, 100, 0, 10) == 90
    thresholds = np.array([100.0, 200.0])
    assert tiers_reached(99.0, thresholds) == 0
    assert tiers_reached(200.0, thresholds) == 2
    assert tier_gap(150.0, thresholds, 1) == pytest.approx(0.25)
    assert tier_gap(150.0, thresholds, 2) == 1.0


def test_each_effect_moves_orders_in_its_direction() -> None:
    """Switched on alone against nothing: more orders for a pull, fewer for a disappointment."""
    tiers = TierRule(
        (60.0, 150.0), hold_weeks=26, downgrade="to_level", multipliers=(1.0, 1.5, 2.0), perk_costs=(0, 2, 9)
    )
    card = PointsRule(10.0, 200, 2.0, expiry="calendar", expiry_weeks=26)
    plays = today(programme(card, tiers))

    def orders(**effects) -> float:
        response = replace(NO_EFFECT, p_join=0.6, **effects)
        world = shop(loyalty=response, population=Population(customers=4000, prospects=0))
        return Market(world, plays).run(60).books["orders"].sum()

    nothing = orders()
    for effect, size, sign in (
        ("member", 0.1, 1), ("goal_gradient", 2.5, 1), ("perks", 0.5, 1), ("reward", 0.08, 1), ("pressure", 0.1, 1),
        ("success", 0.18, 1), ("failure", 0.16, -1), ("demotion", 0.2, -1), ("status", 0.7, 1),
    ):  # fmt: skip
        assert (orders(**{effect: size}) - nothing) * sign > 0, effect


@pytest.mark.parametrize(
    ("play", "message"),
    [
        (programme(PointsRule(), holdout=0.1), "no target, holdout or ramp"),
        (programme(PointsRule(per_unit=-1.0)), "PointsRule.per_unit must lie between 0 and"),
        (programme(PointsRule(reward_points=0)), "whole number between 1 and"),
        (programme(None, TierRule((100.0, 50.0))), "must not fall from tier to tier"),
        (programme(None, TierRule((100.0,), rates=(0.0, 1.2))), "between 0 and 0.95"),
        (programme(None, TierRule((100.0,), multipliers=(1.0, -2.0))), "multipliers must lie between 0 and"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(play: Play, message: str) -> None:
    with pytest.raises(ActionError, match=message):
        Market(shop(), today(play), customers=100).step()
