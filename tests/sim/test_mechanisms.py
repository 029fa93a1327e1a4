"""Mechanisms: the contract that each keeps, who owns which column, and one that somebody else brings in one file."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from crmlab.experiments.cli import exit_code
from crmlab.sim import ContractError, Mechanism, Setting, Unknown, Week, check_mechanism
from crmlab.sim.columns import Columns, column
from crmlab.sim.ledger import CASH, Account, Kind
from crmlab.sim.market import Market
from crmlab.sim.mechanism_contract import AuditedMarket
from crmlab.sim.orders import Orders
from crmlab.sim.upkeep import AllUpkeep
from tests.conftest import shop, today
from tests.places import ROOT
from tests.sim.test_oracle import PLAYS, TALKATIVE

LOOKS_AT_REPORTS = True
PAGE = ROOT / "docs" / "adding-a-mechanism.md"
WORLD = """
[base]
model = "pareto_nbd"
r = 0.8
alpha = 8.0
s = 0.6
beta = 12.0
[population]
customers = 400
prospects = 1500
[[channel]]
name = "paid_search"
leads_max = 30
half_budget = 200
budget = 200
"""
EXPERIMENT = """
name = "late"
world = "world.toml"
[design]
weeks = 30
customers = 200
replications = 4
unknowns = true
[arms.cut]
strategies = [{ kind = "price_cut", rate = 0.1 }]
[sweep]
arm = "cut"
unknowns = [{ unknown = "lateness.p_late", points = 2 }]
design = "grid"
replications = 2
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the page describes it: a module, a world and an experiment, nothing of this repository."""
    (tmp_path / "service.py").write_text(blocks("python")[0])
    (tmp_path / "world.toml").write_text(WORLD + blocks("toml")[0])
    (tmp_path / "late.toml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("service", None)


def test_with_everything_on_every_mechanism_writes_its_own_columns_alone() -> None:
    AuditedMarket(shop(word_of_mouth=TALKATIVE), PLAYS, customers=150).run(20)


def test_a_market_says_which_mechanisms_take_part_in_which_phase() -> None:
    talking, silent = (Market(shop(**world), (), customers=10).plan for world in ({"word_of_mouth": TALKATIVE}, {}))
    assert talking["settle"] == ["campaigns", "price", "acquisition", "loyalty", "referral"]
    assert talking["mark"] == ["price", "acquisition", "loyalty", "referral"]
    assert "referral" not in silent["mark"]


def test_the_mechanism_of_the_page_keeps_the_contract(beside: Path) -> None:
    check_mechanism(importlib.import_module("service").Lateness)


def test_late_orders_drive_customers_away_and_none_does_where_it_is_off(beside: Path) -> None:
    numbers = importlib.import_module("service").Lateness
    world = shop()
    simulated = {}
    for slope, late in ((0.0, 0.3), (2.0, 0.0), (2.0, 0.3)):
        mechanisms = {"lateness": numbers(slope=slope, p_late=late, blow=1.0)}
        market = AuditedMarket(dataclasses.replace(world, mechanisms=mechanisms), (), customers=500, seed=2).run(30)
        simulated[slope, late] = market.column("stage")
    np.testing.assert_array_equal(simulated[0.0, 0.3], simulated[2.0, 0.0])
    gone = {setting: int((stage == 5).sum()) for setting, stage in simulated.items()}
    assert gone[2.0, 0.3] > gone[0.0, 0.3]


def test_a_mechanism_from_outside_is_in_validation_assumptions_sampled_worlds_kpis_and_report(
    beside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = beside / "sent"  # somebody else's files, of which nothing was loaded yet
    outside.mkdir()
    for name, text in (("foreign.py", "service.py"), ("world.toml", "world.toml"), ("late.toml", "late.toml")):
        (outside / name).write_text((beside / text).read_text().replace('"service:', '"foreign:'))
    assert exit_code(["validate", "sent/late.toml"]) == 2, "code that lies beside a file runs only when it is trusted"
    assert "--trust" in capsys.readouterr().err
    assert exit_code(["compare", "late.toml", "--trust", "--out", "out", "--workers", "1"]) == 0
    capsys.readouterr()
    folder = next((beside / "out").glob("*/*/spec.json")).parent
    assumptions = pd.read_parquet(folder / "assumptions.parquet").set_index("name")
    assert assumptions.loc["lateness.p_late", "value"] == 0.15
    assert tuple(assumptions.loc["lateness.slope", ["low", "high"]]) == (0.2, 1.5)
    assert assumptions.loc["lateness.p_late", "varied"]
    assert "discontent" in set(pd.read_parquet(folder / "effects.parquet")["kpi"])
    assert "Discontent at the end" in (folder / "report.html").read_text(encoding="utf-8")
    stored = json.loads((folder / "spec.json").read_text())
    assert stored["world"]["mechanisms"]["lateness"]["kind"] == "service:Lateness"
    assert exit_code(["verify", str(folder), "--workers", "1"]) == 0


@pytest.mark.slow
def test_it_can_be_swept_and_stressed(beside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--trust", "--out", "out", "--workers", "1", "--quick"]
    assert exit_code(["sweep", "late.toml", *asked]) == 0, capsys.readouterr().err
    assert exit_code(["stress", "late.toml", *asked]) == 0, capsys.readouterr().err


def test_a_mistake_in_its_numbers_is_told_with_its_line(beside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (beside / "world.toml").read_text()
    (beside / "world.toml").write_text(text.replace("p_late = 0.15", "p_late = 15"))
    assert exit_code(["validate", "late.toml", "--trust"]) == 2
    err = capsys.readouterr().err
    assert "p_late" in err
    assert "0.3" in err
    (beside / "world.toml").write_text(text.replace("p_late", "late_share"))
    assert exit_code(["validate", "late.toml", "--trust"]) == 2
    assert "late_share" in capsys.readouterr().err


@dataclass(frozen=True)
class Meddling:
    """Writes what belongs to somebody else, or does what no mechanism may."""

    name: ClassVar[str] = "meddling"
    how: ClassVar[str] = ""
    size: Annotated[float, Unknown(0.0, 1.0, "-", "test", "A", absent=0.0, vary="range")] = 0.5

    def start(self, setting: Setting) -> Mechanism:
        return Meddler(setting, self)


SERVICE, VISITS = Account("service", Kind.ORDER), Account("visits", Kind.UPKEEP)


class Gifts(AllUpkeep):
    """A coin with every order, which nobody has paid."""

    @property
    def welcome(self) -> NDArray[np.float64]:
        return np.ones(self.n_orders)


class Meddler(Mechanism):
    name = "meddling"
    accounts = (SERVICE, VISITS)
    calls: ClassVar[list[int]] = []

    def close(self, week: Week) -> None:
        account = {"costs": SERVICE, "upkeep": VISITS}.get(type(self.params).how)
        if account is not None:
            self.setting.ledger.post(week.number, account, CASH, round(100 * self.params.size) * week.orders.n)

    def upkeep(self, weeks: int, week: NDArray[np.int32], orders: Orders) -> AllUpkeep | None:
        if type(self.params).how != "welcome":
            return None
        return Gifts((), self.setting.customers.n, weeks, orders.n)

    def affect(self, week: Week) -> None:
        how = type(self.params).how
        if how == "columns":
            self.setting.customers.reference[:] *= np.float32(1 - self.params.size)
        if how == "infinite":
            week.effect("log_rate")[:] += np.inf * self.params.size if self.params.size else 0.0
        if how == "always":
            week.effect("log_rate")[:] += 0.5
        if how == "plays":
            week.effect("log_rate")[:] += self.params.size * len(week.asked) / 10
        if how == "remembers":
            self.calls.append(1)
            week.effect("log_rate")[:] += self.params.size * len(self.calls) / 100

    def affect_agents(self, agents: Any, week: Week) -> None:
        if type(self.params).how == "agents":
            week.effect("log_rate")[:] += self.params.size
        else:
            self.affect(week)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("columns", 'writes the column "reference" of another owner'),
        ("infinite", "the effect log_rate is inf"),
        ("always", "switched off, it still changes"),
        ("remembers", "the same market twice is not the same"),
        ("plays", "a play that does nothing to anybody changes"),
        ("costs", "to accounts of orders and tells 0 of them order by order"),
        ("upkeep", "to accounts of keeping customers and tells 0 of them person by person"),
        (
            "welcome",
            "given with orders to win their customers (upkeep.welcome) and posts 0 to accounts of that",
        ),
        ("agents", "the telling by agents differs"),
    ],
)
def test_a_mechanism_that_breaks_the_contract_is_told_which_clause(how: str, told: str) -> None:
    Meddler.calls.clear()
    breaking = dataclass(frozen=True)(type("Breaking", (Meddling,), {"how": how, "__doc__": "It meddles."}))
    breaking.__module__ = __name__
    globals()["Breaking"] = breaking
    breaking.__qualname__ = "Breaking"
    with pytest.raises(ContractError, match=re.escape(told)):
        check_mechanism(breaking)


@dataclass(frozen=True)
class WithoutRange(Meddling):
    """Says nothing of where its number may lie."""

    guess: float = 1.0


def test_a_mechanism_without_ranges_name_or_words_is_refused() -> None:
    with pytest.raises(ContractError, match="Unknown"):
        check_mechanism(WithoutRange)
    with pytest.raises(ContractError, match="frozen dataclass"):
        check_mechanism(object())


@dataclass
class Remarks(Columns):
    """What customers said, and what they meant."""

    said: NDArray[np.float32] = column(np.float32, "1 to 5", True, 3.0)
    meant: NDArray[np.float32] = column(np.float32, "1 to 5", False, 3.0)


class Listening(Mechanism):
    """Keeps what customers said."""

    name = "listening"

    def __init__(self, setting: Setting, numbers: Any) -> None:
        super().__init__(setting, numbers)
        self.columns = Remarks.empty(setting.customers.n)
        self.columns.said[::2] = 5.0

    def close(self, week: Week) -> None:
        week.series["remarks"] = 1.0


@dataclass(frozen=True)
class Listens:
    """A mechanism whose columns the firm sees in part."""

    name: ClassVar[str] = "listening"

    def start(self, setting: Setting) -> Mechanism:
        return Listening(setting, self)


def test_what_a_mechanism_declares_as_seen_is_in_the_view_and_what_is_hidden_is_not() -> None:
    market = Market(replace(shop(), mechanisms={"listening": Listens()}), today(), customers=50, seed=2)
    view = market.look()
    rows = market.identified_rows
    np.testing.assert_array_equal(view.fact("said"), np.where(rows % 2 == 0, 5.0, 3.0))
    np.testing.assert_array_equal(view.fact("points"), view.points)
    with pytest.raises(LookupError, match="'meant' is no recorded fact of customers in this market"):
        view.fact("meant")
    with pytest.raises(LookupError, match="did you mean 'said'"):
        view.fact("sayd")
