"""Every unit of money, once; and KPIs that can be recomputed by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.experiments.replication.tables import run_tables
from crmlab.lab import load_world
from crmlab.sim import FirstOrderOffer, Play
from crmlab.sim.kpis import KPIS, read_all
from crmlab.sim.ledger import CASH, Kind, Ledger
from crmlab.sim.lifetime import Cohort
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.accounts import WELCOME
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.orders import OrderLog, Orders
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Population
from crmlab.strategies import DiscountTiers, DoNothing, PointsAndTiers, PriceCut
from tests.conftest import INSENSITIVE, cohort, shop, today


@dataclass(frozen=True)
class Welcome:
    rate: float = 0.2

    def decide(self, view):
        return [FirstOrderOffer(self.rate)]


BUSY = today(
    Play("tiers", DiscountTiers()),
    Play("points", PointsAndTiers(welcome_share=0.4, silver_spend=60.0, gold_perks=30.0, expiry="inactivity")),
    Play("cut", PriceCut(0.1, 1, 4)),
    Play("welcome", Welcome()),
)


@pytest.fixture(scope="module")
def busy() -> Market:
    return Market(shop(), BUSY, customers=1500, seed=8).run(104)


def test_the_books_balance_to_the_minor_unit_and_agree_with_the_orders(busy: Market) -> None:
    balances = busy.ledger.balances()
    assert sum(balances.values()) == 0
    _, orders = busy.order_log.table()
    economics = busy.world.economics
    commission = np.array([c.commission for c in busy.world.channels] + [0.0])[busy.customers.source[orders.row]]
    incentive = by_hand(busy)["incentive"].sum() * 100
    expected = {
        "sales": -orders.value.sum(),
        "discounts": (orders.value - orders.paid).sum() - incentive,
        "first-order discounts": incentive,
        "goods": np.rint(orders.value * (1 - economics.gross_margin)).sum(),
        "fulfilment": orders.n * round(economics.fulfilment_cost * 100),
        "payment": np.rint(orders.paid * economics.payment_cost).sum(),
        "commissions": np.rint(orders.paid * commission).sum(),
        "media": 104 * sum(round(c.budget * 100) for c in busy.world.channels if c.half_budget),
        "channel fees": 0,
    }
    for account, amount in expected.items():
        assert balances[account] == round(amount), account
    cash = sum(round(amount) for amount in expected.values()) + balances["rewards"] + balances["tier benefits"]
    cash += balances["programme set-up"] + balances["programme running"]
    assert balances[CASH] == -cash
    assert balances["discounts"] > balances["first-order discounts"] > 0
    assert balances["welcome points"] > 0


def by_hand(market: Market) -> pd.DataFrame:
    """Every order as a table: moment, age, contribution, and what only a first order was given. Currency units.

    The standing price is known from the policy: every fourth week 10 % less for everybody.
    """
    week, orders = market.order_log.table()
    log = pd.DataFrame(orders._asdict()).assign(week=week, moment=week + orders.at.astype(float))
    log["source"] = market.customers.source[log["row"]]
    journal = market.ledger.table()
    rewards = journal[journal["debit"] == "rewards"].groupby("week")["amount"].sum().reindex(range(104), fill_value=0)
    burnt = log.groupby("week")["burnt"].sum().reindex(range(104), fill_value=0)
    reward = log["burnt"] * (rewards / burnt.where(burnt > 0, 1))[log["week"]].to_numpy()
    log["contribution"] = (market.tariff.contribution(orders, market.customers.source[orders.row]) - reward) / 100
    standing = np.floor(log["value"] * np.where(week % 4 == 0, 0.9, 1.0) + 0.5)
    log["incentive"] = np.where(log["nth"] == 0, standing - log["paid"], 0) / 100
    log["first"] = log["row"].map(log[log["nth"] == 0].set_index("row")["moment"])
    return log.assign(age=log["moment"] - log["first"])


@settings(max_examples=12, deadline=None)
@given(rate=st.floats(0, 0.5), seed=st.integers(0, 1000), weeks=st.integers(1, 12))
def test_no_policy_creates_or_loses_a_cent(rate: float, seed: int, weeks: int) -> None:
    market = Market(shop(), today(Play("cut", PriceCut(rate))), customers=150, seed=seed).run(weeks)
    balances = market.ledger.balances()
    _, orders = market.order_log.table()
    assert sum(balances.values()) == 0
    assert balances["sales"] + balances["discounts"] + balances["first-order discounts"] == -orders.paid.sum()
    in_run = np.bincount(orders.row, orders.paid, market.customers.n)
    before = Market(shop(), (), customers=150, seed=seed).customers.spend
    np.testing.assert_array_equal(market.customers.spend - before, in_run.astype(np.int64))


def test_a_ledger_refuses_negative_postings() -> None:
    with pytest.raises(ValueError, match="negative"):
        Ledger().post(0, "goods", CASH, -1)


def test_kpis_equal_what_a_spreadsheet_would_give(busy: Market) -> None:
    """Recomputed with pandas from the order log and the journal alone."""
    kpis, scale, log = read_all(busy), busy.scale, by_hand(busy)
    journal = busy.ledger.table()

    def booked(account: str, until: int = 104) -> float:
        early = journal[journal["week"] < until]
        debit = early.loc[early["debit"] == account, "amount"].sum()
        return float(debit - early.loc[early["credit"] == account, "amount"].sum()) / 100

    delta = np.log(1.15) / 52
    first = log[log["nth"] == 0].set_index("row")["moment"]
    media, to_win = booked("media"), log["incentive"].sum() + booked("welcome points")
    assert kpis["cac"] == pytest.approx((media + to_win) / first.size)
    assert kpis["cac_media"] == pytest.approx(media / first.size)

    members = first[first < 52]
    second = log[log["nth"] == 1].set_index("row")["moment"]
    within = (second.reindex(members.index) - members) <= 52
    assert kpis["repurchase_52"] == pytest.approx(within.mean())

    early = log["incentive"][log["week"] < 52].sum()
    cac_cohort = (booked("media", 52) + early + booked("welcome points", 52)) / members.size
    assert kpis["cac_cohort"] == pytest.approx(cac_cohort)
    watched = log[log["row"].isin(members.index) & (log["age"] <= 52)]
    orders = ((watched["contribution"] + watched["incentive"]) * np.exp(-delta * watched["age"])).sum()
    ltv = (orders - programme_of(busy, members, delta)) / members.size
    assert kpis["ltv_52"] == pytest.approx(ltv)
    assert kpis["ltv_cac"] == pytest.approx(ltv / cac_cohort)

    present = (np.exp(-delta * log["moment"]) * log["contribution"]).sum()
    programme = ("points provision", "tier benefits", "programme set-up", "programme running")
    for account in ("media", "welcome points", *programme):
        weekly = busy.ledger.by_week(account, 104) / 100
        present -= (weekly * np.exp(-delta * np.arange(104))).sum()
    assert kpis["equity_run"] == pytest.approx(present * scale)
    assert kpis["customer_equity"] == pytest.approx(kpis["equity_run"] + kpis["terminal_value"])
    assert kpis["equity_run"] == pytest.approx(kpis["value_existing"] + kpis["value_new"], rel=1e-4)  # rounding by week
    earned = sum(booked(name) for name, account in busy.ledger.accounts.items() if account.kind is not Kind.BALANCE)
    assert kpis["contribution"] == pytest.approx(-earned * scale)
    assert kpis["orders"] == pytest.approx(len(log) * scale)
    assert kpis["active_end"] == pytest.approx(log[log["moment"] >= 52]["row"].nunique() * scale)

    active_before = log[log["moment"] < 52]["row"].unique()
    again = np.isin(active_before, log[log["moment"] >= 52]["row"].unique()).mean()
    assert kpis["retention_52"] == pytest.approx(again)


def programme_of(market: Market, first: pd.Series, delta: float) -> float:
    """What points and benefits cost for these customers within 52 weeks of their first order, week by week: every week
    of a second life of the same market is looked at, as the columns stand."""
    again = Market(shop(), BUSY, customers=1500, seed=8)
    rows, moment = first.index.to_numpy(), first.to_numpy()
    held, cost = np.zeros(rows.size), 0.0
    benefits, burnt, expired = np.array([1.0, 1.0, 31.0]) / 52, 0, 0  # one of running cost each
    for week in range(104):
        again.step()
        members, closed = Loyalty.of(again).columns, Loyalty.of(again).weeks[week]
        rule = Loyalty.of(again).points_rule
        burnt, expired = burnt + closed.burnt, expired + closed.expired
        value = rule.reward_value / rule.reward_points * 0.6 * (1 - expired / max(burnt + expired, 1))
        now = members.points[rows] * value
        _, orders = again.order_log.table(since=week)
        fresh = np.isin(rows, orders.row[(orders.nth == 0) & (orders.earned >= rule.welcome_points)])
        joined = members.enrolled[rows] != -32768
        flow = now - held - fresh * rule.welcome_points * value + joined * benefits[members.tier[rows]]
        age = week + 1 - moment
        cost += (flow * np.exp(-delta * age))[(age > 0) & (np.floor(moment) + 52 > week)].sum()
        held = now
        assert closed.outstanding == members.points.sum()
    return cost


def test_payback_is_the_age_at_which_contribution_has_paid_the_acquisition() -> None:
    """The KPI, the curve and the table behind it tell one story, each arm's own cohort."""
    market = Market(load_world("shop").world, today(Play("points", PointsAndTiers())), customers=2000, seed=8).run(104)
    kpis, ltv = read_all(market), run_tables(market)["ltv"]
    assert ltv["ltv"].iloc[-1] == pytest.approx(kpis["ltv_52"])
    assert ltv["cac"].iloc[0] == pytest.approx(kpis["cac_cohort"])
    assert ltv["payback"].iloc[0] == kpis["payback_weeks"] > 0
    early, late = ltv["age_weeks"] < kpis["payback_weeks"], ltv["contribution"] >= kpis["cac_cohort"]
    assert not late[early].any(), "before that age it had not been paid"
    assert kpis["payback_weeks"] <= ltv["age_weeks"][late].min(), "what the programme costs is booked by week"


def test_an_offer_that_only_moves_money_at_the_first_order_is_counted_once() -> None:
    """People who react to no price: a first-order offer costs its amount and wins nobody. It is in CAC, not in LTV, and
    what LTV less CAC loses is the amount itself (and its payment fee)."""
    world = shop(price=INSENSITIVE)
    plain = Market(world, today(), customers=1500, seed=4).run(104)
    given = Market(world, today(Play("welcome", Welcome(0.3))), customers=1500, seed=4).run(104)
    before, after = read_all(plain), read_all(given)
    outcome = MarketOutcome(given)
    cohort = Cohort(outcome, 52)
    amount = outcome.incentive[outcome.orders.nth == 0][cohort.members].mean()
    fees = after["ltv_52"] - before["ltv_52"]
    assert after["cac_cohort"] - before["cac_cohort"] == pytest.approx(amount)
    assert 0 <= fees < 0.2 * amount  # less is paid, so payment fees and commissions are lower
    assert after["ltv_cac"] == pytest.approx(after["ltv_52"] / after["cac_cohort"])
    left = (after["ltv_52"] - after["cac_cohort"]) - (before["ltv_52"] - before["cac_cohort"])
    assert left == pytest.approx(fees - amount)


def test_a_price_cut_for_everybody_is_a_lower_price_and_no_cost_of_acquisition() -> None:
    world = shop(price=INSENSITIVE)
    plain = read_all(Market(world, today(), customers=1500, seed=4).run(104))
    cut = read_all(Market(world, today(Play("cut", PriceCut(0.2, 1, 1))), customers=1500, seed=4).run(104))
    assert cut["cac"] == plain["cac"]
    assert cut["ltv_52"] < plain["ltv_52"]


def test_welcome_points_are_acquisition_cost_and_a_worthless_rest_of_them_is_not() -> None:
    """Points that are never burnt: the welcome ones are a cost of acquisition until they lapse, then income."""
    world = shop()
    world = replace(world, loyalty=replace(world.loyalty, p_redeem=0.0))
    plays = today(Play("p", PointsAndTiers(welcome_share=0.5, expiry="inactivity", expiry_weeks=13, gold_perks=0.0)))
    market = Market(world, plays, customers=1500, seed=4).run(104)
    outcome = MarketOutcome(market)
    welcome = outcome.upkeep.welcome.sum() / 100
    assert market.ledger.balances()["welcome points"] / 100 == pytest.approx(welcome, abs=1)
    assert outcome.costs.acquisition()[1] == pytest.approx(welcome, abs=1)
    everything = (outcome.costs.booked(WELCOME) + outcome.costs.by_week(Kind.UPKEEP, Kind.OVERHEAD)).sum()
    run = sum(market.ledger.balances()[account] for account in ("programme set-up", "programme running")) / 100
    assert everything - run == pytest.approx(
        Loyalty.of(market).books.liability / 100
    )  # nothing was burnt: what is still owed


def test_the_costs_of_the_programme_are_the_same_person_by_person_group_by_group_and_in_the_books(busy: Market) -> None:
    outcome = MarketOutcome(busy)
    weight = np.exp(-0.003 * np.arange(104))
    persons = outcome.upkeep.cost(weight)
    group = np.arange(busy.customers.n) % 3
    groups = outcome.upkeep.by_group(group, 3) @ weight
    np.testing.assert_allclose(groups, np.bincount(group, persons), rtol=1e-9)
    gap = persons.sum() - outcome.costs.by_week(Kind.UPKEEP) @ weight  # set-up is nobody's: it needs nobody to join
    # Persons are exact, books in whole cents: provision, lapses, benefits and running costs are rounded once a week.
    # Such errors are even within half a cent, so 104 weeks of four accounts have a standard deviation of 6 cents.
    assert abs(gap) < 4 * 0.01 * np.sqrt(4 * 104 / 12)
    cohort = Cohort(outcome, 52)
    assert cohort.by_person.sum() / cohort.n == pytest.approx(cohort.ltv)


def test_what_cannot_be_known_is_undefined_and_never_zero() -> None:
    short = read_all(Market(shop(), today(), customers=300).run(20))
    for kpi in ("repurchase_52", "ltv_52", "ltv_cac", "payback_weeks", "retention_52"):
        assert np.isnan(short[kpi]), kpi
    world = cohort(population=Population(customers=300, prospects=0))
    nobody_new = read_all(Market(world, (Play("none", DoNothing()),)).run(60))
    assert np.isnan(nobody_new["cac"])
    assert nobody_new["first_orders"] == 0
    assert nobody_new["value_new"] == 0


def test_every_kpi_says_what_it_is() -> None:
    for kpi in KPIS.values():
        assert all((kpi.label, kpi.unit, kpi.formula, kpi.eligible, kpi.window, kpi.censoring, kpi.reference))
        assert kpi.direction in (-1, 0, 1)
    assert {k for k, v in KPIS.items() if v.hidden} == {"terminal_value", "guard_share"}
    for kpi in KPIS.values():
        assert set(kpi.ratio_of or ()) <= set(KPIS)


def test_tables_behind_the_charts_agree_with_the_books(busy: Market) -> None:
    tables, scale = run_tables(busy), busy.scale
    profit = tables["profit"].set_index("account")["amount"]
    assert profit.drop("contribution").sum() == pytest.approx(profit["contribution"])
    weekly = tables["weekly"].groupby("series")["value"].sum()
    assert weekly["contribution"] == pytest.approx(profit["contribution"])
    assert weekly["revenue"] == pytest.approx(profit["sales"] + profit["discounts"] + profit["first-order discounts"])
    funnel = tables["funnel"].groupby("name")["people"].sum()
    assert funnel["leads"] > funnel["first order"] > funnel["second order"] > funnel["third order or more"] > 0
    assert funnel["first order"] == pytest.approx(MarketOutcome(busy).acquired.size * scale)
    assert tables["channels"]["first_orders"].sum() == pytest.approx(funnel["first order"])
    cohorts = tables["cohorts"]
    channels = tables["channels"]
    spent = channels["spend"].sum() + channels["incentives"].sum()
    assert spent / channels["first_orders"].sum() == pytest.approx(read_all(busy)["cac"], rel=1e-4)
    assert cohorts["share"].between(0, 1).all()
    assert (cohorts["cohort"] + cohorts["age"] < 26).all()


def test_an_empty_order_log_is_a_table_too() -> None:
    week, orders = OrderLog({}).table()
    assert week.size == orders.n == 0
    assert isinstance(orders, Orders)
