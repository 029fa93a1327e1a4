"""JSON and TOML data: results as plain data, and tables that were read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, overload

JsonObject: TypeAlias = Mapping[str, object]  # a table that was read: what is in it is looked at before it is used


@overload
def finite(value: dict[str, object]) -> dict[str, object]: ...
@overload
def finite(value: object) -> object: ...
def finite(value: object) -> object:
    """JSON data in which undefined numbers are null and numpy's numbers are plain ones."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    value = value.item() if hasattr(value, "item") and not isinstance(value, str) else value
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value


def table_in(data: JsonObject, name: str) -> dict[str, object]:
    """The table of this name in another one; an empty one where there is none."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def list_in(data: JsonObject, name: str) -> list[object]:
    """The list of this name in a table; an empty one where there is none."""
    found = data.get(name)
    return found if isinstance(found, list) else []
