"""A run that is stopped in any way goes on where it was, and its tables are those of an uninterrupted one."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.disk import StoreError
from crmlab.experiments.execution import checkpoint as ledger_module
from crmlab.experiments.execution.checkpoint import LEDGER, Checkpoint
from crmlab.experiments.execution.executor import Failed, run_all
from crmlab.experiments.execution.failures import NothingRan
from crmlab.experiments.execution.records import line_of
from crmlab.experiments.execution.run import Run
from crmlab.experiments.execution.task_keys import task_key
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.runs.store import RunFolder, list_runs, remove_run
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.sim import Play
from crmlab.strategies import DiscountTiers
from tests.conftest import shop, today
from tests.places import ROOT

QUESTION = """
name = "q"
world = "shop"
[design]
weeks = 12
customers = 150
replications = 3
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
"""
ODD = [0.1 + 0.2, -0.0, 1e-323, 1e308, math.inf, -math.inf, math.nan]


@pytest.fixture
def question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "crmlab.experiments.reporting.report.write_report", lambda folder: folder / "report.html"
    )  # takes long
    (tmp_path / "q.toml").write_text(QUESTION)
    return tmp_path / "q.toml"


def odd_numbers(task: int) -> dict[str, Any]:
    return {"numbers": [x * task for x in ODD], "name": f"task {task}", "nothing": None, "yes": True}


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # repr tells -0.0 from 0.0 and shows every digit


def tables_of(results: Path) -> dict[str, pd.DataFrame]:
    (folder,) = (path for path in results.glob("*/*") if (path / "status").read_text() == "done")
    return {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}


def assert_same_tables(one: Any, other: Any) -> None:
    assert set(one) == set(other)
    assert "weekly" in one
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True)


# The ledger


def test_results_come_back_bit_for_bit(tmp_path: Path) -> None:
    first = run_all(odd_numbers, range(5), 1, store=Checkpoint(tmp_path))
    assert same(first, [odd_numbers(n) for n in range(5)])
    kept = Checkpoint(tmp_path)
    assert len(kept) == 5
    assert same(run_all(math.sqrt, range(5), 1, store=kept), first)  # found, not run


def test_the_tables_of_a_run_come_back_with_every_bit_and_type(tmp_path: Path) -> None:
    table = pd.DataFrame({"week": np.arange(3), "series": ["a", "b", "c"], "value": [0.1 + 0.2, math.nan, -0.0]})
    other = table.assign(value=["x", "y", "z"])  # the same name, but other columns
    runs = [Run("today", "fixed", 0, {"cac": np.float64(0.1)}, {"weekly": table, "empty": table.iloc[:0]})]
    runs += [Run("tiers", "fixed", 0, {"cac": math.nan}, {"weekly": other})]
    ledger = Checkpoint(tmp_path)
    ledger.add("a", runs)
    ledger.write()
    for kept in (ledger, Checkpoint(tmp_path)):
        one, two = kept.result("a")
        assert (one.arm, one.world, one.replication, one.kpis) == ("today", "fixed", 0, {"cac": 0.1})
        pd.testing.assert_frame_equal(one.tables["weekly"], table, check_exact=True)
        assert len(one.tables["empty"]) == 0
        assert math.isnan(two.kpis["cac"])
        pd.testing.assert_frame_equal(two.tables["weekly"], other, check_exact=True)


def test_a_torn_last_line_is_cut_off_wherever_it_is_torn(tmp_path: Path) -> None:
    run_all(odd_numbers, range(3), 1, store=Checkpoint(tmp_path))
    whole = (tmp_path / LEDGER).read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in range(last, len(whole)):
        (tmp_path / LEDGER).write_bytes(whole[:end])
        torn = Checkpoint(tmp_path)
        assert len(torn) == 2
        run_all(odd_numbers, range(3), 1, store=torn)
        assert (tmp_path / LEDGER).read_bytes() == whole


def test_a_ledger_of_another_run_or_of_other_libraries_is_not_continued(tmp_path: Path) -> None:
    run_all(odd_numbers, range(3), 1, store=Checkpoint(tmp_path, "one"))
    lines = (tmp_path / LEDGER).read_bytes().splitlines(keepends=True)
    header = json.loads(lines[0])
    version = header["made_with"]["numpy"]
    header["made_with"]["numpy"] = "1.0"
    header = {name: header[name] for name in ("ledger", "run", "made_with")}
    (tmp_path / LEDGER).write_bytes(b"".join([line_of(header, 0, "one"), *lines[1:]]))
    kept = Checkpoint(tmp_path, "one")
    assert (len(kept), kept.begun_anew) == (0, f"numpy 1.0 instead of {version}")
    run_all(odd_numbers, range(3), 1, store=kept)
    assert len(Checkpoint(tmp_path, "one")) == 3
    assert len(Checkpoint(tmp_path, "another")) == 0


def test_what_failed_is_tried_again_and_what_is_no_plain_data_is_refused(tmp_path: Path) -> None:
    results = run_all(math.sqrt, [4, -1], 1, store=Checkpoint(tmp_path))
    assert isinstance(results[1], Failed)
    assert len(Checkpoint(tmp_path)) == 1
    with pytest.raises(TypeError, match="may return numbers"):
        run_all(complex, [1], 1, store=Checkpoint(tmp_path))


def test_a_task_has_the_same_key_in_every_process_and_another_for_other_content() -> None:
    arm = Arm("tiers", today(Play("tiers", DiscountTiers())))
    script = (
        "from crmlab.experiments.execution.task_keys import task_key\nfrom crmlab.experiments.experiment import Arm\n"
        "from crmlab.sim import Play\nfrom crmlab.strategies import DiscountTiers, Today\n"
        "arm = Arm('tiers', (Play('today', Today()), Play('tiers', DiscountTiers())))\n"
        "print(task_key('s', 0, (1, arm, {'b', 'a', 'c'})))"
    )
    keys = {task_key("s", 0, (1, arm, {"a", "b", "c"}))}
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    keys.add(done.stdout.strip())
    assert len(keys) == 1
    dearer = replace(arm, plays=today(Play("tiers", DiscountTiers(silver_rate=0.07))))
    others = [("t", 0, (1, arm)), ("s", 1, (1, arm)), ("s", 0, (2, arm)), ("s", 0, (1, dearer))]
    assert len(keys | {task_key(*other) for other in others}) == 5
    with pytest.raises(TypeError, match="has no name"):
        task_key("s", 0, lambda: 1)


# A full disk


@pytest.mark.parametrize("refused", range(8))
def test_a_full_disk_stops_the_run_in_a_sentence_and_when_there_is_room_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """The disk refuses one write or one wait for the disk, at a place of its own in each case."""
    monkeypatch.setattr(ledger_module, "WRITE_SECONDS", 0.0)
    writes = 0

    def sync(descriptor: int) -> None:
        nonlocal writes
        writes += 1
        if writes == refused + 2:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - 7)  # the half that went to the disk
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        store = Checkpoint(tmp_path)
        patched.setattr(os, "fsync", sync)
        with pytest.raises(StoreError, match="disk is full") as error:
            run_all(odd_numbers, range(20), 1, store=store)
        assert error.value.exit_code == 1
    kept = Checkpoint(tmp_path)
    assert 0 < len(kept) + (refused == 0) < 20
    assert same(run_all(odd_numbers, range(20), 1, store=kept), [odd_numbers(n) for n in range(20)])


def test_a_comparison_stopped_by_a_full_disk_keeps_what_was_finished(
    question: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger_module, "WRITE_SECONDS", 0.0)
    append, lines = Checkpoint._append, 0

    def full(self: Checkpoint, records: Any) -> None:
        nonlocal lines
        lines += 1
        if lines == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, records)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "_append", full)
        assert exit_code(["compare", "q.toml", "--workers", "1"]) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-2] == "What was finished is kept (2 tasks); the same command goes on from there."
    assert err.splitlines()[-1].startswith("The disk is full: cannot write to results")
    assert [run.status for run in list_runs(Path("results"))] == ["stopped"]
    assert exit_code(["compare", "q.toml", "--workers", "1"]) == 0
    assert "Resumed: 2 of 17 tasks were there." in capsys.readouterr().err
    assert_same_tables(tables_of(Path("results")), compare(load_experiment(question), workers=1).tables)


# Runs that are stopped


def test_a_ledger_changes_no_number_of_a_comparison(tmp_path: Path) -> None:
    arms = (Arm("today", today()), Arm("tiers", today(Play("tiers", DiscountTiers()))))
    experiment = Experiment("kept", shop(), arms, Design(weeks=20, customers=150, replications=2, seed=2))
    plain = compare(experiment, workers=1)
    for _ in range(2):
        kept = compare(experiment, workers=1, store=Checkpoint(tmp_path))
        assert_same_tables(plain.tables, kept.tables)
        assert same(plain.to_json(), kept.to_json())


def test_after_an_interrupt_the_same_command_goes_on(
    question: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = 0

    def interrupted(*arguments: Any, **options: Any) -> list[Run]:
        nonlocal simulated
        simulated += 1
        if simulated == 5:
            raise KeyboardInterrupt
        return run_replication(*arguments, **options)

    monkeypatch.setattr("crmlab.experiments.questions.compare.compare.run_replication", interrupted)
    assert exit_code(["compare", "q.toml", "--workers", "1"]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert exit_code(["compare", "q.toml", "--workers", "1"]) == 0
    err = capsys.readouterr().err
    assert "Resumed: 4 of 17 tasks were there." in err
    assert "Playing: 4 of 17" in err
    assert simulated == 5 + 13
    assert [run.status for run in list_runs(Path("results"))] == ["done"]
    assert_same_tables(tables_of(Path("results")), compare(load_experiment(question), workers=1).tables)
    assert exit_code(["compare", "q.toml", "--workers", "1", "--force"]) == 0
    assert "Resumed" not in capsys.readouterr().err


def test_two_processes_do_not_play_the_same_run_at_once(question: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.create(Path("results"), load_experiment(question))
    assert exit_code(["compare", "q.toml"]) == 1
    assert "is being played by another process" in capsys.readouterr().err
    (run,) = list_runs(Path("results"))
    assert run.status == "running"
    with pytest.raises(StoreError, match="stop it first"):
        remove_run(run)
    folder.discard()
    assert exit_code(["compare", "q.toml", "--workers", "1"]) == 0


def test_a_replication_that_fails_is_left_out_of_all_arms_and_named(
    question: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def poisoned(experiment: Experiment, replication: int, kind: str = "fixed", **options: Any) -> list[Run]:
        if (replication, kind) == (1, "fixed") and "world" not in options:
            raise ZeroDivisionError("nobody came")
        return run_replication(experiment, replication, kind, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("crmlab.experiments.questions.compare.compare.run_replication", poisoned)
    for _ in range(2):  # played, and found again
        assert exit_code(["compare", "q.toml", "--workers", "1", "--json"]) == 1
        out, err = capsys.readouterr()
        (failure,) = json.loads(out)["failures"]
        assert failure["task"] == "replication 1 of the stated world"
        assert failure["error"] == "ZeroDivisionError: nobody came"
        told = "Failed and left out: replication 1 of the stated world (ZeroDivisionError: nobody came)"
        assert told in err
    tables = tables_of(Path("results"))
    fixed = tables["runs"][tables["runs"]["world"] == "fixed"]
    assert fixed.groupby("arm")["replication"].apply(list).to_dict() == {"cut": [0, 2], "today": [0, 2]}
    assert len(tables["breakeven"]) == 2  # from replication 0, which is whole
    (run,) = list_runs(Path("results"))
    assert run.json("manifest")["run"]["failures"] == run.failures


def test_when_every_replication_fails_the_run_fails_with_the_error(
    question: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: Any, **_options: Any) -> list[Run]:
        raise ZeroDivisionError("nobody came")

    monkeypatch.setattr("crmlab.experiments.questions.compare.compare.run_replication", broken)
    assert exit_code(["compare", "q.toml", "--workers", "1"]) == 1
    assert "ZeroDivisionError: nobody came" in capsys.readouterr().err
    with pytest.raises(NothingRan, match="nobody came"):
        compare(load_experiment(question), workers=1)


def start(question: Path, results: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "crmlab.experiments.cli",
        "compare",
        str(question),
        "--out",
        str(results),
        *arguments,
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_ten_times_at_random_moments_a_comparison_has_the_tables_of_an_uninterrupted_one(
    question: Path, tmp_path: Path
) -> None:
    question.write_text(QUESTION.replace("replications = 3", "replications = 12"))
    results, luck = tmp_path / "results", random.Random(4)
    kills = 0
    while kills < 10:
        process = start(question, results, "--workers", str(1 + kills % 3))
        ledgers = list(results.glob("*/*/" + LEDGER))
        size = ledgers[0].stat().st_size if ledgers else 0
        if kills % 2:  # while it starts, or takes up what there is
            time.sleep(luck.uniform(0.0, 3.0))
        else:  # while it plays and writes
            until(process, lambda: any(f.stat().st_size > size for f in results.glob("*/*/" + LEDGER)))  # noqa: B023
            time.sleep(luck.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            break
        kills += 1
        assert {run.status for run in list_runs(results)} <= {"stopped"}
    assert kills == 10, "the run was over before it was killed often enough"
    process = start(question, results)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert "Resumed: " in err
    assert_same_tables(tables_of(results), compare(load_experiment(question), workers=1).tables)
