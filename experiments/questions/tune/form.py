"""The [tune] table of an experiment file: how a search is written down, and what a wrong one says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from crmlab.experiments.errors import Loc, Problem
from crmlab.experiments.experiment import TODAY, Arm, Experiment
from crmlab.experiments.files.forms import Form, problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.levers.form import LeverEntry, lever_of, not_a_play
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.own_code.loading import NotLoaded
from crmlab.experiments.own_kpis import function_named
from crmlab.experiments.questions.tune.offered import batch_problem, sampler_problem
from crmlab.experiments.questions.tune.question import EQUITY, VOLUME, Constraint, OwnSampler, Sampler, Tune
from crmlab.experiments.statistics.scores import Score
from crmlab.experiments.wording.names import did_you_mean, not_known
from crmlab.sim.kpis import KPIS
from crmlab.sim.plays import Play
from crmlab.sim.world import World

MAX_OBJECTIVES = 3
_CONSTRAINT = re.compile(r"([A-Za-z_]\w*)(\s+gain)?\s*([^\w\s.+-]+)\s*(\S+)", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_LONGEST = 200  # characters of a limit


def _sampler_entry(value: Any) -> Any:
    own = isinstance(value, OwnSampler) or (callable(value) and not isinstance(value, type))
    if value is None or own or value in get_args(Sampler) or (isinstance(value, str) and ":" in value):
        return OwnSampler(value) if own and not isinstance(value, OwnSampler) else value
    hint = did_you_mean(str(value), get_args(Sampler))
    known = ", ".join(get_args(Sampler))
    raise PydanticCustomError(
        "refused", "{text}", {"text": f"must be one of {known}, or package.module:function.{hint}"}
    )


_SAMPLER = {"anyOf": [{"enum": list(get_args(Sampler))}, {"type": "string", "pattern": ":"}]}
SamplerEntry = Annotated[Any, BeforeValidator(_sampler_entry), WithJsonSchema(_SAMPLER)]


class TuneForm(Form):
    """What `crmlab tune` searches: levers of one arm, for one to three KPIs, under limits."""

    arm: str = Field(description="The arm whose levers are searched, one of [arms.NAME].")
    levers: list[LeverEntry] = Field(
        default=[],
        description='"play.lever" or "play.lever.key"; { lever, low, high } narrows the range, { lever, options } the '
        'words; when = { "play.lever" = [...] } says under which words of another lever it means anything.',
    )
    switch: list[str] = Field(default=[], description="Plays of the arm that the search may leave out.")
    objectives: list[str] = Field(
        default=[EQUITY],
        min_length=1,
        description="One to three KPIs; default: customer_equity. Which way is better stands on the KPI.",
    )
    constraints: list[str] = Field(
        default=[], description='"KPI <= number" or ">=", on the arm\'s own mean; "KPI gain >= 0": on its difference.'
    )
    any_volume: bool = Field(
        False, strict=True, description="Lift the limit on new customers that a search for a ratio (CAC, LTV/CAC) has."
    )
    soft: list[str] = Field(
        default=[], description="Limits that are wished for: the sampler prefers who keeps them; others may still win."
    )
    sampler: SamplerEntry = Field(
        None,
        description="Default: `tpe` for one objective, `nsga2` for several. Your own: package.module:function, from a "
        "seed to an Optuna sampler.",
    )
    candidates: int = Field(64, ge=1, le=100_000, strict=True, description="Settings of the levers that are tried.")
    batch: int = Field(8, ge=1, le=1_000, strict=True, description="Candidates proposed at a time; changes the search.")
    replications: int = Field(
        16, ge=1, le=10_000, strict=True, description="Markets on which a candidate is tried, at most."
    )
    racing: bool = Field(True, strict=True, description="Whether candidates that are surely beaten get fewer markets.")
    simulations: int | None = Field(
        None, ge=1, strict=True, description="No new batch once so many markets of candidates were run."
    )
    patience: int | None = Field(
        None, ge=1, le=1_000, strict=True, description="Stop when so many batches brought less than 1 % more."
    )
    worlds: int | None = Field(
        None, ge=2, le=10_000, strict=True, description="Try each candidate in so many sampled worlds instead."
    )
    score: Score = Field("mean", description="What counts over these worlds.")
    confirm: int = Field(5, ge=1, le=100, strict=True, description="How many winners are run again on fresh luck.")
    confirm_replications: int = Field(16, ge=2, le=100_000, strict=True, description="Fresh markets for each of them.")


def search_of(
    form: TuneForm, experiment: Experiment, own_plays: Sequence[Play], source: TomlSource
) -> tuple[Tune, list[Problem]]:
    """The search that a filled-in table describes, and what is wrong with it.

    `own_plays` are the plays that the file writes into the arm to be tuned (those of today belong to the world).
    """
    arms = {arm.name: arm for arm in experiment.arms if arm.name != TODAY}
    levers, problems = _levers_of(form, arms, own_plays, experiment.world, source)
    constraints, wrong_limits = _limits_of(form.constraints, "constraints", source)
    soft, wrong_wishes = _limits_of(form.soft, "soft", source)
    problems += wrong_limits + wrong_wishes + _objective_problems(form, source)
    if EQUITY not in (*form.objectives, *(c.kpi for c in constraints)):  # must not fall unless the file looks at it
        constraints.append(Constraint(EQUITY, ">=", 0.0, gain=True, added=True))
    ratios = [kpi for kpi in form.objectives if kpi in KPIS and KPIS[kpi].is_ratio]
    if form.any_volume and not ratios:
        text = "lifts the limit that a search for a ratio has; none of the objectives is one."
        problems.append(problem(text, ("tune", "any_volume"), source, form.any_volume))
    if ratios and not form.any_volume and VOLUME not in (*form.objectives, *(c.kpi for c in constraints)):
        constraints.append(Constraint(VOLUME, ">=", 0.0, gain=True, added=True))
    named, unknown = _sampler_of(form.sampler, source)
    problems += unknown
    sampler: Sampler | OwnSampler = named or ("tpe" if len(form.objectives) == 1 else "nsga2")
    problems += _effort_problems(form, sampler, levers, source)
    effort = ("candidates", "batch", "confirm", "confirm_replications", "racing", "simulations", "patience", "score")
    search = Tune(
        form.arm,
        tuple(levers),
        tuple(form.objectives),
        tuple(constraints),
        sampler,
        soft=tuple(soft),
        worlds=form.worlds is not None,
        replications=form.worlds or form.replications,
        **{name: getattr(form, name) for name in effort},
    )
    return search, problems


def _sampler_of(named: Any, source: TomlSource) -> tuple[Any, list[Problem]]:
    if not isinstance(named, str) or ":" not in named:
        return named, []
    try:
        return OwnSampler(function_named(named, source.path.parent)), []
    except NotLoaded as error:
        return None, [problem(str(error), ("tune", "sampler"), source, named)]


def _levers_of(
    form: TuneForm, arms: Mapping[str, Arm], plays: Sequence[Play], world: World, source: TomlSource
) -> tuple[list[SearchedLever], list[Problem]]:
    if form.arm not in arms:
        return [], [problem(not_known(form.arm, "arm to tune", arms), ("tune", "arm"), source, form.arm)]
    levers: list[SearchedLever] = []
    problems = []
    for position, name in enumerate(form.switch):
        loc: Loc = ("tune", "switch", position)
        if name not in {play.name for play in plays}:
            problems.append(problem(not_a_play(name, form.arm, plays), loc, source, name))
        elif name in form.switch[:position]:
            problems.append(problem("is named twice.", loc, source, name))
        else:
            levers.append(SearchedLever.switch(name))
    wrong: list[str] = []
    for position, entry in enumerate(form.levers):
        found = lever_of(entry, form.arm, plays, world, levers, wrong)
        if isinstance(found, str):
            problems.append(problem(found, ("tune", "levers", position), source, entry["lever"]))
            wrong.append(entry["lever"])
        else:
            levers.append(found)
    if not form.levers and not form.switch:
        problems.append(problem("needs levers, or plays to switch: there is nothing to search.", ("tune",), source))
    return levers, problems


def _effort_problems(
    form: TuneForm, sampler: Sampler | OwnSampler, levers: Sequence[SearchedLever], source: TomlSource
) -> list[Problem]:
    problems = []
    words = sum(bool(lever.options) for lever in levers)
    if wrong := sampler_problem(sampler, len(form.objectives), len(levers) - words, words):
        problems.append(problem(wrong, ("tune", "sampler"), source, str(sampler)))
    elif wrong := batch_problem(sampler, form.batch):
        problems.append(problem(wrong, ("tune", "batch"), source, form.batch))
    if form.worlds is None and form.score != "mean":
        text = "is a score over sampled worlds: say how many, as in worlds = 16."
        problems.append(problem(text, ("tune", "score"), source, form.score))
    if form.worlds is not None and "replications" in form.model_fields_set:
        text = "and replications exclude each other: each world is run in one replication."
        problems.append(problem(text, ("tune", "worlds"), source, form.worlds))
    return problems


def _objective_problems(form: TuneForm, source: TomlSource) -> list[Problem]:
    loc: Loc = ("tune", "objectives")
    problems = []
    for kpi in form.objectives:
        if kpi not in KPIS:
            problems.append(problem(not_known(kpi, "KPI", KPIS), loc, source, kpi))
        elif KPIS[kpi].direction == 0:
            text = "is neither better high nor low, so it cannot be an objective; use it in constraints."
            problems.append(problem(text, loc, source, kpi))
    if len(set(form.objectives)) < len(form.objectives):
        problems.append(problem("names a KPI twice.", loc, source))
    if len(form.objectives) > MAX_OBJECTIVES:
        text = f"has {len(form.objectives)} KPIs; at most {MAX_OBJECTIVES} can be weighed: use constraints."
        problems.append(problem(text, loc, source))
    return problems


def _limits_of(texts: Sequence[str], key: str, source: TomlSource) -> tuple[list[Constraint], list[Problem]]:
    limits, problems = [], []
    for position, text in enumerate(texts):
        loc = ("tune", key, position)
        found = _CONSTRAINT.fullmatch(text.strip()) if len(text) <= _LONGEST else None
        if not found or not _NUMBER.fullmatch(found[4]) or not math.isfinite(float(found[4])):
            problems.append(problem('must look like "media <= 50000" or "cac gain <= 0".', loc, source, text))
            continue
        kpi, gain, op, bound = found[1], bool(found[2]), found[3], found[4]
        if kpi not in KPIS:
            problems.append(problem(f'"{kpi}" is {not_known(kpi, "KPI", KPIS)}', loc, source, text))
        elif op not in ("<=", ">="):
            problems.append(problem(f'"{op}" is not a comparison; use <= or >=.', loc, source, text))
        else:
            limits.append(Constraint(kpi, "<=" if op == "<=" else ">=", float(bound), gain))
    return limits, problems
