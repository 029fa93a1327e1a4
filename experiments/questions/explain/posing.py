"""An experiment as the question why one of its arms does what it does."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import TODAY, Arm, Experiment
from crmlab.experiments.questions.explain.players import Player, players_of
from crmlab.experiments.questions.explain.question import Explain
from crmlab.experiments.wording.names import not_known


def posed_explanation(experiment: Experiment, question: Explain) -> Experiment:
    """The arms that it takes to answer, asked this. Raises `UserError`."""
    return asked(experiment, question.arm)


def asked(experiment: Experiment, arm: str | None = None) -> Experiment:
    """The experiment as the question why an arm does what it does: only the arms that it takes to answer."""
    if arm is None and isinstance(experiment.question, Explain):
        return experiment
    chosen = _arm(experiment, arm)
    needed = tuple(a for a in experiment.arms if a is experiment.baseline or a.name in (TODAY, chosen.name))
    question = replace(experiment, arms=needed, question=Explain(chosen.name))
    changes_of(question)
    return question


def arm_to_explain(experiment: Experiment) -> Arm:
    """The arm that the question names. Raises `UserError` where another question is asked."""
    if not isinstance(experiment.question, Explain):
        raise UserError(f'The experiment "{experiment.name}" says nothing about what to explain.')
    return experiment.arm(experiment.question.arm)


def changes_of(experiment: Experiment) -> tuple[Player, ...]:
    """What the arm changes against the baseline. Raises `UserError` where it changes nothing."""
    arm = arm_to_explain(experiment)
    players = players_of(experiment.baseline, arm)
    if not players:
        raise UserError(f"--arm {arm.name} plays exactly what {experiment.baseline.name} plays: nothing to explain.")
    return players


def _arm(experiment: Experiment, name: str | None) -> Arm:
    others = {arm.name: arm for arm in experiment.arms[1:]}
    if name is None and others:
        return next(iter(others.values()))
    if name == experiment.baseline.name:
        raise UserError(f"--arm {name} is the baseline; explain one of {', '.join(others) or 'no other arm'}.")
    if name is None or name not in others:
        raise UserError(f"--arm {name}: {not_known(str(name), 'arm', others)}")
    return others[name]
