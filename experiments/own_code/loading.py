"""From "package.module:Name" to the object: installed code at once, code of the user's own when it may run."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from types import ModuleType

from crmlab.experiments.own_code.consent import digest_of, may_run, was_trusted
from crmlab.experiments.own_code.reach import Reach, file_of, reach_of

_PLACE = re.compile(r"(?:[^\W\d]\w*\.)*[^\W\d]\w*:(?:[^\W\d]\w*\.)*[^\W\d]\w*")
WAS = "__was__"  # what a module that was written out of `__main__` remembers
_FOLDERS: set[Path] = set()  # in which code of the user's own was loaded from


class NotLoaded(ValueError):
    """Something that cannot be had under its name. The message is a sentence."""


class NotTrusted(NotLoaded):
    """Code that lies there, but may not run yet."""


def place_of(thing: type | Callable[..., object]) -> str:
    """Where a class or function is defined: `package.module:Name`. One that was typed in is of `__main__` for good."""
    module = sys.modules.get(thing.__module__)
    return f"{getattr(module, WAS, thing.__module__)}:{thing.__qualname__}"


def typed_in_again(file: Path, name: str) -> object:
    """A class that was typed in, from the module that was written of it. Raises `NotLoaded`."""
    reach = reach_of(file.stem, file.parent)
    if not reach.files:
        raise NotLoaded(f'"{name}" was typed in, into a script or a notebook, and is not kept with the run.')
    if not may_run(file.stem, reach):
        raise NotTrusted(_asking(file.stem, reach))
    called = f"{file.stem}_{digest_of(reach)[:12]}"
    if called not in sys.modules:
        spec = importlib.util.spec_from_file_location(called, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        setattr(module, WAS, "__main__")
        sys.modules[called] = module
        _FOLDERS.add(file.parent.resolve())
        if str(file.parent) not in sys.path:
            sys.path.append(str(file.parent))
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[called]
            raise NotLoaded(f'cannot load "{name}": it ends with {type(error).__name__}: {error}.') from None
    found: object = getattr(sys.modules[called], name)
    return found


def own_modules() -> list[ModuleType]:
    """The modules of the user's own that were loaded here: another machine, or another process, may not have them."""
    found = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if hasattr(module, WAS) or (file and _in_own_folder(Path(file).resolve())):
            found.append(module)
    return found


def loaded(place: str, folder: Path | None = None) -> object:
    """What `package.module:Name` names; modules may lie in `folder`. Raises `NotLoaded`, also for what may not run."""
    if not _PLACE.fullmatch(place):
        raise NotLoaded('must be written as "package.module:Class".')
    module, _, name = place.partition(":")
    found: object = _module(module, folder)
    try:
        return reduce(getattr, name.split("."), found)
    except AttributeError:
        raise NotLoaded(f'"{module}" has no class "{name}".') from None


def _module(name: str, folder: Path | None) -> ModuleType:
    top = name.split(".")[0]
    own = reach_of(name, folder.resolve()) if folder else None
    if name in sys.modules:
        _refuse_another(name, own)
        return sys.modules[name]
    if top in sys.stdlib_module_names:
        raise NotLoaded(f'"{top}" is a part of Python itself; there are no strategies in it.')
    path = _found_by_python(top)
    if path is not None and not _in_own_folder(path):
        return _imported(name)
    if own is None or not own.files:
        own = next((reach for place in _FOLDERS if (reach := reach_of(name, place)).files), None)
    if own is None:
        raise NotLoaded(f'cannot import "{name}": no such module is installed or lies beside the file.')
    if not may_run(name, own):
        raise NotTrusted(_asking(name, own))
    _FOLDERS.add(own.folder)
    if str(own.folder) not in sys.path:
        sys.path.append(str(own.folder))
    importlib.invalidate_caches()
    return _imported(name)


def _found_by_python(top: str) -> Path | None:
    """Where Python itself would find a module, without importing it."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return Path(places[0]).resolve() if places else None


def _in_own_folder(path: Path) -> bool:
    return any(path.is_relative_to(folder) and "site-packages" not in path.parts for folder in _FOLDERS)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NotLoaded(f'cannot import "{name}": {error}.') from None
    except SyntaxError as error:
        raise NotLoaded(f'cannot import "{name}": line {error.lineno} of it is no Python ({error.msg}).') from None
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise NotLoaded(f'cannot import "{name}": it ends with {said}.') from None


def _refuse_another(name: str, own: Reach | None) -> None:
    """Two modules of one name cannot be told apart once one of them is loaded."""
    if own is None or not own.files:
        return
    file = getattr(sys.modules[name], "__file__", None)
    here = file_of(name, own.folder)
    if file and here and not _same(Path(file), here):
        raise NotLoaded(f'"{name}" is already loaded from another place ({file}); give one of the two another name.')


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other) or one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _asking(name: str, own: Reach) -> str:
    file = next(iter(own.files))
    why = "has changed since you trusted it" if was_trusted(name, own) else "is not installed, and loading it runs it"
    return f"{file} in {own.folder} {why}: read it, then say --trust once (in Python: trust=True)."
