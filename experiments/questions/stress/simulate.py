"""The runs of a stress test: every arm in the world as stated and in the possible ones, cut into tasks."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from crmlab.experiments.execution.chunks import Failed
from crmlab.experiments.execution.failures import attempt
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.questions.stress.states_of_the_world import state_of_the_world
from crmlab.experiments.replication.replication import Replication
from crmlab.experiments.replication.worlds import STATED

REPLICATIONS_PER_TASK = 4  # that share the re-centring of a world


class StressTask(NamedTuple):
    """Some replications in one world, `STATED` or a possible one by its number."""

    world: int
    replications: tuple[int, ...]

    @property
    def place(self) -> str:
        """The world in words."""
        return "the world as stated" if self.world == STATED else f"world {self.world}"

    def __str__(self) -> str:
        return f"{self.place}, replications {', '.join(map(str, self.replications))}"


def tasks_of(experiment: Experiment, asked: Stress) -> tuple[list[StressTask], list[StressTask]]:
    """The world as stated on all replications of the design, and every possible world on its few."""
    stated = [StressTask(STATED, block) for block in _blocks(experiment.design.replications)]
    few = _blocks(asked.replications)
    return stated, [StressTask(world, block) for world in range(asked.n_worlds) for block in few]


def _blocks(n: int) -> list[tuple[int, ...]]:
    return [tuple(range(n))[i : i + REPLICATIONS_PER_TASK] for i in range(0, n, REPLICATIONS_PER_TASK)]


def run_task(experiment: Experiment, asked: Stress, task: StressTask) -> list[list[dict[str, object]] | Failed]:
    """For every replication of one world the KPI values of all arms, or why they could not be run."""
    world = None if task.world == STATED else state_of_the_world(experiment, asked, task.world)

    def of_all_arms(index: int) -> list[dict[str, object]]:
        replication = Replication(experiment, world, index)
        return [{"arm": arm.name, "replication": index, **replication.run(arm)} for arm in experiment.arms]

    return [attempt(partial(of_all_arms, index)) for index in task.replications]
