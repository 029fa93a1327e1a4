"""An experiment as a sweep: the arms that it takes, large or for a first look."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.experiment import TODAY, Experiment
from crmlab.experiments.questions.sweep.designs import quick_sweep
from crmlab.experiments.questions.sweep.question import Sweep


def posed_sweep(experiment: Experiment, question: Sweep) -> Experiment:
    """The part of an experiment that a sweep plays, asked this. Worlds are not sampled.

    A tornado keeps all arms, for it asks which one is best.
    """
    kept = (TODAY, question.arm)
    every = question.design == "tornado"
    arms = tuple(a for a in experiment.arms if every or a is experiment.baseline or a.name in kept)
    design = replace(experiment.design, replications=question.replications, unknowns=False)
    return replace(experiment, arms=arms, design=design, question=question)


def smaller_sweep(experiment: Experiment) -> Experiment:
    """A sweep of as few points as still say something."""
    assert isinstance(experiment.question, Sweep)
    return replace(experiment, question=quick_sweep(experiment.question))
