"""Campaigns: marks on customers that strategies can read later, and what the treated and the held-out did.

For every play with a holdout the firm notes by week how many customers were treated and held out, and the sums and
sums of squares of what each of them ordered and paid: as a firm would measure it, standard errors included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import LONG_AGO
from crmlab.sim.jit import compiled
from crmlab.sim.mechanism import Mechanism, Setting, Week
from crmlab.sim.mechanisms.campaigns.actions import Tag
from crmlab.sim.play_actions import HELD_OUT, TREATED, mask_of


class Campaigns(Mechanism):
    """The marks on customers, by name; who was treated and held out is in `Week.groups`."""

    name = "campaigns"
    settles = (Tag,)
    weeks_before = True

    def __init__(self, setting: Setting, params: Any = None) -> None:
        super().__init__(setting, params)
        self.tags: dict[str, NDArray[np.int16]] = setting.tags

    def inherit(self, before: Mechanism) -> None:
        """Marks given before week 0."""
        assert isinstance(before, Campaigns)
        for name, ends in before.tags.items():
            self.tags[name] = np.full(self.setting.customers.n, LONG_AGO, ends.dtype)
            self.tags[name][: ends.size] = ends

    def settle(self, week: Week) -> None:
        for asked, tag in week.actions(Tag):
            on = mask_of(asked, "Tag.on", tag.on, week.view.n)
            marks = self.tags.setdefault(tag.name, np.full(self.setting.customers.n, LONG_AGO, np.int16))
            marks[week.rows[on]] = week.number + tag.weeks

    def close(self, week: Week) -> None:
        for play, group in week.groups.items():
            week.results[play] = results_of(group, week.orders.row, week.orders.paid, self.setting.minor)


@compiled
def results_of(group, rows, paid, minor):
    """What the treated and the held-out did: `books.CAMPAIGN` of each, sums over its customers. Shape [2, 5].

    `rows` [m] are those of the week's orders, sorted; `paid` [m] minor units.
    """
    found = np.zeros((2, 5))
    treated = held_out = 0
    for i in range(group.size):
        treated += group[i] == TREATED
        held_out += group[i] == HELD_OUT
    found[0, 0], found[1, 0] = treated, held_out
    j = 0
    while j < rows.size:
        row = rows[j]
        orders = spent = 0.0
        while j < rows.size and rows[j] == row:
            orders += 1.0
            spent += paid[j] / minor
            j += 1
        if group[row] > 0:
            found[group[row] - TREATED, 1] += orders
            found[group[row] - TREATED, 2] += spent
            found[group[row] - TREATED, 3] += orders * orders
            found[group[row] - TREATED, 4] += spent * spent
    return found
