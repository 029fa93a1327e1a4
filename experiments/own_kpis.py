"""KPIs, samplers and sections of the report of the user's own: how they are declared, found by name, and checked.

A KPI is a `Kpi` (as every shipped one): id, unit, words, window, direction, and a function from the record of a run to
a number. An experiment names it in its file, `kpis = ["package.module:NAME"]`, or is given it in Python; it is then a
column of every table, and may be the primary KPI, an objective or a limit. A sampler is a function from a seed to an
Optuna sampler; a section is drawn by one from the tables of a run to a part of its report. The functions are hashed and
kept with the run like strategies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FunctionType

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.own_code.loading import NotLoaded, loaded
from crmlab.experiments.wording.names import not_known
from crmlab.sim.kpis import KPIS, Kpi


def kpi_named(place: str, folder: Path | None = None) -> Kpi:
    """The KPI behind `package.module:NAME`; the module may lie in `folder`. Raises `NotLoaded`."""
    found = loaded(place, folder)
    if not isinstance(found, Kpi):
        raise NotLoaded(f'"{place}" is no KPI: it must be a Kpi (docs/adding-a-kpi.md), not {type(found).__name__}.')
    return found


def function_named(place: str, folder: Path | None = None) -> Callable[..., object]:
    """The function behind `package.module:name`. Raises `NotLoaded`."""
    found = loaded(place, folder)
    if not callable(found):
        raise NotLoaded(f'"{place}" is no function.')
    return found


def kpi_problems(kpis: Sequence[Kpi]) -> list[str]:
    """What is wrong with own KPIs, a sentence each."""
    problems = []
    for position, kpi in enumerate(kpis):
        if not isinstance(kpi, Kpi):
            problems.append(f"must be a Kpi, not {kpi!r:.60}.")
            continue
        if not re.fullmatch(r"[a-z][a-z0-9_]*", kpi.id):
            problems.append(f'"{kpi.id}": the id of a KPI is small letters, digits and _.')
        if kpi.id in dict(KPIS):
            problems.append(f'"{kpi.id}" is the id of a shipped KPI; choose another one.')
        if kpi.id in {other.id for other in kpis[:position] if isinstance(other, Kpi)}:
            problems.append(f'two KPIs are called "{kpi.id}".')
        if kpi.direction not in (-1, 0, 1):
            problems.append(f'"{kpi.id}": direction is 1 (more is better), -1 (less) or 0 (neither).')
        if getattr(kpi.read, "__qualname__", "<lambda>").endswith("<lambda>") or "<locals>" in kpi.read.__qualname__:
            problems.append(f'"{kpi.id}": `read` must be a function with a name, at the top of its module.')
    return problems


def section_problems(sections: Sequence[Callable[..., object]]) -> list[str]:
    """What is wrong with functions that draw sections of the report, a sentence each."""
    problems, names = [], []
    for function in sections:
        name = getattr(function, "__qualname__", "<lambda>")
        if not isinstance(function, FunctionType):
            problems.append(f"must be a function from tables to a Section or Chart, not {function!r:.60}.")
        elif "<" in name:
            problems.append(f'"{name}" must be a function with a name, at the top of its module.')
        elif name.rpartition(".")[2] in names:
            problems.append(f'two sections are drawn by a function called "{name}"; give one another name.')
        names.append(name.rpartition(".")[2])
    return problems


def unknown_kpis(experiment: Experiment) -> list[str]:
    """A sentence for every KPI that the experiment asks for without having it: one of another experiment, say."""
    asked = [experiment.design.primary, *experiment.question.kpis_asked]
    known = [*dict(KPIS), *(kpi.id for kpi in experiment.kpis)]
    return [f'"{kpi}" is {not_known(kpi, "KPI", known)}' for kpi in dict.fromkeys(asked) if kpi not in known]


def all_kpis(own: Iterable[Kpi]) -> list[Kpi]:
    """The shipped KPIs and one's own."""
    return [*KPIS.values(), *own]
