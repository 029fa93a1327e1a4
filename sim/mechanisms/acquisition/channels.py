"""Channels: the few actors that turn money into attention, and remember (Mesa agents).

A weekly budget feeds an adstock that decays; the adstock saturates by a Hill curve; the result is the number of leads
a week that the channel would bring in a market nobody has left yet. Divided by the number of
prospects it moves the channel's clock, which every prospect meets at a threshold of his own.
"""

from __future__ import annotations

from weakref import ref

import mesa

from crmlab.sim.mechanisms.acquisition.params import Channel as ChannelSpec


def hill_leads(channel: ChannelSpec, pressure: float) -> float:
    """Leads a week at a steady weekly spend of `pressure`: leads_max * x^s / (1 + x^s), x = pressure / half_budget.

    An organic channel (half_budget 0) brings `leads_max` whatever is spent.
    """
    if channel.half_budget == 0:
        return channel.leads_max
    x = (pressure / channel.half_budget) ** channel.hill_slope
    return channel.leads_max * x / (1 + x)


def hill_elasticity(channel: ChannelSpec, pressure: float) -> float:
    """Relative change of leads per relative change of spend: s / (1 + x^s). Also average CAC / marginal CAC."""
    if channel.half_budget == 0:
        return 0.0
    return channel.hill_slope / (1 + (pressure / channel.half_budget) ** channel.hill_slope)


def opening_clock(channel: ChannelSpec, prospects: int, lead_weeks: float) -> float:
    """Where the channel's clock stands at week 0: those whom it has passed are the leads of that moment.

    Under today's budget a channel keeps as many leads as it wins in the mean time that a lead takes to order or to
    cool off, 1 / (conversion + cooling hazard).
    """
    leads_a_week = hill_leads(channel, channel.budget)
    weeks_a_lead = 1 / (channel.conversion_hazard(lead_weeks) + 1 / lead_weeks)
    return leads_a_week * weeks_a_lead / max(prospects, 1)


class Channel(mesa.Agent):
    """One channel of a market. `spend` is set by the settled budgets, all else follows from it."""

    def __init__(self, model: mesa.Model, spec: ChannelSpec, number: int, prospects: int, opening_clock: float) -> None:
        super().__init__(model)
        self.spec = spec
        self.number = number
        self.prospects = prospects
        self.spend = 0.0
        self.adstock = spec.budget / (1 - spec.carry_over)  # the steady state of today's budget
        self.clock = opening_clock
        self.clock_before = opening_clock

    @property
    def model(self) -> mesa.Model | None:
        """The market that the channel is part of. Held weakly, so that the market can be freed with its channels."""
        return self._model()

    @model.setter
    def model(self, model: mesa.Model) -> None:
        self._model = ref(model)

    @property
    def pressure(self) -> float:
        """The adstock in units of weekly spend: what a steady spend would have to be to sustain it."""
        return self.adstock * (1 - self.spec.carry_over)

    def advertise(self) -> None:
        """Spend this week's budget and move the clock."""
        self.adstock = self.spec.carry_over * self.adstock + self.spend
        self.clock_before = self.clock
        self.clock += hill_leads(self.spec, self.pressure) / max(self.prospects, 1)
