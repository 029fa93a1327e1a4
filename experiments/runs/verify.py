"""Whether a finished run still holds: a sample of its tasks is run again and compared number by number.

Its question is answered again on the experiment that its folder describes, with a ledger that answers from the stored
one, except for the sampled tasks: these are run again, and what comes out must be what was stored, bit for bit. From
both, the answer computes its tables, and they must be the stored ones. So it works for every kind of run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from crmlab.experiments.execution.checkpoint import LEDGER
from crmlab.experiments.execution.environment import processor
from crmlab.experiments.execution.executor import Executor
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.runs.changes import Changed, changed_files, changes_since, in_words, read_manifest
from crmlab.experiments.runs.deserialize import deserialize_experiment
from crmlab.experiments.runs.sampled_store import Mismatch, SampledStore
from crmlab.experiments.runs.tables_equal import difference

Progress = Callable[[int, int], None]
Verdict = Literal["equal", "close", "different"]


@dataclass(frozen=True)
class Verification:
    """What was compared, and what was not as it should be.

    `repeated` of `tasks` finished tasks were run again, with `numbers` numbers; `tables` were computed again and are
    equal; `files` have the hash of the manifest; `changes` are those in spite of which all this was done. `processors`
    are those on which the run was played and the present one, where they are not the same.
    """

    repeated: int
    tasks: int
    numbers: int
    files: int
    tables: tuple[str, ...]
    mismatches: tuple[Mismatch, ...]
    changes: tuple[str, ...] = ()
    processors: tuple[str, str] | None = None

    @property
    def verdict(self) -> Verdict:
        """equal bit for bit; close: equal up to last digits, on another processor; or different."""
        if not self.mismatches:
            return "equal"
        return "close" if self.processors and all(mismatch.close for mismatch in self.mismatches) else "different"

    @property
    def holds(self) -> bool:
        """Whether everything was equal, or as equal as it can be on another processor."""
        return self.verdict != "different"

    def to_json(self) -> dict[str, object]:
        """The same as JSON data."""
        mismatches = [vars(m) for m in self.mismatches]
        return {**vars(self), "tables": list(self.tables), "changes": list(self.changes), "holds": self.holds} | {
            "mismatches": mismatches,
            "verdict": self.verdict,
        }


def verify(
    folder: Path,
    rows: int | None = 4,
    workers: int | Executor = 0,
    on_progress: Progress | None = None,
    anyway: bool = False,
) -> Verification:
    """Run `rows` finished tasks of a run again (None: all), and compare every number, table and file.

    Raises `Changed` when sources, strategies, versions or files have changed since, unless it is to go on `anyway`.
    """
    experiment, changes, n_files = unchanged(folder, anyway)
    sample = SampledStore(folder / LEDGER, rows)
    found = kind_asked(experiment).answer(experiment, workers=workers, on_progress=on_progress, store=sample)
    equal, mismatches = compared_tables(folder, found.tables)
    return Verification(
        len(sample.repeated), len(sample.stored), sample.numbers, n_files, tuple(equal),
        (*sample.mismatches, *sample.not_asked(), *mismatches), tuple(changes), other_processor(folder),
    )  # fmt: skip


def other_processor(folder: Path) -> tuple[str, str] | None:
    """The processors on which a run was played and the present one, if they are not the same."""
    played, here = ", ".join(read_manifest(folder)["env"]["processors"]), processor()
    return None if played == here else (played, here)


def unchanged(folder: Path, anyway: bool = False) -> tuple[Experiment, list[str], int]:
    """The experiment of a run, the changes since, and the number of files that were checked. Raises `Changed`."""
    manifest = read_manifest(folder)
    damaged = changed_files(folder, manifest)
    experiment = None if damaged and not anyway else deserialize_experiment(folder)  # also finds where strategies lie
    changes = [*damaged, *changes_since(manifest, folder)]
    if changes and not anyway:
        raise Changed(f"Run {manifest['run_id']} cannot be repeated as it was: {in_words(changes)}.")
    assert experiment is not None
    return experiment, changes, len(manifest["results"]) - len(damaged)


def compared_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> tuple[list[str], list[Mismatch]]:
    """Names of the tables that equal the stored ones, and where the others differ."""
    equal, mismatches = [], []
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        differs = difference(path, table) if path.is_file() else ("table", "none", "one", False)
        if differs is None:
            equal.append(name)
        else:
            where, then, now, last_digits = differs
            mismatches.append(Mismatch(f"{name}.parquet, {where}", then, now, last_digits))
    return equal, mismatches
