"""The contract between the world and its strategies. Importing it loads neither mesa, simpy nor numba."""

from sim.actions import (
    Action,
    ChannelBudget,
    Coupon,
    Discount,
    FirstOrderOffer,
    PointsRule,
    PublicDiscount,
    ReferralTerms,
    Tag,
    TierRule,
)
from sim.contract import ContractError, check_strategy
from sim.levers import Lever, Unknown, levers_of
from sim.plays import Play
from sim.strategy import Strategy
from sim.target import Target
from sim.view import FirmView

__all__ = [
    "Action",
    "ChannelBudget",
    "ContractError",
    "Coupon",
    "Discount",
    "FirmView",
    "FirstOrderOffer",
    "Lever",
    "Play",
    "PointsRule",
    "PublicDiscount",
    "ReferralTerms",
    "Strategy",
    "Tag",
    "Target",
    "TierRule",
    "Unknown",
    "check_strategy",
    "levers_of",
]
