"""What a firm can do in its loyalty programme: state the rules of its points and of its tiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from crmlab.sim.actions import FROM_ONE_WEEK, MAX_COUNT, MAX_MONEY, MONEY, RATE, WEEKS, Action, Allowed, Audience


@dataclass(frozen=True)
class PointsRule(Action):
    """Term: how a loyalty programme's points are earned, burnt and lost.

    A member earns `per_unit` points for each currency unit paid, times the multiplier of the tier. `reward_points`
    points buy one reward worth `reward_value` currency units to the customer; what it costs the firm is the world's to
    say (`Economics.reward_cost`). Earned points can be burnt after `pending_weeks`. They expire by `expiry`: "rolling"
    (`expiry_weeks` after they were earned, the oldest first), "inactivity" (all of them after `expiry_weeks` without an
    order), "calendar" (all of them every `expiry_weeks`, counted from week 0) or "never". Who joins is given
    `welcome_points` as a head start on the first reward. A rule that is no longer returned ends the earning; balances
    stay until they expire.
    """

    audience: ClassVar[Audience] = "everybody"
    per_unit: Annotated[float, Allowed(0.0, 1e9, "points per currency unit")] = 1.0
    reward_points: Annotated[int, Allowed(1, MAX_COUNT, "points", whole=True)] = 100
    reward_value: Annotated[float, MONEY] = 4.0
    pending_weeks: Annotated[int, WEEKS] = 0
    welcome_points: Annotated[int, Allowed(0, MAX_COUNT, "points", whole=True)] = 0
    expiry: Literal["rolling", "inactivity", "calendar", "never"] = "rolling"
    expiry_weeks: Annotated[int, FROM_ONE_WEEK] = 52


@dataclass(frozen=True)
class TierRule(Action):
    """Term: the tiers of a loyalty programme, reached by members within the last 52 weeks.

    `thresholds` rise, one per tier above the basic one: currency units (`basis` "spend") or orders ("orders").
    Reaching one lifts a member at once, for `hold_weeks`; who does not qualify again by the end falls after
    `grace_weeks` more, by `downgrade`: "one_level", "to_level" (to what the record gives) or "never".
    Per tier, the basic one first: `rates` price cuts, `multipliers` of earned points, `perk_costs` of other benefits
    in currency units per member and year; what benefits and status do to loyalty is the world's to say.
    """

    audience: ClassVar[Audience] = "everybody"
    thresholds: Annotated[tuple[float, ...], Allowed(1e-6, MAX_MONEY, "currency units or orders in 52 weeks")]
    basis: Literal["spend", "orders"] = "spend"
    hold_weeks: Annotated[int, FROM_ONE_WEEK] = 52
    grace_weeks: Annotated[int, WEEKS] = 0
    downgrade: Literal["one_level", "to_level", "never"] = "one_level"
    rates: Annotated[tuple[float, ...], RATE] = ()
    multipliers: Annotated[tuple[float, ...], Allowed(0.0, 1_000.0, "times the points")] = ()
    perk_costs: Annotated[tuple[float, ...], Allowed(0.0, 1e9, "currency units per member and year")] = ()

    def contradiction(self) -> str:
        if list(self.thresholds) == sorted(self.thresholds):
            return ""
        return f"thresholds must not fall from tier to tier, but are {self.thresholds}"
