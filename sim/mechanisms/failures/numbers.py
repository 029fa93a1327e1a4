"""The numbers of failures and recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from crmlab.sim.levers import Unknown

OURS = "no source found"
FIRM = "the firm's own records"
VOICE = "Goodman 2006 (TARP surveys)"
MATOS = "de Matos, Henrique & Rossi 2007"
TARP = "order TARP 1979, sign Knox & van Oest 2014, level ours"

Rate = Annotated[float, Unknown(0.0, 0.5, "share of orders", FIRM, "A", vary=1.5, off=0.0)]
Severity = Annotated[float, Unknown(0.0, 5.0, "standard deviations of experience", OURS, "A", vary=1.5)]


class Kind(NamedTuple):
    """One kind of failure: share of orders, standard deviations of experience that it costs, share who complain."""

    rate: float
    severity: float
    voice: float


@dataclass(frozen=True)
class FailureNumbers:
    """See `Failures`."""

    product: Rate = 0.02
    delivery: Rate = 0.025
    courtesy: Rate = 0.01
    billing: Rate = 0.005
    product_severity: Severity = 1.5
    delivery_severity: Severity = 1.0
    courtesy_severity: Severity = 1.0
    billing_severity: Severity = 1.5
    product_voice: Annotated[float, Unknown(0.05, 0.3, "share of those who have it", VOICE, "R2", vary="range")] = 0.17
    delivery_voice: Annotated[float, Unknown(0.05, 0.6, "share of those who have it", OURS, "A", vary="range")] = 0.30
    courtesy_voice: Annotated[float, Unknown(0.05, 0.3, "share of those who have it", VOICE, "R2", vary="range")] = 0.17
    billing_voice: Annotated[float, Unknown(0.5, 0.75, "share of those who have it", VOICE, "R2", vary="range")] = 0.60
    lag_weeks: Annotated[
        float, Unknown(1.0, 8.0, "weeks from failure to complaint, mean", "Knox & van Oest 2014", "M", vary="range")
    ] = 4.0
    leave_silent: Annotated[float, Unknown(0.0, 0.3, "chance", TARP, "A", vary=2.0, off=0.0)] = 0.15
    leave_unresolved: Annotated[float, Unknown(0.0, 0.4, "chance", TARP, "A", vary=2.0, off=0.0)] = 0.20
    leave_resolved: Annotated[float, Unknown(0.0, 0.12, "chance", TARP, "A", vary=2.0, off=0.0)] = 0.06
    leave_fast: Annotated[float, Unknown(0.0, 0.04, "chance", TARP, "A", vary=2.0, off=0.0)] = 0.02
    loyalty_per_order: Annotated[
        float, Unknown(0.0, 0.2, "log chance less per earlier order, up to ten", "Knox & van Oest 2014", "M", vary=2.0)
    ] = 0.1
    again_factor: Annotated[
        float, Unknown(1.0, 2.5, "times the chance", "Knox & van Oest 2014, size ours", "A", vary="range")
    ] = 1.5
    again_weeks: Annotated[float, Unknown(1.0, 52.0, "weeks in which another complaint is one more", OURS, "A")] = 8.0
    fast_hours: Annotated[float, Unknown(0.1, 168.0, "hours to resolution that count as fast", OURS, "A")] = 24.0
    patience_weeks: Annotated[float, Unknown(1.0, 26.0, "weeks until no answer is one", OURS, "A")] = 4.0
    restored: Annotated[
        float, Unknown(0.0, 1.0, "share of the loss made good by a resolution", OURS, "A", vary="range")
    ] = 0.6
    glow: Annotated[
        float,
        Unknown(0.0, 0.3, "standard deviations beyond before", MATOS, "R", vary="range"),
    ] = 0.1  # fmt: skip
    glow_acted_on: Annotated[
        float,
        Unknown(0.0, 1.0, "share of the glow that behaviour follows (contested)", MATOS, "R"),
    ] = 0.0  # fmt: skip
    quality_floor: Annotated[
        float, Unknown(0.0, 1.0, "share of failures that no money avoids", OURS, "A", vary="range")
    ] = 0.3
    quality_half: Annotated[float, Unknown(1.0, 1e7, "currency a week that halves the rest", OURS, "A", vary=2.0)] = (
        300.0
    )
    promised_days: Annotated[float, Unknown(0.1, 60.0, "days promised today", FIRM, "K")] = 5.0
    delivery_spread: Annotated[
        float, Unknown(0.05, 1.5, "standard deviation of the log of days", OURS, "A", vary=1.5)
    ] = 0.4
    promise_slope: Annotated[
        float, Unknown(0.0, 0.4, "log orders per log of days promised less", OURS, "A", vary="range", absent=0.0)
    ] = 0.08
    speed_cost: Annotated[float, Unknown(0.0, 100.0, "currency an order for twice the speed", FIRM, "A", vary=1.5)] = (
        3.0
    )
    claim_lift: Annotated[
        float, Unknown(0.0, 0.5, "log first orders, at most", OURS, "A", vary="range", absent=0.0)
    ] = 0.2
    claim_slope: Annotated[
        float, Unknown(0.5, 4.0, "standard deviations of experience per unit of claim", OURS, "A", vary="range")
    ] = 1.5
    claim_fades: Annotated[
        float, Unknown(0.1, 1.0, "share of the claim forgotten with each order", OURS, "A", vary="range")
    ] = 0.3

    def kind(self, name: str) -> Kind:
        """The numbers of one kind of failure."""
        return Kind(*(float(getattr(self, field)) for field in (name, f"{name}_severity", f"{name}_voice")))
