"""Quality investment: money against failures, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim import Action, Audience, FirmView, Lever, QualityInvestment


@dataclass(frozen=True)
class FewerFailures:
    """What is spent every week on better products, delivery, manners and bills. The first of it avoids most failures,
    some are left whatever is spent, and they come back when the money stops."""

    audience: ClassVar[Audience] = "everybody"
    needs: ClassVar[str] = "failures"

    product: Annotated[float, Lever(0.0, 2000.0, unit="currency a week")] = 0.0
    delivery: Annotated[float, Lever(0.0, 2000.0, unit="currency a week")] = 0.0
    courtesy: Annotated[float, Lever(0.0, 2000.0, unit="currency a week")] = 0.0
    billing: Annotated[float, Lever(0.0, 2000.0, unit="currency a week")] = 0.0

    def decide(self, view: FirmView) -> list[Action]:
        return [
            QualityInvestment("product", self.product),
            QualityInvestment("delivery", self.delivery),
            QualityInvestment("courtesy", self.courtesy),
            QualityInvestment("billing", self.billing),
        ]
