"""How people recommend the firm to friends: each number with range, source and evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from crmlab.sim.levers import Unknown


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
