"""Compiled functions whose cache can be trusted.

numba keys its on-disk cache by the file of the compiled function and does not notice a change in a function of
another file that was compiled into it. So the cache folder is named by a hash of every source file of `sim/`: edit a
rule anywhere and the next run compiles afresh. Import numba's decorator only from here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])
KEPT_CACHES = 6


def source_hash(folder: Path | None = None) -> str:
    """First 16 hex digits of a hash over the names and contents of the Python files of `sim/`."""
    digest = hashlib.sha256()
    folder = folder or Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    home = Path(os.environ.get("CRMLAB_CACHE") or Path.home() / ".cache" / "crmlab")
    folder = home / f"compiled-{source_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except OSError:  # a read-only home costs the compile time again, nothing else
        folder = Path(tempfile.mkdtemp(prefix="crmlab-compiled-"))
    else:
        old = sorted(home.glob("compiled-*"), key=lambda path: path.stat().st_mtime)[:-KEPT_CACHES]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
    return folder


setattr(numba.config, "CACHE_DIR", str(_cache_folder()))  # noqa: B010 - numba declares it at run time


def compiled(function: F) -> F:
    """Compile an outer loop over columns. No fast-math: the last bit must not depend on the engine."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def rule(function: F) -> F:
    """Compile a scalar rule into its callers; with `NUMBA_DISABLE_JIT=1` it stays the plain Python function."""
    return cast(F, numba.njit(inline="always", error_model="numpy")(function))
