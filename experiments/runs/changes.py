"""What has changed since a run: its files, the sources and strategies that its numbers pass through, the versions."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from crmlab.experiments.errors import UserError
from crmlab.experiments.files.play_form import NoSuchStrategy
from crmlab.experiments.json_data import JsonObject
from crmlab.experiments.questions.table import KINDS
from crmlab.experiments.runs import run_id as identity
from crmlab.experiments.runs.code_of import code_of
from crmlab.experiments.runs.kept_code import code_named
from crmlab.experiments.runs.manifest import SCHEMA_VERSION, Manifest, content_sha256, part_hashes

MAX_NAMED = 5


class Changed(UserError):
    """A run cannot be repeated as it was: the message says what has changed since."""

    exit_code = 1


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder. Raises `Changed` when there is none."""
    try:
        manifest: Manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise Changed(f"{folder} has no manifest that can be read: it cannot be repeated.") from None
    try:
        version, package = manifest["schema_version"], str(manifest["code"]["package"])
    except (KeyError, TypeError):
        raise Changed(f"{folder} has a manifest that has been changed: it cannot be repeated.") from None
    if version != SCHEMA_VERSION:
        text = f"{folder} is a run of an older or newer version of crmlab ({package})"
        raise Changed(f"{text}: only that version can read and repeat it.")
    if not _well_formed(manifest):
        raise Changed(f"{folder} has a manifest that has been changed: it cannot be repeated.")
    return manifest


def _well_formed(manifest: Manifest) -> bool:
    """Whether what is called a manifest says what manifests say, and names no file outside of its folder."""
    texts = (manifest.get("run_id"), manifest.get("question"), _in(manifest, "seed", "scheme"))
    env = manifest.get("env")
    hashes = (manifest.get("sources"), manifest.get("parts"))
    return (
        all(isinstance(text, str) for text in texts)
        and manifest["question"] in KINDS
        and all(_texts_by_name(table) for table in hashes)
        and isinstance(env, dict)
        and isinstance(env.get("python"), str)
        and isinstance(env.get("platform"), str)
        and isinstance(env.get("processors"), list)
        and all(isinstance(name, str) for name in env["processors"])
        and _entries(manifest, "results", "file", "sha256")
        and all(_inside(entry["file"]) for entry in manifest["results"])
        and _entries(manifest, "strategies", "kind", "sha256")
        and all(_texts_by_name(e.get("files")) and _texts_by_name(e.get("installed")) for e in manifest["strategies"])
    )


def _in(table: JsonObject, *names: str) -> object:
    found: object = table
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _entries(manifest: JsonObject, table: str, *names: str) -> bool:
    entries = manifest.get(table)
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in names) for entry in entries
    )


def _texts_by_name(table: object) -> bool:
    return isinstance(table, dict) and all(isinstance(text, str) for text in table.values())


def _inside(file: str) -> bool:
    path = Path(file)
    return "\0" not in file and not path.is_absolute() and ".." not in path.parts


def changed_files(folder: Path, manifest: Manifest) -> list[str]:
    """The files of a run that are not as it left them, each in words."""
    found = []
    for entry in manifest["results"]:
        path = folder / entry["file"]
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            found.append(f"{entry['file']} is gone")
        elif content_sha256(path) != entry["sha256"]:
            parts = ", ".join(_changed_parts(path, manifest)) if path.name == "spec.json" else ""
            found.append(f"{entry['file']} has been changed{f' ({parts})' if parts else ''}")
    return found


def changes_since(manifest: Manifest, folder: Path) -> list[str]:
    """What else would give other numbers now than when the run in `folder` was played, each in words."""
    return [*_sources(manifest), *_strategies(manifest, folder), *_versions(manifest)]


def in_words(changes: list[str]) -> str:
    """The first few changes, and how many more there are."""
    more = f"; and {len(changes) - MAX_NAMED} more" if len(changes) > MAX_NAMED else ""
    return "; ".join(changes[:MAX_NAMED]) + more


def _changed_parts(path: Path, manifest: Manifest) -> Iterator[str]:
    """Which parts of the resolved experiment differ: its world, its arms, its design, ..."""
    try:
        now = part_hashes(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError, RecursionError):
        return
    then = manifest.get("parts", {})
    yield from (f"the {part}" for part in dict.fromkeys((*then, *now)) if then.get(part) != now.get(part))


def _sources(manifest: Manifest) -> Iterator[str]:
    yield from _differing(manifest["sources"], identity.source_hashes(manifest["question"]))


def _strategies(manifest: Manifest, folder: Path) -> Iterator[str]:
    for entry in manifest["strategies"]:
        try:
            cls = code_named(entry["kind"], folder)
        except NoSuchStrategy as error:
            yield f'the strategy "{entry["kind"]}" cannot be had: {str(error).rstrip(".")}'
            continue
        now = code_of(cls)
        if identity.strategy_hash(cls) != entry["sha256"]:
            files = list(_differing(entry["files"], now.files))
            packages = list(_other_versions(entry["installed"], now.installed))
            yield from [*files, *packages] or [f"{next(iter(now.files), cls.__name__)} has changed since"]
        elif not cls.__module__.startswith("crmlab."):
            yield from _edited_here(entry["files"])


def _differing(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for file in dict.fromkeys((*then, *now)):
        if file not in now:
            yield f"{file} is gone"
        elif file not in then:
            yield f"{file} is new"
        elif then[file] != now[file]:
            yield f"{file} has changed since"


def _other_versions(then: Mapping[str, str | None], now: Mapping[str, str | None]) -> Iterator[str]:
    for name in dict.fromkeys((*then, *now)):
        if then.get(name) != now.get(name):
            yield f"{name} {then.get(name) or 'absent'} -> {now.get(name) or 'absent'}"


def _edited_here(files: Mapping[str, str]) -> Iterator[str]:
    """Files of a strategy that lie in the working folder too, and have been edited there since the run."""
    for file, digest in files.items():
        path = Path(file)
        if not path.is_absolute() and path.is_file() and content_sha256(path) != digest:
            yield f"{file} in this folder has changed since (the run keeps a copy of what it was)"


def _versions(manifest: Manifest) -> Iterator[str]:
    from crmlab.sim.draws import SCHEME

    env = manifest["env"]
    versions: JsonObject = env
    then: dict[str, str | None] = {
        "seed scheme": manifest["seed"]["scheme"],
        "crmlab": manifest["code"]["package"],
        "platform": env["platform"],
        "Python": _minor(env["python"]),
    }
    now: dict[str, str | None] = {
        "seed scheme": SCHEME,
        "crmlab": identity.package_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "Python": _minor(platform.python_version()),
    }
    for name in identity.libraries_of(manifest["question"]):
        played = versions.get(name)
        then[name], now[name] = played if isinstance(played, str) else None, identity.version_of(name)
    yield from _other_versions(then, now)


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
