"""The form of a world file: every section with its ranges, and what cannot be true together."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from pydantic import Field, create_model

from crmlab.experiments.errors import Loc, Problem
from crmlab.experiments.files.forms import Form, OwnRange, form_of, number, problem, ranged_type
from crmlab.experiments.files.persona_form import MAX_PERSONAS, PersonaForm, persona_contradictions
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.parameters.registry import PARAMETERS
from crmlab.sim.levers import unknowns_of
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.world import REFERRAL, Base, Population, PurchaseModel, Spend, World

RESERVED = {
    "before": "stands for customers from before week 0.",
    REFERRAL: "stands for customers whom a friend has won: see [unknowns.word_of_mouth].",
}
CHEAPEST, DEAREST = 1e-9, 1e12  # mean order in currency units: amounts stay exact between them
LARGEST = 50_000_000  # people in a market; beyond this a mistyped number is likelier than a market

MAX_CHANNELS = 126  # the number of a channel is kept in a byte
FittedGroup = Literal["base", "spend", "history"]

_PEOPLE = {"ge": 0, "le": LARGEST}
SpendForm = form_of(Spend)
BaseForm = form_of(Base, spend=(SpendForm, Field(default_factory=SpendForm)))
PopulationForm = form_of(
    Population,
    limits={"customers": _PEOPLE, "prospects": _PEOPLE},
    history=(str | None, Field(None, description="CSV file with columns customer, weeks_before, amount.")),
    history_sha256=(str | None, Field(None, description="Checked when the history is read.")),
)
ChannelForm = form_of(Channel, limits={"budget": {"ge": 0}, "name": {"min_length": 1}})


def _sections() -> dict[str, type]:
    """The sections of `World` that hold numbers, by name."""
    kinds = {field.name: type(field.default) for field in dataclasses.fields(World)}
    return {name: kind for name, kind in kinds.items() if dataclasses.is_dataclass(kind) and unknowns_of(kind)}


# Sections that a file writes at its top; `base` and `population` have forms of their own. All others say how people
# react and stand under [unknowns]: one that `World` gains needs no line here.
PLAIN: dict[str, type] = {name: _sections()[name] for name in ("acquisition", "economics", "calendar")}
REACTIONS: dict[str, type] = {
    name: kind for name, kind in _sections().items() if name not in {"base", "spend", "population", *PLAIN}
}
SECTION_FORMS: dict[str, type[Form]] = {name: form_of(kind) for name, kind in (PLAIN | REACTIONS).items()}
UnknownsForm = create_model(
    "UnknownsForm",
    __base__=Form,
    **{name: (SECTION_FORMS[name], Field(default_factory=SECTION_FORMS[name])) for name in REACTIONS},  # type: ignore[call-overload]
)


class CovarianceForm(Form):
    """How sure an estimate is: covariance of the logs of its parameters, in the order stated."""

    parameters: list[str]
    log_covariance: list[list[float]]


class FitForm(Form):
    """Written by `crmlab calibrate`: which parts of the world were estimated from real data."""

    model: PurchaseModel
    groups: list[FittedGroup] = Field(default_factory=list)
    base: CovarianceForm | None = None
    spend: CovarianceForm | None = None
    calibration: str | None = Field(None, description="JSON file beside the world, for the report.")


def _todays() -> list[dict[str, object]]:
    return [{"kind": "today"}]


class TodayForm(Form):
    """The policy in force today: the plays of the baseline arm."""

    discount: float = Field(0.0, ge=0, le=0.6, strict=True, description="Standing discount, share of list price.")
    strategies: list[dict[str, object]] = Field(default_factory=_todays)


Correlation = ranged_type(World, "correlation")


class _WorldForm(Form):
    """A market: its people, how they react, what things cost, and the policy in force today."""

    name: str | None = None
    description: str = ""
    base: BaseForm  # type: ignore[valid-type]
    population: PopulationForm  # type: ignore[valid-type]
    today: TodayForm = Field(default_factory=lambda: TodayForm(discount=0.0))
    channel: list[ChannelForm] = Field(default_factory=list, max_length=MAX_CHANNELS)  # type: ignore[valid-type]
    persona: list[PersonaForm] = Field(default_factory=list, max_length=MAX_PERSONAS)  # type: ignore[valid-type]
    mechanism: list[dict[str, object]] = Field(
        default_factory=list, description='Mechanisms that this world adds: kind = "package.module:Class", and numbers.'
    )
    correlation: Correlation = Field(default_factory=dict)  # type: ignore[valid-type]


_TABLES: dict[str, Any] = {
    **{name: (SECTION_FORMS[name], Field(default_factory=SECTION_FORMS[name])) for name in PLAIN},
    "unknowns": (UnknownsForm, Field(default_factory=UnknownsForm)),
    "fit": (FitForm | None, None),
}
WorldForm: type[Form] = create_model("WorldForm", __base__=_WorldForm, __doc__=_WorldForm.__doc__, **_TABLES)


def contradictions(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """What is wrong although each number is fine by itself."""
    found = []
    if form.population.prospects == 0 and form.population.customers == 0 and not form.population.history:
        text = "customers and prospects are both 0: there is nobody in this market."
        found.append(problem(text, (*loc, "population"), source))
    found += _odd_money(form, loc, source)
    names = [c.name for c in form.channel]
    for position, channel in enumerate(form.channel):
        place = (*loc, "channel", position)
        if channel.name in RESERVED:
            found.append(problem(RESERVED[channel.name], (*place, "name"), source, channel.name))
        if channel.name in names[:position]:
            found.append(problem("two channels have this name.", (*place, "name"), source, channel.name))
        if channel.budget > 0 and not number(channel.half_budget):
            text = "is spent on an organic channel; give it a half_budget or no budget."
            found.append(problem(text, (*place, "budget"), source, channel.budget))
    if number(form.unknowns.price.elasticity_max) < number(form.unknowns.price.elasticity):
        place = (*loc, "unknowns", "price", "elasticity_max")
        found.append(problem("must not be below elasticity, which it truncates.", place, source))
    found += persona_contradictions(form, loc, source)
    return found + (_fit_contradictions(form, (*loc, "fit"), source) if form.fit else [])


def _odd_money(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """Amounts that no shop with orders of this size has: most likely they are in another unit of money."""
    spend = form.base.spend
    mean = number(spend.p) * number(spend.gamma) / (number(spend.q) - 1)
    if not CHEAPEST <= mean <= DEAREST:
        text = f"make a mean order of {mean:.3g}: it must lie between {CHEAPEST:g} and {DEAREST:g}; use another unit."
        return [problem(f"p, q and gamma {text}", (*loc, "base", "spend"), source)]
    places: dict[Loc, tuple[float | OwnRange, float]] = {
        ("economics", "fulfilment_cost"): (form.economics.fulfilment_cost, 10)
    }
    for position, channel in enumerate(form.channel):
        at = ("channel", position)
        places[*at, "success_fee"] = (channel.success_fee, 100)
        places |= {(*at, name): (getattr(channel, name), 1e9) for name in ("half_budget", "budget", "fixed_cost")}
    found = []
    for place, (value, most) in places.items():
        if number(value) > most * mean:
            text = f"is more than {most:,.0f} mean orders ({mean:.4g} each); is it in the same unit of money?"
            found.append(problem(text, (*loc, *place), source, number(value)))
    return found


def _fit_contradictions(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    found = []
    if form.fit.model != form.base.model:
        text = f'is not the model in use: [base] says "{form.base.model}".'
        found.append(problem(text, (*loc, "model"), source, form.fit.model))
    for group, model in (("base", form.base.model), ("spend", "spend")):
        fit = getattr(form.fit, group)
        if fit is None:
            continue
        if sorted(fit.parameters) != sorted(PARAMETERS[model]):
            text = f"must name {', '.join(PARAMETERS[model])}."
            found.append(problem(text, (*loc, group, "parameters"), source))
        elif not _is_covariance(fit.log_covariance, len(fit.parameters)):
            size = len(fit.parameters)
            text = f"must be a covariance: {size} rows of {size} numbers, symmetric, no negative variance."
            found.append(problem(text, (*loc, group, "log_covariance"), source))
    return found


def _is_covariance(rows: list[list[float]], size: int) -> bool:
    if [len(row) for row in rows] != [size] * size or not all(math.isfinite(v) for row in rows for v in row):
        return False
    matrix = np.array(rows)
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-12):
        return False
    return bool(np.linalg.eigvalsh(matrix).min() >= -1e-9 * max(1.0, float(np.abs(matrix).max())))
