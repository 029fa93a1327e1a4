"""An experiment as a stress test: what is on trial, and whether it can be tried at all."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.wording.names import not_known
from crmlab.sim.kpis import KPIS


def posed_stress(experiment: Experiment, question: Stress) -> Experiment:
    """The experiment asked this, all arms kept. Raises `UserError` as `stress_in` does."""
    experiment = replace(experiment, question=question)
    stress_in(experiment)
    return experiment


def stress_in(experiment: Experiment) -> Stress:
    """The stress test of an experiment, of the usual size where it asks for none. Raises `UserError` for an arm that it
    does not have, a KPI by which no policy can be judged, and where there is nothing to compare."""
    asked = experiment.question if isinstance(experiment.question, Stress) else Stress()
    names, kpi = [arm.name for arm in experiment.arms], experiment.design.primary
    if len(names) < 2:
        raise UserError(f"{experiment.name} has one arm only: there is nothing to recommend.")
    if asked.arm is not None and asked.arm not in names:
        raise UserError(f"arm {asked.arm}: {not_known(asked.arm, 'arm', names)}")
    if kpi not in KPIS:
        raise UserError(f"primary {kpi}: {not_known(kpi, 'KPI', KPIS)}")
    if not KPIS[kpi].direction:
        raise UserError(f"{kpi} is neither better high nor low, so no policy can be judged by it; choose another KPI.")
    return asked
