"""Which function answers an experiment."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from crmlab.experiments.experiment import Experiment

_DOING = {"compare": "Playing", "tune": "Tuning", "sweep": "Sweeping", "stress": "Stressing", "explain": "Explaining"}


def driver_of(experiment: Experiment) -> Callable[..., Any]:
    """The function that answers an experiment: that of its driver module which has the module's name."""
    return getattr(importlib.import_module(experiment.driver), _name(experiment))


def doing(experiment: Experiment) -> str:
    """What it does, in a word, for whoever watches."""
    return _DOING[_name(experiment)]


def _name(experiment: Experiment) -> str:
    return experiment.driver.rpartition(".")[2]
