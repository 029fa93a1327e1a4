"""Whom a play addresses: one vocabulary for every strategy, in TOML, Python and on a page.

    target = { segments = ["dormant"], weeks_since_order = [13, 52], sources = ["paid_search"] }

Conditions on different facts are all required; the names within one list are alternatives. Everything here is a
recorded fact of the view: a target can never ask for a hidden trait. What the mechanisms of a world record is named in
the same way, `csat = [1, 2]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.view import FirmView

BANDS = (
    "weeks_since_order", "weeks_since_first_order", "orders", "orders_52", "spend", "spend_52",
    "recency_score", "frequency_score", "monetary_score", "points", "tier", "referrals",
)  # fmt: skip
SEGMENTS = ("new", "high_value_loyal", "nurture", "dormant")

Band = tuple[float, float]


@dataclass(frozen=True)
class Target:
    """A part of the identified customers. `bands` maps one of `BANDS`, or any number that a mechanism of the market
    records (`view.fact`), to (low, high), both inclusive.

    `sources` are channel names ("before" for those of the founding base whose source was not recorded), `segments`
    names of `SEGMENTS`, `tags` names given by `Tag` actions (any of them); `member` asks for members of the loyalty
    programme (True) or for everybody else (False).
    """

    bands: Mapping[str, Band] = field(default_factory=dict)
    segments: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    member: bool | None = None

    @property
    def everybody(self) -> bool:
        """Whether the target leaves nobody out."""
        return not (self.bands or self.segments or self.sources or self.tags) and self.member is None

    def matches(self, view: FirmView) -> NDArray[np.bool_]:
        """Who among the identified customers is addressed. Shape [n]."""
        who = np.ones(view.n, dtype=np.bool_)
        for name, (low, high) in self.bands.items():
            value = getattr(view, name) if name in BANDS else view.fact(name)
            who &= (value >= low) & (value <= high)
        if self.segments:
            who &= np.isin(view.segment, [SEGMENTS.index(s) for s in self.segments])
        if self.sources:
            who &= np.isin(view.source, [view.source_index(name) for name in self.sources])
        if self.tags:
            who &= np.logical_or.reduce([view.tag(name) for name in self.tags])
        if self.member is not None:
            who &= view.member == self.member
        return who
