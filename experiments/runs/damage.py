"""Run folders as somebody may hand them over: truncated, edited, or not of a run at all. Each said in one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlab.experiments.disk import StoreError
from crmlab.experiments.errors import UserError
from crmlab.experiments.runs.changes import Changed, changed_files, in_words, read_manifest
from crmlab.experiments.runs.store import StoredRun


@contextmanager
def sound(run: StoredRun) -> Iterator[None]:
    """Read a finished run. Raises `StoreError` when its files are not those that its manifest states.

    What then still cannot be read was forged together with the manifest; that is one sentence too.
    """
    try:
        changed = changed_files(run.path, read_manifest(run.path))
    except Changed as error:
        raise StoreError(str(error), 1) from None
    if changed:
        text = f"Run {run.run_id} is not as it was left ({in_words(changed)}), so nothing of it is shown"
        raise StoreError(f"{text}; the command that made it, with --force, makes it anew.", 1)
    with readable(run.path):
        yield


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what goes wrong inside into a sentence about the folder of a run."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if os.environ.get("CRMLAB_DEBUG"):
            raise
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise StoreError(f"{folder} holds files that are not of a run of this version ({said}).", 1) from None
