"""What determines the numbers of a run, written out in full, and the id that follows from it."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
from collections.abc import Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from experiments.experiment import Arm, Experiment
from sim.plays import Play
from sim.world import History
from strategies import STRATEGIES

ROOT = Path(__file__).parents[2]
WORDS = ("question", "description")  # explain a run, but change no number of it


def run_id(experiment: Experiment) -> str:
    """First 16 hex digits of a hash over everything that determines the numbers. Texts and workers do not."""
    return _sha256(json.dumps(_without_words(determinants(experiment)), sort_keys=True).encode())[:16]


def determinants(experiment: Experiment) -> dict[str, Any]:
    """The resolved experiment, the sources it runs through, and the version of the package."""
    return {
        "experiment": resolved(experiment),
        "sources": source_hashes("experiments.tuning.tune") if experiment.search else source_hashes(),
        "strategies": strategy_hashes(experiment),
        "version": package_version(),
    }


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment with every default written out, as plain JSON data."""
    world, design = experiment.world, experiment.design
    market = _plain({f.name: getattr(world, f.name) for f in dataclasses.fields(world) if f.name != "history"})
    return {
        "name": experiment.name,
        "question": experiment.question,
        "design": _plain(design),
        "arms": [_arm(arm) for arm in experiment.arms],
        "world": market | {"history": history_summary(world.history)},
        "currency": world.economics.currency,
        "scale": world.at_rows(design.customers)[1],
        "fitted": sorted(experiment.fitted),
        "ranges": _plain(experiment.ranges),
        "log_covariance": _plain(experiment.log_covariance),
    } | ({"search": _plain(experiment.search)} if experiment.search else {})


def kind_of(play: Play) -> str:
    """The name under which an experiment file would call the strategy of a play."""
    cls = type(play.strategy)
    return next((k for k, known in STRATEGIES.items() if known is cls), f"{cls.__module__}:{cls.__qualname__}")


def history_summary(history: History | None) -> dict[str, Any] | None:
    """Size and content hash of an imported order history."""
    if history is None:
        return None
    columns = [history.customer, history.weeks_before, *([] if history.amount is None else [history.amount])]
    content = b"".join(np.ascontiguousarray(column, dtype="<f8").tobytes() for column in columns)
    return {"customers": history.n_customers, "orders": int(history.customer.size), "sha256": _sha256(content)}


def source_hashes(driver: str = "experiments.compare") -> dict[str, str]:
    """Hash of every source file that the numbers pass through: all of `sim`, and what the driver imports."""
    files = sorted({*(ROOT / "sim").glob("*.py"), *_imported_by(ROOT / f"{driver.replace('.', '/')}.py")})
    return {str(path.relative_to(ROOT)): _sha256(path.read_bytes()) for path in files}


def strategy_hashes(experiment: Experiment) -> dict[str, str]:
    """Hash of the source file of every strategy in use, by kind."""
    hashes = {}
    for play in (play for arm in experiment.arms for play in arm.plays):
        file = inspect.getsourcefile(type(play.strategy))
        hashes[kind_of(play)] = _sha256(Path(file).read_bytes()) if file else "no source file"
    return dict(sorted(hashes.items()))


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("crmlab")
    except PackageNotFoundError:
        return "not installed"


def _arm(arm: Arm) -> dict[str, Any]:
    return {"name": arm.name, "description": arm.description, "plays": [_play(play) for play in arm.plays]}


def _play(play: Play) -> dict[str, Any]:
    """A play with all of its levers, and those of its settings that are not the default."""
    plainest = Play(play.name, play.strategy)
    settings = {k: getattr(play, k) for k in ("holdout", "start", "stop", "ramp_weeks")}
    target = _plain({**play.target.bands, **{k: getattr(play.target, k) for k in ("segments", "sources", "tags")}})
    said = {k: v for k, v in settings.items() if v != getattr(plainest, k)} | {
        "target": {k: v for k, v in target.items() if v}
    }
    return {"kind": kind_of(play), "name": play.name, "levers": _plain(play.strategy)} | said


def _plain(value: Any) -> Any:
    """Plain JSON data: dataclasses as tables, arrays and tuples as lists, dates as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, date) else value


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_words(v) for k, v in value.items() if k not in WORDS}
    return [_without_words(v) for v in value] if isinstance(value, list) else value


def _imported_by(path: Path, seen: set[Path] | None = None) -> set[Path]:
    """A module of `experiments` and all of `experiments` that it imports, at any depth."""
    seen = set() if seen is None else seen
    if path in seen or not path.exists():
        return seen
    seen.add(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("experiments."):
                _imported_by(ROOT / f"{name.replace('.', '/')}.py", seen)
    return seen


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
