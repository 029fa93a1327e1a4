"""From levers to a space that a sampler can search, and from a point of that space back to an arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from experiments.experiment import Arm
from experiments.tuning.search import SearchedLever


def space_of(levers: Sequence[SearchedLever]) -> dict[str, BaseDistribution]:
    """The range of every lever by its path, as the sampler takes it."""
    return {lever.path: _distribution(lever) for lever in levers}


def _distribution(lever: SearchedLever) -> BaseDistribution:
    if lever.whole:
        return IntDistribution(int(lever.low), int(lever.high), log=lever.log, step=int(lever.step or 1))
    return FloatDistribution(lever.low, lever.high, log=lever.log, step=lever.step)


def as_written(arm: Arm, levers: Sequence[SearchedLever]) -> dict[str, float] | None:
    """The levers as the arm sets them now. None where one is not set or lies outside its range."""
    found = {lever.path: _value(arm, lever) for lever in levers}
    inside = all(
        value is not None and lever.low <= value <= lever.high
        for lever, value in zip(levers, found.values(), strict=True)
    )
    return {path: value for path, value in found.items() if value is not None} if inside else None


def with_levers(arm: Arm, levers: Sequence[SearchedLever], values: Mapping[str, float], name: str) -> Arm:
    """The same arm under another name with its levers set. Raises `ValueError` where a strategy refuses them."""
    plays = list(arm.plays)
    for lever in levers:
        at = next(i for i, play in enumerate(plays) if play.name == lever.play)
        value: Any = values[lever.path]
        if lever.key is not None:
            value = {**getattr(plays[at].strategy, lever.lever), lever.key: value}
        strategy: Any = plays[at].strategy
        plays[at] = dataclasses.replace(plays[at], strategy=dataclasses.replace(strategy, **{lever.lever: value}))
    return Arm(name, tuple(plays), arm.description)


def _value(arm: Arm, lever: SearchedLever) -> float | None:
    strategy = next(play.strategy for play in arm.plays if play.name == lever.play)
    value = getattr(strategy, lever.lever)
    return value if lever.key is None else value.get(lever.key)
