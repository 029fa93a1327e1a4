"""The strategies of a run folder: installed, loaded already, or out of the copies that the run keeps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from crmlab.experiments.files.play_form import NoSuchStrategy, checked_strategy, find_strategy
from crmlab.experiments.own_code.loading import NotLoaded, typed_in_again
from crmlab.experiments.own_code.standalone import Definition
from crmlab.experiments.own_kpis import function_named
from crmlab.experiments.runs.code_of import TYPED_IN

COPIES = "strategies"  # the folder of the copies


def strategy_of(kind: str, folder: Path) -> type:
    """The class behind a kind in the run in `folder`. Raises `NoSuchStrategy`, also for what may not run."""
    copies = folder / COPIES
    module, _, name = kind.partition(":")
    if module != "__main__":
        return find_strategy(kind, None if module in sys.modules else copies)
    present = getattr(sys.modules["__main__"], name, None)
    if isinstance(present, type) and present.__module__ == "__main__":
        return checked_strategy(present, kind)
    try:
        return checked_strategy(typed_in_again(copies / f"{TYPED_IN}{name}.py", name), kind)
    except NotLoaded as error:
        raise NoSuchStrategy(str(error)) from None


def function_of(place: str, folder: Path) -> Callable[..., object]:
    """The function behind a place in the run in `folder`. Raises `NoSuchStrategy`, also for what may not run."""
    copies = folder / COPIES
    module, _, name = place.partition(":")
    try:
        if module != "__main__":
            return function_named(place, None if module in sys.modules else copies)
        present = getattr(sys.modules["__main__"], name, None)
        found = present if callable(present) else typed_in_again(copies / f"{TYPED_IN}{name}.py", name)
    except NotLoaded as error:
        raise NoSuchStrategy(str(error)) from None
    if not callable(found):
        raise NoSuchStrategy(f'"{place}" is no function.')
    return found


def code_named(kind: str, folder: Path) -> Definition:
    """What a run calls by this name: the class of a strategy, or a function. Raises `NoSuchStrategy`."""
    try:
        return strategy_of(kind, folder)
    except NoSuchStrategy as error:
        if "is not a strategy" not in str(error):
            raise
        return function_of(kind, folder)
