"""What is still there when the run ends: the terminal value, known to the simulation only.

A horizon must not be a place to hide: whoever stops advertising, or sells next year's orders cheaply in the last
weeks, has a better year and a worse firm. So the state that a policy leaves behind is worth what it would bring under
*today's* policy, whatever was played before, over `HORIZON_WEEKS` after the run, discounted to its end:

customers   orders at the own rate lambda, at today's prices, until departure at rate m = mu + lambda p:
            c lambda (1 - exp(-(m + delta) H)) / (m + delta), with c what an order leaves
            less what they owe: orders borrowed from the future (`debt`, repaid at rate rho: debt rho /
            (rho + m + delta) orders) and prices they have become used to (`reference`, a pull on the order rate
            that fades as they notice today's price)
leads       the chance to order before cooling off, times the first order and the value of a customer
prospects   the week in which today's budgets, on top of the adstock left over, would reach each of them; then as a lead
media       today's budgets and fixed channel costs over the same weeks, taken off

What is owed for points is not in it: the books have taken it off in the run. Friends whom customers will still win, and
what a loyalty programme does and costs after the run, are left out; rates are those of the calibration, which contain
what today's programme does (`order_factor`, `departure_factor` undone).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.behavior import price_log_effect
from crmlab.sim.customers import CUSTOMER, ENTERING, LEAD, PROSPECT
from crmlab.sim.jit import compiled, rule
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.mechanisms.acquisition.channels import hill_leads

Floats = NDArray[np.float64]
HORIZON_WEEKS = 260


@dataclass(frozen=True)
class Terminal:
    """What the state at the end of a run is worth then, in currency units of the rows.

    `people` [n]: what each person is expected to leave, acquisition fees taken off; `media`: what advertising to them
    costs meanwhile.
    """

    people: Floats
    media: float

    @property
    def value(self) -> float:
        return float(self.people.sum()) - self.media


def terminal_of(market: Market, horizon_weeks: int = HORIZON_WEEKS) -> Terminal:
    """The terminal value of a market as it stands."""
    world, people, economics = market.world, market.customers, market.world.economics
    delta = economics.weekly_discount
    weeks = np.arange(horizon_weeks)
    costs = sum((c.budget if c.half_budget > 0 else 0.0) + c.fixed_cost for c in world.channels)
    reaction = market.params
    worth = np.zeros(people.n)
    commission = np.array([0.0, *(source.commission for source in market.sources)])
    fees = np.array([source.success_fee for source in market.sources])
    warned = market.column("warned")
    _worth_of(
        worth, people.stage, people.source, people.reach, people.order_rate, people.departure_rate, people.p_dropout,
        people.mean_order, people.reference, people.debt, people.elasticity, warned, _clocks(market, horizon_weeks),
        reaction.conversion, reaction.cooling, float(world.word_of_mouth.warning), commission, fees,
        1 / world.order_factor, 1 / world.departure_factor, economics.payment_cost,
        (1 - economics.gross_margin) / (1 - world.today_rate), economics.fulfilment_cost, delta, float(horizon_weeks),
        reaction.gain, reaction.loss_aversion, reaction.latitude, reaction.carry_over, reaction.p_exposure,
        reaction.repay_share,
    )  # fmt: skip
    return Terminal(worth, float((costs * np.exp(-delta * weeks)).sum()))


def _clocks(market: Market, weeks: int) -> Floats:
    """Where the channels' clocks would stand at the end of each coming week under today's budgets. The first entry is
    where they stand now. Shape [channels, weeks + 1]."""
    clocks = np.zeros((len(Acquisition.of(market).channels), weeks + 1))
    for number, channel in enumerate(Acquisition.of(market).channels):
        spec, adstock = channel.spec, channel.adstock
        leads = np.zeros(weeks)
        for week in range(weeks):
            adstock = spec.carry_over * adstock + (spec.budget if spec.half_budget > 0 else 0.0)
            leads[week] = hill_leads(spec, adstock * (1 - spec.carry_over))
        clocks[number, 0] = channel.clock
        clocks[number, 1:] = channel.clock + np.cumsum(leads) / max(channel.prospects, 1)
    return clocks


@rule
def _life(rate, margin, leaving, horizon):
    """Discounted worth of the orders of somebody who is a customer for `horizon` weeks at most."""
    if horizon <= 0.0:
        return 0.0
    if leaving <= 0.0:
        return rate * margin * horizon
    return rate * margin * (1.0 - np.exp(-leaving * horizon)) / leaving


@compiled
def _worth_of(
    worth, stage, source, reach, order_rate, departure_rate, p_dropout, mean_order, reference, debt, elasticity, warned,
    clocks, conversion, cooling, warning, commission, fees, rate_factor, departure_factor, payment, goods, fulfilment,
    delta, horizon, gain, loss_aversion, latitude, carry_over, p_exposure, repay_share,
):  # fmt: skip
    """Fill `worth` [n]."""
    last = clocks.shape[1] - 1
    for i in range(stage.size):
        what = stage[i]
        if what not in (CUSTOMER, LEAD, ENTERING, PROSPECT):
            continue
        rate = float(order_rate[i]) * rate_factor
        drop = min(float(p_dropout[i]) * departure_factor, 1.0)
        leaving = float(departure_rate[i]) * departure_factor + rate * drop + delta
        paid = float(mean_order[i])
        when = 0.0
        c = np.int64(source[i])
        if what == PROSPECT:
            when = float(last)
            c = np.int64(-1)
            for k in range(clocks.shape[0]):
                threshold = float(reach[i, k])
                week = np.searchsorted(clocks[k], threshold, side="right")
                if week == 0 or week > last:
                    continue
                moment = week - 1 + (threshold - clocks[k, week - 1]) / (clocks[k, week] - clocks[k, week - 1])
                if moment < when:
                    when = moment
                    c = np.int64(k)
            if c < 0:
                continue
        elif what == ENTERING:
            c = np.int64(conversion.size - 1)  # friends come last
        margin = paid * (1.0 - payment - commission[c + 1]) - paid * goods - fulfilment
        if what == CUSTOMER:
            value = _life(rate, margin, leaving, horizon)
            an_order = margin - drop * value  # and whoever places it may leave after it
            missing = float(debt[i]) * repay_share / (repay_share + leaving)
            if reference[i] != 1.0:
                log_effect = price_log_effect(
                    1.0, float(reference[i]), float(elasticity[i]), gain, loss_aversion, latitude
                )
                noticed = 1.0 - (1.0 - p_exposure) * np.exp(-rate)
                stays = (1.0 - noticed * (1.0 - carry_over)) * np.exp(-leaving)
                missing -= rate * (np.exp(log_effect) - 1.0) / (1.0 - stays)
            worth[i] = value - missing * an_order
            continue
        hazard = conversion[c]
        if what in (LEAD, PROSPECT):
            hazard *= np.exp(-warning * warned[i]) if warned[i] > 0 else 1.0
        lasting = hazard + cooling[c]
        life = _life(rate, margin, leaving, horizon - when - 1.0 / lasting)
        worth[i] = np.exp(-delta * when) * hazard / (lasting + delta) * (margin - fees[c] + life)
