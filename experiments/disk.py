"""What the disk may refuse, told in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlab.experiments.errors import UserError


class StoreError(UserError):
    """The results folder does not do what is asked. The message is a sentence; `exit_code` says whose fault it is."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def disk_trouble(place: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence: a full disk is bad luck (1), a wrong place a mistake (2)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"The disk is full: cannot write to {place}.", 1) from None
        raise StoreError(f"Cannot write to {place}: {(error.strerror or str(error)).lower()}.", 2) from None
