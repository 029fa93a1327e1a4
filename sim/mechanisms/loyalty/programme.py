"""The programme in force: the rules that the firm states and the world's constants of how members take them, in the
form that compiled code takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.mechanisms.loyalty.worth import DEMOTION, FAILURE, SUCCESS, TIER_EFFECTS
from crmlab.sim.order_rates import order_rates
from crmlab.sim.orders import YEAR
from crmlab.sim.world import World

Floats = NDArray[np.float64]


class MemberParams(NamedTuple):
    """The world's constants of how members behave. See `LoyaltyResponse`."""

    join_log_odds: float
    join_selection: float
    log_rate_mean: float  # of the log order rate over all people
    log_rate_sd: float
    heavy_rate: float  # order rate from which somebody is a heavy buyer
    heavy: float  # share of the effect of rewards that is left in heavy buyers
    member: float
    member_scale: float  # weeks
    member_worth: float  # of spend: from here on membership has its full effect
    goal_gradient: float  # per unit of worth
    goal_power: float
    head_start: float
    p_redeem: float
    reward: float
    reward_weeks: float
    pressure: float
    pressure_weeks: float
    pressure_gap: float
    perks: float
    status: float
    strength: float  # factor of all pulls but those of benefits


class Programme(NamedTuple):
    """The loyalty programme in force this week. `on` is False as long as there never was one."""

    on: bool
    earning: bool
    pending: bool  # whether points must wait before they can be burnt
    per_unit: float
    reward_points: int
    welcome_points: int  # given on joining
    calendar_weeks: int  # all points end every so many weeks; 0: they do not
    tiered: bool
    by_orders: bool
    thresholds: Floats  # minor units or orders of the last 52 weeks, per tier above the basic one
    rates: Floats  # [tiers] price cuts
    multipliers: Floats  # [tiers] of earned points
    hold_weeks: int
    rebate: float  # what the points of one currency unit are worth when burnt, as members expect to burn them
    reward_value: float  # currency
    point_value: float  # currency, when burnt
    reach_weeks: float  # a reward that takes longer to earn is out of reach
    longest_pause: float  # weeks without an order after which points lapse
    perks: Floats  # [tiers] other benefits, currency per member and year
    tier_effects: Floats  # [TIER_EFFECTS, tiers] log effect of each of TIER_EFFECTS on the holder of a tier


NO_PROGRAMME = Programme(
    on=False, earning=False, pending=False, per_unit=0.0, reward_points=1, welcome_points=0, calendar_weeks=0,
    tiered=False, by_orders=False, thresholds=np.zeros(0), rates=np.zeros(1), multipliers=np.ones(1), hold_weeks=YEAR,
    rebate=0.0, reward_value=0.0, point_value=0.0, reach_weeks=0.0, longest_pause=np.inf, perks=np.zeros(1),
    tier_effects=np.zeros((len(TIER_EFFECTS), 1)),
)  # fmt: skip


def programme_of(
    rule: PointsRule | None, tiers: TierRule | None, earning: bool, response: LoyaltyResponse, minor: float
) -> Programme:
    """The programme under these rules; `earning` says whether the points rule is still in force, so that points are
    given, or only remembered."""
    if rule is None and tiers is None:
        return NO_PROGRAMME
    points = rule if earning else None
    rule = rule or PointsRule(per_unit=0.0)
    levels = tiers or TierRule(())
    n = len(levels.thresholds) + 1
    by_orders = levels.basis == "orders"
    per_unit = float(rule.per_unit) if points is not None else 0.0
    burnt = 1.0 if rule.expiry == "never" else 1.0 - response.expected_breakage
    ends = rule.expiry in ("rolling", "calendar")
    point_value = rule.reward_value / rule.reward_points
    return Programme(
        on=True,
        earning=points is not None or tiers is not None,
        pending=rule.pending_weeks > 0,
        per_unit=per_unit,
        reward_points=int(rule.reward_points),
        welcome_points=int(rule.welcome_points) if points is not None else 0,
        calendar_weeks=rule.expiry_weeks if rule.expiry == "calendar" else 0,
        tiered=tiers is not None,
        by_orders=by_orders,
        thresholds=np.array(levels.thresholds, np.float64) * (1 if by_orders else minor),
        rates=per_tier(levels.rates, n, 0.0),
        multipliers=per_tier(levels.multipliers, n, 1.0),
        hold_weeks=int(levels.hold_weeks),
        rebate=per_unit * point_value * burnt,
        reward_value=float(rule.reward_value),
        point_value=point_value,
        reach_weeks=min(response.reach_weeks, rule.expiry_weeks if ends else np.inf) - rule.pending_weeks,
        longest_pause=float(rule.expiry_weeks) if rule.expiry == "inactivity" else np.inf,
        perks=per_tier(levels.perk_costs, n, 0.0),
        tier_effects=tier_effects_of(response, n - 1),
    )


def tier_effects_of(response: LoyaltyResponse, top: int) -> Floats:
    """Log effect of each of TIER_EFFECTS on the holder of each tier, for tiers worth having. Shape [effects, tiers].

    Success lifts most those who reach the lowest tier, failure and a fall hurt most those who were nearest to the top.
    """
    tier_effects = np.zeros((len(TIER_EFFECTS), top + 1))
    steps = np.linspace(-1.0, 1.0, top) if top > 1 else np.zeros(top)
    tier_effects[SUCCESS, 1:] = response.success * (1 - response.tier_tilt * steps)
    tier_effects[FAILURE, :top] = -response.failure * (1 + response.tier_tilt * steps)
    tier_effects[DEMOTION, :top] = -response.demotion * (1 + response.tier_tilt * steps)
    return tier_effects


def per_tier(values: tuple[float, ...], n: int, default: float) -> Floats:
    """One value per tier; missing ones are the default."""
    return np.array([*values[:n], *[default] * (n - len(values))], np.float64)


def member_params(world: World) -> MemberParams:
    """The world's constants of loyalty."""
    loyalty, rates = world.loyalty, order_rates(world)
    return MemberParams(
        join_log_odds=float(special.logit(loyalty.p_join)),
        join_selection=float(loyalty.join_selection),
        log_rate_mean=rates.log_mean,
        log_rate_sd=rates.log_sd,
        heavy_rate=rates.of_orders.quantile(1 - loyalty.heavy_share),
        heavy=float(loyalty.heavy),
        member=float(loyalty.member),
        member_scale=float(loyalty.member_half_life / np.log(2)),
        member_worth=float(loyalty.member_worth),
        goal_gradient=float(loyalty.goal_gradient),
        goal_power=float(loyalty.goal_power),
        head_start=float(loyalty.head_start),
        p_redeem=float(loyalty.p_redeem),
        reward=float(loyalty.reward),
        reward_weeks=float(loyalty.reward_weeks),
        pressure=float(loyalty.pressure),
        pressure_weeks=float(loyalty.pressure_weeks),
        pressure_gap=float(loyalty.pressure_gap),
        perks=float(loyalty.perks),
        status=float(loyalty.status),
        strength=float(loyalty.strength),
    )
