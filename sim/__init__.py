"""The contract between the world and its strategies. Importing it loads neither mesa, simpy nor numba."""

from sim.actions import Action, ChannelBudget, Coupon, Discount, FirstOrderOffer, PublicDiscount, Tag
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
    "PublicDiscount",
    "Strategy",
    "Tag",
    "Target",
    "Unknown",
    "check_strategy",
    "levers_of",
]
