"""What has changed since a run: its files, the sources and strategies that its numbers pass through, the versions."""

from __future__ import annotations

import inspect
import json
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from crmlab.experiments.files.messages import UserError
from crmlab.experiments.files.play_form import NoSuchStrategy, find_strategy
from crmlab.experiments.runs import identity
from crmlab.experiments.runs.manifest import SCHEMA_VERSION, content_sha256, part_hashes

LIBRARIES = ("numpy", "scipy", "pandas", "numba", "mesa", "simpy")  # that every number passes through
MORE_LIBRARIES = {"tune": ("optuna", "cmaes"), "sweep": ("SALib",)}  # by driver
MOST_NAMED = 5


class Changed(UserError):
    """A run cannot be repeated as it was: the message says what has changed since."""

    exit_code = 1


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder. Raises `Changed` when there is none."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Changed(f"{folder} has no manifest that can be read: it cannot be repeated.") from None
    if manifest.get("schema_version") != SCHEMA_VERSION:
        text = f"{folder} has a manifest of another version of crmlab ({manifest['code']['package']})"
        raise Changed(f"{text}: only that version can repeat it.")
    return manifest


def changed_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """The files of a run that are not as it left them, each in words."""
    found = []
    for entry in manifest["results"]:
        path = folder / entry["file"]
        if not path.is_file():
            found.append(f"{entry['file']} is gone")
        elif content_sha256(path) != entry["sha256"]:
            parts = ", ".join(_changed_parts(path, manifest)) if path.name == "resolved.json" else ""
            found.append(f"{entry['file']} has been changed{f' ({parts})' if parts else ''}")
    return found


def changes_since(manifest: Mapping[str, Any]) -> list[str]:
    """What else would give other numbers now than then, each in words."""
    return [*_sources(manifest), *_strategies(manifest), *_versions(manifest)]


def in_words(changes: list[str]) -> str:
    """The first few changes, and how many more there are."""
    more = f"; and {len(changes) - MOST_NAMED} more" if len(changes) > MOST_NAMED else ""
    return "; ".join(changes[:MOST_NAMED]) + more


def _changed_parts(path: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Which parts of the resolved experiment differ: its world, its arms, its design, ..."""
    try:
        now = part_hashes(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return
    then = manifest.get("parts", {})
    yield from (f"the {part}" for part in dict.fromkeys((*then, *now)) if then.get(part) != now.get(part))


def _sources(manifest: Mapping[str, Any]) -> Iterator[str]:
    then, now = manifest["sources"], identity.source_hashes(manifest["driver"])
    for file in dict.fromkeys((*then, *now)):
        if file not in now:
            yield f"{file} is gone"
        elif file not in then:
            yield f"{file} is new"
        elif then[file] != now[file]:
            yield f"{file} has changed since"


def _strategies(manifest: Mapping[str, Any]) -> Iterator[str]:
    for entry in manifest["strategies"]:
        try:
            cls = find_strategy(entry["kind"])
        except NoSuchStrategy as error:
            yield f'the strategy "{entry["kind"]}" cannot be found: {str(error).rstrip(".")}'
            continue
        if identity.strategy_hash(cls) != entry["sha256"]:
            yield f"{_file_of(cls)} has changed since"


def _file_of(cls: type) -> str:
    try:
        file = Path(inspect.getsourcefile(cls) or cls.__name__)
    except (OSError, TypeError):
        return f"the source of {cls.__name__}"
    return file.relative_to(identity.ROOT).as_posix() if file.is_relative_to(identity.ROOT) else file.name


def _versions(manifest: Mapping[str, Any]) -> Iterator[str]:
    from crmlab.sim.draws import SCHEME

    env, driver = manifest["env"], manifest["driver"].rpartition(".")[2]
    pairs: dict[str, tuple[str | None, str | None]] = {
        "seed scheme": (manifest["seed"]["scheme"], SCHEME),
        "crmlab": (manifest["code"]["package"], identity.package_version()),
        "Python": (_minor(env["python"]), _minor(platform.python_version())),
        "platform": (env["platform"], f"{platform.system()} {platform.machine()}"),
    }
    pairs |= {name: (env.get(name), _version(name)) for name in (*LIBRARIES, *MORE_LIBRARIES.get(driver, ()))}
    for name, (then, now) in pairs.items():
        if then != now:
            yield f"{name} {then or 'absent'} -> {now or 'absent'}"


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
