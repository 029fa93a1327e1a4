"""Names for tasks: the same content has the same key, in every process and on every day."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from functools import partial

import numpy as np

from crmlab.experiments.own_code.loading import place_of


def task_key(stage: str, position: int, task: object) -> str:
    """Key of a task within its run: 16 hex digits, over the stage, the place in the list and the content."""
    content = json.dumps([stage, position, content_of(task)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def content_of(value: object) -> object:
    """What a value says, as JSON data without addresses and without the order of sets. Raises `TypeError`."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Enum):
        return [type(value).__qualname__, value.name]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: content_of(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return [place_of(type(value)), fields]
    if isinstance(value, Mapping):
        return sorted(([content_of(k), content_of(v)] for k, v in value.items()), key=json.dumps)
    if isinstance(value, list | tuple):
        return [content_of(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((content_of(v) for v in value), key=json.dumps)
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()]
    if isinstance(value, np.generic):
        return content_of(value.item())
    if isinstance(value, partial):
        return [content_of(value.func), content_of(value.args), content_of(value.keywords)]
    if callable(value) and "<" not in getattr(value, "__qualname__", "<"):
        return place_of(value)
    if hasattr(value, "__dict__") and not callable(value):  # an object of the user's own
        return [place_of(type(value)), content_of(vars(value))]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"a task may not hold a {type(value).__name__}: its content has no name")
