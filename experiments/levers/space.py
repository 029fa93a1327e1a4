"""The space of an arm's levers: the point at which it lies now, and the arm at another point.

The space is always the whole one. A lever that means nothing in a candidate (its play is off, or its `when` does not
hold) is proposed like the others, so that every sampler can handle it, but it is set nowhere and the record leaves it
empty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from crmlab.experiments.experiment import Arm
from crmlab.experiments.levers.searched import SearchedLever

Values = Mapping[str, Any]  # settings by path of the lever; one that means nothing is None


def as_written(arm: Arm, levers: Sequence[SearchedLever]) -> dict[str, Any] | None:
    """The levers as the arm sets them now. None where one is not set or lies outside its range."""
    found = {lever.path: _value(arm, lever) for lever in levers}
    return found if all(lever.allows(found[lever.path]) for lever in levers) else None


def meant(levers: Sequence[SearchedLever], values: Values) -> dict[str, Any]:
    """The same settings, with None for those that mean nothing beside the others."""
    switched_off = {lever.play for lever in levers if lever.is_switch and not values[lever.path]}
    kept: dict[str, Any] = {}
    for lever in levers:
        off = lever.play in switched_off and not lever.is_switch
        idle = any(kept.get(path, values[path]) not in wanted for path, wanted in lever.when)
        kept[lever.path] = None if off or idle else values[lever.path]
    return kept


def with_levers(arm: Arm, levers: Sequence[SearchedLever], values: Values, name: str) -> Arm:
    """The same arm under another name with its levers set, without the plays that are switched off.

    Raises `ValueError` where a strategy refuses its settings.
    """
    values = meant(levers, values)
    settings: dict[str, dict[str, Any]] = {}
    for lever in levers:
        value = values[lever.path]
        if lever.is_switch or value is None:
            continue
        changed = settings.setdefault(lever.play, {})
        if lever.key is None:
            changed[lever.lever] = value
        else:
            table = changed.get(lever.lever, getattr(_play(arm, lever).strategy, lever.lever))
            changed[lever.lever] = {**table, lever.key: value}
    off = {lever.play for lever in levers if lever.is_switch and not values[lever.path]}
    plays = []
    for play in arm.plays:
        strategy: Any = play.strategy
        if play.name in settings:  # all at once: a strategy may check one lever against another
            strategy = dataclasses.replace(strategy, **settings[play.name])
        if play.name not in off:
            plays.append(dataclasses.replace(play, strategy=strategy))
    return Arm(name, tuple(plays), arm.description)


def _value(arm: Arm, lever: SearchedLever) -> Any:
    if lever.is_switch:
        return True  # the arm as written has the play
    value = getattr(_play(arm, lever).strategy, lever.lever)
    return value if lever.key is None else value.get(lever.key)


def _play(arm: Arm, lever: SearchedLever) -> Any:
    return next(play for play in arm.plays if play.name == lever.play)
