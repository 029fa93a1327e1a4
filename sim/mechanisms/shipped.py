"""The mechanisms that every market has, in the order in which they act, and those that a world adds.

A further mechanism that ships with crmlab is a room of its own and one line in `OPTIONAL`.
"""

from __future__ import annotations

from importlib import import_module

from crmlab.sim.mechanism import Mechanism, MechanismNumbers, Setting
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.mechanisms.campaigns.campaigns import Campaigns
from crmlab.sim.mechanisms.loyalty.loyalty import Loyalty
from crmlab.sim.mechanisms.price.prices import Prices
from crmlab.sim.mechanisms.referral.referral import Referral

OPTIONAL = {
    name: f"crmlab.sim.mechanisms.{place}"
    for name, place in {
        "advisors": "advisors.params:Advisors",
        "deal_learning": "deal_learning.params:DealLearning",
        "failures": "failures.params:Failures",
        "satisfaction": "satisfaction.params:Satisfaction",
        "service_desk": "service_desk.params:ServiceDesk",
    }.items()
}
"""Where the numbers of the mechanisms are that a world has if it names them: `[[mechanism]] kind = "service_desk"`."""


def optional_numbers(name: str) -> MechanismNumbers:
    """The numbers of a mechanism of `OPTIONAL`, each at its default."""
    module, _, cls = OPTIONAL[name].partition(":")
    numbers: MechanismNumbers = getattr(import_module(module), cls)()
    return numbers


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
