"""Experiments that were put together in Python meet the same checks as those in files, with the same sentences."""

from __future__ import annotations

import re
from pathlib import Path

from crmlab.experiments.errors import Loc, Problem, SpecError
from crmlab.experiments.experiment import Arm, Experiment, Question
from crmlab.experiments.files.forms import filled, problem
from crmlab.experiments.files.play_form import NoSuchStrategy, checked_strategy, play_from
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_form import UnknownsForm, WorldForm, contradictions
from crmlab.experiments.json_data import JsonObject, table_in
from crmlab.experiments.own_code.loading import place_of
from crmlab.experiments.own_kpis import kpi_problems, section_problems, unknown_kpis
from crmlab.experiments.parameters.registry import OWN_SPEND, PARAMETERS
from crmlab.experiments.runs.serialize import plain
from crmlab.experiments.spec.arms import design_problems
from crmlab.experiments.spec.forms import DesignForm
from crmlab.sim.plays import Play
from crmlab.sim.world import Persona, World

HERE = "The experiment"  # what the sentences call it
_NOWHERE = TomlSource(Path("experiment"), "", {})


def checked(experiment: Experiment) -> Experiment:
    """The same experiment. Raises `SpecError`, one sentence per mistake, if a file could not say it."""
    form, problems = filled(DesignForm, plain(experiment.design), ("design",), _NOWHERE)
    problems = [*problems, *_world_problems(experiment.world)]
    names = [arm.name for arm in experiment.arms]
    for position, arm in enumerate(experiment.arms):
        if arm.name in names[:position]:
            problems.append(problem("two arms have this name.", ("arms", arm.name), _NOWHERE))
        problems += _arm_problems(arm, experiment.world)
    if not isinstance(experiment.question, Question):
        text = f"must be a question such as Compare(), not {experiment.question!r:.60}; words for readers are purpose."
        problems.append(problem(text, ("question",), _NOWHERE))
    if not experiment.arms:
        problems.append(problem("has no arms: there is nothing to play.", (), _NOWHERE))
    if form is not None and not problems:
        problems += design_problems(experiment, experiment.arms, _NOWHERE, experiment.kpis)
        problems += [problem(text, ("kpis",), _NOWHERE) for text in kpi_problems(experiment.kpis)]
        problems += [problem(text, ("sections",), _NOWHERE) for text in section_problems(experiment.sections)]
        problems += [] if problems else [problem(text, (), _NOWHERE) for text in unknown_kpis(experiment)]
    if problems:
        raise SpecError(HERE, problems)
    return experiment


def _arm_problems(arm: Arm, world: World) -> list[Problem]:
    loc: Loc = ("arms", arm.name)
    problems = []
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_ -]*", arm.name):
        problems.append(problem("names of arms are letters, digits, - and _.", loc, _NOWHERE))
    names = [play.name for play in arm.plays]
    for position, play in enumerate(arm.plays):
        if play.name in names[:position]:
            text = f'two plays are called "{play.name}"; give one of them another name: Play("other", strategy).'
            problems.append(problem(text, loc, _NOWHERE))
        problems += _play_problems(play, (*loc, play.name), world)
    return problems


def _play_problems(play: Play, loc: Loc, world: World) -> list[Problem]:
    cls = type(play.strategy)
    try:
        checked_strategy(cls, place_of(cls))
    except NoSuchStrategy as error:
        return [problem(str(error), loc, _NOWHERE)]
    said = plain(play)
    entry = {key: value for key, value in said.items() if key != "levers"} | said["levers"]
    return play_from(cls, entry, loc, _NOWHERE, world)[1]


def _world_problems(world: World) -> list[Problem]:
    """What a world file that says the same would be told."""
    form, problems = filled(WorldForm, _as_file(world), ("world",), _NOWHERE)
    if form is None or world.history is not None:  # who has a history has customers
        return problems
    return problems + contradictions(form, ("world",), _NOWHERE)


def _as_file(world: World) -> dict[str, object]:
    """The numbers of a world, arranged as in a world file."""
    said = {name: value for name, value in plain(world).items() if name != "history"}
    said["channel"], spend = said.pop("channels"), said.pop("spend")
    unknowns = {name: said[name] for name in UnknownsForm.model_fields}
    known = {name: value for name, value in said.items() if name in WorldForm.model_fields and value is not None}
    known["persona"] = [_persona_as_file(persona, world.base.model) for persona in said["personas"]]
    if world.authored:  # what is the personas' own to say
        said["base"], spend = {"model": world.base.model}, {"p": world.spend.p}
    calendar = {name: value for name, value in said["calendar"].items() if value is not None}
    return known | {
        "base": said["base"] | {"spend": spend},
        "calendar": calendar,
        "unknowns": unknowns,
        "today": {"discount": world.today_rate},
    }


def _persona_as_file(persona: JsonObject, model: str) -> dict[str, object]:
    """A persona as a file would state it: what is left at its default is not said at all."""
    default = plain(Persona("", 0.0))
    own = {name: value for name, value in persona.items() if value != default[name]}
    for group, parameters in (("base", PARAMETERS[model]), ("spend", OWN_SPEND)):
        if group in own:
            stated = table_in(own, group)
            own[group] = {name: stated[name] for name in parameters}
    return own
