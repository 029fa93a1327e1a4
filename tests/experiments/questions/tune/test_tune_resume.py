"""A tuning that was killed goes on where it was: its trials are those of an uninterrupted one, whatever the sampler."""

from __future__ import annotations

import importlib.util
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from crmlab.experiments.execution.checkpoint import LEDGER, Checkpoint
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.tune import markets
from crmlab.experiments.questions.tune.offered import NEEDS, sampler_problem
from crmlab.experiments.questions.tune.question import EQUITY, Sampler
from crmlab.experiments.questions.tune.tune import Tuning, tune
from tests.experiments.questions.tune.test_tune import shop_search

SAMPLERS = get_args(Sampler)
KILLS = 10


def small_search(sampler: str) -> Experiment:
    """A race of three batches in a small shop, with the objectives that the sampler can do."""
    objectives = (EQUITY,) if sampler in ("tpe", "random", "cmaes", "gp") else ("orders", EQUITY)
    experiment = shop_search(sampler=sampler, objectives=objectives, replications=6, candidates=12, batch=4)
    return replace(experiment, design=replace(experiment.design, customers=60, weeks=6))


def installed(sampler: str) -> bool:
    return sampler not in NEEDS or importlib.util.find_spec(NEEDS[sampler][0]) is not None


def assert_same(one: Tuning, other: Tuning) -> None:
    pd.testing.assert_frame_equal(one.trials, other.trials, check_exact=True)
    pd.testing.assert_frame_equal(one.race, other.race, check_exact=True)
    assert one.winners == other.winners
    for arm, kpis in one.kpi_values.items():
        pd.testing.assert_frame_equal(kpis, other.kpi_values[arm], check_exact=True)


def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list to which every task that is really run adds an entry."""
    simulated: list[int] = []
    simulate = markets.Markets.__call__

    def counted(self: Any, task: Any) -> Any:
        simulated.append(task[0])
        return simulate(self, task)

    monkeypatch.setattr(markets.Markets, "__call__", counted)
    return simulated


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_was_cut_off_anywhere_ends_with_the_same_trials(sampler: str, tmp_path, monkeypatch) -> None:
    if not installed(sampler):
        pytest.skip(f"{NEEDS[sampler][0]} is not installed, so {sampler} is not offered")
    simulated = count_runs(monkeypatch)
    whole = tune(small_search(sampler), workers=1, store=Checkpoint(tmp_path))
    needed = len(simulated)
    lines = (tmp_path / LEDGER).read_bytes().splitlines(keepends=True)
    assert len(lines) == needed + 1  # one for each task, and the heading
    for cut in random.Random(5).sample(range(2, len(lines)), 2):
        folder = tmp_path / f"cut {cut}"
        folder.mkdir()
        (folder / LEDGER).write_bytes(b"".join(lines[:cut]) + lines[cut][:7])  # the last line is torn
        simulated.clear()
        resumed = tune(small_search(sampler), workers=1, store=Checkpoint(folder))
        assert len(simulated) == needed - (cut - 1)
        assert_same(whole, resumed)
        shutil.rmtree(folder)
    without = tune(small_search(sampler), workers=2)
    assert_same(whole, without)


def test_a_sampler_that_cannot_do_a_search_is_refused_in_a_sentence(monkeypatch) -> None:
    assert sampler_problem("tpe", objectives=3, numbers=1, words=2) == ""
    assert "one objective only" in sampler_problem("cmaes", objectives=2, numbers=3, words=0)
    assert "numbers and nothing else" in sampler_problem("cmaes", objectives=1, numbers=3, words=1)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert sampler_problem("gp", 1, 2, 0) == "needs the package torch, which is not installed: pip install torch."
    assert 'pip install "crmlab[search]"' in sampler_problem("cmaes", 1, 2, 0)


FILE = """
name = "killed"
world = "shop"
[design]
customers = 150
weeks = 16
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
name = "tiers"
[[arms.tiers.strategies]]
kind = "channel_mix"
name = "mix"
[tune]
arm = "tiers"
switch = ["mix"]
levers = ["tiers.silver_rate", "tiers.silver_spend", { lever = "mix.factors.content", low = 0.5, high = 4 }]
objectives = ["customer_equity", "orders"]
candidates = 40
batch = 5
replications = 12
confirm = 2
confirm_replications = 4
"""


@pytest.mark.slow
def test_ten_random_kills_of_the_program_change_no_number(tmp_path) -> None:
    (tmp_path / "killed.toml").write_text(FILE)

    def begin(results: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "crmlab.experiments.cli", "tune", str(tmp_path / "killed.toml")]
        return subprocess.Popen(
            [*command, "--workers", "2", "--out", str(tmp_path / results)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def lines(results: str) -> int:
        return sum(path.read_bytes().count(b"\n") for path in (tmp_path / results).glob(f"killed/*/{LEDGER}"))

    assert begin("whole").wait(600) == 0
    luck, most = random.Random(11), lines("whole") // (KILLS + 1)
    for _ in range(KILLS):
        run, wanted = begin("killed"), lines("killed") + luck.randint(0, most)
        while run.poll() is None and lines("killed") < max(wanted, 1):
            time.sleep(0.02)
        time.sleep(luck.uniform(0, 0.3))
        assert run.poll() is None, "it was quicker than the kill"
        run.send_signal(signal.SIGKILL)
        run.communicate()
    last = begin("killed")
    _, err = last.communicate(timeout=600)
    assert last.returncode == 0, err
    assert "Resumed: " in err
    whole, killed = (next((tmp_path / name / "killed").glob("[!.]*")) for name in ("whole", "killed"))
    for table in ("trials", "racing", "winners", "runs", "effects", "importances"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(whole / f"{table}.parquet"), pd.read_parquet(killed / f"{table}.parquet"), check_exact=True
        )
    assert (whole / "tuning.json").read_text() == (killed / "tuning.json").read_text()


def test_the_same_command_takes_an_interrupted_search_up_again(tmp_path: Path, monkeypatch, capsys) -> None:
    from crmlab.experiments.cli import exit_code
    from crmlab.experiments.questions.tune.proposals import Proposals

    small = FILE.replace("candidates = 40", "candidates = 8").replace("batch = 5", "batch = 4")
    (tmp_path / "killed.toml").write_text(small)
    command = ["tune", str(tmp_path / "killed.toml"), "--workers", "1", "--out", str(tmp_path / "results")]
    with monkeypatch.context() as patched:
        asked = Proposals.ask

        def interrupted(self: Proposals, batch: int, n: int) -> Any:
            if batch == 1:
                raise KeyboardInterrupt
            return asked(self, batch, n)

        patched.setattr(Proposals, "ask", interrupted)
        assert exit_code(command) == 130
    (kept,) = (tmp_path / "results" / "killed").iterdir()
    assert kept.name.endswith(".interrupted")
    capsys.readouterr()
    assert exit_code(command) == 0
    assert "Resumed: " in capsys.readouterr().err
    (done,) = (tmp_path / "results" / "killed").iterdir()
    assert (done / "trials.parquet").is_file()
