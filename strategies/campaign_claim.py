"""Campaign claim: how honest campaigns are with people who have not bought yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, Claim, FirmView, Lever


@dataclass(frozen=True)
class CampaignClaim:
    """What campaigns claim, beyond what is true: 0 is as honest as today, 1 a strong exaggeration, below 0 an
    understatement. A claim wins first orders, and every new customer finds out."""

    audience: ClassVar[Audience] = "everybody"
    needs: ClassVar[str] = "failures"

    strength: Annotated[float, Lever(-1.0, 2.0, unit="units of exaggeration")] = 0.5

    def decide(self, view: FirmView) -> list[Action]:
        return [Claim(self.strength)]
