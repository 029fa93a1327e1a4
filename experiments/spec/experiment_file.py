"""Experiment files: a question, a world, arms and a design as a page of TOML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import Compare, Design, Experiment, Question
from crmlab.experiments.files.forms import built, filled, problem
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_file import WorldFile, load_world
from crmlab.experiments.own_code.consent import trusting
from crmlab.experiments.own_code.loading import NotLoaded
from crmlab.experiments.own_kpis import function_named, kpi_named, kpi_problems, section_problems, unknown_kpis
from crmlab.experiments.questions.table import KINDS
from crmlab.experiments.spec.arms import arms_of, design_problems, own_plays_of, world_named
from crmlab.experiments.spec.forms import ExperimentForm
from crmlab.experiments.spec.suggested_tables import such_as
from crmlab.sim.kpis import Kpi, adopt


@dataclass(frozen=True)
class _Read:
    """What a file says: the experiment, and the questions that it asks in tables of their own, by command."""

    experiment: Experiment
    questions: Mapping[str, Question]


def load_experiment(
    path: Path | str, overrides: Sequence[str] = (), world: Path | str | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file.

    `overrides` are settings such as `design.weeks=52` or `arms.tiers.strategies.0.silver_rate=0.02`; those under
    `world.` reach into the world file. `world` replaces the file's world. `trust` lets strategies run that are not
    installed but lie beside the file; they are remembered until they change. Raises `SpecError`, one line per mistake.
    """
    return _read(path, overrides, world, trust).experiment


def load_tuning(
    path: Path | str, overrides: Sequence[str] = (), world: Path | str | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file for what its [tune] table asks: the arm to tune, the baseline, the search.

    The design's replications are those on which winners are confirmed. Raises `SpecError`.
    """
    return load_question("tune", path, overrides, world, trust=trust)


def load_sweep(
    path: Path | str, overrides: Sequence[str] = (), world: Path | str | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file for what its [sweep] table asks: the arm, the numbers that move, the design.

    A tornado keeps all arms, for it asks which one is best. Worlds are not sampled. Raises `SpecError`.
    """
    return load_question("sweep", path, overrides, world, trust=trust)


def load_question(
    name: str,
    path: Path | str,
    overrides: Sequence[str] = (),
    world: Path | str | None = None,
    *,
    trust: bool = False,
) -> Experiment:
    """Read and check an experiment file for what its table of this name asks. Raises `SpecError`."""
    read, kind = _read(path, overrides, world, trust), KINDS[name]
    if name not in read.questions:
        assert kind.table is not None
        text = f"has no [{name}] table, which says {kind.table.says} ({kind.table.docs})."
        raise SpecError(path, [Problem(f"{text}{such_as(name, read.experiment.arms)}")])
    return kind.pose(read.experiment, read.questions[name])


def _read(path: Path | str, overrides: Sequence[str], world: Path | str | None, trust: bool) -> _Read:
    with trusting(trust):
        return _checked(path, overrides, world)


def _checked(path: Path | str, overrides: Sequence[str], world: Path | str | None) -> _Read:
    source, found, problems = _source_and_world(path, overrides, world)
    form, more = filled(ExperimentForm, source.data, (), source)
    kpis, wrong_kpis = _own_kpis(form, source)
    own_sections, wrong_sections = _own_sections(form, source)
    arms, arm_problems = arms_of(source, found)
    problems += [*more, *wrong_kpis, *wrong_sections, *arm_problems]
    problems += design_problems(form, arms, source, kpis) if form else []
    if form is None or found is None:
        raise SpecError(path, problems)
    experiment = Experiment(
        name=form.name,
        world=found.world,
        arms=arms,
        design=built(Design, form.design),
        question=Compare(),
        purpose=form.question,
        fitted=found.fitted,
        calibration=found.calibration,
        log_covariance=found.log_covariance,
        ranges=found.ranges,
        kpis=kpis,
        sections=own_sections,
    )
    questions, wrong_questions = _questions(form, experiment, source) if not arm_problems else ({}, [])
    problems += wrong_questions
    if not problems:
        asking = [replace(experiment, question=question) for question in (Compare(), *questions.values())]
        unknown = dict.fromkeys(text for asked in asking for text in unknown_kpis(asked))
        problems += [problem(text, (), source) for text in unknown]
    if problems:
        raise SpecError(path, problems)
    return _Read(experiment, questions)


def _source_and_world(
    path: Path | str, overrides: Sequence[str], world: Path | str | None
) -> tuple[TomlSource, WorldFile | None, list[Problem]]:
    """The file with what the command line overrules, and the world that it or the command line names."""
    source = TomlSource.read(Path(path))
    world_overrides = [s.removeprefix("world.") for s in overrides if s.startswith("world.")]
    inline = isinstance(source.data.get("world"), dict) and world is None
    source.override([s for s in overrides if inline or not s.startswith("world.")])
    if world is None:
        return source, *world_named(source, world_overrides)
    source.data["world"] = str(world)
    return source, load_world(world, world_overrides), []  # its own mistakes are told under its own name


def _questions(form: object, experiment: Experiment, source: TomlSource) -> tuple[dict[str, Question], list[Problem]]:
    """What the tables of the file ask besides a comparison, by command, and what is wrong with it."""
    found: dict[str, Question] = {}
    problems: list[Problem] = []
    for kind in KINDS.values():
        asked = getattr(form, kind.name) if kind.table else None
        if kind.table and asked:
            own = own_plays_of(asked.arm, experiment.arms, source)
            found[kind.name], wrong = kind.table.read(asked, experiment, own, source)
            problems += wrong
    return found, problems


def _own_kpis(form: Any, source: TomlSource) -> tuple[tuple[Kpi, ...], list[Problem]]:
    """The KPIs that a file names, and what is wrong with them."""
    found, problems = [], []
    for position, place in enumerate(form.kpis if form else ()):
        try:
            found.append(kpi_named(place, source.path.parent))
        except NotLoaded as error:
            problems.append(problem(str(error), ("kpis", position), source, place))
    problems += [problem(text, ("kpis",), source) for text in kpi_problems(found)]
    if not problems:
        adopt(found)  # objectives and limits are checked next, by name
    return tuple(found), problems


def _own_sections(form: Any, source: TomlSource) -> tuple[tuple[Callable[..., object], ...], list[Problem]]:
    """The functions that draw sections of the report, and what is wrong with them."""
    found, problems = [], []
    for position, place in enumerate(form.sections if form else ()):
        try:
            found.append(function_named(place, source.path.parent))
        except NotLoaded as error:
            problems.append(problem(str(error), ("sections", position), source, place))
    return tuple(found), problems + [problem(text, ("sections",), source) for text in section_problems(found)]
