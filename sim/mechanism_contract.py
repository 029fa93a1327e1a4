"""`check_mechanism`: the published contract test. Whoever writes a mechanism runs it in one line.

from crmlab.sim import check_mechanism

def test_my_mechanism():
    check_mechanism(MyMechanism)
"""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import Action
from crmlab.sim.agent_market import AgentMarket
from crmlab.sim.contract import ContractError
from crmlab.sim.kernel_types import Effects
from crmlab.sim.ledger import Kind
from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.market import Market
from crmlab.sim.mechanism import PHASES, Mechanism, MechanismNumbers, Week
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.campaigns.actions import Tag
from crmlab.sim.mechanisms.price.actions import Discount
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.plays import Play
from crmlab.sim.view import FirmView
from crmlab.sim.world import Base, Population, World

WEEKS, CUSTOMERS = 26, 150
LARGEST_CUT = 0.95
LARGE_BASKET = 50.0  # currency: some one in six


def check_mechanism(mechanism: type[MechanismNumbers] | MechanismNumbers) -> None:
    """Raise `ContractError` unless a mechanism (a class whose fields have defaults, or an instance) keeps the contract.

    It is a documented frozen dataclass of `Unknown` numbers with a `name` and a method `start`, and can be pickled. In
    a small market, through half a year: where all numbers say that it is off, nobody does otherwise, bit for bit; its
    effects are finite and in range; it writes no columns but its own; the same market twice is the same, also run in
    turns with another one; a play that does nothing to anybody changes nobody's luck; costs of orders are told order by
    order as they are posted; and the telling by agents agrees on every column and order.
    """
    numbers = _instance(mechanism)
    _check_form(numbers)
    _check_off(numbers)
    _check_phases(numbers)
    _check_repeatable(numbers)
    _check_luck(numbers)
    _check_costs(numbers)
    _check_upkeep(numbers)
    _check_agents(numbers)


def _instance(mechanism: type[MechanismNumbers] | MechanismNumbers) -> MechanismNumbers:
    if not isinstance(mechanism, type):
        return mechanism
    try:
        return mechanism()
    except TypeError as error:
        name = mechanism.__name__
        raise ContractError(f"{name}: every field needs a default, or pass an instance ({error})") from None


def _check_form(numbers: MechanismNumbers) -> None:
    cls: Any = type(numbers)
    name = cls.__name__
    if not getattr(getattr(numbers, "__dataclass_params__", None), "frozen", False):
        raise ContractError(f"{name}: must be a frozen dataclass of numbers; its state belongs to what `start` returns")
    if not isinstance(getattr(cls, "name", None), str) or not cls.name.isidentifier():
        raise ContractError(f'{name}: needs a class attribute name, such as name: ClassVar[str] = "satisfaction"')
    doc = inspect.getdoc(cls) or ""
    if not doc or doc.startswith(f"{name}("):  # what dataclass writes when there is none
        raise ContractError(f"{name}: needs a docstring that says what it means in the business")
    if not callable(getattr(numbers, "start", None)):
        raise ContractError(f"{name}: needs a method start(setting) that returns its Mechanism")
    for field in dataclasses.fields(cls):
        if field.name not in unknowns_of(cls):
            raise ContractError(f"{name}.{field.name}: say range, unit, source and evidence with Unknown(...)")
    for kpi in getattr(cls, "kpis", ()):
        found = getattr(kpi.read, "__qualname__", "<lambda>")
        if "<" in found:
            raise ContractError(
                f"{name}: the KPI {kpi.id} must be read by a function with a name, at the top of its module"
            )
    try:
        pickle.loads(pickle.dumps(numbers))
    except Exception as error:
        raise ContractError(f"{name}: cannot be sent to another process ({error})") from None


def _check_off(numbers: MechanismNumbers) -> None:
    name, off = type(numbers).__name__, switched_off(numbers)
    if off == numbers and not any(_off_value(field.range) is not None for field in unknowns_of(numbers).values()):
        raise ContractError(f"{name}: say at which value of a number it is off: Unknown(..., absent=0.0) or off=0.0")
    without, idle = _simulated(None), _simulated(off)
    for place, one, other in _differences(without, idle, shared=True):
        raise ContractError(f"{name}: switched off, it still changes {place} ({one} and {other})")


def switched_off(numbers: Any) -> Any:
    """The same mechanism with every number that can say so at the value at which it is off."""
    values = {name: _off_value(field.range) for name, field in unknowns_of(numbers).items()}
    return dataclasses.replace(numbers, **{name: value for name, value in values.items() if value is not None})


def _off_value(unknown: object) -> float | None:
    assert isinstance(unknown, Unknown)
    return unknown.absent if unknown.absent is not None else unknown.off


class AuditedMarket(Market):
    """A market that finds out who writes which columns, and looks at the effects before the clocks run."""

    def run_phase(self, phase: str, week: Week) -> None:
        for mechanism in self.mechanisms.values():
            before = self._others(mechanism)
            getattr(mechanism, phase)(week)
            for name, content in self._others(mechanism).items():
                if content != before[name]:
                    raise ContractError(f'{mechanism.name}: writes the column "{name}" of another owner in {phase}')
        if phase == "affect":
            check_effects(week.effects, self.week)

    def _others(self, mechanism: Mechanism) -> dict[str, bytes]:
        owners = [columns for columns in self.owners if columns is not mechanism.columns]
        return {name: columns.get(name).tobytes() for columns in owners for name in columns.names()}


def check_effects(effects: Effects, week: int) -> None:
    """Raise `ContractError` unless all effects are finite and in range."""
    ranges = {"log_rate": (-np.inf, np.inf), "departure": (0.0, np.inf), "order_value": (0.0, np.inf)}
    for name, values in effects._asdict().items():
        low, high = ranges.get(name, (0.0, LARGEST_CUT))
        wrong = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if wrong.any():
            raise ContractError(
                f"week {week}: the effect {name} is {values[wrong][0]:g}; it must lie in {low} to {high}"
            )


def _check_phases(numbers: MechanismNumbers) -> None:
    started = _market(numbers, AuditedMarket)
    own = started.mechanisms[numbers.name]
    if not isinstance(own, Mechanism):
        raise ContractError(f"{type(numbers).__name__}: start must return a Mechanism, not {type(own).__name__}")
    if not any(own.phases()[phase] for phase in PHASES):
        raise ContractError(f"{type(numbers).__name__}: takes part in none of {', '.join(PHASES)}")
    started.run(WEEKS)


def _check_repeatable(numbers: MechanismNumbers) -> None:
    name = type(numbers).__name__
    first, second, between = (_market(numbers, Market) for _ in range(3))
    for _ in range(WEEKS):
        first.step()
        between.step()
    second.run(WEEKS)
    for place, one, other in _differences(first, second):
        raise ContractError(f"{name}: the same market twice is not the same in {place} ({one} and {other})")


def _check_luck(numbers: MechanismNumbers) -> None:
    """A play that does nothing to anybody (it puts marks that nobody reads) changes nobody's luck."""
    beside = _market(numbers, Market, Play("marks", _Marks())).run(WEEKS)
    for place, one, other in _differences(_simulated(numbers), beside):
        name = type(numbers).__name__
        raise ContractError(f"{name}: a play that does nothing to anybody changes {place} ({one} and {other})")


def _check_costs(numbers: MechanismNumbers) -> None:
    """What it posts as costs of orders is told order by order too, or it would be missing in equity."""
    market = _simulated(numbers)
    own, (week, orders) = market.mechanisms[numbers.name], market.order_log.table()
    accounts = [account for account in own.accounts if account.kind is Kind.ORDER]
    booked = int(market.ledger.by_week(accounts, WEEKS).sum())
    told = float(own.cost_of_orders(week, orders).sum())
    if abs(booked - told) > WEEKS:  # rounded once a week
        raise ContractError(
            f"{type(numbers).__name__}: posts {booked} minor units to accounts of orders and tells {told:.0f} of them "
            "order by order (cost_of_orders): the rest would be in the ledger and in no figure"
        )


def _check_upkeep(numbers: MechanismNumbers) -> None:
    """What it posts as cost of keeping customers is told person by person too, or no lifetime value would hold it."""
    market = _simulated(numbers)
    own = market.mechanisms[numbers.name]
    accounts = [account for account in own.accounts if account.kind is Kind.UPKEEP]
    booked = int(market.ledger.by_week(accounts, WEEKS).sum())
    upkeep = own.upkeep(WEEKS, *market.order_log.table(since=0))
    told = 0.0 if upkeep is None else float(upkeep.cost(np.ones(WEEKS)).sum()) * market.minor
    if abs(booked - told) > WEEKS * max(len(accounts), 1):  # rounded once a week
        raise ContractError(
            f"{type(numbers).__name__}: posts {booked} minor units to accounts of keeping customers and tells "
            f"{told:.0f} of them person by person (upkeep): the rest would be in the ledger and in no lifetime value"
        )
    given = int(market.ledger.by_week([a for a in own.accounts if a.kind is Kind.INCENTIVE], WEEKS).sum())
    welcome = 0.0 if upkeep is None else float(upkeep.welcome.sum())
    if welcome > given + WEEKS:
        raise ContractError(
            f"{type(numbers).__name__}: tells {welcome:.0f} minor units as given with orders to win their customers "
            f"(upkeep.welcome) and posts {given} to accounts of that kind: channels would show a cost that nobody bore"
        )


def _check_agents(numbers: MechanismNumbers) -> None:
    for place, one, other in _differences(_simulated(numbers), _market(numbers, AgentMarket).run(WEEKS)):
        raise ContractError(f"{type(numbers).__name__}: the telling by agents differs in {place} ({one} and {other})")


@dataclasses.dataclass(frozen=True)
class _Cut:
    """A tenth off for customers with more than one order, and a quarter off their large baskets."""

    def decide(self, view: FirmView) -> list[Action]:
        regular = view.orders > 1
        return [Discount(np.where(regular, 0.1, 0.0)), Discount(np.where(regular, 0.25, 0.0), min_spend=LARGE_BASKET)]


@dataclasses.dataclass(frozen=True)
class _Marks:
    """A mark on everybody, which nobody reads."""

    def decide(self, view: FirmView) -> list[Action]:
        return [Tag("seen", on=np.ones(view.n, np.bool_))]


def _market(numbers: MechanismNumbers | None, kind: type[Market], *more: Play) -> Market:
    world = World(
        base=Base(r=1.0, alpha=6.0),
        population=Population(customers=CUSTOMERS, prospects=400, history_weeks=60),
        channels=(Channel("paid_search", 20, half_budget=100, budget=100), Channel("organic", 5)),
        word_of_mouth=WordOfMouth(p_invite=0.1),
        mechanisms={} if numbers is None else {numbers.name: numbers},
    )
    return kind(world, (Play("cut", _Cut()), *more), seed=3)


def _simulated(numbers: MechanismNumbers | None) -> Market:
    return _market(numbers, Market).run(WEEKS)


def _differences(one: Market, other: Market, shared: bool = False) -> Iterator[tuple[str, object, object]]:
    """Where two markets differ: in columns (of both, if only what they share counts), or in the orders."""
    names = [{name for columns in market.owners for name in columns.names()} for market in (one, other)]
    if not shared and names[0] != names[1]:
        yield "their columns", sorted(names[0]), sorted(names[1])
    for name in sorted(names[0] & names[1]):
        yield from _difference(name, one.column(name), other.column(name))
    mine, theirs = (market.order_log.table()[1]._asdict() for market in (one, other))
    for name in ("row", "nth", "at", "value", "paid"):
        yield from _difference(f"the orders' {name}", mine[name], theirs[name])


def _difference(
    name: str, mine: NDArray[np.generic], theirs: NDArray[np.generic]
) -> Iterator[tuple[str, object, object]]:
    if mine.shape != theirs.shape:
        yield f"how many there are of {name}", mine.shape[0], theirs.shape[0]
    elif mine.tobytes() != theirs.tobytes():
        where = np.flatnonzero((mine != theirs).reshape(mine.shape[0], -1).any(axis=1))
        if where.size:
            yield f"{name} of row {where[0]}", mine[where[0]], theirs[where[0]]
