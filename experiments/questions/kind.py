"""What has to be known of a kind of question: how it is put, answered, kept and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pandas as pd

from crmlab.experiments.errors import Problem
from crmlab.experiments.experiment import Experiment, Question
from crmlab.experiments.files.forms import Form
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.section import Section
from crmlab.sim.plays import Play


class HasJson(Protocol):
    """What can be written as JSON data."""

    def to_json(self) -> dict[str, object]: ...


class Result(Protocol):
    """What a question finds: its tables, the same as JSON data, and the comparison that every answer comes with.

    `failures` are the runs that ended in an error and were left out, as {"task", "error", "trace"}.
    """

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]: ...

    @property
    def failures(self) -> Sequence[Mapping[str, object]]: ...

    @property
    def comparison(self) -> HasJson: ...

    def to_json(self) -> dict[str, object]: ...


Read = Callable[[Any, Experiment, Sequence[Play], TomlSource], tuple[Question, list[Problem]]]


@dataclass(frozen=True)
class FileTable:
    """The table of an experiment file in which a question is written: [tune], [sweep].

    `read` takes the filled-in form, the experiment, the plays that the file itself writes into `form.arm` and the
    source, and gives the question and what is wrong with it. `says` is what the table says ("what to search"),
    `purpose` why one would write it, `docs` the page about it.
    """

    form: type[Form]
    read: Read
    says: str
    purpose: str
    docs: str


def unchanged(experiment: Experiment) -> Experiment:
    """The experiment as it is."""
    return experiment


def with_question(experiment: Experiment, question: Question) -> Experiment:
    """The experiment with this question, all arms kept."""
    return replace(experiment, question=question)


@dataclass(frozen=True)
class Kind:
    """One line of the table of questions.

    `name` is its command; `record` the class of the question; `answer` runs it and is called as
    `answer(experiment, workers=..., on_progress=..., store=...)`. `pose` gives the part of an experiment that it takes
    to answer, with the question in it; `smaller` makes an experiment whose design is small already smaller still, for a
    first look. `doing` says what goes on, in a word; `file` names the JSON file of the answer in a run folder;
    `sections` are those of its report. `table` is where a file writes it; None for what is asked on the command line or
    in Python alone. `libraries` pass numbers to it besides those that every run uses.
    """

    name: str
    record: type[Question]
    answer: Callable[..., Result]
    doing: str
    file: str
    sections: Callable[[RunFiles], list[Section]]
    pose: Callable[[Experiment, Any], Experiment] = with_question
    smaller: Callable[[Experiment], Experiment] = unchanged
    table: FileTable | None = None
    libraries: tuple[str, ...] = ()
