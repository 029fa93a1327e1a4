"""How far a run is: a bar in a notebook, the command line's bar in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crmlab.experiments.printing import progress

Show = Callable[[int, int], None]
SECONDS_BETWEEN = 0.1  # a notebook is told no oftener


@contextmanager
def watched(task: str, wanted: bool) -> Iterator[Show]:
    """Yields `show(done, total)`."""
    if not wanted:
        yield lambda done, total: None
    elif in_notebook():
        yield from _in_notebook(task)
    else:
        with progress(task) as show:
            yield show


def in_notebook() -> bool:
    """Whether there is somebody who can be shown HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def _in_notebook(task: str) -> Iterator[Show]:
    from IPython.display import HTML, display

    started = said = time.monotonic()
    place = display(HTML(f"{task} ..."), display_id=True)

    def show(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if done < total and now - said < SECONDS_BETWEEN:
            return
        said = now
        left = (now - started) / done * (total - done) if done else None
        words = f"{done} of {total}" + (f", about {left:.0f} s left" if left is not None and done < total else "")
        place.update(HTML(f'{task} <progress value="{done}" max="{total}"></progress> {words}'))

    yield show
    place.update(HTML(f"{task}: {time.monotonic() - started:.1f} s"))
