"""Acquisition: budgets become attention, attention reaches prospects, and prospects become leads.

A channel's budget is set by the last play in the list that names it; channels that nobody names get nothing. Each
prospect has a threshold on every channel's clock and becomes a lead at the moment at which the first clock passes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import ActionError
from crmlab.sim.behavior import reach_moment
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import PROSPECT
from crmlab.sim.jit import compiled, rule
from crmlab.sim.ledger import CASH
from crmlab.sim.mechanism import Asked, Mechanism, Setting, Week
from crmlab.sim.mechanisms.acquisition.accounts import CHANNEL_COSTS, MEDIA
from crmlab.sim.mechanisms.acquisition.actions import ChannelBudget
from crmlab.sim.mechanisms.acquisition.channels import Channel
from crmlab.sim.play_actions import source_number


class Acquisition(Mechanism):
    """The channels of a market, and the queues of prospects in the order in which each would reach them."""

    name = "acquisition"
    settles = (ChannelBudget,)
    series = ("media", "leads")
    accounts = (MEDIA, CHANNEL_COSTS)

    def __init__(self, setting: Setting, params: Any = None) -> None:
        super().__init__(setting, params)
        self.channels: list[Channel] = []
        self._called = np.zeros(len(setting.world.channels), np.int64)  # how far along its queue each channel is
        self._names = [source.name for source in setting.world.sources]
        self._organic = {source.name for source in setting.world.sources if source.half_budget == 0}

    def join(self, model: mesa.Model) -> None:
        """The channels as agents, standing where they do in week 0."""
        world, clock = self.setting.world, self.setting.opening_clock
        self.channels = [
            Channel(model, spec, number, world.population.prospects, float(clock[number]))
            for number, spec in enumerate(world.channels)
        ]

    def settle(self, week: Week) -> None:
        spend = np.zeros(len(self._names))
        for asked, budget in week.actions(ChannelBudget):
            spend[self._paid(asked, budget.channel)] = budget.spend / self.setting.scale
        week.by_channel["spend"] = spend
        week.series["media"] = float(spend.sum())

    def affect(self, week: Week) -> None:
        self.advertise(week)
        if self.channels:
            people = self.setting.customers
            before, after = self.clocks
            rows = next_in_queue(people.stage, people.reach, self.setting.queue, self._called, after)
            week.enter(rows, *moments_of(rows, people.reach, before, after))

    def advertise(self, week: Week) -> None:
        """Give every channel its budget and let it work."""
        for channel in self.channels:
            channel.spend = float(week.by_channel["spend"][channel.number])
            channel.advertise()

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        self.advertise(week)
        for person in agents:
            source, when = self.hear_of_us(person) if person.stage == PROSPECT else (None, 1.0)
            if source is not None:
                week.enter(np.array([person.row]), np.array([when]), np.array([source]))

    def hear_of_us(self, person: CustomerAgent) -> tuple[int | None, float]:
        """The channel whose clock passes this prospect's threshold first this week, and when."""
        reached = [
            (reach_moment(float(person.reach[c.number]), c.clock_before, c.clock), c.number)
            for c in self.channels
            if float(person.reach[c.number]) < c.clock
        ]
        if not reached:
            return None, 1.0
        when, source = min(reached)
        return source, when

    @property
    def clocks(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the channels' clocks stand at the beginning and at the end of the week. Shape [channels] each."""
        return np.array([c.clock_before for c in self.channels]), np.array([c.clock for c in self.channels])

    def mark(self, week: Week) -> None:
        n = len(self._names)
        leads = np.zeros(n, np.int64)
        for entries in week.entries:
            leads += np.bincount(entries.source, minlength=n)
        week.by_channel["leads"] = leads
        week.series["leads"] = float(leads.sum())

    def close(self, week: Week) -> None:
        """Book media, fixed costs, and what channels take per new customer."""
        ledger, minor = self.setting.ledger, self.setting.minor
        for channel in self.channels:
            spec = channel.spec
            fees = round(spec.fixed_cost * minor)
            if spec.success_fee:
                won = self.setting.customers.source[week.orders.row[week.orders.nth == 0]] == channel.number
                fees += round(spec.success_fee * minor) * int(np.count_nonzero(won))
            ledger.post(week.number, MEDIA, CASH, round(channel.spend * minor), channel.number)
            ledger.post(week.number, CHANNEL_COSTS, CASH, fees, channel.number)

    def _paid(self, asked: Asked, name: str) -> int:
        number = source_number(asked, name, self._names)
        if name in self._organic:
            raise ActionError(f'{asked.play.name}: channel "{name}" is organic and takes no budget')
        return number


@compiled
def next_in_queue(stage, reach, queue, called, clock):
    """Rows of the prospects whom the channels reach this week, sorted, each once.

    `queue` [channels, prospects] holds the rows of the prospects in the order in which each channel would reach them,
    `called` [channels] how far each channel has come; a channel goes on until its `clock` [channels].
    """
    room = 0
    for c in range(called.size):
        k = called[c]
        while k < queue.shape[1] and float(reach[queue[c, k], c]) < clock[c]:
            k += 1
        room += k - called[c]
    rows = np.empty(room, np.int32)
    n = 0
    for c in range(called.size):
        k = called[c]
        while k < queue.shape[1] and float(reach[queue[c, k], c]) < clock[c]:
            if stage[queue[c, k]] == PROSPECT:
                rows[n] = queue[c, k]
                n += 1
            k += 1
        called[c] = k
    rows = np.sort(rows[:n])
    kept = 0
    for j in range(n):  # somebody whom two channels reach is there twice
        if j == 0 or rows[j] != rows[j - 1]:
            rows[kept] = rows[j]
            kept += 1
    return rows[:kept]


@rule
def first_reached(thresholds, before, after):
    """The channel whose clock passes a prospect's threshold first, and when: (-1, 1.0) for none."""
    source = -1
    when = 1.0
    for c in range(after.size):
        threshold = float(thresholds[c])
        if threshold < after[c]:
            moment = reach_moment(threshold, before[c], after[c])
            if moment < when:
                source = c
                when = moment
    return source, when


@compiled
def moments_of(rows, reach, before, after):
    """When in the week each of these prospects is reached, and by which channel. Shape [rows] each."""
    at = np.empty(rows.size)
    source = np.empty(rows.size, np.int8)
    for j in range(rows.size):
        source[j], at[j] = first_reached(reach[rows[j]], before, after)
    return at, source
