"""The possible worlds of a stress test, and what is unknown in each of them."""

from __future__ import annotations

import pandas as pd

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.parameters.registry import get_parameter, set_parameter
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, sampled_world
from crmlab.sim.world import World


def state_of_the_world(experiment: Experiment, stress: Stress, number: int) -> World:
    """World `number`: a row of the table, or the draw that a comparison would make for its replication `number`."""
    if stress.table is None:
        return sampled_world(experiment, number)
    world = experiment.world
    for path, value in zip(stress.table.unknowns, stress.table.rows[number], strict=True):
        world = set_parameter(world, path, value)
    return world


def unknowns_by_world(experiment: Experiment, stress: Stress) -> pd.DataFrame:
    """What the worlds are: one row per world, one column per number in which any of them differs from another."""
    if stress.table is not None:
        values = pd.DataFrame(stress.table.rows, columns=list(stress.table.unknowns), dtype=float)
    else:
        paths = varying_unknowns(experiment)
        worlds = (sampled_world(experiment, number) for number in range(stress.worlds))
        values = pd.DataFrame([[get_parameter(world, path) for path in paths] for world in worlds], columns=paths)
    return values[[path for path in values if values[path].nunique() > 1]]


def varying_unknowns(experiment: Experiment) -> list[str]:
    """The path of every number that is drawn anew in a sampled world, fitted ones first."""
    fitted = [f"{group}.{name}" for group in sorted(experiment.log_covariance)
              for name in experiment.log_covariance[group][0]]  # fmt: skip
    return fitted + [number.path for number in assumed_unknowns(experiment)]
