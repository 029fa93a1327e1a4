"""What a mechanism posts enters the figures by the kind of money it is, whatever its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from crmlab.experiments.replication.tables import run_tables
from crmlab.sim.kpis import read_all
from crmlab.sim.ledger import CASH, Account, Kind, Ledger
from crmlab.sim.lifetime import Cohort
from crmlab.sim.market import Market
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.orders import Orders
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.upkeep import PersonCosts
from tests.conftest import shop

STALLS, GIFTS = Account("market stalls", Kind.REACH), Account("gifts for newcomers", Kind.INCENTIVE)
RENT, WRAPPING = Account("rent", Kind.OVERHEAD), Account("wrapping", Kind.ORDER)
VISITS = Account("visits", Kind.UPKEEP)
WEEKLY = {STALLS: 10_000, GIFTS: 5_000, RENT: 2_500}  # cents
PAPER = 30  # cents an order
VISIT = 200  # cents, to everybody who has ordered in the week
WEEKS = 60


class Spending(Mechanism):
    """Spends the same every week, and a little on every order."""

    name = "spending"
    accounts = (STALLS, GIFTS, RENT, WRAPPING, VISITS)

    def __init__(self, setting: Setting, numbers: object) -> None:
        super().__init__(setting, numbers)
        self.visited: dict[int, NDArray[np.int32]] = {}

    def close(self, week: Week) -> None:
        for account, amount in WEEKLY.items():
            self.setting.ledger.post(week.number, account, CASH, amount)
        self.setting.ledger.post(week.number, WRAPPING, CASH, PAPER * week.orders.n)
        self.visited[week.number] = np.unique(week.orders.row)
        self.setting.ledger.post(week.number, VISITS, CASH, VISIT * self.visited[week.number].size)

    def cost_of_orders(self, week: NDArray[np.int32], orders: Orders) -> NDArray[np.float64]:
        return np.full(orders.n, float(PAPER))

    def upkeep(self, weeks: int, week: NDArray[np.int32], orders: Orders) -> PersonCosts:
        rows = np.concatenate(list(self.visited.values()))
        when = np.repeat(np.array(list(self.visited), np.int32), [rows.size for rows in self.visited.values()])
        spent = np.full(rows.size, float(VISIT))
        return PersonCosts(rows, when, spent, self.setting.customers.n, weeks, orders.n, self.setting.minor)


@dataclass(frozen=True)
class Spendthrift:
    """Numbers of a mechanism that only spends: none."""

    name: ClassVar[str] = "spending"

    def start(self, setting: Setting) -> Mechanism:
        return Spending(setting, self)


@cache
def thrifty_and_spending() -> tuple[Market, Market]:
    """The same market without and with the spending."""
    return tuple(
        Market(world, (), customers=300, seed=5).run(WEEKS)
        for world in (shop(), replace(shop(), mechanisms={"spending": Spendthrift()}))
    )


def test_costs_of_a_new_mechanism_enter_every_figure_by_their_kind() -> None:
    before, after = (read_all(market) for market in thrifty_and_spending())
    outcome = MarketOutcome(thrifty_and_spending()[1])
    scale, n = outcome.market.scale, outcome.acquired.size
    per_week = {account: cents / 100 for account, cents in WEEKLY.items()}
    delta = outcome.market.world.economics.weekly_discount
    wrapping = PAPER / 100

    def change(kpi: str) -> float:
        return after[kpi] - before[kpi]

    assert change("orders") == 0
    assert change("cac_media") == pytest.approx(WEEKS * per_week[STALLS] / n)
    assert change("cac") == pytest.approx(WEEKS * (per_week[STALLS] + per_week[GIFTS]) / n)
    visits = outcome.costs.by_week(Kind.UPKEEP)
    spent = WEEKS * sum(per_week.values()) + wrapping * outcome.orders.n + visits.sum()
    assert change("contribution") == pytest.approx(-spent * scale)
    present = (np.exp(-delta * np.arange(WEEKS)) * sum(per_week.values())).sum()
    present += (np.exp(-delta * outcome.moment) * wrapping).sum() + (np.exp(-delta * np.arange(WEEKS)) * visits).sum()
    assert change("equity_run") == pytest.approx(-present * scale)
    assert change("equity_run") == pytest.approx(change("value_existing") + change("value_new"))
    assert change("ltv_52") < -wrapping, "an order leaves less, and who orders is visited"
    assert after["programme_cost"] == before["programme_cost"] == 0


def test_profit_table_and_channels_show_the_accounts_of_a_new_mechanism() -> None:
    market = thrifty_and_spending()[1]
    profit = run_tables(market)["profit"].set_index("account")["amount"]
    assert profit["rent"] == pytest.approx(-WEEKS * WEEKLY[RENT] / 100 * market.scale)
    assert "cash" not in profit.index
    assert profit["contribution"] == pytest.approx(read_all(market)["contribution"])


def test_an_undeclared_account_and_a_second_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match='no account "rent"'):
        Ledger().post(0, RENT, CASH, 1)
    Ledger([RENT]).post(0, RENT, CASH, 1)
    with pytest.raises(ValueError, match="holds other cost already"):
        Ledger([RENT]).open([Account("rent", Kind.REACH)])


def test_upkeep_is_told_person_by_person_group_by_group_and_cohort_by_cohort() -> None:
    outcome = MarketOutcome(thrifty_and_spending()[1])
    weight = np.exp(-0.01 * np.arange(WEEKS))
    persons = outcome.upkeep.cost(weight)
    assert persons.sum() == pytest.approx(outcome.costs.by_week(Kind.UPKEEP) @ weight)
    group = np.arange(persons.size) % 4 - 1
    groups = outcome.upkeep.by_group(group, 3, share=np.full(persons.size, 0.5)) @ weight
    np.testing.assert_allclose(2 * groups, np.bincount(group[group >= 0], persons[group >= 0]))
    early = outcome.upkeep.cost(np.ones(WEEKS), until=10)
    assert early.sum() == pytest.approx(outcome.costs.by_week(Kind.UPKEEP)[:10].sum())
    cohort = Cohort(outcome, 26)
    assert cohort.by_person.sum() / cohort.n == pytest.approx(cohort.ltv)
