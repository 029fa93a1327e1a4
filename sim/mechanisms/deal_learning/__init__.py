"""Deal learning: who is offered price cuts for long reacts more to them, and thinks less of the full price."""

from crmlab.sim.mechanisms.deal_learning.params import MATURE_BRAND, DealLearning

__all__ = ["MATURE_BRAND", "DealLearning"]
