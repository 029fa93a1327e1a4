"""What besides the experiment may change the last bit of a number: versions of libraries, the kind of machine."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "scipy", "numba", "pandas")
PACKAGES = ("sim", "strategies", "experiments")


@cache
def environment() -> Mapping[str, str]:
    """Python, machine and the libraries that compute."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, "machine": platform.machine()} | {name: version(name) for name in LIBRARIES}


@cache
def processor() -> str:
    """What of the processor and the C library decides the last digit: the instructions that numpy and numba choose.

    `NPY_DISABLE_CPU_FEATURES` changes it.
    """
    import numba

    numpy_core: Any = import_module("numpy._core._multiarray_umath")
    able = numpy_core.__cpu_features__
    used = [name for name in numpy_core.__cpu_dispatch__ if able.get(name)]
    svml = " SVML" if getattr(numba.config, "USING_SVML", False) else ""
    libc = " ".join(platform.libc_ver()).strip() or platform.system()
    return f"{platform.machine()} with {' '.join(used) or 'no extensions'}{svml}, {libc}"


@cache
def environment_and_sources() -> Mapping[str, str]:
    """The same, and a hash over all sources of crmlab: what two machines that share a run must have in common."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return {**environment(), "processor": processor(), "crmlab": f"{version('crmlab')} ({digest.hexdigest()[:8]})"}


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """'numpy 2.3.1 instead of 2.4.6' for all that differs, empty when nothing does."""
    return ", ".join(f"{k} {theirs.get(k, 'missing')} instead of {v}" for k, v in ours.items() if theirs.get(k) != v)
