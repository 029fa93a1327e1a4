"""Referral reward: pay customers for friends they bring, and make the friend's first order cheaper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim import Action, Audience, FirmView, Lever, ReferralTerms


@dataclass(frozen=True)
class ReferralReward:
    """Who recommends the firm to a friend gets a share of the friend's first order back; the friend pays less for it.

    Two-sided by default (10 % back, 20 % off), as is usual where friends are close. `reward` is a fixed amount beside
    or instead of the share. The cap and the delay keep self-referral and cancelled orders from paying. As
    `reward_kind` "money" or "in_kind" (goods or a service of that cost, which friends of a weak brand take better).
    """

    audience: ClassVar[Audience] = "everybody"

    reward_share: Annotated[float, Lever(0.0, 0.5, unit="share of the friend's first order")] = 0.10
    reward: Annotated[float, Lever(0.0, 200.0, unit="currency per friend")] = 0.0
    friend_rate: Annotated[float, Lever(0.0, 0.35, unit="share of price")] = 0.20
    max_rewards: Annotated[int, Lever(1, 52, step=1, unit="rewards a year")] = 12
    delay_weeks: Annotated[int, Lever(0, 13, step=1, unit="weeks")] = 2
    reward_kind: Literal["money", "in_kind"] = "money"

    def decide(self, view: FirmView) -> list[Action]:
        return [
            ReferralTerms(
                reward=self.reward,
                reward_share=self.reward_share,
                friend_rate=self.friend_rate,
                max_rewards=self.max_rewards,
                delay_weeks=self.delay_weeks,
                kind=self.reward_kind,
            )
        ]
