"""What is ours to choose and what is the world's: the two kinds of number in a simulation.

A `Lever` is a number that the firm sets (a discount rate, a threshold, a budget). An `Unknown` is a number that the
world sets and that we only know within a range (an elasticity, a margin). Both are written once, on the field:

    silver_rate: Annotated[float, Lever(0.0, 0.15, unit="share of price")] = 0.05
    elasticity: Annotated[float, Unknown(1.0, 2.6, unit="-", source="Tellis 1988", evidence="A")] = 1.8

and everything that needs the range reads it there: checks of experiment files, search spaces, sliders, reference docs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, get_type_hints

Evidence = Literal["R", "R2", "M", "C", "A", "K"]

EVIDENCE: dict[str, str] = {
    "R": "published, read in the source",
    "R2": "practitioner or secondary page",
    "M": "cited from memory of a published work, not checked again",
    "C": "computed from a closed form or from public data",
    "A": "assumption: no citable number was found",
    "K": "known to the firm: its world file says so",
}


USUAL_ORDER = 35.0  # currency: the mean order of the shops that ranges of money were written for
MAX_MONEY = 1e12  # currency: beyond it no amount of any currency makes sense


@dataclass(frozen=True)
class Lever:
    """A number the firm chooses, with the range in which it may be chosen.

    `low` and `high` are inclusive bounds in `unit`; `log` says that a search should move in ratios; `step` that only
    multiples of it above `low` make sense. `off` is a value outside the range that says there is no such thing (no cap,
    say): a file may state it, a search does not try it.
    """

    low: float
    high: float
    unit: str = ""
    log: bool = False
    step: float | None = None
    off: float | None = None

    def allows(self, value: float) -> bool:
        """Whether a strategy may be given this value: inside the range, or off."""
        return self.low <= value <= self.high or value == self.off

    @property
    def is_money(self) -> bool:
        """Whether it is an amount of money: then its range is that of a shop whose mean order is `USUAL_ORDER`."""
        return self.unit.startswith("currency")

    def at(self, mean_order: float) -> Lever:
        """The range in a market with another mean order: money grows with it, everything else stays."""
        if not self.is_money:
            return self
        low, high = (float(f"{end * mean_order / USUAL_ORDER:.2g}") for end in (self.low, self.high))
        return dataclasses.replace(self, low=low, high=high)


@dataclass(frozen=True)
class Unknown:
    """A number the world chooses, with the range that the evidence leaves open.

    `source` names where the default and the range come from and `evidence` how good that source is (see `EVIDENCE`).
    `off` is a value outside the range that switches the mechanism off, where there is one. `vary` says how the number
    is drawn when worlds are sampled: not at all (the firm knows it, or it was fitted), within the range, or within a
    factor of its value.

    `absent` is the end of the range at which the effect does not exist (0 of a gain in orders, 1 of a multiplier),
    where the evidence leaves that possible: sampled worlds are then drawn evenly all the way to it, half of them on
    that side of the stated value, so that no policy is called safe that lives on an effect which may not be there.
    """

    low: float
    high: float
    unit: str
    source: str
    evidence: Evidence
    off: float | None = None
    vary: Literal["no", "range"] | float = "no"
    absent: float | None = None

    def __post_init__(self) -> None:
        if self.absent is not None and self.absent not in (self.low, self.high):
            raise ValueError(f"absent = {self.absent:g} must be an end of the range {self.low:g} to {self.high:g}")
        if self.absent is not None and self.vary == "no":
            raise ValueError("an effect that may be absent must vary between sampled worlds")

    def allows(self, value: float) -> bool:
        """Whether a world may state this value: inside the range, or the mechanism switched off."""
        return self.low <= value <= self.high or value == self.off


@dataclass(frozen=True)
class Ranged:
    """One field of a dataclass with the range that stands on it."""

    name: str
    range: Lever | Unknown
    default: object


@cache
def ranged_fields(cls: type) -> dict[str, Ranged]:
    """The fields of a dataclass that carry a `Lever` or an `Unknown`, by name, in the order of the class."""
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, Ranged] = {}
    for field in dataclasses.fields(cls):
        for note in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(note, Lever | Unknown):
                default = field.default_factory() if callable(field.default_factory) else field.default
                found[field.name] = Ranged(field.name, note, default)
    return found


def levers_of(strategy: object) -> dict[str, Ranged]:
    """The levers of a strategy (class or instance), by name."""
    cls = strategy if isinstance(strategy, type) else type(strategy)
    return {name: field for name, field in ranged_fields(cls).items() if isinstance(field.range, Lever)}


def unknowns_of(group: object) -> Mapping[str, Ranged]:
    """The unknowns of a group of the world (class or instance), by name."""
    return _unknowns(group if isinstance(group, type) else type(group))


@cache
def _unknowns(cls: type) -> Mapping[str, Ranged]:
    found = {name: field for name, field in ranged_fields(cls).items() if isinstance(field.range, Unknown)}
    return MappingProxyType(found)
