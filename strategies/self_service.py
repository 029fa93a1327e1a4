"""Self-service: answers that customers find by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, FirmView, Lever, SelfService


@dataclass(frozen=True)
class SelfServicePages:
    """Money for pages, guides and robots that answer questions (not complaints), so that fewer come to the desk. The
    first of it answers most."""

    audience: ClassVar[Audience] = "everybody"
    needs: ClassVar[str] = "service_desk"

    spend: Annotated[float, Lever(0.0, 2000.0, unit="currency a week")] = 100.0

    def decide(self, view: FirmView) -> list[Action]:
        return [SelfService(self.spend)]
