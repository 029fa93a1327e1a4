"""What a user reads when a file is wrong: one line per mistake, in file order, saying what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHORTEST_PART = 3  # letters of a part of a name that stand for the whole of it
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake. `loc` is the setting's place in the file, `text` a sentence, `value` what stands there."""

    text: str
    loc: Loc = ()
    value: Any = None
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


def spoken(loc: Loc) -> str:
    """A place in a file as people write it: `arms.tiers.strategies[0].silver_rate`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean "x"?' when something known looks alike, otherwise nothing."""
    said = str(word).lower().replace(" ", "_").replace("-", "_")
    names = {name.lower(): name for name in reversed(list(map(str, known)))}
    close = difflib.get_close_matches(said, names, n=1, cutoff=0.6)
    if not close and len(said) >= SHORTEST_PART:  # "LTV" for ltv_52, "tiers" for discount_tiers
        close = [name for name in names if name.startswith(f"{said}_") or name.endswith(f"_{said}")][-1:]
    return f' Did you mean "{names[close[0]]}"?' if close else ""


def not_known(word: str, what: str, known: Iterable[str]) -> str:
    """`not a known segment. Did you mean "dormant"? Known: new, dormant`."""
    names = list(known)
    return f"not a known {what}.{did_you_mean(word, names)} Known: {', '.join(names) or 'none'}."


def number_text(value: float) -> str:
    """A bound as people write it: 5000, 0.15, 1e+07."""
    return f"{value:g}" if abs(value) < 1e-4 or abs(value) >= 1e6 else f"{value:.6g}"


def plain_sentence(kind: str, context: dict[str, Any], message: str) -> str:
    """A pydantic error in plain words, from its type and context."""
    types = {
        "int": "must be a whole number",
        "float": "must be a number",
        "string": "must be a text in quotes",
        "bool": "must be true or false",
        "list": "must be a list in [brackets]",
        "tuple": "must be a list in [brackets]",
        "dict": "must be a table",
        "model": "must be a table",
        "date": "must be a date such as 2025-01-31",
    }
    subject, _, rest = kind.partition("_")
    if subject in types and rest in (
        "type",
        "parsing",
        "from_float",
        "attributes_type",
        "from_date_parsing",
        "from_datetime_parsing",
    ):
        return types[subject] + "."
    bounds = {
        "greater_than": "above",
        "greater_than_equal": "at least",
        "less_than_equal": "at most",
        "less_than": "below",
    }
    if kind in bounds:
        limit = next(iter(context.values()))
        return f"must be {bounds[kind]} {limit:,}.".replace(",", " ")
    if kind == "literal_error":
        return f"must be one of {context['expected']}."
    if kind == "string_too_short":
        return "must not be empty."
    if kind == "too_short":
        return f"needs at least {context['min_length']} entries."
    if kind == "too_long":
        return f"has {context['actual_length']} entries; at most {context['max_length']} are allowed."
    return f"{message[:1].lower()}{message[1:]}."
