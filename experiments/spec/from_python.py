"""Questions beyond a comparison, asked in Python with the words of their tables in experiment files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.files.forms import Form, filled
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.questions.stress.stress import stress_in
from crmlab.experiments.questions.stress.world_table import world_table
from crmlab.experiments.questions.sweep.form import SweepForm, sweep_of
from crmlab.experiments.questions.sweep.question import Sweep
from crmlab.experiments.questions.tune.form import TuneForm, search_of
from crmlab.experiments.spec.experiment_file import TODAY, for_search, for_sweep
from crmlab.experiments.spec.validation import HERE, checked
from crmlab.experiments.wording.names import not_known
from crmlab.sim.plays import Play


def with_search(experiment: Experiment, table: Mapping[str, Any]) -> Experiment:
    """The experiment asked what a [tune] table asks. Raises `SpecError`."""
    checked(experiment)
    if not table and experiment.search is not None:
        return for_search(experiment, experiment.search)
    form, source = _form(TuneForm, "tune", table)
    arms = {arm.name: arm for arm in experiment.arms if arm.name != TODAY}
    search, problems = search_of(form, arms, _own_plays(experiment, form.arm), experiment.world, source)
    _refuse(problems)
    return for_search(experiment, search)


def with_sweep(experiment: Experiment, table: Mapping[str, Any]) -> Experiment:
    """The experiment asked what a [sweep] table asks. Raises `SpecError`."""
    checked(experiment)
    if not table and isinstance(experiment.task, Sweep):
        return experiment
    form, source = _form(SweepForm, "sweep", table)
    sweep, problems = sweep_of(form, experiment, _own_plays(experiment, form.arm), source)
    _refuse(problems)
    return for_sweep(experiment, sweep)


def with_stress(experiment: Experiment, words: Mapping[str, Any]) -> Experiment:
    """The experiment asked what a stress test asks. Raises `UserError`."""
    checked(experiment)
    unknown = [word for word in words if word not in {f.name for f in fields(Stress)}]
    if unknown:
        known = [f.name for f in fields(Stress)]
        raise SpecError(HERE, [Problem(not_known(unknown[0], "setting of a stress test", known), (unknown[0],))])
    table = words.get("table")
    if isinstance(table, pd.DataFrame):
        rows = world_table(table, experiment.world)
        words = {**words, "table": rows, "worlds": len(rows.rows)}
    asked = Stress(**words) if words or not isinstance(experiment.task, Stress) else experiment.task
    experiment = replace(experiment, search=None, task=asked)
    stress_in(experiment)
    return experiment


def _form(form: type[Form], name: str, table: Mapping[str, Any]) -> tuple[Any, TomlSource]:
    source = TomlSource(Path("experiment"), "", {name: dict(table)})
    found, problems = filled(form, dict(table), (name,), source)
    _refuse(problems)
    return found, source


def _own_plays(experiment: Experiment, name: str) -> tuple[Play, ...]:
    """The plays of an arm that are not today's."""
    arm = next((arm for arm in experiment.arms if arm.name == name), Arm(name, ()))
    return tuple(play for play in arm.plays if play not in experiment.today)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise SpecError(HERE, problems)
