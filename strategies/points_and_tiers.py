"""Points and tiers: a loyalty programme as shops run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim import Action, Audience, FirmView, Lever, PointsRule, TierRule


@dataclass(frozen=True)
class PointsAndTiers:
    """Members earn points on what they pay and burn them for rewards; two tiers above the basic one earn faster.

    `earn_rate` is what the points of one currency unit are worth when burnt. A tier is reached by the spend of 52
    weeks and held for 52; who does not qualify again falls one level after the grace. With `earn_rate` 0 it is a
    programme of tiers alone; with `welcome_share` above 0 members start with part of their first reward; with
    `silver_rate` and `gold_extra` above 0 the tiers also pay less.
    """

    audience: ClassVar[Audience] = "everybody"

    earn_rate: Annotated[float, Lever(0.0, 0.10, unit="reward value / spend")] = 0.04
    reward_value: Annotated[float, Lever(1.0, 100.0, log=True, unit="currency a reward")] = 5.0
    expiry_weeks: Annotated[int, Lever(13, 156, step=1, unit="weeks")] = 52
    expiry: Literal["rolling", "inactivity", "calendar", "never"] = "rolling"
    welcome_share: Annotated[float, Lever(0.0, 0.8, unit="share of the first reward, on joining")] = 0.0
    pending_weeks: Annotated[int, Lever(0, 13, step=1, unit="weeks")] = 2
    silver_spend: Annotated[float, Lever(10, 5000, log=True, unit="currency in 52 weeks")] = 75.0
    gold_factor: Annotated[float, Lever(1.0, 6.0, unit="gold / silver spend")] = 3.0
    silver_multiplier: Annotated[float, Lever(1.0, 3.0, unit="x points")] = 1.25
    gold_extra_multiplier: Annotated[float, Lever(0.0, 3.0, unit="x points, on top of silver")] = 0.25
    silver_rate: Annotated[float, Lever(0.0, 0.15, unit="share of price")] = 0.0
    gold_extra: Annotated[float, Lever(0.0, 0.15, unit="share of price, on top of silver")] = 0.0
    gold_perks: Annotated[float, Lever(0.0, 200.0, unit="currency per member and year")] = 0.0
    grace_weeks: Annotated[int, Lever(0, 26, step=1, unit="weeks")] = 8

    def __post_init__(self) -> None:
        if self.earn_rate > 0 and self._reward_points > MAX_POINTS:
            raise ValueError(f"earn_rate = {self.earn_rate:g} puts a reward at more points than can be counted")

    @property
    def _reward_points(self) -> int:
        return max(1, round(POINTS_PER_REWARD_SPENT / self.earn_rate))

    def decide(self, view: FirmView) -> list[Action]:
        silver, gold = self.silver_multiplier, self.silver_multiplier + self.gold_extra_multiplier
        tiers = TierRule(
            thresholds=(self.silver_spend, self.silver_spend * self.gold_factor),
            rates=(0.0, self.silver_rate, self.silver_rate + self.gold_extra),
            multipliers=(1.0, silver, gold),
            perk_costs=(0.0, 0.0, self.gold_perks),
            grace_weeks=self.grace_weeks,
        )
        if self.earn_rate == 0:
            return [tiers]
        reward_points = self._reward_points
        points = PointsRule(
            per_unit=POINTS_PER_REWARD_SPENT / self.reward_value,
            reward_points=reward_points,
            welcome_points=round(self.welcome_share * reward_points),
            reward_value=self.reward_value,
            pending_weeks=self.pending_weeks,
            expiry=self.expiry,
            expiry_weeks=self.expiry_weeks,
        )
        return [points, tiers]


MAX_POINTS = 2**31 - 1
POINTS_PER_REWARD_SPENT = 500.0  # points for spend as large as a reward: fine in any currency, and few enough to count
