"""`check_strategy`: the published contract test. Whoever writes a strategy runs it in one line.

from crmlab.sim import check_strategy

def test_my_strategy():
    check_strategy(MyStrategy)
"""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from crmlab.sim.actions import Action
from crmlab.sim.levers import levers_of
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy, audience_of


class ContractError(AssertionError):
    """A strategy breaks the contract; the text says which clause and how to mend it."""


def check_strategy(strategy: type | Strategy) -> None:
    """Raise `ContractError` unless a strategy (a class whose fields have defaults, or an instance) keeps the contract.

    It is a documented frozen dataclass; its levers' defaults lie in their ranges; it can be pickled; `decide` returns
    actions for a market with and without identified customers, at its defaults and at both ends of every lever; it
    returns the same for the same view, leaves the view alone, and asks for nothing that a firm cannot see.
    """
    instance = _instance(strategy)
    _check_form(instance)
    _check_levers(instance)
    for variant in _variants(instance):
        _check_decisions(variant)


def _instance(strategy: type | Strategy) -> Any:
    if not isinstance(strategy, type):
        return strategy
    try:
        return strategy()
    except TypeError as error:
        raise ContractError(
            f"{strategy.__name__}: every field needs a default, or pass an instance ({error})"
        ) from None


def _check_form(instance: Any) -> None:
    name = type(instance).__name__
    if not getattr(getattr(instance, "__dataclass_params__", None), "frozen", False):
        raise ContractError(f"{name}: must be a frozen dataclass, so that it cannot remember anything between weeks")
    if hasattr(instance, "audience") and audience_of(instance) is None:
        raise ContractError(f'{name}: audience must be "customers" or "everybody", not {instance.audience!r}')
    if not callable(getattr(instance, "decide", None)):
        raise ContractError(f"{name}: needs a method decide(view) that returns a list of actions")
    doc = inspect.getdoc(type(instance)) or ""
    if not doc or doc.startswith(f"{name}("):  # what dataclass writes when there is none
        raise ContractError(f"{name}: needs a docstring that says what it means in the business")
    try:
        pickle.loads(pickle.dumps(instance))
    except Exception as error:
        raise ContractError(f"{name}: cannot be sent to another process ({error})") from None


def _check_levers(instance: Any) -> None:
    name = type(instance).__name__
    for lever_name, lever in levers_of(instance).items():
        low, high = lever.range.low, lever.range.high
        if not low < high:
            raise ContractError(f"{name}.{lever_name}: the range must go up, not from {low} to {high}")
        value = getattr(instance, lever_name)
        for number in value.values() if isinstance(value, Mapping) else [value]:
            if not low <= number <= high:
                raise ContractError(f"{name}.{lever_name} = {number} lies outside its range {low} to {high}")


def _variants(instance: Any) -> Iterator[Any]:
    """The strategy itself, and with each single-number lever at either end of its range."""
    yield instance
    for lever_name, lever in levers_of(instance).items():
        value = getattr(instance, lever_name)
        if not isinstance(value, Mapping):
            for end in (lever.range.low, lever.range.high):
                yield dataclasses.replace(instance, **{lever_name: type(value)(end)})


def _check_decisions(instance: Any) -> None:
    from crmlab.sim.market import Market  # the engine is heavy and only needed here

    for customers in (0, 40):
        market = Market(_small_world(customers), (Play("checked", instance),), customers=max(customers, 1))
        for _ in range(3):
            _check_one_decision(instance, market)
            market.step()  # settles the actions: shapes, rates and channel names are checked there


def _check_one_decision(instance: Any, market: Any) -> None:
    name = type(instance).__name__
    before = {c: getattr(market.customers, c).tobytes() for c in ("stage", "spend", "reference", "coupon_rate")}
    try:
        first, second = instance.decide(market.look()), instance.decide(market.look())
    except AttributeError as error:
        if "FirmView" in str(error):
            raise ContractError(f"{name}: asks for something that a firm cannot see ({error})") from None
        raise
    except ValueError as error:
        if "read-only" in str(error):
            raise ContractError(f"{name}: writes to the view ({error})") from None
        raise
    if not isinstance(first, Sequence):
        raise ContractError(f"{name}: decide must return a list of actions, not {type(first).__name__}")
    for action in first:
        if not isinstance(action, get_args(Action)):
            raise ContractError(f"{name}: decide returned {action!r}, which is no action of the contract")
        if audience_of(instance) == "customers" and action.audience != "customers":
            what = type(action).__name__
            raise ContractError(f'{name}: says audience = "customers" and returned {what}, which is for everybody')
    if not _same(first, second):
        raise ContractError(f"{name}: the same view must lead to the same actions; use view.lot(name) for randomness")
    after = {c: getattr(market.customers, c).tobytes() for c in before}
    if before != after:
        raise ContractError(f"{name}: decide must change nothing; only the market carries actions out")


def _same(first: Sequence[Action], second: Sequence[Action]) -> bool:
    if len(first) != len(second):
        return False
    pairs = zip(first, second, strict=True)
    return all(
        type(a) is type(b)
        and all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
        for a, b in pairs
    )


def _small_world(customers: int) -> Any:
    from crmlab.sim.responses import WordOfMouth
    from crmlab.sim.world import Channel, Population, World

    channels = (
        Channel("paid_search", leads_most=20, half_budget=100, budget=100),
        Channel("organic", leads_most=5),
    )
    return World(
        population=Population(customers=customers, prospects=60),
        channels=channels,
        word_of_mouth=WordOfMouth(p_invite=0.05),
    )
