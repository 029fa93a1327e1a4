"""Smaller experiments out of a large one: a first look, another baseline, one arm alone."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.wording.names import not_known

QUICK_CUSTOMERS, QUICK_REPLICATIONS, QUICK_WEEKS = 2_000, 4, 104


def quick(experiment: Experiment) -> Experiment:
    """The same question on a small scale, to see whether everything is in place: minutes become seconds."""
    d = experiment.design
    small = replace(
        d,
        customers=min(d.customers, QUICK_CUSTOMERS),
        replications=min(d.replications, QUICK_REPLICATIONS),
        weeks=min(d.weeks, QUICK_WEEKS),
    )
    smaller = kind_asked(experiment).smaller(replace(experiment, design=small))
    return replace(smaller, quick=True) if smaller != experiment else experiment


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
