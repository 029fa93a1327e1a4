"""The contract between the world and its strategies. Importing it loads neither mesa, simpy nor numba."""

if __name__ != "crmlab.sim":
    raise ImportError("The package is called crmlab.sim: write `from crmlab.sim import ...`.")

from crmlab.sim.actions import (
    Action,
    Audience,
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
from crmlab.sim.contract import ContractError, check_strategy
from crmlab.sim.levers import Lever, Unknown, levers_of
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy
from crmlab.sim.target import Target
from crmlab.sim.view import FirmView

__all__ = [
    "Action",
    "Audience",
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
