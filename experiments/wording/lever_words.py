"""Settings of levers as people write them."""

from __future__ import annotations

from typing import Any


def setting(value: Any) -> str:
    """A lever for reading: a number, a word, on or off; a dash where it means nothing."""
    if value is None or value != value:  # undefined numbers are not equal to themselves
        return "–"
    if type(value).__name__.startswith("bool"):  # numpy has one of its own
        return "on" if value else "off"
    return value if isinstance(value, str) else f"{value:.4g}"
