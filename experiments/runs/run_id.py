"""What determines the numbers of a run, and the id that follows from it."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from crmlab.experiments.experiment import Experiment
from crmlab.experiments.own_code.loading import place_of
from crmlab.experiments.own_code.standalone import Definition
from crmlab.experiments.questions.table import KINDS, kind_asked
from crmlab.experiments.runs.code_of import code_of
from crmlab.experiments.runs.serialize import kind_of, spec

ROOT = Path(__file__).parents[2]
WITHOUT_NUMBERS = (  # rooms that read, keep and show
    "charts", "commands", "disk", "errors", "files", "json_data", "lab", "own_code", "printing", "reporting",
    "run_files", "runs", "sections", "spec", "wording",
)  # fmt: skip
LIBRARIES = ("numpy", "scipy", "pandas", "numba", "mesa", "simpy")  # that every number passes through
WORDS = ("purpose", "description", "quick")  # explain a run, but change no number of it


def run_id(experiment: Experiment) -> str:
    """First 16 hex digits of a hash over everything that determines the numbers. Texts and workers do not."""
    return _sha256(json.dumps(_without_words(determinants(experiment)), sort_keys=True).encode())[:16]


def determinants(experiment: Experiment) -> dict[str, object]:
    """The resolved experiment, the sources it runs through, and the version of the package."""
    question = kind_asked(experiment).name
    return {
        "experiment": spec(experiment),
        "sources": source_hashes(question),
        "strategies": strategy_hashes(experiment),
        "libraries": libraries(question),
        "version": package_version(),
    }


@cache
def source_hashes(question: str = "compare") -> dict[str, str]:
    """Hash of every source file that the numbers pass through: all of `sim`, and what answers the question.

    As first read by this process: an edit during a run is not part of it.
    """
    files = sorted({*(ROOT / "sim").rglob("*.py"), *_imported_by(_file_of(KINDS[question].answer.__module__))})
    return {str(path.relative_to(ROOT)): _sha256(path.read_bytes()) for path in files}


def strategy_classes(experiment: Experiment) -> dict[str, Definition]:
    """The class of every strategy in use, by kind, and the functions of own KPIs, sampler and sections, by place."""
    found: dict[str, Definition] = {kind_of(play): type(play.strategy) for arm in experiment.arms for play in arm.plays}
    found |= {place_of(function): function for function in own_functions(experiment)}
    return dict(sorted(found.items()))


def own_functions(experiment: Experiment) -> list[Definition]:
    """The code of the user's own that an experiment calls: KPIs, sampler, report, mechanisms of its world."""
    added = [type(numbers) for numbers in experiment.world.mechanisms.values()]
    return [*(kpi.read for kpi in experiment.kpis), *experiment.question.own_functions, *experiment.sections, *added]


def strategy_hashes(experiment: Experiment) -> dict[str, str]:
    """Hash of all code that each strategy in use reaches, by kind."""
    return {kind: strategy_hash(cls) for kind, cls in strategy_classes(experiment).items()}


def strategy_hash(strategy: Definition) -> str:
    """Hash of all code that a strategy reaches: its modules, its data, and the versions of installed packages."""
    return code_of(strategy).sha256


def libraries(question: str) -> dict[str, str]:
    """Versions of what every number of an answer passes through, Python's among them."""
    names = libraries_of(question)
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python} | {name: found for name in names if (found := version_of(name))}


def libraries_of(question: str) -> tuple[str, ...]:
    """Names of the packages that every number of an answer passes through."""
    return (*LIBRARIES, *KINDS[question].libraries)


def version_of(package: str) -> str | None:
    """Version of an installed package, None when it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def package_version() -> str:
    """Version of the installed package."""
    return version_of("crmlab") or "not installed"


def _without_words(value: object) -> object:
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
