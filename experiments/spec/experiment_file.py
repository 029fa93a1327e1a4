"""Experiment files: a question, a world, arms and a design as a page of TOML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.files.forms import Form, built, filled, form_of, problem
from crmlab.experiments.files.play_form import plays_of
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_file import WorldFile, is_there, load_world, shipped_worlds, world_of, world_path
from crmlab.experiments.own_code.consent import trusting
from crmlab.experiments.own_code.loading import NotLoaded
from crmlab.experiments.own_kpis import function_named, kpi_named, kpi_problems, section_problems, unknown_kpis
from crmlab.experiments.questions.sweep.designs import quick_sweep
from crmlab.experiments.questions.sweep.form import SweepForm, sweep_of
from crmlab.experiments.questions.sweep.question import Sweep
from crmlab.experiments.questions.tune.form import TuneForm, search_of
from crmlab.experiments.questions.tune.search import Search
from crmlab.experiments.spec.suggested_tables import such_as
from crmlab.experiments.wording.names import did_you_mean, not_known
from crmlab.sim.plays import Play
from crmlab.sim.readings import Kpi, adopt

TODAY = "today"

DesignForm = form_of(
    Design,
    limits={
        "weeks": {"ge": 1, "le": 1040, "description": "Length of the run in weeks."},
        "customers": {"ge": 1, "le": 10_000_000, "description": "Founding customer rows; prospects come on top."},
        "replications": {"ge": 2, "le": 100_000, "description": "Markets played per arm, each with its own luck."},
        "seed": {"ge": 0, "le": 2**63 - 1, "description": "Names the luck: the same seed gives the same numbers."},
        "unknowns": {"description": "Whether to play as many worlds with drawn unknowns too."},
        "lives": {
            "ge": 1,
            "le": 16,
            "description": "Markets played in each of these worlds: from 2 on, luck is told apart from the world.",
        },
        "confidence": {"ge": 0.5, "le": 0.999, "description": "Of the intervals."},
        "primary": {"description": "KPI on which the decision rests."},
    },
)


class ArmForm(Form):
    """A policy: the plays that are on together."""

    description: str = ""
    start_from: Literal["today", "nothing"] = Field(
        "today", alias="from", description='"today": on top of today\'s plays. "nothing": these plays alone.'
    )
    strategies: list[dict[str, Any]] = Field(default_factory=list)


class ExperimentForm(Form):
    """An experiment: one world, the arms to compare in it, and the design of the comparison."""

    name: str = Field(min_length=1, description="Names the folder of its runs.")
    question: str = Field("", description="What is to be decided, in a sentence.")
    world: Any = Field(description="Path relative to this file, name of a shipped world, or a table.")
    baseline: str = Field(TODAY, description="The arm with which the others are compared.")
    design: DesignForm = Field(default_factory=DesignForm)  # type: ignore[valid-type]
    arms: dict[str, ArmForm] = Field(default_factory=dict)
    kpis: list[str] = Field(
        [],
        description="KPIs of your own, package.module:NAME; modules beside this file are found (docs/adding-a-kpi.md).",
    )
    sections: list[str] = Field(
        [],
        description="Sections of the report of your own, package.module:function from the run's tables to a Section or "
        "Chart; modules beside this file are found (docs/adding-a-chart.md).",
    )
    tune: TuneForm | None = Field(None, description="What `crmlab tune` searches: see [tune].")
    sweep: SweepForm | None = Field(None, description="What `crmlab sweep` moves: see [sweep].")

    @field_validator("world")
    @classmethod
    def _name_or_table(cls, value: Any) -> Any:
        if not isinstance(value, str | dict):
            raise PydanticCustomError("refused", "must be a path, the name of a shipped world, or a table")
        return value


def load_experiment(
    path: Path | str, overrides: Sequence[str] = (), world: Path | str | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file.

    `overrides` are settings such as `design.weeks=52` or `arms.tiers.strategies.0.silver_rate=0.02`; those under
    `world.` reach into the world file. `world` replaces the file's world. `trust` lets strategies run that are not
    installed but lie beside the file; they are remembered until they change. Raises `SpecError`, one line per mistake.
    """
    return replace(_read(path, overrides, world, trust), search=None, task=None)


def load_tuning(
    path: Path | str, overrides: Sequence[str] = (), world: Path | str | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file for what its [tune] table asks: the arm to tune, the baseline, the search.

    The design's replications are those on which winners are confirmed. Raises `SpecError`.
    """
    experiment = _read(path, overrides, world, trust)
    search = experiment.search
    if search is None:
        text = "has no [tune] table, which says what to search (docs/tuning.md)."
        raise SpecError(path, [Problem(f"{text}{such_as('tune', experiment.arms)}")])
    return for_search(experiment, search)


def for_search(experiment: Experiment, search: Search) -> Experiment:
    """The part of an experiment that a tuning plays."""
    arms = tuple(a for a in experiment.arms if a is experiment.baseline or a.name in (TODAY, search.arm))
    design = replace(experiment.design, replications=search.confirm_replications)
    return replace(experiment, arms=arms, design=design, search=search, task=None)


def load_sweep(
    path: Path | str, overrides: Sequence[str] = (), world: Path | str | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file for what its [sweep] table asks: the arm, the numbers that move, the design.

    A tornado keeps all arms, for it asks which one is best. Worlds are not sampled. Raises `SpecError`.
    """
    experiment = _read(path, overrides, world, trust)
    sweep = experiment.task
    if sweep is None:
        text = "has no [sweep] table, which says what to move (docs/sweeps.md)."
        raise SpecError(path, [Problem(f"{text}{such_as('sweep', experiment.arms)}")])
    return for_sweep(experiment, sweep)


def for_sweep(experiment: Experiment, sweep: Sweep) -> Experiment:
    """The part of an experiment that a sweep plays."""
    kept = (TODAY, sweep.arm)
    every = sweep.design == "tornado"
    arms = tuple(a for a in experiment.arms if every or a is experiment.baseline or a.name in kept)
    design = replace(experiment.design, replications=sweep.replications, unknowns=False)
    return replace(experiment, arms=arms, design=design, search=None, task=sweep)


def _read(path: Path | str, overrides: Sequence[str], world: Path | str | None, trust: bool) -> Experiment:
    with trusting(trust):
        return _checked(path, overrides, world)


def _checked(path: Path | str, overrides: Sequence[str], world: Path | str | None) -> Experiment:
    source = TomlSource.read(Path(path))
    world_overrides = [s.removeprefix("world.") for s in overrides if s.startswith("world.")]
    inline = isinstance(source.data.get("world"), dict) and world is None
    source.override([s for s in overrides if inline or not s.startswith("world.")])
    if world is not None:  # its own mistakes are told under its own name
        source.data["world"] = str(world)
        found: WorldFile | None = load_world(world, world_overrides)
        problems: list[Problem] = []
    else:
        found, problems = _world(source, world_overrides)
    form, more = filled(ExperimentForm, source.data, (), source)
    kpis, wrong_kpis = _own_kpis(form, source)
    own_sections, wrong_sections = _own_sections(form, source)
    more = [*more, *wrong_kpis, *wrong_sections]
    arms, arm_problems = _arms(source, found)
    problems += more + arm_problems + (design_problems(form, arms, source, kpis) if form else [])
    search = None
    if form and form.tune and found and not arm_problems:
        search, tune_problems = _search(form.tune, arms, source, found)
        problems += tune_problems
    if form is None or found is None:
        raise SpecError(path, problems)
    experiment = Experiment(
        name=form.name,
        world=found.world,
        arms=arms,
        design=built(Design, form.design),
        question=form.question,
        fitted=found.fitted,
        calibration=found.calibration,
        log_covariance=found.log_covariance,
        ranges=found.ranges,
        search=search,
        kpis=kpis,
        sections=own_sections,
    )
    if form.sweep and not arm_problems:
        sweep, sweep_problems = sweep_of(form.sweep, experiment, _own_plays(form.sweep.arm, arms, source), source)
        experiment = replace(experiment, task=sweep)
        problems += sweep_problems
    problems += [] if problems else [problem(text, (), source) for text in unknown_kpis(experiment)]
    if problems:
        raise SpecError(path, problems)
    return experiment


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


def _own_sections(form: Any, source: TomlSource) -> tuple[tuple[Callable[..., Any], ...], list[Problem]]:
    """The functions that draw sections of the report, and what is wrong with them."""
    found, problems = [], []
    for position, place in enumerate(form.sections if form else ()):
        try:
            found.append(function_named(place, source.path.parent))
        except NotLoaded as error:
            problems.append(problem(str(error), ("sections", position), source, place))
    return tuple(found), problems + [problem(text, ("sections",), source) for text in section_problems(found)]


def quick(experiment: Experiment) -> Experiment:
    """The same question on a small scale, to see whether everything is in place: minutes become seconds."""
    small = _smaller(experiment)
    return replace(small, quick=True) if small != experiment else experiment


QUICK_CUSTOMERS = 2_000
QUICK_ROWS = 14_000  # over all arms of a comparison, so that a file of many arms is a first look too


def _smaller(experiment: Experiment) -> Experiment:
    d = experiment.design
    most = QUICK_CUSTOMERS
    if experiment.search is None and experiment.task is None:
        most = min(most, QUICK_ROWS // len(experiment.arms))
    small = replace(d, customers=min(d.customers, most), replications=min(d.replications, 4), weeks=min(d.weeks, 104))
    if s := experiment.search:
        fewer = replace(s, candidates=min(s.candidates, 16), replications=min(s.replications, 4))
        fewer = replace(fewer, confirm=min(s.confirm, 2), confirm_replications=small.replications)
        return replace(experiment, design=small, search=fewer)
    if isinstance(experiment.task, Sweep):
        return replace(experiment, design=small, task=quick_sweep(experiment.task))
    return replace(experiment, design=small)


def against(experiment: Experiment, name: str) -> Experiment:
    """The experiment with another arm as the one that all are compared with. Raises `SpecError` when there is none."""
    if name not in (known := [arm.name for arm in experiment.arms]):
        raise SpecError(experiment.name, [Problem(f"--against {name}: {not_known(name, 'arm', known)}")])
    return replace(experiment, arms=tuple(sorted(experiment.arms, key=lambda arm: arm.name != name)))


def only_arm(experiment: Experiment, name: str) -> Experiment:
    """The experiment with one arm alone. Raises `SpecError` when there is none of this name."""
    for arm in experiment.arms:
        if arm.name == name:
            return replace(experiment, arms=(arm,))
    known = [arm.name for arm in experiment.arms]
    raise SpecError(experiment.name, [Problem(f"--arm {name}: {not_known(name, 'arm', known)}")])


def _world(source: TomlSource, overrides: Sequence[str]) -> tuple[WorldFile | None, list[Problem]]:
    world = source.data.get("world")
    if isinstance(world, dict):
        return world_of(world, ("world",), source)
    if not isinstance(world, str):
        return None, []  # the form says so
    path = world_path(world, source.path.parent)
    if not is_there(path):
        worlds = ", ".join(shipped_worlds())
        hint = did_you_mean(world, shipped_worlds())
        text = f"does not exist (looked for {str(path)[:200]}).{hint} Shipped worlds: {worlds}."
        return None, [problem(text, ("world",), source, world)]
    try:
        return load_world(path if path.suffix else world, overrides), []
    except SpecError as error:
        return None, [problem(f"{path.name or path}: {line}", ("world",), source) for line in error.problems]


def _arms(source: TomlSource, world: WorldFile | None) -> tuple[tuple[Arm, ...], list[Problem]]:
    """The arms, baseline first; today's policy is always among them."""
    tables = source.data.get("arms")
    tables = tables if isinstance(tables, dict) else {}
    baseline = source.data.get("baseline", TODAY)
    problems = []
    today = world.today if world else ()
    arms = [Arm(TODAY, today, "Today's policy, as the world states it.")]
    for name, table in tables.items():
        loc = ("arms", name)
        if name == TODAY:
            text = "is the world's own policy, written in the [today] of the world; give this arm another name."
            problems.append(problem(text, loc, source))
        elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            problems.append(problem("names of arms are letters, digits, - and _.", loc, source))
        if isinstance(table, dict):
            arm, found = _arm(name, table, today, source, world)
            arms.append(arm)
            problems += found
    if not tables:
        problems.append(problem("has no [arms.NAME]: there is nothing to compare with today.", (), source))
    if isinstance(baseline, str) and baseline not in {TODAY, *tables}:
        known = [TODAY, *tables]
        problems.append(problem(not_known(baseline, "arm", known), ("baseline",), source, baseline))
    return tuple(sorted(arms, key=lambda arm: arm.name != baseline)), problems


def _arm(
    name: str, table: Mapping[str, Any], today: Sequence[Play], source: TomlSource, world: WorldFile | None
) -> tuple[Arm, list[Problem]]:
    loc = ("arms", name, "strategies")
    plays, problems = plays_of(table.get("strategies"), loc, source, world.world.sources if world else None)
    if table.get("from", TODAY) == TODAY:
        for position, play in enumerate(plays):
            if play.name in {p.name for p in today}:
                text = f'the play "{play.name}" is already part of today; give this one another name.'
                problems.append(problem(text, (*loc, position), source))
        plays = (*today, *plays)
    return Arm(name, plays, str(table.get("description", ""))), problems


def _search(form: TuneForm, arms: Sequence[Arm], source: TomlSource, world: WorldFile) -> tuple[Search, list[Problem]]:
    """The search, of the plays that the file itself writes into the arm."""
    by_name = {arm.name: arm for arm in arms if arm.name in source.data["arms"]}
    return search_of(form, by_name, _own_plays(form.arm, arms, source), world.world, source)


def _own_plays(name: str, arms: Sequence[Arm], source: TomlSource) -> tuple[Play, ...]:
    """The plays that the file itself writes into an arm: they come after today's."""
    written = source.data["arms"].get(name, {}).get("strategies", [])
    plays = next((arm.plays for arm in arms if arm.name == name), ())
    return plays[len(plays) - len(written) :]


def design_problems(asked: Any, arms: Sequence[Arm], source: TomlSource, own: Sequence[Kpi] = ()) -> list[Problem]:
    """What is wrong with `asked.design` although each of its numbers is fine by itself."""
    from crmlab.sim.readings import KPIS

    problems = []
    primary, weeks = asked.design.primary, asked.design.weeks
    if primary not in KPIS:
        known = [*KPIS, *(kpi.id for kpi in own)]
        problems.append(problem(not_known(primary, "KPI", known), ("design", "primary"), source, primary))
    for arm in arms:
        for play in arm.plays:
            if play.start >= weeks:
                text = f'the play "{play.name}" starts in week {play.start}, but the run ends before week {weeks}.'
                problems.append(problem(text, ("arms", arm.name), source))
    return problems
