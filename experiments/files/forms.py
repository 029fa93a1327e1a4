"""Forms: what a dataclass looks like in a file. Ranges, units and sources are read off its fields, nowhere else.

`form_of(Channel)` is a pydantic model with the fields of `Channel`; unknown settings are refused, every `Lever` and
`Unknown` is checked against its range, and the model's JSON schema carries the range, the unit and the source.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from crmlab.experiments.errors import Loc, Problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.wording.names import did_you_mean, number_text
from crmlab.sim.levers import EVIDENCE, MAX_MONEY, Lever, Ranged, Unknown, ranged_fields

T = TypeVar("T")
F = TypeVar("F", bound=BaseModel)


class Form(BaseModel):
    """The parent of all forms: a setting that is not in the form is a mistake, not a comment."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


@dataclass(frozen=True)
class OwnRange:
    """An unknown for which the file states its own range, `{ value = 1.8, low = 1.4, high = 2.2 }`, or which it says is
    known, `{ value = 0.42, known = true }`: a range without width, which no sampled world leaves."""

    value: float
    low: float
    high: float


def form_of(
    cls: type,
    name: str = "",
    limits: Mapping[str, Mapping[str, object]] | None = None,
    without: tuple[str, ...] = (),
    **more: object,
) -> type[Form]:
    """The form of a dataclass. `limits` adds pydantic bounds to plain fields, `more` adds fields of the file's own."""
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in without or not field.init:
            continue
        ranged = ranged_fields(cls).get(field.name)
        if ranged:
            fields[field.name] = (ranged_type(cls, field.name), _default(field, description=_description(ranged.range)))
        else:
            hint = hints[field.name]
            bounds = (limits or {}).get(field.name, {})
            strict = True if hint in (int, float, bool, str) else None
            fields[field.name] = (hint, _default(field, strict=strict, **bounds))
    doc = (cls.__doc__ or "").split("\n\n")[0].replace("\n   ", "")
    fields |= more
    return create_model(name or f"{cls.__name__}Form", __base__=Form, __doc__=doc, **fields)


def ranged_type(cls: type, name: str) -> object:
    """The type of one field in a form: a number, or a table of numbers, held against the range on the field."""
    ranged, base = ranged_fields(cls)[name], get_type_hints(cls)[name]
    return Annotated[Any, BeforeValidator(_check(ranged.range, base)), WithJsonSchema(_schema(ranged, base))]


def built(cls: Callable[..., T], form: BaseModel, without: tuple[str, ...] = (), **more: object) -> T:
    """The dataclass from its filled-in form, own ranges reduced to their values."""
    return cls(**{k: plain(v) for k, v in form if k not in without}, **more)


def plain(value: object) -> object:
    """What a form holds, numbers without a range of their own."""
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    return value.value if isinstance(value, OwnRange) else value


def number(value: float | OwnRange) -> float:
    """A number, whether or not a range of its own came with it."""
    return value.value if isinstance(value, OwnRange) else value


def numbers(table: Mapping[str, float | OwnRange]) -> dict[str, float]:
    """A table of numbers, whether or not ranges of their own came with them."""
    return {name: number(value) for name, value in table.items()}


def own_ranges(form: BaseModel, prefix: str) -> dict[str, tuple[float, float]]:
    """The ranges that the file states itself, by `prefix.field`, or `prefix.field.key` in a table of numbers."""
    found: dict[str, tuple[float, float]] = {}
    for name, value in form:
        inside = value if isinstance(value, Mapping) else {}
        every = {name: value, **{f"{name}.{key}": v for key, v in inside.items()}}
        found |= {f"{prefix}.{path}": (v.low, v.high) for path, v in every.items() if isinstance(v, OwnRange)}
    return found


def filled(form: type[F], data: object, loc: Loc, source: TomlSource) -> tuple[F | None, list[Problem]]:
    """Fill in a form. Returns it with no problems, or nothing with one problem per mistake."""
    try:
        return form.model_validate(data), []
    except ValidationError as error:
        return None, _problems(error, form, loc, source)


def problem(text: str, loc: Loc, source: TomlSource, value: object = None) -> Problem:
    """A mistake at a place of a file."""
    overruled = source.overruled(loc)
    return Problem(text, loc, value, None if overruled else source.line_of(loc), overruled)


def _problems(error: ValidationError, form: type[BaseModel], loc: Loc, source: TomlSource) -> list[Problem]:
    found, misspelt = [], set()
    errors = error.errors(include_url=False)
    missing = {e["loc"]: str(e["loc"][-1]) for e in errors if e["type"] == "missing"}
    for e in errors:
        if e["type"] == "extra_forbidden":
            name, near = str(e["loc"][-1]), _siblings(form, e["loc"])
            hint = did_you_mean(name, near)
            misspelt |= {m for m, n in missing.items() if m[:-1] == e["loc"][:-1] and f'"{n}"' in hint}
            allowed = "" if hint else f" Allowed here: {', '.join(near)}."
            found.append(problem(f"unknown setting.{hint}{allowed}", loc + e["loc"], source))
    for e in errors:
        if e["type"] == "missing" and e["loc"] not in misspelt:
            found.append(problem("is missing.", loc + e["loc"], source))
        elif e["type"] not in ("missing", "extra_forbidden"):
            text = _plain_sentence(e["type"], e.get("ctx", {}), e["msg"])
            found.append(problem(text, loc + e["loc"], source, e["input"]))
    return found


def _siblings(form: type[BaseModel], loc: Loc) -> list[str]:
    """The settings that are allowed in the table in which `loc` stands."""
    here: object = form
    for part in loc[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = next((f for n, f in here.model_fields.items() if part in (n, f.alias)), None)
            here = field.annotation if field else None
        else:
            arguments = [a for a in typing.get_args(here) if a is not type(None)]
            here = arguments[-1] if arguments else None
        while here is not None and not isinstance(here, type) and type(None) in typing.get_args(here):
            here = next(a for a in typing.get_args(here) if a is not type(None))
    if not (isinstance(here, type) and issubclass(here, BaseModel)):
        return []
    return [f.alias or n for n, f in here.model_fields.items()]


def _default(field: dataclasses.Field[object], **said: Any) -> object:
    more = {k: v for k, v in said.items() if v is not None}
    if field.default is not dataclasses.MISSING:
        return Field(field.default, **more)
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory, **more)
    return Field(**more)


def _description(bounds: Lever | Unknown) -> str:
    if isinstance(bounds, Lever):
        return f"Lever, {bounds.unit}." if bounds.unit else "Lever."
    return f"Unknown, {bounds.unit}. Source: {bounds.source} ({EVIDENCE[bounds.evidence]})."


MIN_MONEY = 1e-9  # currency: where an amount has to be above 0


def _stated(bounds: Lever | Unknown) -> Lever | Unknown:
    """What a file may state: of a lever of money any amount, since what is much depends on the world."""
    if isinstance(bounds, Lever) and bounds.is_money:
        return replace(bounds, low=min(bounds.low, MIN_MONEY), high=MAX_MONEY)
    return bounds


def _schema(ranged: Ranged, base: object) -> dict[str, object]:
    bounds = _stated(ranged.range)
    bare: dict[str, object] = {
        "type": "integer" if base is int else "number",
        "minimum": bounds.low,
        "maximum": bounds.high,
    }
    off: list[object] = [{"const": bounds.off}] if bounds.off is not None else []
    if isinstance(bounds, Lever):
        one: dict[str, object] = {"anyOf": [bare, *off]} if off else bare
        schema: dict[str, object] = one if base in (int, float) else {"type": "object", "additionalProperties": one}
        return schema | ({"unit": bounds.unit} if bounds.unit else {})
    own = {
        "type": "object",
        "properties": dict.fromkeys(("value", "low", "high"), bare) | {"known": {"const": True}},
        "required": ["value"],
        "additionalProperties": False,
    }
    one = {"anyOf": [bare, *off, own]}
    if base not in (int, float):
        return {"type": "object", "additionalProperties": one, "unit": bounds.unit}
    return one | {"unit": bounds.unit}


def _check(bounds: Lever | Unknown, base: object) -> Callable[[object], object]:
    bounds = _stated(bounds)

    def check(value: object) -> object:
        if base not in (int, float):
            if not isinstance(value, Mapping):
                raise _refused("must be a table of names and numbers")
            return {str(key): one(v, float, f"{key} ") for key, v in value.items()}
        return one(value, base)

    def one(value: object, base: object, name: str = "") -> float | OwnRange:
        if isinstance(value, dict) and isinstance(bounds, Unknown):
            return _own_range(value, bounds, base)
        return _number(value, bounds, base, name)

    return check


def _own_range(value: dict[str, object], bounds: Unknown, base: object) -> OwnRange:
    if set(value) == {"value", "known"} and value["known"] is True:
        known = _number(value["value"], bounds, base, "value ")
        return OwnRange(known, known, known)
    if set(value) != {"value", "low", "high"}:
        raise _refused(
            "a range of its own is written { value = ..., low = ..., high = ... }, "
            "a number that you know { value = ..., known = true }"
        )
    own = OwnRange(**{key: _number(v, bounds, base, f"{key} ") for key, v in value.items()})
    if not own.low <= own.value <= own.high:
        raise _refused("needs low <= value <= high")
    return own


def _number(value: object, bounds: Lever | Unknown, base: object, name: str = "") -> float:
    whole = base is int
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
        raise _refused(f"{name}must be a {'whole ' if whole else ''}number{_unit(bounds)}")
    if not math.isfinite(value) or not bounds.allows(value):
        switch = f", or {number_text(bounds.off)} to switch it off" if bounds.off is not None else ""
        between = f"must be between {number_text(bounds.low)} and {number_text(bounds.high)}"
        raise _refused(f"{name}{between}{_unit(bounds)}{switch}{_share_hint(value, bounds)}")
    if isinstance(bounds, Lever) and bounds.step and not _on_step(value, bounds):
        raise _refused(f"{name}must go in steps of {number_text(bounds.step)} from {number_text(bounds.low)}")
    return int(value) if whole else float(value)


def _on_step(value: float, lever: Lever) -> bool:
    steps = (value - lever.low) / (lever.step or 1.0)
    return abs(steps - round(steps)) < 1e-9


def _unit(bounds: Lever | Unknown) -> str:
    return f" ({bounds.unit})" if bounds.unit not in ("", "-") else ""


def _share_hint(value: float, bounds: Lever | Unknown) -> str:
    if "share" in bounds.unit and 1 < value <= 100 and bounds.low <= value / 100 <= bounds.high:
        return f"; shares are fractions: write {value / 100:g} for {value:g} %"
    return ""


def _refused(text: str) -> PydanticCustomError:
    # a brace in the text would be read as a place to fill in
    return PydanticCustomError("refused", "{text}", {"text": text})


def _plain_sentence(kind: str, context: Mapping[str, object], message: str) -> str:
    """A pydantic error in plain words, from its type and context."""
    types = {
        "int": "must be a whole number",
        "float": "must be a number",
        "string": "must be a text in quotes",
        "bool": "must be true or false",
        "list": "must be a list in [brackets]",
        "tuple": "must be a list in [brackets]",
        "dict": "must be a table",
        "model": "must be a table",
        "date": "must be a date such as 2025-01-31",
    }
    subject, _, rest = kind.partition("_")
    if subject in types and rest in (
        "type",
        "parsing",
        "from_float",
        "attributes_type",
        "from_date_parsing",
        "from_datetime_parsing",
    ):
        return types[subject] + "."
    bounds = {
        "greater_than": "above",
        "greater_than_equal": "at least",
        "less_than_equal": "at most",
        "less_than": "below",
    }
    if kind in bounds:
        limit = next(iter(context.values()))
        return f"must be {bounds[kind]} {limit:,}.".replace(",", " ")
    if kind == "literal_error":
        return f"must be one of {context['expected']}."
    if kind == "string_too_short":
        return "must not be empty."
    if kind == "too_short":
        return f"needs at least {context['min_length']} entries."
    if kind == "too_long":
        return f"has {context['actual_length']} entries; at most {context['max_length']} are allowed."
    return f"{message[:1].lower()}{message[1:]}."
