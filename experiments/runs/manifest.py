"""The manifest of a run: what a stranger needs to repeat it a year later, and nothing about who ran it."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments.experiment import Experiment
from experiments.runs import identity

SCHEMA_VERSION = 1
PACKAGES = ("numpy", "scipy", "pandas", "numba", "mesa", "simpy", "pyarrow", "pydantic", "plotly", "optuna")


def manifest(
    experiment: Experiment,
    folder: Path,
    started: datetime,
    workers: int,
    failures: Sequence[Any] = (),
) -> dict[str, Any]:
    """Hashes, versions, times and the hash of every result file in `folder`. No user or host name."""
    from sim.draws import SCHEME  # heavy, and only needed here

    design, ended = experiment.design, datetime.now(UTC)
    resolved = identity.determinants(experiment)
    history = identity.history_summary(experiment.world.history)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": identity.run_id(experiment),
        "experiment": experiment.name,
        "config_sha256": content_sha256(folder / "resolved.json"),
        "seed": {"scheme": SCHEME, "root": design.seed, "replications": [0, design.replications]},
        "data": [{"name": "history"} | history] if history else [],
        "strategies": [{"kind": k, "sha256": v} for k, v in resolved["strategies"].items()],
        "code": {"package": resolved["version"]} | git_state(),
        "sources": resolved["sources"],
        "env": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            **{name: found for name in PACKAGES if (found := _version(name))},
        },
        "run": {
            "started": started.isoformat(timespec="seconds"),
            "ended": ended.isoformat(timespec="seconds"),
            "seconds": round((ended - started).total_seconds(), 1),
            "workers": workers,
            "failures": list(failures),
        },
        "results": [
            {"file": path.name, "sha256": content_sha256(path)}
            for path in sorted(folder.iterdir())
            if path.suffix in (".parquet", ".json") and path.name not in ("manifest.json", "progress.json")
        ],
    }


def git_state() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that the package runs from; nothing when it is installed elsewhere."""
    if not _git("ls-files", "sim/__init__.py"):
        return {}
    return {"git_commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain"))}


def content_sha256(path: Path) -> str:
    """Hash of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=identity.ROOT, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
