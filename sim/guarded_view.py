"""Looking over a strategy's shoulder: which names of the view it uses, and what it could remember between weeks."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

from crmlab.sim import view as view_module
from crmlab.sim.view import FirmView

_OWN_FILES = (view_module.__file__, __file__)


class _WatchedView(FirmView):
    """A view that answers to private names only when the view itself asks."""

    def __getattribute__(self, name: str) -> object:
        if name.startswith("_") and not name.startswith("__"):
            asking = sys._getframe(1).f_code.co_filename
            if asking not in _OWN_FILES:
                raise AttributeError(f"{name} is a private name of FirmView")
        return super().__getattribute__(name)


_WatchedView.__name__ = _WatchedView.__qualname__ = "FirmView"  # what errors call it


def watched(view: FirmView) -> FirmView:
    """The same view; asking it for a private name raises `AttributeError`."""
    view.__class__ = _WatchedView
    return view


def remembered(strategy: object) -> dict[str, bytes]:
    """Everything in which a strategy could remember something, by place: its own fields, those of its class, and the
    globals and closures that its methods use, directly or through functions of their module. Contents as bytes."""
    found = {f"its field {name}": _bytes(value) for name, value in vars(strategy).items()}
    for cls in type(strategy).__mro__[:-1]:
        for name, value in vars(cls).items():
            if isinstance(value, FunctionType):
                found |= {place: _bytes(held) for place, held in _held_by(value)}
            elif not name.startswith("__") and not isinstance(value, property | staticmethod | classmethod):
                found[f"its class ({cls.__name__}.{name})"] = _bytes(value)
    return found


def _held_by(function: FunctionType, seen: set[int] | None = None) -> Iterator[tuple[str, object]]:
    seen = set() if seen is None else seen
    if id(function) in seen:
        return
    seen.add(id(function))
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            yield from _held_by(value, seen)
        elif name in function.__globals__ and not isinstance(value, ModuleType | type | FunctionType):
            yield f"the global {name}", value
    for name, default in zip(function.__code__.co_varnames, function.__defaults__ or (), strict=False):
        yield f"a default of {function.__name__} ({name})", default
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"the closure variable {name}", cell.cell_contents
        except ValueError:  # not bound yet
            continue


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _bytes(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception:  # what cannot be pickled is told apart by what it says of itself
        return repr(value).encode()
