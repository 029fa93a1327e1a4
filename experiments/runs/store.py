"""Run folders: `results/<experiment>/<run id>/` holds everything a run was and found.

A run in progress lives in a folder whose name begins with a dot and gets its own name in one step at the end, so a
folder named by its run id is always whole. A run that was interrupted or failed is kept as `<run id>.interrupted` or
`<run id>.failed`, one that was killed as it was; the next attempt at the same run finds the finished tasks in their
ledger. Single files are written under a temporary name and moved into place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crmlab.experiments.disk import StoreError, disk_trouble
from crmlab.experiments.execution.checkpoint import LEDGER, PARTS, Checkpoint
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.json_data import finite
from crmlab.experiments.runs.deserialize import keep_inputs
from crmlab.experiments.runs.lock import LEFT, LOCK, Claim, claimed, is_claimed
from crmlab.experiments.runs.manifest import manifest
from crmlab.experiments.runs.run_id import run_id
from crmlab.experiments.runs.serialize import spec
from crmlab.experiments.wording.names import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["done", "failed", "interrupted"]
PROGRESS_SECONDS = 0.5
LONGEST_NAME = 80  # characters of the folder of an experiment


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
        """done, interrupted, failed, running, or stopped: killed, so that nobody is at it any more."""
        if self.path.name.startswith("."):
            return "running" if is_claimed(self.path) else "stopped"
        try:
            said = (self.path / "status").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return "unknown"
        return said if said in ("done", "interrupted", "failed", "running") else "unknown"

    @property
    def command(self) -> str:
        """The command of `crmlab` that the run answers: compare, run, tune, ...; "unknown" where it does not say."""
        try:
            name = str(self.json("manifest")["question"])
            return "run" if name == "compare" and len(self.json("spec")["arms"]) == 1 else name
        except (StoreError, ValueError, LookupError, TypeError):
            return "unknown"

    @property
    def ended(self) -> datetime:
        """When the folder was last written to."""
        written = [p.stat().st_mtime for p in (self.path / "status", self.path / LEDGER) if p.exists()]
        return datetime.fromtimestamp(max(written, default=0.0), UTC)

    @property
    def failures(self) -> list[dict[str, str]]:
        """Tasks that failed while the others went on, as {"task", "error"}."""
        return self.json("failures") if (self.path / "failures.json").is_file() else []

    @property
    def tables(self) -> list[str]:
        return sorted(p.stem for p in self.path.glob("*.parquet"))

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run. Raises `StoreError` when it has none of this name."""
        import pandas as pd

        if name not in self.tables:
            hint = did_you_mean(name, self.tables)
            raise StoreError(f"Run {self.run_id} has no table {name}.{hint} Tables: {', '.join(self.tables)}.", 2)
        try:
            return pd.read_parquet(self.path / f"{name}.parquet")
        except Exception as error:  # pyarrow has many words for a file that is none
            if isinstance(error, MemoryError):
                raise
            raise StoreError(f"{name}.parquet of run {self.run_id} is damaged: it is no table.", 1) from None

    def json(self, name: str) -> Any:
        """A JSON file of the run, such as `comparison` or `manifest`. Raises `StoreError` when it is not there."""
        try:
            return json.loads((self.path / f"{name}.json").read_text(encoding="utf-8"))
        except OSError:
            raise StoreError(f"Run {self.run_id} has no {name}.json.", 2) from None
        except (ValueError, RecursionError):
            raise StoreError(f"{name}.json of run {self.run_id} is damaged: it is no JSON.", 1) from None


@dataclass
class RunFolder:
    """A run folder that is being written. `store` holds the tasks that are finished, of earlier attempts too.

    `total` is how many tasks there are in all, as far as an earlier attempt has said, otherwise 0.
    """

    path: Path
    final: Path
    experiment: Experiment
    store: Checkpoint
    claim: Claim
    total: int = 0
    workers: int | str = 0
    failures: Sequence[object] = ()
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _progress_at: float = 0.0

    @classmethod
    def create(
        cls, results: Path, experiment: Experiment, text: str = "", workers: int | str = 0, anew: bool = False
    ) -> RunFolder:
        """Open the folder of a run that begins or, unless it is to begin `anew`, goes on where an attempt has ended.

        `text` is the experiment file as given. Raises `StoreError`, also when another process plays this run.
        """
        final = folder_of(results, experiment)
        with disk_trouble(results):
            claim = claimed(final)
            total = _said_total(claim.path)
            _clear(claim.path, keep=() if anew else (LEDGER, PARTS))
            if anew:
                _remove_left(final)
            store = Checkpoint(claim.path, final.name)
            folder = cls(claim.path, final, experiment, store, claim, total, workers)
            folder.write_text("status", "running")
            if text:
                folder.write_text("experiment.toml", text)
            folder.write_json("spec", spec(experiment))
            if experiment.calibration is not None:
                folder.write_json("calibration", experiment.calibration)
            keep_inputs(experiment, folder.path)
        return folder

    def write_text(self, file: str, text: str) -> None:
        """Write a text file in one step."""
        with self._placed(file) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_json(self, name: str, content: object) -> None:
        """Write `<name>.json` in one step. What is not a finite number becomes null."""
        self.write_text(f"{name}.json", json.dumps(finite(content), indent=2, ensure_ascii=False) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write `<name>.parquet` in one step."""
        with self._placed(f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")

    def progress(self, done: int, total: int) -> None:
        """Say how far the run is, for whoever watches the folder, but not more often than anybody would look."""
        if done == total or time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self.write_json("progress", {"done": done, "total": total})
            self._progress_at = time.monotonic()

    def finish(self, status: Status) -> Path:
        """Write the manifest and give the folder its name. Returns where it lies now."""
        if self.failures:
            self.write_json("failures", list(self.failures))
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
                _remove_left(self.final)
                shutil.rmtree(kept / PARTS, ignore_errors=True)
            self.claim.release(kept)
        self.path = kept
        return kept

    def leave(self) -> bool:
        """Stop writing: finished tasks stay where the next attempt finds them; without any, nothing stays."""
        if not len(self.store):
            self.discard()
            return False
        self.claim.release(self.path)
        return True

    def discard(self) -> None:
        """Leave nothing behind, not even the folder of the experiment where this was its first run."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.claim.release(self.path)
        with suppress(OSError):  # other runs are in it
            self.path.parent.rmdir()

    @contextmanager
    def _placed(self, file: str) -> Iterator[Path]:
        temporary = self.path / f".{file}.tmp"
        with disk_trouble(self.path):
            yield temporary
            os.replace(temporary, self.path / file)


def folder_of(results: Path, experiment: Experiment) -> Path:
    """Where the finished run of an experiment lies."""
    slug = re.sub(r"[^a-z0-9]+", "-", experiment.name.lower()).strip("-")[:LONGEST_NAME] or "experiment"
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
    if run.status == "running":
        raise StoreError(f"Run {run.run_id} is being played; stop it first.", 1)
    with disk_trouble(run.path):
        shutil.rmtree(run.path)
        if not any(run.path.parent.iterdir()):
            run.path.parent.rmdir()


def _clear(folder: Path, keep: Sequence[str]) -> None:
    """Empty the folder of a run in progress, but for its lock and what is to be kept."""
    for path in folder.iterdir():
        if path.name not in (LOCK, *keep):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _said_total(folder: Path) -> int:
    try:
        return int(json.loads((folder / "progress.json").read_text(encoding="utf-8"))["total"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0


def _remove_left(final: Path) -> None:
    for left in LEFT:
        shutil.rmtree(final.with_name(f"{final.name}.{left}"), ignore_errors=True)
