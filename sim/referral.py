"""The firm's side of recommendations: whose friend has ordered, which rewards are earned, owed and paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from crmlab.sim.actions import ReferralTerms
from crmlab.sim.compiling import compiled
from crmlab.sim.customers import Customers
from crmlab.sim.orders import YEAR, Orders
from crmlab.sim.word_of_mouth import Said, renew_bonds
from crmlab.sim.world import World


@dataclass(frozen=True)
class ReferralWeek:
    """Recommendations of one week and what they cost, in minor units: `earned` this week, `paid` of what fell due.

    `won` are first orders of friends, `claimed` first orders of others who named one, `rewards` those of both that were
    rewarded.
    """

    invitations: int = 0
    accepted: int = 0
    warnings: int = 0
    won: int = 0
    claimed: int = 0
    rewards: int = 0
    earned: int = 0
    paid: int = 0


class ReferralBooks:
    """The recommendations of one market through time. A reward is earned under the terms of the week of the friend's
    first order and owed until it is due, whatever the terms have become since."""

    def __init__(self, world: World) -> None:
        self.source = len(world.channels)
        self._minor = world.minor
        self.weeks: dict[int, ReferralWeek] = {}
        self._weeks_after_success = int(world.word_of_mouth.referrer_weeks)
        self._won = np.empty(0, np.int32)  # rows of all whom a friend has won
        self._winners = np.empty(0, np.int32)  # rows of all who have won a friend
        self._due: defaultdict[int, int] = defaultdict(int)  # minor units, by week of payment

    @property
    def owed(self) -> int:
        """Rewards earned and not yet paid, in minor units."""
        return sum(self._due.values())

    def open_week(self, customers: Customers, week: int) -> None:
        """Renew the bonds between friends for the week to come, and open a new programme year."""
        renew_bonds(
            customers.bond, customers.stage, customers.referrer, customers.recommended, self._won, self._winners, week,
            self._weeks_after_success,
        )  # fmt: skip
        if week % YEAR == 0:
            customers.referral_rewards[:] = 0

    def close_week(
        self, customers: Customers, orders: Orders, week: int, terms: ReferralTerms | None, said: Said
    ) -> ReferralWeek:
        """Credit the friends of those who ordered for the first time; reckon what is earned and what falls due."""
        given = terms or ReferralTerms()
        friends = orders.row[(orders.nth == 0) & (customers.source[orders.row] == self.source)]
        rewards, earned = _credit(
            orders, said.claims, customers.source, customers.referrer, customers.identified, customers.referrals,
            customers.recommended, customers.referral_rewards, self.source, week, given.reward * self._minor,
            given.reward_share, given.most_rewards,
        )  # fmt: skip
        self._due[week + given.delay_weeks] += earned
        self._winners = np.union1d(self._winners, customers.referrer[friends]).astype(np.int32)
        self._won = np.concatenate([self._won, said.won])
        closed = ReferralWeek(
            invitations=said.invitations,
            accepted=said.won.size,
            warnings=said.warnings,
            won=friends.size,
            claimed=int(said.claims.sum()),
            rewards=rewards,
            earned=earned,
            paid=self._due.pop(week, 0),
        )
        self.weeks[week] = closed
        return closed


@compiled
def _credit(
    orders, claims, source, referrer, identified, referrals, recommended, rewards_year, referral, week, reward, share,
    most_rewards,
):  # fmt: skip
    """Credit every friend's first order and every false claim. Returns (rewards, minor units earned)."""
    rewards = 0
    earned = np.int64(0)
    for j in range(orders.row.size):
        if orders.nth[j] > 0:
            continue
        rewarded = claims[j]
        if source[orders.row[j]] == referral:
            i = referrer[orders.row[j]]
            referrals[i] += 1
            recommended[i] = week
            rewarded = identified[i] and rewards_year[i] < most_rewards
            if rewarded:
                rewards_year[i] += 1
        amount = np.int64(np.floor(reward + share * orders.paid[j] + 0.5))
        if rewarded and amount > 0:
            rewards += 1
            earned += amount
    return rewards, earned
