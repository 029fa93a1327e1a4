"""What a firm can do to be heard of: spend money on a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from crmlab.sim.actions import MONEY, Action, Audience


@dataclass(frozen=True)
class ChannelBudget(Action):
    """Term: what is spent on a paid channel this week, in whole currency units of the real market."""

    audience: ClassVar[Audience] = "everybody"
    channel: str
    spend: Annotated[float, MONEY]
