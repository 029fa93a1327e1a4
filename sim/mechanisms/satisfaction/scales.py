"""From satisfaction to answers: who answers a survey, and which box is ticked.

An answer is a cut of

    y = (z + noise * e) / sqrt(1 + noise^2),    e ~ N(0, 1)

which over people at their usual level is N(0, 1) like z itself: the shares that the world states are the shares of
answers, as long as everybody answers. The boxes of a scale are equally wide.

Who is asked answers with a chance of expit(a + bias * |z|). `a` is such that the mean over people at their usual level
is the response rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri

Floats = NDArray[np.float64]

USUAL = np.linspace(-8.0, 8.0, 1601)  # satisfaction at the usual level, for means over it
_DENSITY = np.exp(-0.5 * USUAL**2)
USUAL_WEIGHT = _DENSITY / _DENSITY.sum()


def csat_cuts(satisfied: float, delighted: float) -> Floats:
    """Where the five boxes end: `satisfied` is the share in the top two at the usual level, `delighted` in the first.
    Shape [4]."""
    fourth, fifth = ndtri(1 - satisfied), ndtri(1 - delighted)
    return np.asarray(fourth + (fifth - fourth) * np.arange(-2, 2))


def nps_cuts(promoters: float, detractors: float) -> Floats:
    """Where the eleven points end: `promoters` is the share of 9 and 10 at the usual level, `detractors` of 0 to 6.
    Shape [10]."""
    seventh, ninth = ndtri(detractors), ndtri(1 - promoters)
    return np.asarray(seventh + (ninth - seventh) / 2 * np.arange(-6, 4))


def response_intercept(response: float, bias: float) -> float:
    """`a` of the chance to answer: log odds of somebody right in the middle."""
    if response >= 1:
        return math.inf

    def excess(a: float) -> float:
        return float(USUAL_WEIGHT @ expit(a + bias * np.abs(USUAL))) - response

    most = float(logit(response))
    return float(brentq(excess, most - 8 * bias - 1, most + 1))


@dataclass(frozen=True)
class Respondents:
    """How the people of a world answer surveys."""

    cuts: dict[str, Floats]
    lowest: dict[str, int]  # the number of the lowest box
    intercept: float
    bias: float
    noise: float

    @classmethod
    def of(cls, numbers: Any) -> Respondents:
        """As a world's numbers of satisfaction say."""
        cuts = {
            "csat": csat_cuts(numbers.satisfied, numbers.delighted),
            "nps": nps_cuts(numbers.promoters, numbers.detractors),
        }
        intercept = response_intercept(numbers.response, numbers.response_bias)
        return cls(cuts, {"csat": 1, "nps": 0}, intercept, numbers.response_bias, numbers.answer_noise)

    def p_answer(self, z: Floats) -> Floats:
        """The chance that each of these people answers when asked. Shape as `z`."""
        return np.asarray(expit(self.intercept + self.bias * np.abs(z)))

    def answers(self, question: str, z: Floats, u: Floats) -> NDArray[np.int8]:
        """The boxes that they tick, if uniforms `u` are their luck. Shape as `z`."""
        said = (z + self.noise * ndtri(u)) / math.sqrt(1 + self.noise**2)
        return (self.lowest[question] + np.searchsorted(self.cuts[question], said, side="right")).astype(np.int8)
