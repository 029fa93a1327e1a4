"""Names that nobody knows, and numbers and places in files as people write them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHORTEST_PART = 3  # letters of a part of a name that stand for the whole of it


def spoken(loc: Iterable[str | int]) -> str:
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
