"""The mechanisms that every market has, in the order in which they act, and those that a world adds."""

from __future__ import annotations

from crmlab.sim.mechanism import Mechanism, Setting
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.mechanisms.campaigns.campaigns import Campaigns
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.price.prices import Prices
from crmlab.sim.mechanisms.referral.referral import Referral


def mechanisms_of(setting: Setting) -> list[Mechanism]:
    """The mechanisms of a market, ready for its first week."""
    world = setting.world
    return [
        Campaigns(setting),
        Prices(setting, world.price),
        Acquisition(setting, world.acquisition),
        Loyalty(setting, world.loyalty),
        Referral(setting, world.word_of_mouth),
        *(numbers.start(setting) for numbers in world.mechanisms.values()),
    ]
