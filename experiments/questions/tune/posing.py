"""An experiment as a tuning: the arm to tune and what it is compared with, large or for a first look."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.experiment import TODAY, Experiment
from crmlab.experiments.questions.tune.question import Tune

QUICK_CANDIDATES, QUICK_REPLICATIONS, QUICK_CONFIRMED = 16, 4, 2


def posed_tuning(experiment: Experiment, question: Tune) -> Experiment:
    """The part of an experiment that a tuning plays, asked this.

    The design's replications are those on which winners are confirmed.
    """
    arms = tuple(a for a in experiment.arms if a is experiment.baseline or a.name in (TODAY, question.arm))
    design = replace(experiment.design, replications=question.confirm_replications)
    return replace(experiment, arms=arms, design=design, question=question)


def smaller_tuning(experiment: Experiment) -> Experiment:
    """A search of few candidates, of which fewer are confirmed."""
    search = experiment.question
    assert isinstance(search, Tune)
    fewer = replace(
        search,
        candidates=min(search.candidates, QUICK_CANDIDATES),
        replications=min(search.replications, QUICK_REPLICATIONS),
        confirm=min(search.confirm, QUICK_CONFIRMED),
        confirm_replications=experiment.design.replications,
    )
    return replace(experiment, question=fewer)
