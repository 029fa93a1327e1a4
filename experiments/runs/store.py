"""Run folders: `results/<experiment>/<run id>/` holds everything a run was and found.

A run in progress lives in a folder whose name begins with a dot and gets its own name in one step at the end, so a
folder named by its run id is always whole. A run that was interrupted or failed is kept as `<run id>.interrupted` or
`<run id>.failed`. Single files are written under a temporary name and moved into place.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from experiments.experiment import Experiment
from experiments.files.messages import UserError, did_you_mean
from experiments.runs.identity import resolved, run_id
from experiments.runs.manifest import manifest

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["running", "done", "failed", "interrupted"]


class StoreError(UserError):
    """The results folder does not do what is asked. The message is a sentence; `exit_code` says whose fault it is."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class StoredRun:
    """A run folder on disk, to be read."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name.lstrip(".").split(".")[0]

    @property
    def experiment(self) -> str:
        """Folder name of the experiment."""
        return self.path.parent.name

    @property
    def status(self) -> str:
        try:
            return (self.path / "status").read_text(encoding="utf-8").strip()
        except OSError:
            return "unknown"

    @property
    def ended(self) -> datetime:
        """When the folder was last written to."""
        return datetime.fromtimestamp((self.path / "status").stat().st_mtime, UTC)

    @property
    def tables(self) -> list[str]:
        return sorted(p.stem for p in self.path.glob("*.parquet"))

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run. Raises `StoreError` when it has none of this name."""
        import pandas as pd

        if name not in self.tables:
            hint = did_you_mean(name, self.tables)
            raise StoreError(f"Run {self.run_id} has no table {name}.{hint} Tables: {', '.join(self.tables)}.", 2)
        return pd.read_parquet(self.path / f"{name}.parquet")

    def json(self, name: str) -> Any:
        """A JSON file of the run, such as `comparison` or `manifest`. Raises `StoreError` when it is not there."""
        try:
            return json.loads((self.path / f"{name}.json").read_text(encoding="utf-8"))
        except OSError:
            raise StoreError(f"Run {self.run_id} has no {name}.json.", 2) from None


@dataclass
class RunFolder:
    """A run folder that is being written."""

    path: Path
    final: Path
    experiment: Experiment
    workers: int = 0
    failures: Sequence[Any] = ()
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def create(cls, results: Path, experiment: Experiment, text: str = "", workers: int = 0) -> RunFolder:
        """Open the folder of a run that begins. `text` is the experiment file as given. Raises `StoreError`."""
        final = folder_of(results, experiment)
        path = final.with_name(f".{final.name}.{os.getpid()}")
        with disk_trouble(results):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
            folder = cls(path, final, experiment, workers)
            folder.write_text("status", "running")
            if text:
                folder.write_text("experiment.toml", text)
            folder.write_json("resolved", resolved(experiment))
            if experiment.calibration is not None:
                folder.write_json("calibration", experiment.calibration)
        return folder

    def write_text(self, file: str, text: str) -> None:
        """Write a text file in one step."""
        with self._placed(file) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_json(self, name: str, content: Any) -> None:
        """Write `<name>.json` in one step. What is not a finite number becomes null."""
        self.write_text(f"{name}.json", json.dumps(finite(content), indent=2, ensure_ascii=False) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write `<name>.parquet` in one step."""
        with self._placed(f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")

    def progress(self, done: int, total: int) -> None:
        """Say how far the run is, for whoever watches the folder."""
        self.write_json("progress", {"done": done, "total": total})

    def finish(self, status: Status) -> Path:
        """Write the manifest and give the folder its name. Returns where it lies now."""
        self.write_json("manifest", manifest(self.experiment, self.path, self.started, self.workers, self.failures))
        self.write_text("status", status)
        kept = self.final if status == "done" else self.final.with_name(f"{self.final.name}.{status}")
        with disk_trouble(kept):
            replaced = self.path.with_name(f"{self.path.name}.replaced")
            if kept.exists():
                kept.rename(replaced)
            self.path.rename(kept)
            shutil.rmtree(replaced, ignore_errors=True)
            if status == "done":  # what an earlier attempt left is of no more use
                for left in ("interrupted", "failed"):
                    shutil.rmtree(self.final.with_name(f"{self.final.name}.{left}"), ignore_errors=True)
        self.path = kept
        return kept

    def discard(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def _placed(self, file: str) -> Iterator[Path]:
        temporary = self.path / f".{file}.tmp"
        with disk_trouble(self.path):
            yield temporary
            os.replace(temporary, self.path / file)


def folder_of(results: Path, experiment: Experiment) -> Path:
    """Where the finished run of an experiment lies."""
    slug = re.sub(r"[^a-z0-9]+", "-", experiment.name.lower()).strip("-") or "experiment"
    return results / slug / run_id(experiment)


def finished_run(results: Path, experiment: Experiment) -> StoredRun | None:
    """The run that already answered this experiment, if there is one."""
    run = StoredRun(folder_of(results, experiment))
    return run if run.status == "done" else None


def list_runs(results: Path) -> list[StoredRun]:
    """All runs below a results folder, the latest last."""
    folders = [p.parent for p in results.glob("*/*/status")]
    return sorted((StoredRun(p) for p in folders), key=lambda run: (run.ended, run.path.name))


def open_run(results: Path, which: str | None = None) -> StoredRun:
    """A run by id, by the beginning of its id, by experiment name (its latest run), by path; the latest by default.

    Raises `StoreError` when there is none, or when the beginning of an id fits several.
    """
    if which and (Path(which) / "status").is_file():
        return StoredRun(Path(which))
    runs = list_runs(results)
    if not runs:
        raise StoreError(f'There are no runs in {results} yet. Start one with "crmlab compare FILE".', 2)
    if which is None:
        return next((r for r in reversed(runs) if r.status == "done"), runs[-1])
    named = [r for r in runs if r.experiment == which]
    if named:
        return next((r for r in reversed(named) if r.status == "done"), named[-1])
    found = [r for r in runs if r.path.name.lstrip(".").startswith(which)]
    exact = [r for r in found if r.path.name == which]
    if exact or len(found) == 1:
        return (exact or found)[0]
    if found:
        raise StoreError(f'"{which}" fits {len(found)} runs: {", ".join(sorted(r.run_id for r in found))}.', 2)
    hint = did_you_mean(which, [r.run_id for r in runs] + [r.experiment for r in runs])
    raise StoreError(f'No run "{which}" in {results}.{hint} "crmlab runs list" shows all.', 2)


def remove_run(run: StoredRun) -> None:
    """Delete a run, and the folder of its experiment when that was the last one."""
    with disk_trouble(run.path):
        shutil.rmtree(run.path)
        if not any(run.path.parent.iterdir()):
            run.path.parent.rmdir()


def finite(value: Any) -> Any:
    """JSON data in which undefined numbers are null and numpy's numbers are plain ones."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    value = value.item() if hasattr(value, "item") and not isinstance(value, str) else value
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value


@contextmanager
def disk_trouble(place: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence: a full disk is bad luck (1), a wrong place a mistake (2)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"The disk is full: cannot write to {place}.", 1) from None
        raise StoreError(f"Cannot write to {place}: {(error.strerror or str(error)).lower()}.", 2) from None
