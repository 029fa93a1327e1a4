"""The code that a strategy is: its files with hashes, the installed packages with versions, and how it is kept."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import site
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from crmlab.experiments.own_code.consent import remember
from crmlab.experiments.own_code.loading import WAS
from crmlab.experiments.own_code.reach import Reach, reach_of, reach_of_text
from crmlab.experiments.own_code.standalone import (
    Definition,
    NotWritable,
    script_folder,
    source_of,
    standalone,
    typed_in,
)

ROOT = Path(__file__).parents[2]  # of crmlab
TYPED_IN = "typed_in_"  # modules that were written out of a script or a notebook


@dataclass(frozen=True)
class Code:
    """What a strategy reaches: hashes of files by their place, and versions of installed packages by name."""

    files: Mapping[str, str]
    installed: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Hash over all of it."""
        return hashlib.sha256(json.dumps([self.files, self.installed], sort_keys=True).encode()).hexdigest()


def code_of(cls: Definition) -> Code:
    """The code that a class reaches outside of crmlab, or its file in crmlab."""
    file = _file_of(cls)
    if cls.__module__.startswith("crmlab."):
        return Code({file.relative_to(ROOT).as_posix(): _sha256(file.read_bytes())}, {})
    if is_installed(file):
        return Code({file.name: _sha256(file.read_bytes())}, versions([cls.__module__.split(".")[0]]))
    text, reach = _text_if_typed_in(cls), _own_reach(cls)
    own = {} if text is None else {_file_name(cls): _sha256(text.encode())}
    return Code(own | reach.hashes(), versions(reach.libraries))


def keep_code(classes: Iterable[Definition], folder: Path) -> None:
    """Copy the code of classes that are not installed into a folder. Who runs it has trusted it."""
    for cls in classes:
        if cls.__module__.startswith("crmlab.") or is_installed(_file_of(cls)) or why_not_kept(cls):
            continue
        text, reach = _text_if_typed_in(cls), _own_reach(cls)
        if text is not None:
            _write(folder / _file_name(cls), text.encode())
        for place, path in reach.files.items():
            if not Path(place).is_absolute():
                _write(folder / place, path.read_bytes())
        kept = cls.__module__ if text is None and not _was_typed_in(cls) else _file_name(cls).removesuffix(".py")
        if (copied := reach_of(kept, folder)).files:
            remember(kept, copied)


def why_not_kept(cls: Definition) -> str:
    """Why a class that was typed in cannot be kept with a run; empty when it can."""
    if typed_in(cls):
        try:
            standalone(cls)
        except NotWritable as error:
            return str(error)
    return ""


def versions(tops: Iterable[str]) -> dict[str, str]:
    """Versions of the packages that offer modules of these names."""
    found = {}
    for top in sorted(set(tops)):
        for name in _packages(top):
            found[name] = version(name)
    return found


def is_installed(file: Path) -> bool:
    """Whether a file belongs to an installed package."""
    return file.is_file() and any(file.resolve().is_relative_to(place) for place in _installed_places())


@cache
def _packages(top: str) -> tuple[str, ...]:
    try:
        version(top)
    except PackageNotFoundError:
        return tuple(packages_distributions().get(top, ()))
    return (top,)


@cache
def _installed_places() -> tuple[Path, ...]:
    paths = [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
    paths += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(Path(path).resolve() for path in paths)


def _text_if_typed_in(cls: Definition) -> str | None:
    """A class that was typed in as a module; what is to be had of it where it cannot be written down."""
    if not typed_in(cls):
        return None
    try:
        return standalone(cls)
    except NotWritable:
        return source_of(cls)


def _own_reach(cls: Definition) -> Reach:
    """What a class of the user's own reaches, in whatever folders, beside the text of one that was typed in."""
    file, text = _file_of(cls), _text_if_typed_in(cls)
    if text is not None:
        reach = reach_of_text(text, "__main__", script_folder())
    elif _was_typed_in(cls):
        reach = reach_of(file.stem, file.parent)
    elif file.is_file():
        above = len(cls.__module__.split(".")) - (0 if file.name == "__init__.py" else 1)
        reach = reach_of(cls.__module__, file.parents[above])
    else:
        reach = reach_of_text(source_of(cls), cls.__module__, Path.cwd())
    _add_other_folders(reach)
    return reach


def _was_typed_in(cls: Definition) -> bool:
    return hasattr(sys.modules.get(cls.__module__), WAS)


def _file_of(cls: Definition) -> Path:
    return Path(str(getattr(sys.modules.get(cls.__module__), "__file__", None) or ""))


def _add_other_folders(reach: Reach) -> None:
    """Take up modules of the user's own that lie elsewhere on the path of Python."""
    for top in sorted(reach.libraries):
        if _packages(top):
            continue
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            continue
        if spec and spec.origin and Path(spec.origin).is_file() and not is_installed(Path(spec.origin)):
            folder = Path(spec.origin).parents[1 if spec.submodule_search_locations else 0]
            more = reach_of(top, folder)
            reach.libraries |= more.libraries
            reach.files = {**more.files, **reach.files}


def _file_name(cls: Definition) -> str:
    return f"{TYPED_IN}{cls.__name__}.py"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.exists() and path.read_bytes() == content):
        path.write_bytes(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
