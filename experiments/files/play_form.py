"""Plays in a file: which strategy, with which levers, for whom, since when."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, create_model

from crmlab.experiments.errors import Loc, Problem
from crmlab.experiments.files.forms import Form, built, filled, form_of, problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.own_code.loading import NotLoaded, loaded
from crmlab.experiments.wording.names import not_known
from crmlab.sim.facts import recorded_facts
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.plays import Play
from crmlab.sim.strategy import audience_of, needs_of
from crmlab.sim.target import BANDS, SEGMENTS, Target
from crmlab.sim.world import REFERRAL, World
from crmlab.strategies import STRATEGIES
from crmlab.strategies.channel_mix import ChannelMix
from crmlab.strategies.first_order_offer import WelcomeOffer

PLUGINS = "crmlab.strategies"  # the entry point group under which other packages offer strategies

_BAND = list[float] | None
_BAND_SCHEMA: Any = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_SCORES = {
    "recency_score": "[low, high], 1 to 5: 5 for the fifth who ordered last.",
    "frequency_score": "[low, high], 1 to 5: 5 for the fifth with most orders in 52 weeks.",
    "monetary_score": "[low, high], 1 to 5: 5 for the fifth who paid most in 52 weeks.",
}


def _band(name: str) -> Any:
    return _BAND, Field(default=None, min_length=2, max_length=2, description=_SCORES.get(name, "[low, high]"))


class TargetBase(Form):
    """Whom a play addresses: all conditions must hold; the names within a list are alternatives. Beside the names
    below, any number that a mechanism of the world records can have a band, such as csat = [1, 2]."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": _BAND_SCHEMA})


TargetForm: type[Form] = create_model(
    "TargetForm",
    __base__=TargetBase,
    __doc__=TargetBase.__doc__,
    segments=(list[str], Field(default=[], description=f"Any of: {', '.join(SEGMENTS)}.")),
    sources=(list[str], Field(default=[], description='Channel names, "referral", or "before" for the founding base.')),
    tags=(list[str], Field(default=[], description="Names given by tagging strategies.")),
    member=(bool | None, Field(default=None, strict=True, description="Whether in the loyalty programme or not.")),
    **{name: _band(name) for name in BANDS},
)


@cache
def target_form(facts: tuple[str, ...] | None) -> type[Form]:
    """The form of a target where mechanisms record these facts; None where that is not known, and any may be named."""
    if facts is None:
        return create_model("TargetForm", __base__=_AnyTarget)
    return create_model("TargetForm", __base__=TargetForm, **{name: _band(name) for name in facts})


class _AnyTarget(TargetForm):  # type: ignore[valid-type, misc]
    """A target in a world that could not be read."""

    model_config = ConfigDict(extra="allow")


class PlayFields(Form):
    """What every play may say, whatever its strategy."""

    name: str | None = Field(None, min_length=1, strict=True, description="Name of the play; default: its kind.")
    target: TargetForm = Field(default_factory=TargetForm, description="Whom it addresses; default: everybody.")  # type: ignore[valid-type]
    holdout: float = Field(0.0, ge=0, le=0.9, strict=True, description="Share of the target that is left alone.")
    start: int = Field(0, ge=0, strict=True, description="First week in which it is on.")
    stop: int | None = Field(None, ge=1, strict=True, description="First week in which it is off again.")
    ramp_weeks: int = Field(0, ge=0, le=520, strict=True, description="Weeks over which its audience grows.")


class NoSuchStrategy(ValueError):
    """A strategy that cannot be found or is not one. The message is a sentence."""


def known_strategies() -> dict[str, type]:
    """Every strategy that has a short name: those shipped, and those other installed packages offer."""
    return STRATEGIES | {e.name: find_strategy(e.name) for e in entry_points(group=PLUGINS)}


def find_strategy(kind: str, folder: Path | None = None) -> type:
    """The class behind a `kind`: a short name or `package.module:Class`, of a module that may lie in `folder`.

    Raises `NoSuchStrategy`, also for code of the user's own that may not run yet.
    """
    if kind in STRATEGIES:
        return STRATEGIES[kind]
    try:
        if ":" in kind:
            return checked_strategy(loaded(kind, folder), kind)
        offered = entry_points(group=PLUGINS)
        if kind in offered.names:
            return checked_strategy(loaded(offered[kind].value.partition(" ")[0]), kind)
    except NotLoaded as error:
        raise NoSuchStrategy(str(error)) from None
    raise NoSuchStrategy(not_known(kind, "strategy", [*STRATEGIES, *sorted(offered.names)]))


def checked_strategy(found: object, kind: str) -> type:
    """The class `found`, if it can be put on the field. Raises `NoSuchStrategy`."""
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and callable(getattr(found, "decide", None))):
        raise NoSuchStrategy(f'"{kind}" is not a strategy: it must be a frozen dataclass with a method "decide".')
    taken = {f.name for f in dataclasses.fields(found)} & set(PlayFields.model_fields)
    if taken:
        raise NoSuchStrategy(f'"{kind}" has a lever called "{sorted(taken)[0]}", which is a setting of every play.')
    return found


@cache
def play_form(strategy: type, facts: tuple[str, ...] | None = ()) -> type[Form]:
    """The form of a play of one strategy: its levers and the settings of every play; `facts` as of `target_form`."""
    levers = form_of(strategy)
    fields: dict[str, Any] = {name: (f.annotation, f) for name, f in levers.model_fields.items()}
    kind = next((k for k, cls in STRATEGIES.items() if cls is strategy), None)
    kind_field = (str, Field(json_schema_extra={"const": kind} if kind else None))
    if facts != ():
        fields["target"] = (target_form(facts), PlayFields.model_fields["target"])
    return create_model(
        f"{strategy.__name__}Play", __base__=PlayFields, __doc__=levers.__doc__, kind=kind_field, **fields
    )


def plays_of(
    entries: object, loc: Loc, source: TomlSource, world: World | None
) -> tuple[tuple[Play, ...], list[Problem]]:
    """The plays of a list of strategy tables, and what is wrong with them.

    `world` is None where it could not be read: what it must have for a play (channels, mechanisms) is then not checked.
    """
    plays: list[Play] = []
    problems: list[Problem] = []
    for position, entry in enumerate(entries if isinstance(entries, list) else []):
        play, found = _play_of(entry, (*loc, position), source, world)
        problems += found
        if play is None:
            continue
        if play.name in {p.name for p in plays}:
            text = f'two plays are called "{play.name}"; give one of them another name.'
            problems.append(problem(text, (*loc, position), source))
        plays.append(play)
    return tuple(plays), problems


def _play_of(entry: object, loc: Loc, source: TomlSource, world: World | None) -> tuple[Play | None, list[Problem]]:
    if not isinstance(entry, dict):
        return None, [problem("must be a table with a kind.", loc, source, entry)]
    kind = entry.get("kind")
    if not isinstance(kind, str):
        text = "must be the name of a strategy." if "kind" in entry else f"is missing. Known: {', '.join(STRATEGIES)}."
        return None, [problem(text, (*loc, "kind"), source, kind)]
    try:
        strategy = find_strategy(kind, source.path.parent)  # it may lie beside the file that names it
    except NoSuchStrategy as error:
        return None, [problem(str(error), (*loc, "kind"), source, kind)]
    return play_from(strategy, entry, loc, source, world)


def play_from(
    strategy: type, entry: Mapping[str, object], loc: Loc, source: TomlSource, world: World | None
) -> tuple[Play | None, list[Problem]]:
    """The play of one strategy that a table describes, and what is wrong with it."""
    facts = _facts_for(entry.get("target", {}), world)
    form, problems = filled(play_form(strategy, facts), entry, loc, source)
    channels = None if world is None else world.sources
    target, found = _target_of(entry.get("target", {}), facts, (*loc, "target"), source, world)
    problems += (
        found
        + _lacking(strategy, world, loc, source)
        + _timing_problems(entry, loc, source)
        + _audience_problems(strategy, entry, target, loc, source)
    )
    if form is None:
        return None, problems
    play, found = _filled_play(strategy, form, target, loc, source)
    if play and isinstance(play.strategy, ChannelMix) and channels is not None:
        problems += _factor_problems(play.strategy.factors, channels, (*loc, "factors"), source)
    if play and isinstance(play.strategy, WelcomeOffer) and channels is not None:
        names = ["", *(c.name for c in channels)]
        if play.strategy.channel not in names:
            text = not_known(play.strategy.channel, "channel of this world", names[1:])
            problems.append(problem(text, (*loc, "channel"), source, play.strategy.channel))
    return play, problems + found


def _facts_for(target: object, world: World | None) -> tuple[str, ...] | None:
    """What mechanisms of the world record that a target may name; none are looked up where it names none."""
    if not isinstance(target, dict) or not set(target) - set(TargetForm.model_fields):
        return ()
    return None if world is None else tuple(n for n in recorded_facts(world) if n not in TargetForm.model_fields)


def _lacking(strategy: type, world: World | None, loc: Loc, source: TomlSource) -> list[Problem]:
    """A strategy whose actions nobody in this world carries out is refused."""
    needs = needs_of(strategy)
    if world is None or not needs or needs in world.mechanisms:
        return []
    text = f'needs the mechanism "{needs}", which this world has not; add [[mechanism]] kind = "{needs}" to the world.'
    return [problem(text, (*loc, "kind"), source)]


def _filled_play(
    strategy: type, form: Any, target: Target, loc: Loc, source: TomlSource
) -> tuple[Play | None, list[Problem]]:
    try:
        chosen = built(strategy, form, without=(*PlayFields.model_fields, "kind"))
    except (ValueError, TypeError) as error:
        return None, [problem(f"is refused by the strategy: {error}.", loc, source)]
    settings = {k: v for k, v in form if k in PlayFields.model_fields and k not in ("name", "target")}
    return Play(name=form.name or form.kind, strategy=chosen, target=target, **settings), []


def _audience_problems(
    strategy: type, entry: Mapping[str, object], target: Target, loc: Loc, source: TomlSource
) -> list[Problem]:
    """A target, a holdout or a ramp that the strategy's actions cannot honour is refused, never ignored."""
    audience = audience_of(strategy)
    if audience == "customers":
        return []
    asked = [name for name in ("holdout", "ramp_weeks") if entry.get(name)]
    kind = next((k for k, cls in STRATEGIES.items() if cls is strategy), strategy.__name__)
    if audience is None:
        why = f'"{kind}" does not say whom it addresses'
        way = 'write audience: ClassVar = "customers" in its class, if all its actions are on identified customers'
    else:
        why = f'"{kind}" acts on everybody, so this would be ignored'
        choice = [k for k, cls in STRATEGIES.items() if audience_of(cls) == "customers"]
        way = f"leave it out (start and stop are kept), or take a strategy for chosen customers: {', '.join(choice)}"
    return [
        problem(f"{why}; {way}.", (*loc, name), source) for name in ([] if target.everybody else ["target"]) + asked
    ]


def _timing_problems(entry: Mapping[str, object], loc: Loc, source: TomlSource) -> list[Problem]:
    start, stop = entry.get("start", 0), entry.get("stop")
    if isinstance(start, int) and isinstance(stop, int) and stop <= start:
        return [problem(f"must be after start = {start}, or the play is never on.", (*loc, "stop"), source, stop)]
    return []


def _target_of(
    table: object, facts: tuple[str, ...] | None, loc: Loc, source: TomlSource, world: World | None
) -> tuple[Target, list[Problem]]:
    """The target of a play. What is wrong with the form of the table itself is the play form's to report."""
    filled_in, malformed = filled(target_form(facts), table, loc, source)
    if malformed:
        return Target(), []
    form: Any = filled_in
    problems = []
    for name in form.segments:
        if name not in SEGMENTS:
            problems.append(problem(not_known(name, "segment", SEGMENTS), (*loc, "segments"), source, name))
    sources = None if world is None else [*(c.name for c in world.sources), "before"]
    for name in form.sources:
        if sources is not None and name == REFERRAL and name not in sources:
            text = (
                "would reach nobody: in this world no friend wins another (p_invite of [word_of_mouth] is 0). Known: "
            )
            problems.append(problem(f"{text}{', '.join(sources)}.", (*loc, "sources"), source, name))
        elif sources is not None and name not in sources:
            problems.append(problem(not_known(name, "source", sources), (*loc, "sources"), source, name))
    names = (*BANDS, *(facts or ()))
    bands = {name: tuple(band) for name in names if (band := getattr(form, name)) is not None}
    for name, (low, high) in bands.items():
        if low > high:
            problems.append(problem("must be [low, high] with low <= high.", (*loc, name), source))
    return Target(bands, tuple(form.segments), tuple(form.sources), tuple(form.tags), form.member), problems


def _factor_problems(
    factors: Mapping[str, float], channels: Sequence[Channel], loc: Loc, source: TomlSource
) -> list[Problem]:
    problems = []
    paid = [c.name for c in channels if c.half_budget > 0]
    for name in factors:
        if name not in {c.name for c in channels}:
            problems.append(problem(not_known(name, "channel of this world", paid), (*loc, name), source))
        elif name not in paid:
            text = f"is organic: it has no budget to multiply. Paid channels: {', '.join(paid)}."
            problems.append(problem(text, (*loc, name), source))
    return problems
