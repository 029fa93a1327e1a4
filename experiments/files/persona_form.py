"""Personas in a world file: their tables, and what cannot be true of them together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from crmlab.experiments.errors import Loc, Problem
from crmlab.experiments.files.forms import Form, OwnRange, built, form_of, number, numbers, own_ranges, problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.parameters.registry import OWN_SPEND, PARAMETERS
from crmlab.experiments.wording.names import not_known
from crmlab.sim.world import TRAITS, Base, Persona, PurchaseModel, Spend, Tilt

MAX_PERSONAS = 20
NEAR_ONE = 1e-3  # shares are written with three digits or so


def _without_defaults(form: type[Form], name: str, doc: str) -> type[Form]:
    """The same form where nothing is filled in by default: a persona must say its own numbers."""
    fields: dict[str, Any] = {
        key: (field.annotation, FieldInfo.merge_field_infos(field, default=None))
        for key, field in form.model_fields.items()
    }
    return create_model(name, __base__=Form, __doc__=doc, **fields)


TiltForm = form_of(Tilt)
PersonaBaseForm = _without_defaults(
    form_of(Base, without=("model",)), "PersonaBaseForm", "How often people of this persona buy and how they leave."
)
PersonaSpendForm = _without_defaults(
    form_of(Spend, without=("p",)), "PersonaSpendForm", "What an order of this persona is worth at list price."
)
PersonaForm = form_of(
    Persona,
    limits={"name": {"min_length": 1}},
    tilt=(TiltForm, Field(default_factory=TiltForm)),
    base=(PersonaBaseForm | None, None),
    spend=(PersonaSpendForm | None, None),
)


def personas_of(form: Any) -> tuple[Persona, ...]:
    """The personas of a filled-in world form."""
    return tuple(_persona(persona, form.base.model, number(form.base.spend.p)) for persona in form.persona)


def _persona(form: Any, model: PurchaseModel, p: float) -> Persona:
    own: dict[str, object] = {"tilt": built(Tilt, form.tilt)}
    if form.base is not None:
        own["base"] = Base(model, **_stated(form.base))
    if form.spend is not None:
        own["spend"] = Spend(p=p, **_stated(form.spend))
    return built(Persona, form, without=("tilt", "base", "spend"), **own)


def _stated(form: Form) -> dict[str, float]:
    return numbers({key: value for key, value in form if value is not None})


def persona_ranges(form: Any) -> dict[str, tuple[float, float]]:
    """The ranges that the file itself gives to numbers of personas and correlations, by path."""
    ranges = {f"correlation.{k}": (v.low, v.high) for k, v in form.correlation.items() if isinstance(v, OwnRange)}
    for persona in form.persona:
        path = f"personas.{persona.name}"
        ranges |= own_ranges(persona, path) | own_ranges(persona.tilt, f"{path}.tilt")
        ranges |= own_ranges(persona.base, f"{path}.base") if persona.base else {}
        ranges |= own_ranges(persona.spend, f"{path}.spend") if persona.spend else {}
    return ranges


def persona_contradictions(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """What is wrong with the personas of a world although each number is fine by itself."""
    found = _correlation_problems(form, (*loc, "correlation"), source)
    if not form.persona:
        return found
    found += _list_problems(form, (*loc, "persona"), source) + _reach_problems(form, (*loc, "persona"), source)
    if any(persona.base or persona.spend for persona in form.persona):
        return found + _authored_problems(form, loc, source)
    return found + _calibrated_problems(form, (*loc, "persona"), source)


def _list_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    found, names = [], [persona.name for persona in form.persona]
    for position, name in enumerate(names):
        if not re.fullmatch(r"[\w-]+", name):
            text = "names of personas are letters, digits, - and _."
            found.append(problem(text, (*loc, position, "name"), source, name))
        if name in names[:position]:
            found.append(problem("two personas have this name.", (*loc, position, "name"), source, name))
    total = sum(number(persona.share) for persona in form.persona)
    if abs(total - 1) > NEAR_ONE:
        found.append(problem(f"the shares of all personas must add up to 1; they add up to {total:.4g}.", loc, source))
    return found


def _reach_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    found, channels = [], [channel.name for channel in form.channel]
    for position, persona in enumerate(form.persona):
        for name in persona.reach:
            if name not in channels:
                place = (*loc, position, "reach", name)
                found.append(problem(not_known(name, "channel of this world", channels), place, source))
    for name in channels:
        if not any(numbers(persona.reach).get(name, 1.0) for persona in form.persona):
            text = f'the channel "{name}" reaches no persona at all: give it a leads_max of 0 instead.'
            found.append(problem(text, loc, source))
    return found


def _authored_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """Every persona brings its own rates, so that nothing else may say what they are."""
    found, model = [], form.base.model
    without = [persona.name for persona in form.persona if not (persona.base and persona.spend)]
    if without:
        text = "either every persona has its own [persona.base] and [persona.spend], or none has; missing in: "
        text += f"{', '.join(without)}."
        return [problem(text, (*loc, "persona"), source)]
    for position, persona in enumerate(form.persona):
        place = (*loc, "persona", position)
        if set(_stated(persona.base)) != set(PARAMETERS[model]):
            text = f'must state {", ".join(PARAMETERS[model])} and nothing else: the model is "{model}".'
            found.append(problem(text, (*place, "base"), source))
        if set(_stated(persona.spend)) != set(OWN_SPEND):
            found.append(problem(f"must state {' and '.join(OWN_SPEND)}.", (*place, "spend"), source))
        if "tilt" in persona.model_fields_set:
            text = "places a persona among fitted traits; this one has rates of its own in [persona.base]."
            found.append(problem(text, (*place, "tilt"), source))
    return found + _overruled_problems(form, loc, source) + _sensitivity_problems(form, (*loc, "persona"), source)


def _overruled_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """What a market of personas with rates of their own cannot also have."""
    found = []
    idle = [*sorted(form.base.model_fields_set - {"model", "spend"})]
    idle_spend = sorted(form.base.spend.model_fields_set - {"p"})
    for names, place in ((idle, ("base",)), (idle_spend, ("base", "spend"))):
        if names:
            text = f"says {', '.join(names)}, but every persona has its own; leave them out here."
            found.append(problem(text, (*loc, *place), source))
    if form.population.history:
        text = "cannot be used with personas that have rates of their own; give them a tilt instead."
        found.append(problem(text, (*loc, "population", "history"), source))
    elif form.fit and {"base", "spend"} & set(form.fit.groups):
        text = "marks [base] or [base.spend] as estimated, but the personas have rates of their own."
        found.append(problem(text, (*loc, "fit", "groups"), source))
    return found


def _sensitivity_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    from crmlab.sim.traits import CAPPED  # loads the compiler, which most world files can do without

    price = form.unknowns.price
    share = np.array([number(p.share) for p in form.persona])
    relative = np.array([number(p.price_sensitivity) for p in form.persona])
    means = number(price.elasticity) * relative / (share @ relative / share.sum())
    most, found = number(price.elasticity_max), []
    for position, mean in enumerate(means):
        if mean > CAPPED * most:
            text = f"asks for a mean elasticity of {mean:.3g}; at most {CAPPED:.0%} of elasticity_max = {most:g}."
            found.append(problem(text, (*loc, position, "price_sensitivity"), source, relative[position]))
    return found


def _calibrated_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    """The traits are those of the market as a whole: a persona may lie among them, and not change them."""
    found = []
    for position, persona in enumerate(form.persona):
        if "price_sensitivity" in persona.model_fields_set:
            text = "needs personas with a [persona.base] and [persona.spend]; without, use tilt = { elasticity = ... }."
            found.append(problem(text, (*loc, position, "price_sensitivity"), source))
        if form.base.model == "nbd" and number(persona.tilt.departure):
            text = 'nobody leaves in the model "nbd": there is nothing to lean on.'
            found.append(problem(text, (*loc, position, "tilt", "departure"), source))
    return found


def _correlation_problems(form: Any, loc: Loc, source: TomlSource) -> list[Problem]:
    found, seen = [], set()
    authored = any(persona.base for persona in form.persona)
    for pair in form.correlation:
        names = tuple(pair.split("/"))
        unknown = [name for name in names if name not in TRAITS]
        if len(names) != 2 or names[0] == names[-1]:
            text = 'must name two different traits, such as "order_rate/mean_order".'
        elif unknown:
            text = f'"{unknown[0]}" is {not_known(unknown[0], "trait", TRAITS)}'
        elif frozenset(names) in seen:
            text = "this pair is stated twice."
        elif not authored and "elasticity" not in names:
            text = (
                "the fit assumes that order rate, departure and spend are independent of one another; only the "
                "elasticity may hang together with them, unless every persona has its own [persona.base]."
            )
        elif "departure" in names and form.base.model == "nbd":
            text = 'nobody leaves in the model "nbd".'
        else:
            seen.add(frozenset(names))
            continue
        found.append(problem(text, (*loc, pair), source))
    if not found and not _possible(form.correlation):
        found.append(problem("no people can have all these correlations at once; bring some nearer to 0.", loc, source))
    return found


def _possible(stated: Mapping[str, float | OwnRange]) -> bool:
    """Whether the matrix is positive definite, at every end of the ranges stated: then it is so anywhere between."""
    if not stated:
        return True
    from crmlab.sim.traits import correlations  # loads the compiler, which most world files can do without

    ends = [(v.low, v.high) if isinstance(v, OwnRange) else (v,) for v in stated.values()]
    every = (correlations(dict(zip(stated, corner, strict=True))) for corner in product(*ends))
    return all(np.linalg.eigvalsh(matrix).min() > 1e-9 for matrix in every)
