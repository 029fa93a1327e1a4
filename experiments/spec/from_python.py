"""Questions beyond a comparison, asked in Python with the words of their tables in experiment files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.files.forms import Form, filled
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.questions.stress.posing import posed_stress
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.questions.stress.world_table import world_table
from crmlab.experiments.questions.table import KINDS
from crmlab.experiments.spec.validation import HERE, checked
from crmlab.experiments.wording.names import not_known
from crmlab.sim.plays import Play


def with_table(name: str, experiment: Experiment, table: Mapping[str, object]) -> Experiment:
    """The experiment asked what a table of this name would ask in a file. Raises `SpecError`.

    Without any words, an experiment that asks such a question already is left as it is.
    """
    checked(experiment)
    kind = KINDS[name]
    assert kind.table is not None
    if not table and isinstance(experiment.question, kind.record):
        return kind.pose(experiment, experiment.question)
    form, source = _form(kind.table.form, name, table)
    question, problems = kind.table.read(form, experiment, _own_plays(experiment, form.arm), source)
    _refuse(problems)
    return kind.pose(experiment, question)


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
    asked = Stress(**words) if words or not isinstance(experiment.question, Stress) else experiment.question
    return posed_stress(experiment, asked)


def _form(form: type[Form], name: str, table: Mapping[str, object]) -> tuple[Any, TomlSource]:
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
