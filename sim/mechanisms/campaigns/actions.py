"""What a firm can note about customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.actions import FROM_ONE_WEEK, Action, Audience, Mask


@dataclass(frozen=True)
class Tag(Action):
    """Grant, identified: a named mark on the customers in `on` [n] that the firm can read later as `view.tag(name)`.

    It is the only memory a strategy has, and it fades after `weeks` weeks.
    """

    audience: ClassVar[Audience] = "customers"
    name: str
    on: Mask
    weeks: Annotated[int, FROM_ONE_WEEK] = 52
