"""Results as plain JSON data."""

from __future__ import annotations

from typing import Any


def finite(value: Any) -> Any:
    """JSON data in which undefined numbers are null and numpy's numbers are plain ones."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    value = value.item() if hasattr(value, "item") and not isinstance(value, str) else value
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value
