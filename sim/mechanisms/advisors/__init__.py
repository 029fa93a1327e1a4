"""Advisors: people who call promising leads, and people who look after key accounts.

The actions alone are light; the numbers of the mechanism are loaded when they are asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmlab.sim.mechanisms.advisors.params import Advisors

__all__ = ["Advisors"]


def __getattr__(name: str) -> Any:
    if name != "Advisors":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crmlab.sim.mechanisms.advisors.params import Advisors

    return Advisors
