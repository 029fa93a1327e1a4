"""Key accounts: who is kept in touch with, when each contact is due, and what it costs.

Contacts are planned and not waited for, so they are no queue: each account has its dates spread evenly over the year,
from a date of its own, and the advisors of the week have so many hours. What does not fit into them is not done; the
customers who spent most come first. Wages are paid for all hours: those of a contact belong to its customer, the rest
to nobody.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import Asked, Setting, Week
from crmlab.sim.mechanisms.advisors.accounts import IDLE_ADVISORS, KEY_ADVISORS
from crmlab.sim.mechanisms.advisors.actions import KeyAccounts
from crmlab.sim.orders import YEAR, Orders
from crmlab.sim.play_actions import mask_of
from crmlab.sim.upkeep import PersonCosts, Upkeep

Rows = NDArray[np.int32]
NOBODY = np.empty(0, np.int32)


class Contacts(NamedTuple):
    """The contacts of one week under one action: with whom, what each costs in minor units, and the wages paid for
    hours in which there was none."""

    rows: Rows
    cost_each: int
    idle: int


def is_due(dates: NDArray[np.float64], week: int, a_year: float) -> NDArray[np.bool_]:
    """Whose contact falls into a week, at so many a year. `dates` [m] in (0, 1) say where in their rhythm they are."""
    each_week = a_year / YEAR
    due: NDArray[np.bool_] = np.floor(dates + (week + 1) * each_week) > np.floor(dates + week * each_week)
    return due


class KeyAccountBook:
    """The key accounts of one market and what was spent on each."""

    def __init__(self, setting: Setting, wage: float) -> None:
        self.setting = setting
        self.wage = wage * setting.minor  # minor units an hour
        self.spent: list[tuple[Rows, int, int]] = []  # rows, week, minor units each

    def settle(self, week: Week) -> list[tuple[KeyAccounts, Rows]]:
        """Who is a key account this week, by action: somebody whom two plays name is the later one's."""
        asked: list[tuple[Asked, KeyAccounts]] = list(week.actions(KeyAccounts))
        taken = np.zeros(week.view.n, np.bool_)
        found = []
        for one, action in reversed(asked):
            chosen = mask_of(one, "KeyAccounts.to", action.to, week.view.n) & ~taken
            taken |= chosen
            found.append((action, week.rows[chosen]))
        return found

    def contact(self, week: int, action: KeyAccounts, rows: Rows) -> Contacts:
        """The contacts that are due and fit into the hours of the advisors. Rows of the market may stand for several
        customers each: so does their contact, and its share of the hours."""
        due = rows[is_due(self.setting.draw("advisors/dates", rows), week, action.contacts)]
        hours = action.advisors * action.hours / self.setting.scale
        room = int(hours * 60 / action.minutes + 1e-9)
        by_value = np.argsort(-self.setting.customers.spend_52[due], kind="stable")
        met = np.sort(due[by_value[:room]])
        each = round(action.minutes / 60 * self.wage)
        return Contacts(met, each, max(0, round(hours * self.wage) - each * met.size))

    def pay(self, week: int, contacts: Contacts) -> None:
        """Book the wages of a week's contacts, and of the time between them."""
        ledger = self.setting.ledger
        ledger.post(week, KEY_ADVISORS, CASH, contacts.cost_each * contacts.rows.size)
        ledger.post(week, IDLE_ADVISORS, CASH, contacts.idle)
        if contacts.rows.size:
            self.spent.append((contacts.rows, week, contacts.cost_each))

    def upkeep(self, weeks: int, orders: Orders) -> Upkeep | None:
        """What was spent on each key account."""
        if not self.spent:
            return None
        sizes = [rows.size for rows, _, _ in self.spent]
        return PersonCosts(
            np.concatenate([rows for rows, _, _ in self.spent]),
            np.repeat(np.array([week for _, week, _ in self.spent], np.int32), sizes),
            np.repeat(np.array([each for _, _, each in self.spent], np.float64), sizes),
            self.setting.customers.n, weeks, orders.n, self.setting.minor,
        )  # fmt: skip
