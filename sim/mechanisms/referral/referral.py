"""Word of mouth of one market: who says what to whom, what it does to both, and what the firm owes for friends won.

What is said this week changes lives from next week on. A reward is earned under the terms of the week of the friend's
first order and owed until it is due, whatever the terms have become since; the last terms in the list of plays hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import ActionError
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.kernel_types import NO_TERMS
from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import NO_ROWS, NOBODY_MOVED, Mechanism, Setting, Week
from crmlab.sim.mechanisms.referral.accounts import REFERRAL_REWARDS, REWARDS_OWED
from crmlab.sim.mechanisms.referral.actions import ReferralTerms
from crmlab.sim.mechanisms.referral.agents import affect_friends, converse
from crmlab.sim.mechanisms.referral.columns import ACCOMPANIED, N_FLAGS, RECOMMENDED, FriendColumns
from crmlab.sim.mechanisms.referral.network import graph_of
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.referral.passes import credit_friends, move_friends, renew_referral_flags, spread_word
from crmlab.sim.mechanisms.referral.talk import TalkParams, talk_params
from crmlab.sim.orders import YEAR
from crmlab.sim.price_terms import expected_cut


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


@dataclass(frozen=True)
class Conversation:
    """What was said in a week: invitations, rows of those won, warnings, who names a friend falsely [orders]."""

    invitations: int
    won: NDArray[np.int32]
    warnings: int
    claims: NDArray[np.bool_]


class Referral(Mechanism):
    """The recommendations of one market through time."""

    name = "referral"
    settles = (ReferralTerms,)
    series = ("invitations", "referred")
    accounts = (REFERRAL_REWARDS, REWARDS_OWED)
    columns: FriendColumns

    def __init__(self, setting: Setting, params: WordOfMouth) -> None:
        super().__init__(setting, params)
        self.columns = FriendColumns.empty(setting.customers.n if params.on else 0)
        self.source = len(setting.world.channels)
        self.graph = graph_of(params, setting.customers.n)
        self.weeks: dict[int, ReferralWeek] = {}
        self.terms: ReferralTerms | None = None
        self.talk: TalkParams | None = None
        self.conversation = Conversation(0, NO_ROWS, 0, np.zeros(0, np.bool_))
        self._departure = departure_factors(params)
        self._won = NO_ROWS  # rows of all whom a friend has won
        self._winners = NO_ROWS  # rows of all who have won a friend
        self._due: defaultdict[int, int] = defaultdict(int)  # minor units, by week of payment

    @property
    def on(self) -> bool:
        """Whether anybody talks about the firm."""
        return bool(self.params.on)

    @property
    def owed(self) -> int:
        """Rewards earned and not yet paid, in minor units."""
        return sum(self._due.values())

    def settle(self, week: Week) -> None:
        self.terms = None
        for asked, terms in week.actions(ReferralTerms):
            if not self.on:
                raise ActionError(
                    f"{asked.play.name}: nobody recommends anything in this world (word_of_mouth.p_invite is 0)"
                )
            self.terms = terms
        if self.on:
            public, first = week.offer.public, week.offer.first
            friends = self.source + 1
            if self.terms is not None:
                first[friends] = max(first[friends], self.terms.friend_rate)
            friend_rate = expected_cut(
                self.setting.world.mean_order, self.setting.baskets, float(public[friends]), float(first[friends]),
                True, True, week.offer.shared, friends, NO_TERMS, 0, 0,
            )  # fmt: skip
            self.talk = talk_params(self.setting.world, self.terms, friend_rate)

    def affect(self, week: Week) -> None:
        if not self.on:
            return
        people, columns, params = self.setting.customers, self.columns, self.params
        self.renew_referral_flags(week.number)
        moved = np.flatnonzero(columns.referral_flags | columns.warned)
        move_friends(
            week.effect("log_rate"), week.effect("departure"), week.effect("order_value"), moved, people.stage,
            people.orders, people.first_order, columns.referral_flags, columns.warned, week.number, self._departure,
            float(params.warning), float(params.referred_value), float(params.referred_value_weeks),
            float(params.referrer_value),
        )  # fmt: skip

    def renew_referral_flags(self, week: int) -> None:
        """Renew the ties between friends for the week to come, and open a new programme year."""
        columns = self.columns
        renew_referral_flags(
            columns.referral_flags, self.setting.customers.stage, columns.referrer, columns.recommended, self._won,
            self._winners, week, int(self.params.referrer_weeks),
        )  # fmt: skip
        if week % YEAR == 0:
            columns.referral_rewards[:] = 0

    def mark(self, week: Week) -> None:
        if not self.on:
            return
        people, columns, setting = self.setting.customers, self.columns, self.setting
        said = spread_word(
            week.orders, week.departed, people.stage, people.identified, people.persona, people.source,
            people.order_rate, columns.referrer, columns.warned, columns.referral_rewards, self.talk,
            week.readiness.get("invite", NOBODY_MOVED), week.readiness.get("accept", NOBODY_MOVED), self.graph,
            self.source, setting.n_founding, *setting.key,
        )  # fmt: skip
        self.note(week, Conversation(*said))

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        if self.on:
            self.renew_referral_flags(week.number)
            affect_friends(agents, week, self.columns, self.params, self._departure)

    def mark_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        if self.on:
            assert self.talk is not None
            said = converse(agents, week, self.columns, self.talk, self.graph, self.source)
            self.note(week, Conversation(*said))

    def note(self, week: Week, conversation: Conversation) -> None:
        """Keep what was said; those who were won become leads next week."""
        self.conversation = conversation
        week.win(conversation.won, self.source)

    def close(self, week: Week) -> None:
        """Credit the friends of those who ordered for the first time; book what is earned and what falls due."""
        if not self.on:
            return
        setting, columns, orders, said = self.setting, self.columns, week.orders, self.conversation
        people, given = setting.customers, self.terms or ReferralTerms()
        friends = orders.row[(orders.nth == 0) & (people.source[orders.row] == self.source)]
        winners = columns.referrer[friends]
        new = np.array(sorted(set(winners[columns.referrals[winners] == 0].tolist())), np.int32)
        self._winners = np.concatenate([self._winners, new])
        rewards, earned = credit_friends(
            orders, said.claims, people.source, columns.referrer, people.identified, columns.referrals,
            columns.recommended, columns.referral_rewards, self.source, week.number, given.reward * setting.minor,
            given.reward_share, given.max_rewards,
        )  # fmt: skip
        self._due[week.number + given.delay_weeks] += earned
        self._won = np.concatenate([self._won, said.won])
        closed = ReferralWeek(
            invitations=said.invitations,
            accepted=said.won.size,
            warnings=said.warnings,
            won=friends.size,
            claimed=int(said.claims.sum()),
            rewards=rewards,
            earned=earned,
            paid=self._due.pop(week.number, 0),
        )
        self.weeks[week.number] = closed
        setting.ledger.post(week.number, REFERRAL_REWARDS, REWARDS_OWED, closed.earned, self.source)
        setting.ledger.post(week.number, REWARDS_OWED, CASH, closed.paid, self.source)
        week.series["invitations"], week.series["referred"] = closed.invitations, closed.won


def departure_factors(params: WordOfMouth) -> NDArray[np.float64]:
    """What each combination of `referral_flags` does to the departure hazard. Shape [flags]."""
    factors = np.ones(N_FLAGS)
    for referral_flags in range(N_FLAGS):
        if referral_flags & ACCOMPANIED:
            factors[referral_flags] *= params.referred_departure
        if referral_flags & RECOMMENDED:
            factors[referral_flags] *= params.referrer_departure
    return factors
