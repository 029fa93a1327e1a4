"""Satisfaction: a hidden state of each customer, moved by experiences, followed by behaviour, asked for by surveys.

`Satisfaction`, its numbers, is loaded when it is first asked for: the contract of strategies needs only the actions.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmlab.sim.mechanisms.satisfaction.params import Satisfaction

__all__ = ["Satisfaction"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crmlab.sim.mechanisms.satisfaction import params

    return getattr(params, name)
