"""All files that a module of the user's own reaches, found by reading it and never by running it.

Followed are imports, at any depth, of modules that lie in the same folder (the place that the name of the module is
counted from), and files that the code names in a text ("prices.csv", Path(...) / "data" / "prices.csv").
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_NAME = 200  # characters of a text that may name a file
MAX_BYTES = 50_000_000  # of a data file: a larger one is no part of a strategy


@dataclass
class Reach:
    """What a module reaches: `files` by their place below `folder` (a posix path), and the `libraries` it imports.

    A data file that lies elsewhere has its absolute path as its place.
    """

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)

    def hashes(self) -> dict[str, str]:
        """Hash of every file by its place; of one that lies elsewhere by its name alone, since places differ."""
        found = {place: hashlib.sha256(path.read_bytes()).hexdigest() for place, path in sorted(self.files.items())}
        return {Path(place).name if Path(place).is_absolute() else place: digest for place, digest in found.items()}


def file_of(module: str, folder: Path) -> Path | None:
    """The file of a module below a folder, None when it has none there."""
    base = folder.joinpath(*module.split("."))
    found = (base / "__init__.py", base.with_name(base.name + ".py"))
    return next((path for path in found if _is_file(path)), None)


def reach_of(module: str, folder: Path) -> Reach:
    """What a module reaches that lies below `folder`. Nothing when there is no such module."""
    reach = Reach(folder)
    _follow(module, reach)
    return reach


def reach_of_text(text: str, name: str, folder: Path) -> Reach:
    """What a module reaches of which there is only the text, as if it lay in `folder` and were called `name`."""
    reach = Reach(folder)
    _read(text, name, folder, reach)
    return reach


def _follow(module: str, reach: Reach) -> bool:
    """Take up a module with all that it reaches, and the packages it lies in. Whether it lies in the folder."""
    parts = module.split(".")
    if parts[0] == "crmlab":  # in a checkout it lies in the folder too: its sources are part of every run anyway
        return False
    found = False
    for n in range(1, len(parts) + 1):
        name = ".".join(parts[:n])
        path = file_of(name, reach.folder)
        if path is None:
            continue
        found = True
        place = path.relative_to(reach.folder).as_posix()
        if place not in reach.files:
            reach.files[place] = path
            inside = name if path.name == "__init__.py" else name.rpartition(".")[0]
            _read(_text_of(path), inside, path.parent, reach)
    return found


def _read(text: str, package: str, beside: Path, reach: Reach) -> None:
    tree = _tree(text)
    for name, surely in _imports(tree, package):
        top = name.split(".")[0]
        if not _follow(name, reach) and surely and top not in sys.stdlib_module_names and top != "crmlab":
            reach.libraries.add(top)
    for path in _named_files(tree, (beside, reach.folder, Path.cwd())):
        inside = path.is_relative_to(reach.folder)
        place = path.relative_to(reach.folder).as_posix() if inside else path.as_posix()
        if place not in reach.files:
            reach.files[place] = path
            reach.data.add(place)


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, bool]]:
    """Every module that a text imports, and whether it surely is one: a name out of a module may be anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, True) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*filter(None, above), *filter(None, [node.module])])
            if base:
                yield base, True
            yield from ((f"{base}.{alias.name}" if base else alias.name, False) for alias in node.names)


def _named_files(tree: ast.AST, folders: Iterable[Path]) -> Iterator[Path]:
    """Files that a text names: by a constant, or by constants that are joined with `/`."""
    names = {joined for node in ast.walk(tree) if (joined := _path_text(node)) and len(joined) <= LONGEST_NAME}
    for name in sorted(names):
        if "\0" in name or "\n" in name or not Path(name).suffix:
            continue
        for folder in folders:
            path = folder / name
            if _is_file(path) and path.stat().st_size <= MAX_BYTES:
                yield path.resolve() if ".." in path.parts else path
                break


def _path_text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        right = _path_text(node.right)
        return f"{left}/{right}" if (left := _path_text(node.left)) and right else right
    return ""


def _tree(text: str) -> ast.AST:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it will not run either
        return ast.Module([], [])


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
