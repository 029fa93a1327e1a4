"""What the mechanisms of a world record of each customer, and the firm can see: a target can name it."""

from __future__ import annotations

import numpy as np

from crmlab.sim.columns import Columns
from crmlab.sim.customers import Customers
from crmlab.sim.draws import key_of
from crmlab.sim.ledger import Ledger
from crmlab.sim.mechanism import Setting
from crmlab.sim.mechanisms.shipped import mechanisms_of
from crmlab.sim.orders import OrderLog
from crmlab.sim.world import World

FEW = 10  # people of a market that is only asked for the names of its columns


def recorded_facts(world: World) -> tuple[str, ...]:
    """Names of the numbers per customer that a mechanism of this world lets the firm see (`view.fact`)."""
    people = Customers.of_prospects(FEW, len(world.channels))
    setting = Setting(world, people, FEW, key_of(0, 0), Ledger(), OrderLog({}))
    return tuple(name for mechanism in mechanisms_of(setting) for name in _numbers(mechanism.columns))


def _numbers(columns: Columns) -> list[str]:
    """The columns that the firm can see and that hold one number for each."""
    return [
        name
        for name in columns.seen()
        if columns.get(name).ndim == 1 and np.issubdtype(columns.get(name).dtype, np.number)
    ]
