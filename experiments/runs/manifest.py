"""The manifest of a run: what a stranger needs to repeat it a year later, and nothing about who ran it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from crmlab.experiments.execution.checkpoint import LEDGER
from crmlab.experiments.execution.environment import processor
from crmlab.experiments.execution.records import processors_of
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.json_data import JsonObject
from crmlab.experiments.own_code.standalone import Definition
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.runs import run_id as identity
from crmlab.experiments.runs.code_of import code_of, why_not_kept
from crmlab.experiments.runs.serialize import history_summary

SCHEMA_VERSION = 5
PARTS = "parts"  # of a store: gone when the run is done
PACKAGES = ("numpy", "scipy", "pandas", "numba", "mesa", "simpy", "pyarrow", "pydantic", "plotly", "optuna",
            "cmaes", "SALib", "distributed")  # fmt: skip
NO_RESULTS = ("manifest.json", "progress.json", "status", "report.html", "lock")


class Played(TypedDict):
    """Where a run was played; beside these stand the versions of packages, by name."""

    python: str
    platform: str
    processors: list[str]


class Kept(TypedDict):
    """A strategy or function of the user's own: hashes of the files that it reaches, and versions of packages."""

    kind: str
    sha256: str
    files: dict[str, str]
    installed: dict[str, str]


class ResultFile(TypedDict):
    """A file that the run left, and the hash of its bytes."""

    file: str
    sha256: str


class Manifest(TypedDict):
    """What is read of a manifest."""

    schema_version: int
    run_id: str
    question: str
    parts: dict[str, str]
    seed: dict[str, str]
    strategies: list[Kept]
    code: dict[str, str]
    sources: dict[str, str]
    env: Played
    results: list[ResultFile]


def manifest(
    experiment: Experiment,
    folder: Path,
    started: datetime,
    workers: int | str,
    failures: Sequence[object] = (),
) -> dict[str, object]:
    """Hashes, versions, times and the hash of every result file in `folder`. No user or host name."""
    from crmlab.sim.draws import SCHEME  # heavy, and only needed here

    design, ended = experiment.design, datetime.now(UTC)
    spec = identity.determinants(experiment)
    history = history_summary(experiment.world.history)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": identity.run_id(experiment),
        "experiment": experiment.name,
        "question": kind_asked(experiment).name,
        "quick": experiment.quick,
        "config_sha256": content_sha256(folder / "spec.json"),
        "parts": part_hashes(json.loads((folder / "spec.json").read_text(encoding="utf-8"))),
        "seed": {"scheme": SCHEME, "root": design.seed, "replications": [0, design.replications]},
        "data": [{"name": "history"} | history] if history else [],
        "strategies": [_strategy(kind, cls) for kind, cls in identity.strategy_classes(experiment).items()],
        "code": {"package": spec["version"]} | git_state(),
        "sources": spec["sources"],
        "env": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            "processors": processors_of(folder / LEDGER) or [processor()],
            "cores": os.cpu_count(),
            **{name: found for name in PACKAGES if (found := identity.version_of(name))},
        },
        "run": {
            "started": started.isoformat(timespec="seconds"),
            "ended": ended.isoformat(timespec="seconds"),
            "seconds": round((ended - started).total_seconds(), 1),
            "workers": workers,
            "failures": list(failures),
        },
        "results": [
            {"file": path.relative_to(folder).as_posix(), "sha256": content_sha256(path)} for path in _results(folder)
        ],
    }


def _strategy(kind: str, cls: Definition) -> dict[str, object]:
    """A strategy with the hash of every file that it reaches and the version of every package."""
    code, why = code_of(cls), why_not_kept(cls)
    said: dict[str, object] = {"kind": kind, "sha256": identity.strategy_hash(cls), "files": dict(code.files)}
    return said | {"installed": dict(code.installed)} | ({"not_kept": why} if why else {})


def part_hashes(spec: JsonObject) -> dict[str, str]:
    """Hash of each part of a resolved experiment, so that it can be said which one was changed."""
    return {part: _sha256(json.dumps(content, sort_keys=True).encode()) for part, content in spec.items()}


def git_state() -> dict[str, object]:
    """Commit and dirty flag of the checkout that the package runs from; nothing when it is installed elsewhere."""
    if not _git("ls-files", "../sim/__init__.py"):
        return {}
    return {"git_commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain"))}


def content_sha256(path: Path) -> str:
    """Hash of a file's bytes, in hex."""
    return _sha256(path.read_bytes())


def _results(folder: Path) -> list[Path]:
    """What a run leaves behind: all but what is written after the manifest, and the parts of its ledger."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.name not in NO_RESULTS and PARTS not in path.relative_to(folder).parts]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=identity.ROOT, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
