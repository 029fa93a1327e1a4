"""Does a stated policy reach where the composition guard binds, so that its numbers are those of the guard?

The guard keeps the summed effect of all strategies on somebody's order rate within a factor of five. No shipped lever
reaches it alone; several together, or a strategy from elsewhere, may.
"""

from __future__ import annotations

from crmlab.experiments.experiment import Arm, Experiment
from crmlab.sim.market import Market
from crmlab.sim.orders import YEAR

ROWS = 500  # founding rows on which each arm is tried


def guard_notes(experiment: Experiment) -> list[str]:
    """A sentence for each arm in which the guard binds within its first year."""
    return [
        f'arm "{arm.name}": reactions add up to more than the factor of five to which they are capped, in {weeks:,} of '
        f"{lived:,} customer-weeks of a small market; its result is that of the cap. Lower its price cuts."
        for arm in experiment.arms
        for weeks, lived in [bound(experiment, arm)]
        if weeks
    ]


def bound(experiment: Experiment, arm: Arm) -> tuple[int, int]:
    """(customer- and lead-weeks in which the guard bound, customer-weeks lived) of a small market in its first year."""
    rows = min(ROWS, experiment.design.customers)
    market = Market(experiment.world, arm.plays, customers=rows, seed=experiment.design.seed)
    market.run(min(YEAR, experiment.design.weeks))
    return market.guarded_weeks, market.customer_weeks
