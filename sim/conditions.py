"""What a week is lived under: the columns, the world's constants, and what the firm settled, in compiled reach.

numba takes tuples of arrays and numbers, so the objects of the other files are handed to the compiled pass in these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class People(NamedTuple):
    """The columns that a week reads and writes, in compiled reach. See `customers.Customers`."""

    order_rate: NDArray[np.float32]
    departure_rate: NDArray[np.float32]
    p_dropout: NDArray[np.float32]
    mean_order: NDArray[np.float32]
    elasticity: NDArray[np.float32]
    reach: NDArray[np.float32]
    stage: NDArray[np.uint8]
    order_clock: NDArray[np.float64]
    life_clock: NDArray[np.float64]
    reference: NDArray[np.float32]
    debt: NDArray[np.float32]
    identified: NDArray[np.bool_]
    source: NDArray[np.int8]
    first_order: NDArray[np.float32]
    last_order: NDArray[np.float32]
    orders: NDArray[np.int32]
    orders_52: NDArray[np.int32]
    spend: NDArray[np.int64]
    spend_52: NDArray[np.int64]
    coupon_rate: NDArray[np.float32]
    coupon_ends: NDArray[np.int16]
    enrolled: NDArray[np.int16]
    points: NDArray[np.int32]
    points_pending: NDArray[np.int32]
    points_recent: NDArray[np.int32]
    progress: NDArray[np.int32]
    rewarded: NDArray[np.int16]
    tier: NDArray[np.uint8]
    tier_ends: NDArray[np.int16]
    mood: NDArray[np.uint8]
    mood_ends: NDArray[np.int16]
    persona: NDArray[np.uint8]
    bond: NDArray[np.uint8]
    warned: NDArray[np.uint8]


class Loyal(NamedTuple):
    """The world's constants of loyalty behaviour. See `responses.LoyaltyResponse`."""

    join_log_odds: float
    join_selection: float
    log_rate_mean: float  # of the log order rate over all people
    log_rate_sd: float
    heavy_rate: float  # order rate from which somebody is a heavy buyer
    heavy: float  # share of the pull of rewards that is left in heavy buyers
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


class Bonds(NamedTuple):
    """The world's constants of what recommendations do to those who gave or took one. See `responses.WordOfMouth`."""

    on: bool
    departure: NDArray[np.float64]  # factor of the departure hazard, by `Customers.bond`
    referred_value: float
    referred_value_weeks: float
    referrer_value: float
    warning: float
    source: int  # number of the source "referral"


class Programme(NamedTuple):
    """The loyalty programme in force this week, settled. `on` is False as long as there never was one."""

    on: bool
    earning: bool
    pending: bool  # whether points must wait before they can be burnt
    per_unit: float
    reward_points: int
    welcome_points: int  # given on joining
    calendar_weeks: int  # all points end every so many weeks; 0: they do not
    tiered: bool
    by_orders: bool
    thresholds: NDArray[np.float64]  # minor units or orders of the last 52 weeks, per tier above the basic one
    rates: NDArray[np.float64]  # [tiers] price cuts
    multipliers: NDArray[np.float64]  # [tiers] of earned points
    hold_weeks: int
    rebate: float  # what the points of one currency unit are worth when burnt, as members expect to burn them
    reward_value: float  # currency
    point_value: float  # currency, when burnt
    reach_weeks: float  # a reward that takes longer to earn is out of reach
    longest_pause: float  # weeks without an order after which points lapse
    perks: NDArray[np.float64]  # [tiers] other benefits, currency per member and year
    moods: NDArray[np.float64]  # [moods, tiers] pull of each of loyalty.MOODS on the holder of a tier


class Reaction(NamedTuple):
    """The world's constants of behaviour."""

    today_rate: float
    gain: float
    loss_aversion: float
    carry_over: float
    p_exposure: float
    pull_forward: float
    repay_share: float
    spend_shape: float
    spend_quantiles: NDArray[np.float64]
    cooling: NDArray[np.float64]  # [sources] hazard of a lead's losing interest, per week
    conversion: NDArray[np.float64]  # [sources] hazard of a lead's first order at today's price, per week
    p_identified: NDArray[np.float64]  # [sources]
    loyal: Loyal
    bonds: Bonds
    first_gain: float  # gain of leads, who have no reference price yet
    latitude: float
    coupon_readiness: NDArray[np.float64]  # log quantiles of the chance that somebody would use a coupon
    minor: float  # minor units in one currency unit


class Offer(NamedTuple):
    """What is offered this week, settled: shares of the list price.

    `public` and `first` are by source + 1 (0 is the founding base); `own` [n] are personal rates, or empty.
    """

    public: NDArray[np.float64]
    first: NDArray[np.float64]
    own: NDArray[np.float32]


class Pressure(NamedTuple):
    """The clocks of the channels at the start and the end of the week. Shape [channels]."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]
