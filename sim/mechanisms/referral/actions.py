"""What a firm can do for recommendations: state what a friend's first order is worth to both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim.actions import RATE, WEEKS, Action, Allowed, Audience


@dataclass(frozen=True)
class ReferralTerms(Action):
    """Term: what a customer gets whose friend places a first order, and what the friend gets.

    `reward` is a fixed amount in currency units and `reward_share` a share of what the friend pays for that order;
    both add up and are due `delay_weeks` after it. A customer gets at most `max_rewards` of them in a programme year
    (52 weeks, counted from week 0). `friend_rate` is a price cut on the friend's first order. A reward "in_kind"
    (goods, a service) costs the firm what it is worth, like one in "money"; friends of a weak brand take money amiss.
    """

    audience: ClassVar[Audience] = "everybody"
    reward: Annotated[float, Allowed(0.0, 1e9, "currency units")] = 0.0
    reward_share: Annotated[float, Allowed(0.0, 1.0, "share of the friend's first order")] = 0.0
    friend_rate: Annotated[float, RATE] = 0.0
    max_rewards: Annotated[int, Allowed(0, 10_000, "rewards a year", whole=True)] = 12
    delay_weeks: Annotated[int, WEEKS] = 0
    kind: Literal["money", "in_kind"] = "money"
