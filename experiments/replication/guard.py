"""Does a stated policy reach where the composition guard binds, so that its numbers are those of the guard?

The guard keeps the summed effect of all strategies on somebody's order rate within a factor of five. No shipped lever
reaches it alone; several together, or a strategy from elsewhere, may. Each arm is tried in the world as stated and,
where worlds are sampled, in their corner: every reaction to price and loyalty at the strong end of its range. No
sampled world is as extreme, so an arm that is free of the guard there is free of it in all of them.
"""

from __future__ import annotations

from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.parameters.registry import set_parameter
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, bounds_of
from crmlab.sim.market import Market
from crmlab.sim.orders import YEAR
from crmlab.sim.world import World

ROWS = 500  # founding rows on which each arm is tried
REACTIONS = ("price.", "loyalty.")  # groups of numbers that say how people react


def guard_notes(experiment: Experiment) -> list[str]:
    """A sentence for each arm in which the guard binds within its first year."""
    worlds = {"": experiment.world}
    if experiment.design.unknowns:
        worlds[" where all reactions are at the strong end of their ranges"] = strongest_world(experiment)
    notes = []
    for arm in experiment.arms:
        for where, world in worlds.items():
            weeks, total = bound(experiment, arm, world)
            if weeks:
                notes.append(
                    f'arm "{arm.name}": reactions add up to more than the factor of five to which they are capped, in '
                    f"{weeks:,} of {total:,} customer-weeks of a small market{where}; its result is that of the cap. "
                    "Lower its price cuts."
                )
                break
    return notes


def strongest_world(experiment: Experiment) -> World:
    """The corner of the sampled worlds in which people react most: each assumed number of `REACTIONS` at the end of its
    range that is not the absence of the effect, or at its upper end."""
    world = experiment.world
    for number in assumed_unknowns(experiment):
        if number.path.startswith(REACTIONS):
            low, high = bounds_of(experiment, number.path, number.unknown, number.value)
            absent_above = number.unknown.absent is not None and number.unknown.absent == number.unknown.high
            world = set_parameter(world, number.path, low if absent_above else high)
    return world


def bound(experiment: Experiment, arm: Arm, world: World) -> tuple[int, int]:
    """(customer- and lead-weeks in which the guard bound, customer-weeks run) of a small market in its first year."""
    rows = min(ROWS, experiment.design.customers)
    market = Market(world, arm.plays, customers=rows, seed=experiment.design.seed)
    market.run(min(YEAR, experiment.design.weeks))
    return market.guarded_weeks, market.customer_weeks
