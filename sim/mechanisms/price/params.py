"""How people react to prices: each number with range, source and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from crmlab.sim.levers import Unknown


@dataclass(frozen=True)
class PriceResponse:
    """How people react to a price other than today's."""

    elasticity: Annotated[
        float, Unknown(1.0, 2.6, "log orders per log price", "from Tellis 1988", "A", off=0, vary="range")
    ] = 1.8
    elasticity_cv: Annotated[
        float, Unknown(0.0, 0.8, "coefficient of variation", "dispersion between people", "A", vary="range")
    ] = 0.5
    elasticity_max: Annotated[
        float, Unknown(2.0, 4.5, "log orders per log price", "truncation: the composition guard never binds", "A")
    ] = 3.7
    gain: Annotated[
        float,
        Unknown(
            0.0,
            1.8,
            "log orders per log price",
            "Bijmolt et al. 2005, less elasticity: 0.2 to 1.8",
            "A",
            vary="range",
            absent=0.0,
        ),
    ] = 0.8
    loss_aversion: Annotated[
        float,
        Unknown(
            1.0, 2.5, "loss / gain", "Neumann & Boeckenholt 2014; Hardie et al. 1993", "M", vary="range", absent=1.0
        ),
    ] = 1.5
    carry_over: Annotated[
        float,
        Unknown(0.60, 0.95, "per exposed week", "Hardie et al. 1993 (.83), Greenleaf 1995 (.925)", "M", vary="range"),
    ] = 0.85
    p_exposure: Annotated[
        float, Unknown(0.05, 1.0, "chance per week to notice the price", "visit or message", "A", off=0, vary="range")
    ] = 0.25
    pull_forward: Annotated[
        float,
        Unknown(
            0.0,
            0.25,
            "share of the bump",
            "van Heerde, Leeflang & Wittink 2000: 0.04 to 0.25",
            "R",
            vary="range",
            absent=0.0,
        ),
    ] = 0.15
    repayment_weeks: Annotated[
        float, Unknown(2.0, 12.0, "weeks", "Pauwels, Hanssens & Siddarth 2002", "A", vary="range")
    ] = 4.0
    latitude: Annotated[
        float,
        Unknown(
            0.15,
            0.5,
            "how far above what one is used to pay today's price still seems regular",
            "chosen so that the dip after one promotion is `pull_forward`; sign Kalyanaram & Little 1994",
            "A",
            off=0,
            vary="range",
        ),
    ] = 0.2
    first_order_gain: Annotated[
        float, Unknown(0.0, 1.8, "log orders per log price", "none: who never ordered has no reference price", "A")
    ] = 0.0
    coupon_use: Annotated[
        float,
        Unknown(
            0.06,
            0.17,
            "share of coupons that their holders would use; 1: all",
            "Complete Journey, 6,589 household-campaigns: 17 / 7 / 6 % by type of campaign",
            "C",
            off=1,
            vary="range",
        ),
    ] = 0.12
    coupon_use_icc: Annotated[
        float,
        Unknown(
            0.16,
            0.40,
            "intraclass correlation of using coupons within people",
            "Complete Journey, beta-binomial fit",
            "C",
            vary="range",
        ),
    ] = 0.22
    with_order_rate: Annotated[
        float,
        Unknown(
            -0.6,
            0.3,
            "correlation of elasticity and order rate",
            "range chosen for what a first-order discount selects: Lewis 2006, Anderson & Simester 2004",
            "A",
            vary="range",
        ),
    ] = 0.0
    with_departure: Annotated[
        float,
        Unknown(
            -0.3,
            0.5,
            "correlation of elasticity and departure",
            "range chosen for what a first-order discount selects: Lewis 2006, Anderson & Simester 2004",
            "A",
            vary="range",
        ),
    ] = 0.0
