"""The questions that can be asked from Python: the experiment is checked, and an `Answer` given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.lab.answer import Answer
from crmlab.experiments.lab.checking import checked
from crmlab.experiments.lab.lives import Lives
from crmlab.experiments.lab.watching import watched
from crmlab.experiments.runs.driver import doing, driver_of


def compare(experiment: Experiment, *, workers: Any = 0, progress: bool = True) -> Answer:
    """Play every arm on the same people with the same luck, and say what differs and how sure that is.

    `workers` is a number of local processes (0: one per core) or an executor; it changes no number. Raises `UserError`.
    """
    return asked(replace(experiment, search=None, task=None), workers, progress)


def tune(experiment: Experiment, *, workers: Any = 0, progress: bool = True, **search: Any) -> Answer:
    """Search the levers of an arm and run the winners again on luck that the search has not seen.

    Keywords are those of the [tune] table of an experiment file (docs/tuning.md): `arm`, `levers`, `objectives`,
    `constraints`, `candidates`, ...; none are needed for an experiment that has a search already (`load_tuning`).
    Raises `UserError`.
    """
    from crmlab.experiments.lab.questions import with_search

    return asked(with_search(experiment, search), workers, progress)


def sweep(experiment: Experiment, *, workers: Any = 0, progress: bool = True, **sweep: Any) -> Answer:
    """Move levers of an arm and unknowns of the world, and say what the effect of the arm hangs on.

    Keywords are those of the [sweep] table of an experiment file (docs/sweeps.md): `arm`, `levers`, `unknowns`,
    `design`, `points`, ...; none are needed for an experiment that `load_sweep` has read. Raises `UserError`.
    """
    from crmlab.experiments.lab.questions import with_sweep

    return asked(with_sweep(experiment, sweep), workers, progress)


def stress(experiment: Experiment, *, workers: Any = 0, progress: bool = True, **stress: Any) -> Answer:
    """Try every arm in many possible worlds, and say in which of them the recommendation flips.

    Keywords are those of `Stress` (docs/robust-policies.md): `arm`, `worlds`, `replications`, and `table`: possible
    worlds as a pandas table, one a row, with columns such as "price.elasticity". Raises `UserError`.
    """
    from crmlab.experiments.lab.questions import with_stress

    return asked(with_stress(experiment, stress), workers, progress)


def explain(experiment: Experiment, arm: str | None = None, *, workers: Any = 0, progress: bool = True) -> Answer:
    """Say why an arm (default: the first after the baseline) does what it does: which plays, through whom, for whom.

    Raises `UserError`.
    """
    from crmlab.experiments.explaining.explain import asked as question

    return asked(question(checked(experiment), arm), workers, progress)


def asked(experiment: Experiment, workers: Any = 0, progress: bool = True) -> Answer:
    """The answer to whatever an experiment asks: its driver is the module of the question, called by its own name."""
    checked(experiment)
    driver, lives, started = driver_of(experiment), Lives(), datetime.now(UTC)
    with watched(doing(experiment), progress) as show:
        found = driver(experiment, workers=workers, on_progress=show, ledger=lives)
    return Answer(experiment, found, lives, started)
