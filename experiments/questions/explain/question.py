"""What an explanation is asked: of which arm."""

from __future__ import annotations

from dataclasses import dataclass

from crmlab.experiments.experiment import Question


@dataclass(frozen=True)
class Explain(Question):
    """Why does an arm do what it does: through which plays and people, for whom, and with how much waste?"""

    arm: str
