"""What another machine needs to run a callable: it and the code of the user's own that it reaches, in one pickle."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache

import cloudpickle

from crmlab.experiments.own_code.loading import own_modules


def pickled_with_code(work: Callable[..., object]) -> bytes:
    """A callable with what was typed in and with modules that are not installed. `cloudpickle.loads` reads it."""
    own = own_modules()
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        file = io.BytesIO()
        _Pickler(file, {"__main__", *(module.__name__ for module in own)}).dump(work)
        return file.getvalue()
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


class _Pickler(cloudpickle.Pickler):
    """Functions with a cache are named by pickle, not sent: where their module is missing, they are made again."""

    def __init__(self, file: io.BytesIO, own: set[str]) -> None:
        super().__init__(file)
        self._own = own

    def reducer_override(self, obj: object) -> object:
        if isinstance(obj, _lru_cache_wrapper) and obj.__module__ in self._own:
            parameters = obj.cache_parameters()
            return _with_cache, (obj.__wrapped__, parameters["maxsize"], parameters["typed"])
        return super().reducer_override(obj)


def _with_cache(function: Callable[..., object], maxsize: int | None, typed: bool) -> Callable[..., object]:
    return lru_cache(maxsize, typed)(function)
