"""How people react: to prices, to a loyalty programme, to friends. Each number with range, source and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

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
    elasticity_most: Annotated[
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


@dataclass(frozen=True)
class LoyaltyResponse:
    """How members of a loyalty programme react to it.

    Effects hold for rewards in reach and grow with what they are worth: the gradient, the head start and what follows a
    reward by the reward; membership, deadlines and moods by what the tier gives on a member's spend, in full from 5 %
    of it (`worth.py`). A tier that gives nothing moves nobody, unless `status` is below 1.
    """

    p_join: Annotated[
        float, Unknown(0.05, 0.9, "share of median buyers who join", "enrolment of 40-60 %", "A", vary="range")
    ] = 0.5
    join_selection: Annotated[
        float,
        Unknown(
            0.0,
            1.5,
            "log odds per SD of log order rate",
            "sign Leenheer et al. 2007; size set so that the naive gap is several times the causal one",
            "A",
            vary="range",
        ),
    ] = 0.35
    member: Annotated[
        float,
        Unknown(
            0.0,
            0.14,
            "log orders, light and moderate buyers",
            "Belli et al. 2022; Liu 2007",
            "M",
            vary="range",
            absent=0.0,
        ),
    ] = 0.039
    heavy_share: Annotated[
        float, Unknown(0.05, 0.5, "share of all orders, from the heaviest buyers", "Liu 2007", "A", vary="range")
    ] = 0.2
    heavy: Annotated[
        float,
        Unknown(
            0.0,
            1.0,
            "share of the pull of rewards left in heavy buyers",
            "sign Liu 2007",
            "A",
            vary="range",
            absent=0.0,
        ),
    ] = 0.5
    member_half_life: Annotated[
        float,
        Unknown(
            26.0,
            520.0,
            "weeks",
            "Meyer-Waarden: erodes in six to nine months; Liu 2007: still grows after two years; the middle is ours",
            "M",
            vary="range",
        ),
    ] = 104.0
    goal_gradient: Annotated[
        float,
        Unknown(
            0.0,
            5.0,
            "log orders at the goal, per unit of worth",
            "Kivetz et al. 2006: 0.25 where a tenth is given",
            "M",
            vary="range",
            absent=0.0,
        ),
    ] = 2.5
    goal_power: Annotated[float, Unknown(1.0, 3.0, "-", "Kivetz et al. 2006", "M", vary="range")] = 1.0
    head_start: Annotated[
        float,
        Unknown(
            0.0,
            0.5,
            "log orders on the way to a first reward begun for them, where a tenth is given",
            "Nunes & Dreze 2006",
            "R2",
            vary="range",
            absent=0.0,
        ),
    ] = 0.25
    p_redeem: Annotated[
        float, Unknown(0.1, 1.0, "chance per order with enough points", "no source found", "A", vary="range")
    ] = 0.6
    expected_breakage: Annotated[
        float,
        Unknown(0.0, 0.4, "share of expiring points members expect to lose", "no source found", "A", vary="range"),
    ] = 0.1
    reach_weeks: Annotated[
        float, Unknown(26.0, 104.0, "weeks; a reward further off pulls nobody", "no source found", "A", vary="range")
    ] = 52.0
    reward: Annotated[
        float,
        Unknown(0.0, 0.08, "log orders after a reward", "sign Taylor & Neslin 2005", "A", vary="range", absent=0.0),
    ] = 0.03
    reward_weeks: Annotated[float, Unknown(4.0, 10.0, "weeks, decay", "Taylor & Neslin 2005", "A", vary="range")] = 6.0
    pressure: Annotated[
        float,
        Unknown(
            0.0,
            0.10,
            "log orders near a deadline",
            "Taylor & Neslin 2005: 0.02 to 0.10",
            "M",
            vary="range",
            absent=0.0,
        ),
    ] = 0.058
    pressure_weeks: Annotated[
        float, Unknown(4.0, 12.0, "weeks before a deadline", "no source found", "A", vary="range")
    ] = 8.0
    pressure_gap: Annotated[
        float, Unknown(0.1, 0.5, "share of the threshold still missing", "no source found", "A", vary="range")
    ] = 0.25
    success: Annotated[
        float,
        Unknown(0.0, 0.18, "log orders after reaching a tier", "sign Wang et al. 2016", "A", vary="range", absent=0.0),
    ] = 0.095
    failure: Annotated[
        float,
        Unknown(0.0, 0.16, "log orders lost after missing it", "sign Wang et al. 2016", "A", vary="range", absent=0.0),
    ] = 0.051
    stretch_weeks: Annotated[float, Unknown(20.0, 52.0, "weeks", "Wang et al. 2016", "A", vary="range")] = 35.0
    demotion: Annotated[
        float,
        Unknown(
            0.0, 0.29, "log orders lost after falling a tier", "sign Wagner et al. 2009", "A", vary="range", absent=0.0
        ),
    ] = 0.105
    demotion_weeks: Annotated[float, Unknown(13.0, 52.0, "weeks", "Wagner et al. 2009", "A", vary="range")] = 26.0
    tier_tilt: Annotated[
        float,
        Unknown(
            0.0,
            1.0,
            "success more at the lowest tier, failure and fall more near the top",
            "sign Wang et al. 2016",
            "A",
            vary="range",
            absent=0.0,
        ),
    ] = 0.5
    perks: Annotated[
        float,
        Unknown(
            0.0, 1.0, "effect of a benefit / of a price cut of its yearly worth", "no source found", "A", vary="range",
            absent=0.0,
        ),
    ] = 0.5  # fmt: skip
    status: Annotated[
        float,
        Unknown(
            0.85, 1.0, "departure hazard, top tier / basic", "status: Dreze & Nunes 2009", "A", vary="range", absent=1.0
        ),
    ] = 1.0
    member_worth: Annotated[
        float,
        Unknown(
            0.01,
            0.05,
            "share of spend given, from where membership has its full effect",
            "no source found; programmes whose members were studied give about 1 to 2 % back",
            "A",
            vary="range",
        ),
    ] = 0.02
    strength: Annotated[
        float,
        Unknown(
            0.0,
            2.5,
            "factor of everything above by which a programme moves people, benefits aside",
            "whole programmes moved purchases by nothing to 26 %, and no study parts that by cause; size ours",
            "A",
            vary="range",
            absent=0.0,
        ),
    ] = 1.0


@dataclass(frozen=True)
class WordOfMouth:
    """How customers recommend the firm to people they know, and what a recommendation does to both.

    Friends live on a graph: "small_world" (Watts-Strogatz: `contacts` neighbours on a ring, some rewired; the others
    are strong ties) or "scale_free" (few people with very many contacts; the first half of one's contacts are strong
    ties). With `p_invite` 0 nobody talks about the firm.
    """

    graph: Literal["small_world", "scale_free"] = "small_world"
    contacts: Annotated[int, Unknown(2, 40, "people", "mean degree 5-20", "A")] = 8
    rewired: Annotated[float, Unknown(0.0, 1.0, "share of contacts", "Watts & Strogatz 1998", "M")] = 0.1
    p_invite: Annotated[
        float,
        Unknown(
            0.01, 0.20, "chance per order, no reward", "see Kumar, Petersen & Leone 2007", "A", off=0, vary="range"
        ),
    ] = 0.0
    sociability_cv: Annotated[
        float, Unknown(0.0, 2.0, "coefficient of variation", "people differ in telling friends", "A")
    ] = 0.5
    accept_strong: Annotated[
        float,
        Unknown(
            0.05,
            0.45,
            "chance that a strong tie orders",
            "so that K fits Kumar, Petersen & Leone 2007",
            "A",
            vary="range",
        ),
    ] = 0.25
    accept_weak: Annotated[
        float,
        Unknown(
            0.01,
            0.20,
            "chance that a weak tie orders",
            "so that K fits Kumar, Petersen & Leone 2007",
            "A",
            vary="range",
        ),
    ] = 0.06
    reward_strong: Annotated[
        float,
        Unknown(0.0, 0.8, "log invitations to strong ties", "sign Ryu & Feick 2007", "M", vary="range", absent=0.0),
    ] = 0.05
    reward_weak: Annotated[
        float, Unknown(0.0, 0.8, "log invitations to weak ties", "sign Ryu & Feick 2007", "M", vary="range", absent=0.0)
    ] = 0.35
    full_reward: Annotated[
        float, Unknown(0.02, 0.5, "share of a mean order", "from where size hardly matters", "A", off=0)
    ] = 0.1
    reward_doubling: Annotated[
        float, Unknown(0.0, 0.2, "log invitations per doubling", "sign Wolters et al. 2020", "A")
    ] = 0.095
    friend_offer: Annotated[
        float,
        Unknown(0.0, 6.0, "log acceptances per unit of rate", "as a first-order offer", "A", vary="range", absent=0.0),
    ] = 3.0
    referred_departure: Annotated[
        float,
        Unknown(
            0.75,
            1.0,
            "departure hazard while the friend is there",
            "Schmitt et al. 2011",
            "R2",
            vary="range",
            absent=1.0,
        ),
    ] = 0.82
    referred_value: Annotated[
        float, Unknown(-0.10, 0.30, "share of order value at first", "Schmitt et al. 2011", "M", off=0, vary="range")
    ] = 0.20
    referred_value_weeks: Annotated[
        float, Unknown(52.0, 260.0, "weeks until it is gone", "Schmitt et al. 2011", "M")
    ] = 130.0
    referrer_departure: Annotated[
        float,
        Unknown(
            0.34, 1.0, "departure hazard, lately won a friend", "Garnefeld et al. 2013", "M", vary="range", absent=1.0
        ),
    ] = 0.6
    referrer_value: Annotated[
        float,
        Unknown(0.0, 0.114, "share of order value", "Garnefeld et al. 2013, shrunk", "M", vary="range", absent=0.0),
    ] = 0.05
    referrer_weeks: Annotated[float, Unknown(26.0, 104.0, "weeks", "Garnefeld et al. 2013", "M")] = 52.0
    p_warn: Annotated[
        float,
        Unknown(0.0, 0.3, "chance that a leaver warns a contact", "no source found", "A", vary="range", absent=0.0),
    ] = 0.05
    warning: Annotated[
        float,
        Unknown(0.0, 1.5, "log chance of a first order, per warning", "no source found", "A", vary="range", absent=0.0),
    ] = 0.5
    false_claims: Annotated[
        float, Unknown(0.0, 0.3, "share of other new customers who claim a friend", "no source found", "A")
    ] = 0.02
    p_identified: Annotated[float, Unknown(0.0, 1.0, "referred buyers whose identity the firm gets", "code", "A")] = 1.0
    quality: Annotated[
        float,
        Unknown(
            -0.10,
            0.0,
            "order rate of friends won, per doubling of the reward beyond `full_reward`",
            "sign Wolters et al. 2020",
            "A",
            off=0,
            vary="range",
        ),
    ] = -0.05
    money_weak_brand: Annotated[
        float,
        Unknown(
            0.6,
            1.0,
            "inviting and accepting for money / in kind, weakest brand",
            "sign Jin & Huang 2014",
            "A",
            vary="range",
        ),
    ] = 0.85
    brand_strength: Annotated[float, Unknown(0.0, 1.0, "0 weakest, 1 strongest brand", "scenario", "A")] = 0.5

    @property
    def on(self) -> bool:
        """Whether anybody talks about the firm."""
        return self.p_invite > 0
