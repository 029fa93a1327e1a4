"""The world and the arms of an experiment file, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import TODAY, Arm, Design
from crmlab.experiments.files.forms import problem
from crmlab.experiments.files.play_form import plays_of
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_file import WorldFile, is_there, load_world, shipped_worlds, world_of, world_path
from crmlab.experiments.json_data import list_in, table_in
from crmlab.experiments.wording.names import did_you_mean, not_known
from crmlab.sim.kpis import KPIS, Kpi
from crmlab.sim.plays import Play


def world_named(source: TomlSource, overrides: Sequence[str]) -> tuple[WorldFile | None, list[Problem]]:
    """The world that an experiment file names or holds, and what is wrong with it."""
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


def arms_of(source: TomlSource, world: WorldFile | None) -> tuple[tuple[Arm, ...], list[Problem]]:
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
    name: str, table: Mapping[str, object], today: Sequence[Play], source: TomlSource, world: WorldFile | None
) -> tuple[Arm, list[Problem]]:
    loc = ("arms", name, "strategies")
    plays, problems = plays_of(table.get("strategies"), loc, source, world.world if world else None)
    if table.get("from", TODAY) == TODAY:
        for position, play in enumerate(plays):
            if play.name in {p.name for p in today}:
                text = f'the play "{play.name}" is already part of today; give this one another name.'
                problems.append(problem(text, (*loc, position), source))
        plays = (*today, *plays)
    return Arm(name, plays, str(table.get("description", ""))), problems


def own_plays_of(name: str, arms: Sequence[Arm], source: TomlSource) -> tuple[Play, ...]:
    """The plays that the file itself writes into an arm: they come after today's."""
    written = list_in(table_in(table_in(source.data, "arms"), name), "strategies")
    plays = next((arm.plays for arm in arms if arm.name == name), ())
    return plays[len(plays) - len(written) :]


class Asked(Protocol):
    """What has a design: an experiment, or its filled-in form."""

    @property
    def design(self) -> Design: ...


def design_problems(asked: Asked, arms: Sequence[Arm], source: TomlSource, own: Sequence[Kpi] = ()) -> list[Problem]:
    """What is wrong with `asked.design` although each of its numbers is fine by itself."""
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
