"""Levers of a search as they are written in a [tune] table, and what a wrong one says."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from crmlab.experiments.levers.searched import SWITCH, SearchedLever
from crmlab.experiments.wording.names import did_you_mean, not_known, number_text
from crmlab.sim.levers import Lever, Ranged, levers_of
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.plays import Play
from crmlab.sim.world import World
from crmlab.strategies.channel_mix import ChannelMix

ENTRY = '"play.lever" or { lever = "play.lever", low = ..., high = ... }'
Conditions = tuple[tuple[str, tuple[Any, ...]], ...]
KEYS = ("lever", "low", "high", "options", "when")


def _lever_entry(value: Any) -> Any:
    table = value if isinstance(value, dict) else {"lever": value}
    numbers = [table[end] for end in ("low", "high") if end in table]
    fine = isinstance(table.get("lever"), str) and set(table) <= set(KEYS)
    fine = fine and isinstance(table.get("options", [0]), list) and isinstance(table.get("when", {}), dict)
    if not fine or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        text = f'must be {ENTRY}; for words, options = [...]; under a condition, when = {{ "play.lever" = [...] }}.'
        raise PydanticCustomError("refused", "{text}", {"text": text})
    return table


_NUMBER = {"type": "number"}
_VALUES = {"type": "array", "items": {"type": ["string", "boolean", "number"]}, "minItems": 1}
_LEVER_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "lever": {"type": "string"},
                "low": _NUMBER,
                "high": _NUMBER,
                "options": _VALUES,
                "when": {"type": "object", "additionalProperties": _VALUES},
            },
            "required": ["lever"],
            "additionalProperties": False,
        },
    ]
}
LeverEntry = Annotated[Any, BeforeValidator(_lever_entry), WithJsonSchema(_LEVER_SCHEMA)]


def lever_of(
    entry: Mapping[str, Any],
    arm: str,
    plays: Sequence[Play],
    world: World,
    before: Sequence[SearchedLever],
    wrong_before: Sequence[str] = (),
) -> SearchedLever | str:
    """A lever with its range, or the sentence that says why it cannot be searched. `before`: those that stand before
    it in the list, to which its `when` may refer; `wrong_before`: the paths of those that cannot be searched."""
    path = entry["lever"]
    play = max((p for p in plays if path.startswith(f"{p.name}.")), key=lambda p: len(p.name), default=None)
    if play is None:
        return not_a_play(path.partition(".")[0], arm, plays)
    lever, _, key = path.removeprefix(f"{play.name}.").partition(".")
    numbers, words = levers_of(play.strategy), options_of(play.strategy)
    if lever == SWITCH and lever not in {**numbers, **words}:
        return f'is whether the play is there at all: write switch = ["{play.name}"].'
    if lever not in {**numbers, **words}:
        return not_known(lever, f'lever of the play "{play.name}"', {**numbers, **words})
    told = {path: values for path, values in entry.get("when", {}).items() if path not in wrong_before}
    when = _conditions(told, before)
    if isinstance(when, str):
        return when
    if lever in words:
        found = _with_options(entry, play.name, lever, words[lever])
    else:
        wrong_key = _key_problem(play, lever, key, world.channels)
        value = getattr(play.strategy, lever)
        found = wrong_key or _with_range(entry, play.name, numbers[lever], key or None, value, world.mean_order)
    if isinstance(found, str):
        return found
    return "is named twice." if path in {lever.path for lever in before} else replace(found, when=when)


def not_a_play(name: str, arm: str, plays: Sequence[Play]) -> str:
    """The sentence for a play that the file does not write into the arm."""
    names = [p.name for p in plays]
    hint = did_you_mean(name, names)
    return f"is not of a play written in the arm {arm}.{hint} Its plays: {', '.join(names) or 'none'}."


def options_of(strategy: object) -> dict[str, tuple[Any, ...]]:
    """The settings of a strategy that are one of some words, or yes or no, with what they may be."""
    hints = typing.get_type_hints(type(strategy))
    words = {name: typing.get_args(hint) for name, hint in hints.items() if typing.get_origin(hint) is Literal}
    return words | {name: (True, False) for name, hint in hints.items() if hint is bool}


def _with_options(entry: Mapping[str, Any], play: str, lever: str, known: tuple[Any, ...]) -> SearchedLever | str:
    if "low" in entry or "high" in entry:
        return f"is one of some words: narrow it by options = [...], not by low and high. Known: {_listed(known)}."
    options = tuple(entry.get("options", known))
    wrong = next((option for option in options if option not in known), None)
    if wrong is not None:
        return f'has the option "{wrong}", which is {not_known(str(wrong), "one", map(str, known))}'
    if len(set(options)) < max(2, len(options)):
        return "needs two or more options, each named once."
    return SearchedLever(entry["lever"], play, lever, None, options=options)


def _conditions(when: Mapping[str, Any], before: Sequence[SearchedLever]) -> Conditions | str:
    words = {lever.path: lever for lever in before if lever.options}
    found = []
    for path, wanted in when.items():
        if path not in words:
            return (
                f'has when = {{ "{path}" }}, which is {not_known(path, "lever of words that stands before it", words)}'
            )
        options = words[path].options
        values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
        wrong = next((value for value in values if value not in options), None)
        if wrong is not None:
            return f'has when = {{ "{path}" }} at {wrong!r}; {path} is one of {_listed(options)}.'
        found.append((path, values))
    return tuple(found)


def _listed(options: Sequence[Any]) -> str:
    return ", ".join(str(option).lower() if isinstance(option, bool) else str(option) for option in options)


def _key_problem(play: Play, lever: str, key: str, channels: Sequence[Channel]) -> str:
    value = getattr(play.strategy, lever)
    if not isinstance(value, Mapping):
        return f'is one number: write "{play.name}.{lever}".' if key else ""
    if isinstance(play.strategy, ChannelMix):
        keys = [channel.name for channel in channels if channel.half_budget > 0]
    else:
        keys = list(value)
    if not key:
        return f'is a table: name one entry, as in "{play.name}.{lever}.{keys[0] if keys else "key"}".'
    return "" if key in keys else not_known(key, f"entry of {play.name}.{lever}", keys)


def _with_range(
    entry: Mapping[str, Any], play: str, field: Ranged, key: str | None, value: Any, mean_order: float
) -> SearchedLever | str:
    assert isinstance(field.range, Lever)
    allowed = field.range.at(mean_order)
    if "options" in entry:
        return "is a number: narrow it by low and high, not by options."
    low, high = entry.get("low", allowed.low), entry.get("high", allowed.high)
    if not (allowed.low <= low <= allowed.high and allowed.low <= high <= allowed.high):
        unit = f" ({allowed.unit})" if allowed.unit else ""
        return f"can be searched between {number_text(allowed.low)} and {number_text(allowed.high)}{unit} only."
    whole = isinstance(value, int) and not isinstance(value, bool)
    step = allowed.step
    if step:
        off = (low - allowed.low) / step
        if abs(off - round(off)) > 1e-9:
            return f"moves in steps of {number_text(step)} from {number_text(allowed.low)}: low = {low:g} is none."
        high = low + step * int((high - low) / step + 1e-9)
    elif whole and (low != int(low) or high != int(high)):
        return "takes whole numbers: so must low and high be."
    if not low < high:
        return "needs low < high."
    log = allowed.log and low > 0 and not step
    return SearchedLever(entry["lever"], play, field.name, key, low, high, log, step, whole)
