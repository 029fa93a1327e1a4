"""The same market with one Mesa agent per person: for looking at single lives, for teaching, and as the oracle.

A test lives some hundred people both ways, with everything switched on, and demands equal columns bit for bit. About a
thousand times slower than `Market`.
"""

from __future__ import annotations

import numpy as np

from crmlab.sim.conditions import Offer, Programme
from crmlab.sim.customers import (
    LEFT,
    REFERRED,
    column_names,
)
from crmlab.sim.draws import INVITE
from crmlab.sim.market import Market
from crmlab.sim.offers import Settled
from crmlab.sim.orders import Orders
from crmlab.sim.person import Person
from crmlab.sim.word_of_mouth import Said, telling_of

FIRM_WRITES = (
    "coupon_rate", "coupon_ends", "orders_52", "spend_52",
    "points", "points_pending", "points_recent", "tier", "tier_ends", "mood", "mood_ends",
    "referrals", "referral_rewards", "recommended", "bond",
)  # fmt: skip


class MicroMarket(Market):
    """A market that lives its people one by one. Same arguments, same numbers as `Market`; a few hundred rows."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.people = [Person(self, row) for row in range(self.customers.n)]

    def live(self, offer: Offer, programme: Programme) -> Orders:
        """Everybody's week, agent by agent; then the columns are written back for the firm to read."""
        if self.world.word_of_mouth.on:
            self.referral.open_week(self.customers, self.week)
        self.counts[:] = 0
        self.leads = np.zeros(len(self.sources), np.int64)
        self.season = self._season[self.week % len(self._season)]
        self._read_columns()
        placed = [(person.row, order) for person in self.people for order in person.live(offer, programme)]
        self._write_columns()
        self.totals += self.counts
        book = Orders.space(len(placed))
        for j, (row, order) in enumerate(placed):
            book.row[j], book.nth[j], book.at[j] = row, order.nth, order.at
            book.value[j], book.paid[j] = order.value, order.paid
            book.earned[j], book.burnt[j] = order.earned, order.burnt
        return book

    def spread_word(self, settled: Settled, orders: Orders) -> Said:
        """What people say this week, one after the other."""
        telling = telling_of(self.world, settled.referral, self.friend_rate(settled))
        invitations, won, claims = 0, [], np.zeros(orders.n, np.bool_)
        for j in range(orders.n):
            person, nth = self.people[orders.row[j]], int(orders.nth[j])
            came_by_themselves = nth == 0 and person.source != self.referral.source
            claims[j] = came_by_themselves and person.draw(INVITE, 0)[3] < telling.false_claims
            invites, friend = person.tell_a_friend(nth, telling)
            invitations += invites
            if friend is not None:
                friend.stage, friend.referrer = REFERRED, np.int32(person.row)
                won.append(friend.row)
        warnings = 0
        for person in self.people:
            if person.bond & LEFT:
                person.bond = np.uint8(person.bond - LEFT)
                warnings += person.warn_a_contact(telling)
        self._write_columns()
        return Said(invitations, np.array(won, np.int32), warnings, claims)

    def _read_columns(self) -> None:
        """Take over what the firm changed since last week: grants, the trailing year, and the programme's review."""
        for name in FIRM_WRITES:
            column = getattr(self.customers, name)
            for person in self.people if column.size else ():
                setattr(person, name, column[person.row])

    def _write_columns(self) -> None:
        for name in column_names():
            if name != "reach":
                column = getattr(self.customers, name)
                for person in self.people if column.size else ():
                    column[person.row] = getattr(person, name)
