"""How people react to a loyalty programme: each number with range, source and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from crmlab.sim.levers import Unknown


@dataclass(frozen=True)
class MembershipResponse:
    """Who joins a loyalty programme, and what being a member does."""

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
            "share of the effect of rewards left in heavy buyers",
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


@dataclass(frozen=True)
class PointsResponse:
    """What points, and rewards in reach, do to members."""

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


@dataclass(frozen=True)
class TierResponse:
    """What tiers and their deadlines do to members."""

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


@dataclass(frozen=True)
class LoyaltyResponse(TierResponse, PointsResponse, MembershipResponse):
    """How members of a loyalty programme react to it.

    Effects hold for rewards in reach and grow with what they are worth: the gradient, the head start and what follows a
    reward by the reward; membership, deadlines and effects of tiers by what the tier gives on a member's spend, in full
    from 5 % of it (`worth.py`). A tier that gives nothing moves nobody, unless `status` is below 1.
    """

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
