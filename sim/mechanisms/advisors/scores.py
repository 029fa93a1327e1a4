"""What the firm's model makes of a lead: a score of stated quality, and a grade.

Each lead carries two clocks from birth, until the first order and until interest is lost, both unit exponentials E_o
and E_c (`kernel.lead_clocks`). With conversion hazard h and cooling hazard c of the channel the lead orders before
cooling off if E_o / h < E_c / c, which is the same as

    U < p        U = E_o / (E_o + E_c), uniform on (0, 1),        p = h / (h + c), the channel's `p_convert`

So U is the lead's latent trait: how much it takes to win it. Y = 1 if U < p: this lead would buy if left alone. No
policy moves U; what a firm does moves h and with it p, and who has U just above p can be won. The score is binormal,

    score = d Y + e        e = rho depth + sqrt(1 - rho^2) noise,        both standard normal given Y

where `depth` of interaction is the normal score of U among leads with the same Y: who comes nearer to an order looks
around more. So the score has exactly the stated quality, AUC = Phi(d / sqrt 2), whatever rho is, and among those who
would not buy it finds those who nearly would.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from crmlab.sim.jit import compiled
from crmlab.sim.kernel import lead_clocks
from crmlab.sim.mechanism import Setting

Floats = NDArray[np.float64]

GRADES = "ABCD"
BEST_SHARES = (0.1, 0.3, 0.6)  # of all leads: grade A, A or B, A to C; all others are D
N_CLASSES = 100  # of the waiting list: leads wait in the order of their score, to the percent
TINY = 1e-12


class LeadClocks(NamedTuple):
    """The clocks of some leads as they become leads. Shape [m] each."""

    to_order: Floats
    to_cool: Floats

    @property
    def bar(self) -> Floats:
        """U: the conversion chance from which on each of them orders before cooling off."""
        return self.to_order / (self.to_order + self.to_cool)


@compiled
def _clocks(key0, key1, ids):
    to_order, to_cool = np.empty(ids.size), np.empty(ids.size)
    for j in range(ids.size):
        to_order[j], to_cool[j] = lead_clocks(key0, key1, ids[j])
    return to_order, to_cool


def clocks_of(setting: Setting, rows: NDArray[np.int32]) -> LeadClocks:
    """The clocks that some rows get when they become leads."""
    return LeadClocks(*_clocks(*setting.key, setting.person_ids(rows)))


def scores_of(bar: Floats, noise: Floats, p_convert: Floats, quality: float, depth: float) -> Floats:
    """The score of each lead. `bar` [m] is U, `noise` [m] uniform, `p_convert` [m] that of the own channel."""
    buys = bar < p_convert
    within = np.where(buys, bar / p_convert, (bar - p_convert) / (1 - p_convert))
    nearness = ndtri(1 - np.clip(within, TINY, 1 - TINY))
    scored: Floats = quality * buys + depth * nearness + math.sqrt(1 - depth * depth) * ndtri(noise)
    return scored


class GradeBook:
    """From score to grade. `quality` is that of the score, `p_convert` the share of all leads who would buy."""

    def __init__(self, quality: float, p_convert: float) -> None:
        self.quality = quality
        self.p_convert = p_convert

    @classmethod
    def of(cls, setting: Setting, quality: float) -> GradeBook:
        """The grades as the firm has set them in the light of today's leads, for good: no policy moves them."""
        p = np.array([channel.p_convert for channel in setting.world.channels])
        stock = setting.opening_clock  # leads at week 0 by channel, each of whom stays for (1 - p) lead_weeks
        coming = stock / (1 - p) if stock.size == p.size else np.ones(p.size)
        total = float(coming.sum())
        return cls(quality, float(coming @ p) / total if total > 0 else 0.0)

    def better(self, score: Floats) -> Floats:
        """The share of all leads with a better score. Shape [m]."""
        share: Floats = self.p_convert * ndtr(self.quality - score) + (1 - self.p_convert) * ndtr(-score)
        return share

    def grades(self, score: Floats) -> NDArray[np.uint8]:
        """1 (A) to 4 (D). Shape [m]."""
        return (1 + np.searchsorted(BEST_SHARES, self.better(score), side="right")).astype(np.uint8)

    def classes(self, score: Floats) -> NDArray[np.int8]:
        """The place in the waiting list: 0 is called first. Shape [m]."""
        return np.minimum(N_CLASSES * self.better(score), N_CLASSES - 1).astype(np.int8)
