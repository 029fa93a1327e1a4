"""`check_strategy`: the published contract test. Whoever writes a strategy runs it in one line.

from crmlab.sim import check_strategy

def test_my_strategy():
    check_strategy(MyStrategy)
"""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from crmlab.sim.actions import Action
from crmlab.sim.guarded_view import remembered, watched
from crmlab.sim.levers import levers_of
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.shipped import OPTIONAL, optional_numbers
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy, audience_of, needs_of
from crmlab.sim.world import Base, Population, World

YEAR_WEEKS = 52
SMALL_MARKET = 2_000  # people of a user's own world in which a strategy is tried


class ContractError(AssertionError):
    """A strategy breaks the contract; the text says which clause and how to mend it."""


def check_strategy(strategy: type | Strategy, *, world: object = None) -> None:
    """Raise `ContractError` unless a strategy (a class whose fields have defaults, or an instance) keeps the contract.

    It is a documented frozen dataclass; its levers' defaults lie in their ranges; it can be pickled; `decide` returns
    actions for a market with and without identified customers, at its defaults and at both ends of every lever; it
    returns the same for the same view, leaves the view alone, asks for nothing that a firm cannot see, and remembers
    nothing: neither in itself nor in globals. At its defaults it runs a year in several small worlds: one without
    customers, one without prospects, one where people talk, one where nobody leaves.

    `world` adds one of your own, or a list: a `World`, or what `load_world` gives; its population is made small.
    """
    instance = _instance(strategy)
    _check_form(instance)
    _check_levers(instance)
    for variant in _variants(instance):
        for customers in (0, 40):
            _simulate(variant, _with_needs(instance, _small_world(customers)), weeks=3)
    for where in (*(_with_needs(instance, small) for small in _small_worlds()), *_made_small(world)):
        _check_memory(instance, where)


def _instance(strategy: type | Strategy) -> Strategy:
    if not isinstance(strategy, type):
        return strategy
    try:
        return strategy()
    except TypeError as error:
        raise ContractError(
            f"{strategy.__name__}: every field needs a default, or pass an instance ({error})"
        ) from None


def _check_form(instance: Strategy) -> None:
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


def _check_levers(instance: Strategy) -> None:
    name = type(instance).__name__
    for lever_name, lever in levers_of(instance).items():
        low, high = lever.range.low, lever.range.high
        if not low < high:
            raise ContractError(f"{name}.{lever_name}: the range must go up, not from {low} to {high}")
        value = getattr(instance, lever_name)
        for number in value.values() if isinstance(value, Mapping) else [value]:
            if not lever.range.allows(number):
                raise ContractError(f"{name}.{lever_name} = {number} lies outside its range {low} to {high}")


def _variants(instance: Any) -> Iterator[Strategy]:
    """The strategy itself, and with each single-number lever at either end of its range."""
    yield instance
    for lever_name, lever in levers_of(instance).items():
        value = getattr(instance, lever_name)
        if not isinstance(value, Mapping):
            off = [] if lever.range.off is None else [lever.range.off]
            for end in (lever.range.low, lever.range.high, *off):
                yield dataclasses.replace(instance, **{lever_name: type(value)(end)})


def _simulate(instance: Strategy, world: World, weeks: int) -> list[list[Action]]:
    """Some weeks in a market, each decision checked. Returns the decisions."""
    market = Market(world, (Play("checked", instance),), customers=max(world.population.customers, 1))
    decided = []
    for _ in range(weeks):
        decided.append(_check_one_decision(instance, market))
        with _in_words(instance, market):
            market.step()  # settles the actions: shapes, rates and channel names are checked there
    return decided


def _check_one_decision(instance: Strategy, market: Market) -> list[Action]:
    name = type(instance).__name__
    watched_columns = ("stage", "spend", "reference", "coupon_rate", "points")
    before = {name: market.column(name).tobytes() for name in watched_columns}
    with _in_words(instance, market), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a division by zero that has no consequence is the strategy's own affair
        first, second = instance.decide(watched(market.look())), instance.decide(watched(market.look()))
    if not isinstance(first, Sequence):
        raise ContractError(f"{name}: decide must return a list of actions, not {type(first).__name__}")
    for action in first:
        if not isinstance(action, Action):
            raise ContractError(f"{name}: decide returned {action!r}, which is no action of the contract")
        if audience_of(instance) == "customers" and action.audience != "customers":
            what = type(action).__name__
            raise ContractError(f'{name}: says audience = "customers" and returned {what}, which is for everybody')
    if not _same(first, second):
        raise ContractError(
            f"{name}: the same view must lead to the same actions; take randomness from view.uniform(name)"
        )
    after = {name: market.column(name).tobytes() for name in before}
    if before != after:
        raise ContractError(f"{name}: decide must change nothing; only the market carries actions out")
    return list(first)


@contextmanager
def _in_words(instance: Strategy, market: Market) -> Iterator[None]:
    """What goes wrong in a decision, or in carrying it out, as a sentence about the strategy."""
    name = type(instance).__name__
    place = f"in week {market.week} of a market with {market.identified_rows.size} identified customers"
    try:
        yield
    except ContractError:
        raise
    except AttributeError as error:
        if "FirmView" in str(error):
            raise ContractError(f"{name}: asks for something that a firm cannot see ({error})") from None
        raise ContractError(f"{name}: fails {place} (AttributeError: {error})") from error
    except ValueError as error:
        if "read-only" in str(error):
            raise ContractError(f"{name}: writes to the view ({error})") from None
        undefined = "; a division by zero makes such numbers" if _has_nan(instance, market) else ""
        raise ContractError(f"{name}: is refused {place} ({error}{undefined})") from error
    except ZeroDivisionError as error:
        advice = "there may be no customers, no orders and no spend: ask first, or divide by max(n, 1)"
        raise ContractError(f"{name}: divides by zero {place} ({error}); {advice}") from error
    except Exception as error:
        raise ContractError(f"{name}: fails {place} ({type(error).__name__}: {error})") from error


def _has_nan(instance: Strategy, market: Market) -> bool:
    """Whether an action holds a number that is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            actions = instance.decide(market.look())
        numbers = [getattr(action, f.name) for action in actions for f in dataclasses.fields(action)]
        return any(isinstance(n, float | np.ndarray) and not np.isfinite(n).all() for n in numbers)
    except Exception:
        return False


def _check_memory(instance: Strategy, world: World) -> None:
    """A year in a world, and the same year again: nothing may be left of the first one."""
    name, before = type(instance).__name__, remembered(instance)
    first = _simulate(instance, world, YEAR_WEEKS)
    for place, content in remembered(instance).items():
        if content != before.get(place):
            raise ContractError(
                f"{name}: remembers something in {place}; a strategy has no memory but tags and the records of the view"
            )
    again = _simulate(instance, world, YEAR_WEEKS)
    for week, (then, now) in enumerate(zip(first, again, strict=True)):
        if not _same(then, now):
            raise ContractError(
                f"{name}: decides otherwise when the same year is run again (week {week}): something outside the "
                "view is remembered"
            )


def _same(first: Sequence[Action], second: Sequence[Action]) -> bool:
    if len(first) != len(second):
        return False
    pairs = zip(first, second, strict=True)
    return all(
        type(a) is type(b) and all(_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
        for a, b in pairs
    )


def _equal(a: object, b: object) -> bool:
    """Whether two parts of an action are the same; an undefined number is like another one."""
    mine, other = np.asarray(a), np.asarray(b)
    undefined = mine.dtype.kind == "f" and other.dtype.kind == "f"
    return bool(np.array_equal(mine, other, equal_nan=undefined))


def _small_world(customers: int, **changes: Any) -> World:
    channels = (
        Channel("paid_search", leads_max=20, half_budget=100, budget=100),
        Channel("organic", leads_max=5),
    )
    world = World(
        population=Population(customers=customers, prospects=60),
        channels=channels,
        word_of_mouth=WordOfMouth(p_invite=0.05),
    )
    return dataclasses.replace(world, **changes)


def _with_needs(instance: Strategy, world: World) -> World:
    """The world with the shipped mechanism that the strategy says it needs; one of the user's own is in `world`."""
    needs = needs_of(instance)
    if needs in OPTIONAL:
        return dataclasses.replace(world, mechanisms={needs: optional_numbers(needs)})
    return world


def _small_worlds() -> Iterator[World]:
    """Worlds in which a careless strategy stumbles."""
    yield _small_world(0)  # nobody, until the first prospects come
    yield _small_world(1)
    yield _small_world(60)
    quiet = Population(customers=40, prospects=0)
    yield _small_world(40, population=quiet)  # nobody comes any more
    yield _small_world(40, base=Base(model="nbd"))  # nobody leaves


def _made_small(world: object) -> Iterator[World]:
    """The user's worlds with few people in them."""
    for given in world if isinstance(world, list | tuple) else [] if world is None else [world]:
        found: Any = getattr(given, "world", given)
        people = found.population
        share = min(1.0, SMALL_MARKET / max(people.customers + people.prospects, 1))
        yield found.at_rows(max(1, round(people.customers * share)))[0]
