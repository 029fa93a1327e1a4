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

    A class attribute `needs` = "package.module:Class" names the numbers of the mechanism that carries out its actions,
    where not every world has it.
    """

    def decide(self, view: FirmView) -> Sequence[Action]:
        """This week's actions."""
        ...


def audience_of(strategy: object) -> Audience | None:
    """Whom a strategy (class or instance) says it acts on; None when it does not say."""
    declared = getattr(strategy, "audience", None)
    return declared if declared in get_args(Audience) else None


def mechanism_needed(strategy: object) -> str | None:
    """The mechanism without which nothing of a strategy (class or instance) is carried out, as a world file names it:
    `package.module:Class`. None: every market has what it takes."""
    needed = getattr(strategy, "needs", None)
    return needed if isinstance(needed, str) else None
