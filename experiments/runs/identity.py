"""What determines the numbers of a run, and the id that follows from it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import linecache
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.runs.resolved import kind_of, resolved

ROOT = Path(__file__).parents[2]
WITHOUT_NUMBERS = ("commands", "files", "lab", "reporting", "runs")  # rooms that read, keep and show, not compute
WORDS = ("question", "description", "quick")  # explain a run, but change no number of it


def run_id(experiment: Experiment) -> str:
    """First 16 hex digits of a hash over everything that determines the numbers. Texts and workers do not."""
    return _sha256(json.dumps(_without_words(determinants(experiment)), sort_keys=True).encode())[:16]


def determinants(experiment: Experiment) -> dict[str, Any]:
    """The resolved experiment, the sources it runs through, and the version of the package."""
    return {
        "experiment": resolved(experiment),
        "sources": source_hashes(experiment.driver),
        "strategies": strategy_hashes(experiment),
        "version": package_version(),
    }


@cache
def source_hashes(driver: str = "crmlab.experiments.compare") -> dict[str, str]:
    """Hash of every source file that the numbers pass through: all of `sim`, and what the driver imports.

    As first read by this process: an edit during a run is not part of it.
    """
    files = sorted({*(ROOT / "sim").glob("*.py"), *_imported_by(_file_of(driver))})
    return {str(path.relative_to(ROOT)): _sha256(path.read_bytes()) for path in files}


def strategy_hashes(experiment: Experiment) -> dict[str, str]:
    """Hash of the source of every strategy in use, by kind."""
    plays = (play for arm in experiment.arms for play in arm.plays)
    hashes = {kind_of(play): strategy_hash(type(play.strategy)) for play in plays}
    return dict(sorted(hashes.items()))


def strategy_hash(strategy: type) -> str:
    """Hash of the file in which a strategy is written; of its class alone when it was written in a notebook."""
    try:
        file = inspect.getsourcefile(strategy)
        if file and Path(file).is_file():
            return _sha256(Path(file).read_bytes())
    except (OSError, TypeError):  # a class that was typed in has no file
        pass
    return _sha256(source.encode()) if (source := _typed_in(strategy)) else "no source file"


def _typed_in(cls: Any) -> str:
    """The text of a class out of the notebook cell in which it stands."""
    code = getattr(getattr(cls, "decide", None), "__code__", None)
    cell = "".join(linecache.getlines(code.co_filename)) if code else ""
    for node in ast.walk(ast.parse(cell)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            return ast.get_source_segment(cell, node) or ""
    return ""


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("crmlab")
    except PackageNotFoundError:
        return "not installed"


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_words(v) for k, v in value.items() if k not in WORDS}
    return [_without_words(v) for v in value] if isinstance(value, list) else value


def _imported_by(path: Path, seen: set[Path] | None = None) -> set[Path]:
    """A module of `experiments` and all of `experiments` that it imports, at any depth, if numbers pass through it."""
    seen = set() if seen is None else seen
    if path in seen or not path.exists():
        return seen
    seen.add(path)
    for name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        if name.startswith("crmlab.experiments.") and name.split(".")[2] not in WITHOUT_NUMBERS:
            _imported_by(_file_of(name), seen)
    return seen


def _file_of(module: str) -> Path:
    """Where a module of the package lies."""
    return ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every module that a piece of source imports when it runs; what is imported for the type checker is not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)  # a module out of its room
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
