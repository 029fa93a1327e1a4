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
from crmlab.sim.market import Market
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.orders import Orders
from crmlab.sim.outcome import MarketOutcome
from tests.conftest import shop

STALLS, GIFTS = Account("market stalls", Kind.REACH), Account("gifts for newcomers", Kind.INCENTIVE)
RENT, WRAPPING = Account("rent", Kind.OVERHEAD), Account("wrapping", Kind.ORDER)
WEEKLY = {STALLS: 10_000, GIFTS: 5_000, RENT: 2_500}  # cents
PAPER = 30  # cents an order
WEEKS = 60


class Spending(Mechanism):
    """Spends the same every week, and a little on every order."""

    name = "spending"
    accounts = (STALLS, GIFTS, RENT, WRAPPING)

    def close(self, week: Week) -> None:
        for account, amount in WEEKLY.items():
            self.setting.ledger.post(week.number, account, CASH, amount)
        self.setting.ledger.post(week.number, WRAPPING, CASH, PAPER * week.orders.n)

    def cost_of_orders(self, week: NDArray[np.int32], orders: Orders) -> NDArray[np.float64]:
        return np.full(orders.n, float(PAPER))


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
    spent = WEEKS * sum(per_week.values()) + wrapping * outcome.orders.n
    assert change("contribution") == pytest.approx(-spent * scale)
    present = (np.exp(-delta * np.arange(WEEKS)) * sum(per_week.values())).sum()
    present += (np.exp(-delta * outcome.moment) * wrapping).sum()
    assert change("equity_run") == pytest.approx(-present * scale)
    assert change("equity_run") == pytest.approx(change("value_existing") + change("value_new"))
    assert change("ltv_52") < 0, "an order leaves less"
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
