"""What experiences do to satisfaction and satisfaction to behaviour: scalar rules, and their passes over people.

Every effect is exponential in z, so that its mean over people at their usual level, N(0, 1), is known: the mean of
exp(s z) is exp(s^2 / 2), by which each effect is divided. Columns of 32 bits are widened by `np.float64`:
`float` does not widen in compiled code, and both tellings have to round in the same places.
"""

from __future__ import annotations

import math

import numpy as np

from crmlab.sim.customers import CUSTOMER
from crmlab.sim.jit import compiled, rule
from crmlab.sim.orders import YEAR

NOTICED = 1e-6  # SD of satisfaction


@rule
def log_effect(z, slope):
    """The effect of satisfaction on the log of something, per standard deviation `slope`; its exponential has the mean
    1 over people at their usual level."""
    return slope * z - 0.5 * slope * slope


@rule
def after_a_week(z, usual, kept):
    """Satisfaction a week later, without any experience: the share `kept` of what lies off the own level is left."""
    return usual + kept * (z - usual)


@rule
def after_experience(z, quality, weight, asymmetry):
    """Satisfaction after an experience: it moves by a share `weight` of how good that was. What is worse than usual
    counts `asymmetry` times; what is as always (0) moves nobody."""
    return z + weight * (quality if quality >= 0.0 else asymmetry * quality)


@rule
def weight_of(weeks, weight, weight_later):
    """How much a new experience weighs for a customer of so many weeks."""
    return weight if weeks <= YEAR else weight_later


@rule
def faded(glow, kept):
    """What is left of a glow a week later; what nobody would notice is gone."""
    return glow * kept if glow > NOTICED else 0.0


@rule
def given_back(loss, weeks, share, log_kept, weight, asymmetry):
    """What a recovery gives back: a share of what a bad experience of so many weeks ago has left of its effect. As
    experiences add up and fade alike, all of it brings people exactly to where they would be without the failure."""
    return share * weight * asymmetry * loss * math.exp(weeks * log_kept)


@compiled
def forget(satisfaction, usual, glow, kept):
    """Let everybody's satisfaction return towards their own level by a week."""
    for i in range(satisfaction.size):
        if glow[i] > 0.0:
            glow[i] = faded(np.float64(glow[i]), kept)
        if satisfaction[i] != usual[i]:
            satisfaction[i] = after_a_week(np.float64(satisfaction[i]), np.float64(usual[i]), kept)


@compiled
def meet(satisfaction, orders, first_order, rows, quality, week, weight, weight_later, asymmetry):
    """Let people meet with experiences, one after the other. Who has not ordered yet is new."""
    for j in range(rows.size):
        i = rows[j]
        weeks = week - float(first_order[i]) if orders[i] > 0 else 0.0
        share = weight_of(weeks, weight, weight_later)
        satisfaction[i] = after_experience(np.float64(satisfaction[i]), quality[j], share, asymmetry)


@compiled
def recover(satisfaction, glow, orders, first_order, heard, week, log_kept, weight, weight_later, asymmetry):
    """Let people meet with recoveries, one after the other. Of several glows the strongest is felt."""
    acted_on = np.float64(heard.acted_on)
    for j in range(heard.row.size):
        i, weeks = heard.row[j], np.float64(heard.weeks[j])
        since = week - weeks - float(first_order[i]) if orders[i] > 0 else 0.0
        share = weight_of(since, weight, weight_later)
        back = given_back(heard.loss[j], weeks, heard.share[j], log_kept, share, asymmetry)
        satisfaction[i] = np.float64(satisfaction[i]) + back + acted_on * heard.glow[j]
        glow[i] = max(np.float64(glow[i]), (1.0 - acted_on) * heard.glow[j])


@compiled
def add_effect(effect, satisfaction, stage, slope):
    """Add to something on the log scale what customers' satisfaction does to it."""
    for i in range(stage.size):
        if stage[i] == CUSTOMER:
            effect[i] += log_effect(np.float64(satisfaction[i]), slope)


@compiled
def multiply_effect(effect, satisfaction, stage, slope):
    """The same for something that is multiplied."""
    for i in range(stage.size):
        if stage[i] == CUSTOMER:
            effect[i] *= math.exp(log_effect(np.float64(satisfaction[i]), slope))


@compiled
def add_for_whoever_ordered(effect, satisfaction, orders, slope):
    """The same as `add_effect` for everybody who ever was a customer."""
    for i in range(orders.size):
        if orders[i] > 0:
            effect[i] += log_effect(np.float64(satisfaction[i]), slope)
