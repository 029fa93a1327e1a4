"""Where words go: results to stdout, progress and remarks to stderr, JSON alone when it is asked for."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from crmlab.experiments.json_data import finite

WIDTH_WITHOUT_TERMINAL = 120


def say(text: str = "") -> None:
    """A result, on stdout."""
    print(text, flush=True)


def say_prose(text: str, indent: int = 0) -> None:
    """Sentences on stdout, broken between words where the terminal ends; all lines but the first are set in."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    say(wrapper.fill(text))


def remark(text: str) -> None:
    """A remark for the person at the keyboard, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_json(content: Any) -> None:
    """The only thing on stdout under `--json`."""
    say(json.dumps(finite(content), indent=2, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], footer: str = "", left: int = 1
) -> None:
    """A table on stdout. The first `left` columns are text, the others are set flush right. `footer` goes below it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    console = Console(width=width, highlight=False, no_color="NO_COLOR" in os.environ, markup=False)
    console.print(title, style="bold")
    console.print(table)
    if footer:
        console.print(footer, style="dim")
    console.print()


@contextmanager
def progress(task: str) -> Iterator[Callable[[int, int], None]]:
    """Yields `report(done, total)`: a bar on a terminal, otherwise a line at every tenth; with the time left."""
    if not sys.stderr.isatty():
        yield _lines(task)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(task), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        job = bar.add_task(task, total=None)
        yield lambda done, total: bar.update(job, completed=done, total=total)


def _lines(task: str) -> Callable[[int, int], None]:
    said, first, started = -1, 0, 0.0

    def report(done: int, total: int) -> None:
        nonlocal said, first, started
        if said < 0:
            first, started = done, time.monotonic()  # what was there before tells nothing of the speed
        tenth = 10 * done // max(total, 1)
        if tenth > said:
            said = tenth
            seconds = time.monotonic() - started
            left = seconds * (total - done) / (done - first) if done > first else 0.0
            remark(f"{task}: {done} of {total}" + (f", about {duration(left)} left" if left >= 1 else ""))

    return report


def duration(seconds: float) -> str:
    """A time to wait, as precise as a guess may be: 40 s, 12 min, 3 h."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
