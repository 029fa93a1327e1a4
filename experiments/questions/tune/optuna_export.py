"""A finished tuning as an Optuna study, for optuna-dashboard and for those who know Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from crmlab.experiments.errors import UserError
from crmlab.experiments.questions.tune.optuna_space import space_of
from crmlab.experiments.questions.tune.proposals import directions
from crmlab.experiments.questions.tune.question import Tune

ABOUT = ("number", "batch", "replications", "verdict", "refused", "front")  # kept as attributes of a trial


def export_study(trials: pd.DataFrame, search: Tune, name: str, file: Path) -> int:
    """Write the trials of a tuning into an Optuna journal file as the study `name`. Returns how many.

    Values are the gains, constraints by how much each limit is broken (0 or less is within; soft ones too). Levers that
    mean nothing in a candidate are left out; a candidate without a value is a failed trial. Raises `UserError` when the
    file is there already.
    """
    if file.exists():
        raise UserError(f"{file} is there already: name a new file, or remove it.")
    study = optuna.create_study(study_name=name, directions=directions(search), storage=JournalStorage(_backend(file)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([f"{kpi} gain" for kpi in search.objectives])
    space = space_of(search.levers)
    study.add_trials([_trial(search, space, row) for row in trials.to_dict("records")])
    return len(trials)


def _backend(file: Path) -> JournalFileBackend:
    return JournalFileBackend(str(file), lock_obj=JournalFileOpenLock(str(file)))


def _trial(search: Tune, space: Mapping[str, BaseDistribution], row: Mapping[Any, Any]) -> FrozenTrial:
    settings = {path: row[f"lever.{path}"] for path in space}
    meant = {path: _plain(value) for path, value in settings.items() if not pd.isna(value)}
    values = [float(row[f"gain.{kpi}"]) for kpi in search.objectives]
    defined = bool(np.isfinite(values).all())
    kpi_values = {str(c): float(c.beyond(row[f"constraint.{c}"])) for c in search.limits}
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if defined else TrialState.FAIL,
        values=values if defined else None,
        params=meant,
        distributions={path: space[path] for path in meant},
        constraints={limit: beyond for limit, beyond in kpi_values.items() if np.isfinite(beyond)} or None,
        user_attrs={key: _plain(row[key]) for key in ABOUT},
    )


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
