"""Nothing at all: list prices, no media, no offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmlab.sim import Action, Audience, FirmView


@dataclass(frozen=True)
class DoNothing:
    """The firm stops steering: list prices, no media spend, no offers. Not the same as today's policy."""

    audience: ClassVar[Audience] = "everybody"

    def decide(self, view: FirmView) -> list[Action]:
        return []
