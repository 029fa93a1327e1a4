"""What a strategy is: a frozen dataclass with one method. No base class, no state, no registration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, get_args, runtime_checkable

from crmlab.sim.actions import Action, Audience
from crmlab.sim.view import FirmView


@runtime_checkable
class Strategy(Protocol):
    """A rule of the firm: from what it can see to what it does this week.

    `decide` is called once a week with the facts at the start of the week. It must depend on nothing but its own
    fields and the view, change nothing, and return at once what it wants done; an empty list is a fine answer.

    A class attribute `audience` = "customers" says that all its actions are on identified customers, so that its plays
    can have a target, a holdout or a ramp; "everybody" that they are not. Where it is missing, such plays are refused.
    `needs` = "service_desk" says that its actions are carried out by the mechanism of that name, which not every world
    has.
    """

    def decide(self, view: FirmView) -> Sequence[Action]:
        """This week's actions."""
        ...


def audience_of(strategy: object) -> Audience | None:
    """Whom a strategy (class or instance) says it acts on; None when it does not say."""
    declared = getattr(strategy, "audience", None)
    return declared if declared in get_args(Audience) else None


def needs_of(strategy: object) -> str:
    """The mechanism without which nobody carries out the actions of a strategy (class or instance); "" for one whose
    actions every world understands."""
    return str(getattr(strategy, "needs", ""))
