"""The contract between the world and its strategies, and (loaded when first used) the world itself.

Importing it loads neither mesa, simpy nor numba; `Market`, `World`, `Kpi` and `KPIS` do when they are asked for.
"""

if __name__ != "crmlab.sim":
    raise ImportError("The package is called crmlab.sim: write `from crmlab.sim import ...`.")

from typing import TYPE_CHECKING, Any

from crmlab.sim.actions import Action, Audience
from crmlab.sim.columns import Columns, column
from crmlab.sim.levers import Lever, Unknown, levers_of
from crmlab.sim.mechanisms.acquisition.actions import ChannelBudget
from crmlab.sim.mechanisms.advisors.actions import KeyAccounts, LeadFollowUp
from crmlab.sim.mechanisms.campaigns.actions import Tag
from crmlab.sim.mechanisms.failures.actions import Claim, DeliveryPromise, PriorityDelivery, QualityInvestment
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.price.actions import NO_CAP, Coupon, Discount, FirstOrderOffer, PublicDiscount
from crmlab.sim.mechanisms.referral.actions import ReferralTerms
from crmlab.sim.mechanisms.satisfaction.actions import Survey
from crmlab.sim.mechanisms.service_desk.actions import SelfService, ServicePriority, Staffing
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy
from crmlab.sim.target import Target
from crmlab.sim.view import FirmView

if TYPE_CHECKING:
    from crmlab.sim.contract import ContractError, check_strategy
    from crmlab.sim.kpis import KPIS, Kpi
    from crmlab.sim.market import Market
    from crmlab.sim.mechanism import Mechanism, Setting, Week
    from crmlab.sim.mechanism_contract import check_mechanism
    from crmlab.sim.world import World

__all__ = [
    "KPIS",
    "NO_CAP",
    "Action",
    "Audience",
    "ChannelBudget",
    "Claim",
    "Columns",
    "ContractError",
    "Coupon",
    "DeliveryPromise",
    "Discount",
    "FirmView",
    "FirstOrderOffer",
    "KeyAccounts",
    "Kpi",
    "LeadFollowUp",
    "Lever",
    "Market",
    "Mechanism",
    "Play",
    "PointsRule",
    "PriorityDelivery",
    "PublicDiscount",
    "QualityInvestment",
    "ReferralTerms",
    "SelfService",
    "ServicePriority",
    "Setting",
    "Staffing",
    "Strategy",
    "Survey",
    "Tag",
    "Target",
    "TierRule",
    "Unknown",
    "Week",
    "World",
    "check_mechanism",
    "check_strategy",
    "column",
    "levers_of",
]

_HEAVY = {
    "Market": "market",
    "World": "world",
    "Kpi": "kpis",
    "KPIS": "kpis",
    "ContractError": "contract",
    "check_strategy": "contract",
    "check_mechanism": "mechanism_contract",
    "Mechanism": "mechanism",
    "Setting": "mechanism",
    "Week": "mechanism",
}


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"crmlab.sim.{_HEAVY[name]}"), name)
