"""What a user reads when a file is wrong: one line per mistake, in file order, saying what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crmlab.experiments.wording.names import spoken

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake. `loc` is the setting's place in the file, `text` a sentence, `value` what stands there."""

    text: str
    loc: Loc = ()
    value: object = None
    line: int | None = None
    overruled: bool = False

    def __str__(self) -> str:
        place = "--set" if self.overruled else f"line {self.line}" if self.line else ""
        return "  ".join(part for part in (place and f"{place:<8}", self._setting(), self.text) if part)

    def _setting(self) -> str:
        name = spoken(self.loc)
        if isinstance(self.value, bool):
            return f"{name} = {str(self.value).lower()}"
        if isinstance(self.value, str):
            return f'{name} = "{self.value[:40]}"'
        return f"{name} = {self.value}" if isinstance(self.value, int | float) else name


class UserError(ValueError):
    """Something the user can put right. The message says what, and `exit_code` what the command line returns."""

    exit_code = 2

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of the calls that led here: the mistake is not in them."""
        return [str(self)]


class Interrupted(UserError):
    """The user stopped a run; the message says what was kept and how to go on."""

    exit_code = 130


class SpecError(UserError):
    """A file that cannot be used. `problems` are its mistakes, one line each; `str()` is the whole message."""

    def __init__(self, path: Path | str, problems: Sequence[Problem]) -> None:
        self.path = path
        ordered = sorted(problems, key=lambda p: (p.line is None, p.line or 0))
        self.problems = [str(p) for p in ordered]
        super().__init__(self._text(ordered))

    def _text(self, problems: Sequence[Problem]) -> str:
        if len(problems) == 1:
            only = problems[0]
            return f"{self.path}: {only}" if only.line or only.overruled or only.loc else f"{self.path} {only}"
        listed = "\n".join(f"  {line}" for line in self.problems)
        return f"{self.path} has {len(problems)} problems; nothing was run.\n{listed}"
