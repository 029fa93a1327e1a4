"""Folders of runs in progress: one writer at a time, and what a stopped run has left is taken over.

A run in progress lies in `.<run id>`. Whoever writes to it holds a lock on a file in it, which the system takes away
when the process ends, however it ends: so a folder without a holder is a run that was stopped.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from io import BufferedWriter
from pathlib import Path
from weakref import WeakSet

from crmlab.experiments.disk import StoreError

try:
    import fcntl
except ImportError:  # no such locks on Windows: there, nobody may start a run twice at the same time
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
LEFT = ("interrupted", "failed")  # how the folders of runs end that did not reach their own end
PATIENCE_SECONDS = 1.0  # somebody who only looks whether a run is alive holds the lock for a moment

_held: WeakSet[BufferedWriter] = WeakSet()


class Claim:
    """The right to write to the folder of a run, until it is released or the process ends."""

    def __init__(self, path: Path, file: BufferedWriter) -> None:
        self.path, self._file = path, file
        _held.add(file)

    def release(self, path: Path) -> None:
        """Give the right up. `path` is where the folder lies now."""
        (path / LOCK).unlink(missing_ok=True)
        self._file.close()


def claimed(final: Path) -> Claim:
    """Claim the folder of a run in progress whose own folder is to be `final`. What an earlier attempt left is in it.

    Raises `StoreError` when another process is at it.
    """
    path = final.with_name(f".{final.name}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        _placed(path, (final.with_name(f"{final.name}.{left}") for left in LEFT))
        file = _locked(path / LOCK)
        if file is not None:
            shutil.rmtree(path.with_name(f"{path.name}.replaced"), ignore_errors=True)
            return Claim(path, file)
        if time.monotonic() > deadline:
            text = f"Run {final.name} is being played by another process; wait for it to end, or stop it first."
            raise StoreError(text, 1)
        time.sleep(PATIENCE_SECONDS / 20)


def is_claimed(path: Path) -> bool:
    """Whether some process, this one included, is writing to the folder of a run in progress."""
    if fcntl is None:
        return True
    try:
        with (path / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _placed(path: Path, left: Iterable[Path]) -> None:
    """Put a folder where the run in progress belongs: what an earlier attempt has left, or an empty one."""
    if path.exists():
        return
    for folder in left:
        if folder.exists():
            folder.rename(path)
            return
    path.mkdir(parents=True, exist_ok=True)


def _locked(path: Path) -> BufferedWriter | None:
    """The lock file, open and locked; None when somebody else has it or has just moved its folder away."""
    try:
        file = path.open("ab")
    except FileNotFoundError:
        return None
    if fcntl is None:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    file.close()
    return None


def _leave_to_the_parent() -> None:
    """A forked worker must not keep a lock whose holder was killed."""
    for file in list(_held):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)
