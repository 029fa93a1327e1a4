"""A lever with the range or the words within which a search or a sweep may move it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SWITCH = "on"  # the lever of a play that the search may leave out


@dataclass(frozen=True)
class SearchedLever:
    """One setting of a play that the search may move: a number from `low` to `high` (inclusive), or one of `options`.

    `path` is how the file calls it: `play.lever`, or `play.lever.key` for an entry of a table such as the factors of a
    channel mix. `log`: the search moves in ratios; `step`: only multiples above `low`; `whole`: whole numbers only.
    `play.on` with options true and false is the choice whether the play is in the arm at all. `when` names another
    lever and the values of it under which this one means anything: `((path, (value, ...)), ...)`.
    """

    path: str
    play: str
    lever: str
    key: str | None
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    whole: bool = False
    options: tuple[Any, ...] = ()
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def allows(self, value: Any) -> bool:
        """Whether the search may set this value."""
        if self.options:
            return value in self.options
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high

    @classmethod
    def switch(cls, play: str) -> SearchedLever:
        """The choice whether a play is in the arm."""
        return cls(f"{play}.{SWITCH}", play, SWITCH, None, options=(True, False))

    @property
    def is_switch(self) -> bool:
        """Whether this decides about the whole play."""
        return self.path == f"{self.play}.{SWITCH}"
