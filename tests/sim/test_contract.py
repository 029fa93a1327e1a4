"""The contract between firm and world: what strategies may do, and what becomes of what they ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import pytest

from crmlab.lab import load_world
from crmlab.sim import (
    ChannelBudget,
    ContractError,
    Coupon,
    Discount,
    FirstOrderOffer,
    Lever,
    Play,
    PublicDiscount,
    Tag,
    Target,
    check_strategy,
    levers_of,
)
from crmlab.sim.actions import ActionError
from crmlab.sim.customers import Customers
from crmlab.sim.market import Market
from crmlab.sim.mechanism import Week
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.price.prices import Prices
from crmlab.sim.world import Base
from crmlab.strategies import STRATEGIES, ChannelMix, DiscountTiers
from tests.conftest import shop, today


@pytest.mark.parametrize("kind", STRATEGIES)
def test_every_shipped_strategy_keeps_the_contract(kind: str) -> None:
    check_strategy(STRATEGIES[kind])


@dataclass(frozen=True)
class Peeking:
    """Looks at a hidden trait."""

    def decide(self, view):
        return [Discount(np.where(view.elasticity > 2, 0.1, 0.0))]


@dataclass(frozen=True)
class Scribbling:
    """Writes into the records."""

    def decide(self, view):
        view.spend[:1] = 0
        return []


@dataclass(frozen=True)
class Dicing:
    """Uses its own luck."""

    def decide(self, view):
        return [PublicDiscount(float(np.random.default_rng().random() / 2))]


@dataclass
class Remembering:
    """Keeps a list."""

    seen: list = field(default_factory=list)

    def decide(self, view):
        return []


@dataclass(frozen=True)
class OutOfRange:
    """Its default lies outside its own range."""

    rate: Annotated[float, Lever(0.0, 0.1)] = 0.5

    def decide(self, view):
        return []


@dataclass(frozen=True)
class SayingTheWrongAudience:
    """Says that it is for chosen customers, and lowers everybody's price."""

    audience: ClassVar[str] = "customers"

    def decide(self, view):
        return [PublicDiscount(0.05)]


@dataclass(frozen=True)
class Chatty:
    """Returns a word."""

    def decide(self, view):
        return ["discount"]


@dataclass(frozen=True)
class Prying:
    """Goes behind the view."""

    def decide(self, view):
        return [Discount(np.where(view._rows.elasticity[view._rows] > 2, 0.1, 0.0))]


@dataclass(frozen=True)
class Dividing:
    """A fifth of what is spent per customer."""

    def decide(self, view):
        return [PublicDiscount(min(0.2, 5 / view.n))]


@dataclass(frozen=True)
class DividingByOrders:
    """Nobody has ordered yet: the mean is no number."""

    def decide(self, view):
        return [PublicDiscount(float(view.spend.mean()) * 0)]


@dataclass(frozen=True)
class Stumbling:
    """Fails half a year into the run."""

    def decide(self, view):
        if view.week == 26:
            raise KeyError("summer")
        return []


SEEN: list[int] = []
COUNT = 0


def note(week):
    SEEN.append(week)


@dataclass(frozen=True)
class RememberingInAList:
    """Keeps a list in its module, by way of a helper."""

    def decide(self, view):
        note(view.week)
        return []


@dataclass(frozen=True)
class Counting:
    """Counts in a global."""

    def decide(self, view):
        global COUNT
        COUNT += 1
        return []


@dataclass(frozen=True)
class RememberingInItself:
    """Frozen, but not cold."""

    def decide(self, view):
        object.__setattr__(self, "last", view.n)
        return []


@dataclass(frozen=True)
class RememberingInADefault:
    """Keeps a list where nobody looks."""

    def decide(self, view, seen=[]):  # noqa: B006
        seen.append(view.week)
        return []


@pytest.mark.parametrize(
    ("strategy", "clause"),
    [
        (Prying, "_rows is a private name"),
        (Dividing, "divides by zero in week 0 of a market with 0 identified customers"),
        (DividingByOrders, "a division by zero makes such numbers"),
        (Stumbling, r"fails in week 26 of a market with \d+ identified customers \(KeyError: 'summer'\)"),
        (RememberingInAList, "remembers something in the global SEEN"),
        (Counting, "remembers something in the global COUNT"),
        (RememberingInItself, "remembers something in its field last"),
        (RememberingInADefault, r"remembers something in a default of decide \(seen\)|a default of decide"),
        (Peeking, "cannot see"),
        (Scribbling, "writes to the view"),
        (Dicing, "same view must lead to the same actions"),
        (Remembering, "frozen dataclass"),
        (OutOfRange, "outside its range"),
        (Chatty, "no action of the contract"),
        (SayingTheWrongAudience, 'says audience = "customers" and returned PublicDiscount'),
    ],
)
def test_a_strategy_that_breaks_the_contract_is_told_which_clause(strategy: type, clause: str) -> None:
    with pytest.raises(ContractError, match=clause):
        check_strategy(strategy)


@dataclass(frozen=True)
class OnlyPaidSearch:
    """Knows one channel by name."""

    def decide(self, view):
        return [ChannelBudget("paid_social", 100.0)]


def test_a_strategy_is_tried_in_a_world_of_ones_own() -> None:
    with pytest.raises(ContractError, match='no channel "paid_social"'):
        check_strategy(OnlyPaidSearch)
    with pytest.raises(ContractError, match="private name"):
        check_strategy(Prying, world=shop())
    check_strategy(DiscountTiers, world=[shop(), load_world("personas")])


@dataclass(frozen=True)
class Careful:
    """Divides everywhere and uses it where there is something to divide by."""

    def decide(self, view):
        mean = np.where(view.orders > 0, view.spend / view.orders, 0.0)
        return [Discount(np.where(mean > 1e9, 0.1, 0.0))]


def test_a_division_without_consequences_is_the_strategys_own_affair() -> None:
    check_strategy(Careful)


@dataclass(frozen=True)
class Returns:
    """Returns what it is given."""

    actions: tuple = ()

    def decide(self, view):
        return [action(view) if callable(action) else action for action in self.actions]


def settle(*plays: Play, weeks: int = 0):
    market = Market(shop(), plays, customers=400).run(weeks)
    return market, settled_week(market)


def settled_week(market: Market) -> Week:
    """The week to come, as far as the actions of the plays are settled."""
    week = market.look_and_decide()
    market.run_phase("settle", week)
    return week


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (ChannelBudget("telepathy", 10), 'no channel "telepathy"'),
        (ChannelBudget("organic", 10), "takes no budget"),
        (ChannelBudget("content", -1), "must lie between 0 and"),
        (ChannelBudget("content", float("nan")), "must lie between 0 and"),
        (PublicDiscount(1.2), "between 0 and 0.95"),
        (FirstOrderOffer(-0.1), "between 0 and 0.95"),
        (Discount(np.array([0.1, 0.2])), "one per identified customer"),
        (Discount(float("nan")), "between 0 and 0.95"),
        (lambda view: Coupon(0.1, to=np.ones(view.n)), "True or False"),
        (lambda view: Tag("x", on=np.ones(3, bool)), "True or False"),
        ("free beer", "no action of the contract"),
    ],
)
def test_an_action_that_cannot_be_carried_out_is_refused_by_name(action, message: str) -> None:
    with pytest.raises(ActionError, match=message) as refused:
        settle(Play("oops", Returns((action,))))
    assert "oops" in str(refused.value)


def test_standing_price_cuts_do_not_add_up() -> None:
    market, settled = settle(
        Play("a", Returns((Discount(0.10),))),
        Play("b", Returns((Discount(0.07), PublicDiscount(0.05)))),
        Play("c", Returns((PublicDiscount(0.2, channel="content"),))),
    )
    np.testing.assert_allclose(settled.effects.standing[market.identified_rows], 0.10)
    np.testing.assert_allclose(settled.offer.public, [0.05, 0.05, 0.05, 0.2, 0.05, 0.05])


def test_the_last_play_that_names_a_channel_sets_its_budget_and_terms_end_with_the_week() -> None:
    mix = Play("mix", ChannelMix(factors={"content": 2.0}, hold_total=False), stop=1)
    market, settled = settle(*today(mix))
    scale = market.scale
    np.testing.assert_allclose(settled.by_channel["spend"] * scale, [900, 1000, 1000, 200, 0])
    market.run(1)
    back = settled_week(market)
    np.testing.assert_allclose(back.by_channel["spend"] * scale, [900, 1000, 500, 200, 0])
    nobody = Market(shop(), (), customers=400)
    assert settled_week(nobody).by_channel["spend"].sum() == 0


def test_a_channel_mix_can_hold_the_total() -> None:
    market, settled = settle(*today(Play("mix", ChannelMix(total=1.0, factors={"content": 4.0, "paid_search": 0.0}))))
    assert settled.by_channel["spend"].sum() * market.scale == pytest.approx(2600)
    assert settled.by_channel["spend"][0] == 0


def test_a_customer_may_hold_several_coupons_and_the_firm_knows_the_best_and_the_last_of_them() -> None:
    def everybody(view):
        return np.ones(view.n, bool)

    market, _ = settle(
        Play("good", Returns((lambda view: Coupon(0.2, to=everybody(view), weeks=4),))),
        Play("worse", Returns((lambda view: Coupon(0.1, to=everybody(view), weeks=9),))),
        Play("some", Returns((lambda view: Coupon(0.3, to=view.orders > 2, weeks=2),))),
    )
    known, regulars = market.identified_rows, market.customers.orders[market.identified_rows] > 2
    held = Prices.of(market).columns
    assert held.lines.row.size == 2 * known.size + regulars.sum()
    assert (np.diff(held.lines.row) >= 0).all()
    np.testing.assert_allclose(held.get("coupon_rate")[known], np.where(regulars, 0.3, 0.2), rtol=1e-6)
    assert (market.look().coupon_weeks_left == 9).all()
    held.keep(held.lines.ends > 4)
    np.testing.assert_allclose(held.get("coupon_rate")[known], 0.1, rtol=1e-6)


def test_using_a_coupon_strikes_the_best_one_and_leaves_the_others() -> None:
    world = shop(price=PriceResponse(coupon_use=1.0), base=Base(model="nbd", r=20.0, alpha=40.0))
    plays = (
        Play("good", Returns((lambda view: Coupon(0.3, to=np.ones(view.n, bool), weeks=4),)), stop=1),
        Play("worse", Returns((lambda view: Coupon(0.1, to=np.ones(view.n, bool), weeks=4),)), stop=1),
    )
    market = Market(world, plays, customers=400)
    known = market.identified_rows
    market.step()
    bought = np.unique(market.order_log.week(0).row)
    rates = market.column("coupon_rate")
    bought, others = np.intersect1d(bought, known), np.setdiff1d(known, bought)
    assert bought.size > 50
    assert others.size > 50
    np.testing.assert_allclose(rates[bought], 0.1, rtol=1e-6)
    np.testing.assert_allclose(rates[others], 0.3, rtol=1e-6)
    market.run(3)
    assert not market.column("coupon_rate").any()
    assert not Prices.of(market).columns.is_open, "void after four weeks"


def test_only_the_target_is_treated_and_the_holdout_is_left_alone_and_measured() -> None:
    target = Target(bands={"orders": (2, 1000)})
    play = Play("loyal", Returns((Discount(0.3),)), target=target, holdout=0.25)
    market, settled = settle(*today(play))
    view = market.look()
    held = view.uniform("loyal/holdout") < 0.25
    treated = settled.effects.standing[market.identified_rows] > 0
    np.testing.assert_array_equal(treated, (view.orders >= 2) & ~held)
    market.run(30)
    results = market.books.campaign("loyal")
    share = results["held_out_customers"].sum() / (results["held_out_customers"] + results["treated_customers"]).sum()
    assert 0.2 < share < 0.3
    rate_treated = results["treated_orders"].sum() / results["treated_customers"].sum()
    rate_held_out = results["held_out_orders"].sum() / results["held_out_customers"].sum()
    assert rate_treated > 1.3 * rate_held_out  # 30 % off: the firm can see its effect
    assert market.books.campaign("unknown")["treated_orders"].size == 0


def test_a_play_starts_ramps_up_and_stops() -> None:
    play = Play("late", Returns((Discount(0.1),)), start=2, stop=12, ramp_weeks=4)
    market = Market(shop(), today(play), customers=2000)
    reached = []
    for _ in range(14):
        settled = settled_week(market)
        own = settled.effects.standing
        reached.append(float((own[market.identified_rows] > 0).mean()) if own.size else 0.0)
        market.step()
    assert reached[:2] == [0, 0]
    np.testing.assert_allclose(reached[2:6], [0.2, 0.4, 0.6, 0.8], atol=0.05)
    assert reached[6:12] == [1.0] * 6
    assert reached[12:] == [0, 0]


def test_tags_are_remembered_until_they_fade_and_can_be_targeted() -> None:
    tagging = Play("mark", Returns((lambda view: Tag("vip", on=view.orders >= 3, weeks=5),)), stop=1)
    using = Play("use", Returns((Discount(0.2),)), target=Target(tags=("vip",)))
    market = Market(shop(), today(tagging, using), customers=600)
    marked = market.look().orders >= 3
    market.step()
    assert (market.look().tag("vip")[: marked.size] == marked).all()
    settled = settled_week(market)
    assert (settled.effects.standing[market.identified_rows] > 0).sum() == marked.sum()
    market.run(5)
    assert not market.look().tag("vip").any()


def test_the_firm_does_not_see_customers_of_channels_that_hide_them() -> None:
    market = Market(shop(), today(), customers=3000).run(40)
    newcomers = np.flatnonzero((market.customers.source == 3) & (market.customers.orders > 0))
    share = market.customers.identified[newcomers].mean()
    assert newcomers.size > 100
    assert 0.02 < share < 0.2  # the marketplace hands over one in ten
    view = market.look()
    assert view.n == market.customers.identified.sum()
    np.testing.assert_array_equal(np.sort(market.identified_rows), np.flatnonzero(market.customers.identified))
    assert (np.diff(market.customers.first_order[market.identified_rows[3000:]]) > -1).all()  # by registration


def test_hidden_columns_cannot_be_asked_for_and_seen_ones_cannot_be_written() -> None:
    view = Market(shop(), today(), customers=100).look()
    for hidden in ("order_rate", "departure_rate", "elasticity", "reference", "debt", "order_clock", "mean_order"):
        assert hidden in Customers.names()
        with pytest.raises(AttributeError):
            getattr(view, hidden)
    with pytest.raises(ValueError, match="read-only"):
        view.spend[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        view.books["orders"][:] = 1
    with pytest.raises(TypeError):
        view.planned_budget["content"] = 1


def test_trailing_records_cover_exactly_the_last_52_weeks() -> None:
    market = Market(shop(), today(), customers=500)
    for weeks in (1, 30, 40):
        market.run(weeks)
        when, orders = market.order_log.table(since=market.week - 52)
        inside = when >= market.week - 52
        expected = np.bincount(orders.row[inside], minlength=market.customers.n)
        np.testing.assert_array_equal(market.customers.orders_52, expected)
        spend = np.bincount(orders.row[inside], orders.paid[inside], market.customers.n)
        np.testing.assert_array_equal(market.customers.spend_52, spend.astype(np.int64))


def test_segments_and_rfm_scores_describe_recorded_behaviour() -> None:
    view = Market(shop(), today(), customers=2000).run(20).look()
    assert set(np.unique(view.rfm)) <= {1, 2, 3, 4, 5}
    dormant = Target(segments=("dormant",)).matches(view)
    assert (view.weeks_since_order[dormant] >= 26).all()
    new = Target(segments=("new",)).matches(view)
    assert (view.orders[new] == 1).all()
    loyal = Target(segments=("high_value_loyal",)).matches(view)
    assert view.spend_52[loyal].mean() > 2 * view.spend_52.mean()
    assert 0 < loyal.sum() < view.n / 2
    both = Target(segments=("dormant",), sources=("before",)).matches(view)
    assert (view.source[both] == -1).all()


def test_levers_stand_once_on_the_field() -> None:
    levers = levers_of(DiscountTiers)
    assert list(levers) == ["silver_spend", "gold_factor", "silver_rate", "gold_extra"]
    assert levers["silver_spend"].range.log
    assert levers["silver_rate"].default == 0.05
