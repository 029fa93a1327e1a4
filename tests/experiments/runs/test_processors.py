"""Another processor: equal, equal to 1e-12, and different are three verdicts; what decides is recorded and noticed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.execution import checkpoint as ledger_module
from crmlab.experiments.execution.checkpoint import LEDGER, Checkpoint
from crmlab.experiments.execution.cluster import ClusterError, _refuse_other_versions
from crmlab.experiments.execution.environment import environment_and_sources, processor
from crmlab.experiments.execution.executor import run_all
from crmlab.experiments.execution.records import line_of, processors_of
from crmlab.experiments.runs import verify as verify_module
from crmlab.experiments.runs.closeness import all_close, close
from crmlab.experiments.runs.verify import verify

WITHOUT_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
QUESTION = """
name = "q"
world = "shop"
[design]
weeks = {weeks}
customers = {customers}
replications = 2
unknowns = false
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "q.toml").write_text(QUESTION.format(weeks=6, customers=80))
    assert exit_code(["compare", str(folder / "q.toml"), "--workers", "1", "--out", str(folder / "results")]) == 0
    (run,) = (folder / "results" / "q").iterdir()
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "results" / "q" / finished.name))


def nudged(run: Path, kpi: str, digits: int = 1, factor: float = 1.0) -> None:
    """Let the run have found another number in its first life, as if it had always been so."""
    lines = (run / LEDGER).read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    life = next(r for r in records[1:] if isinstance(r["result"], list))["result"][0]["$run"][3]
    value = float(life[kpi]) * factor
    for _ in range(digits if factor == 1.0 else 0):
        value = math.nextafter(value, math.inf)
    life[kpi] = value
    plain = [{k: v for k, v in record.items() if k not in ("at", "sum")} for record in records]
    content = b"".join(line_of(record, at, records[0]["run"]) for at, record in enumerate(plain))
    (run / LEDGER).write_bytes(content)
    manifest = json.loads((run / "manifest.json").read_text())
    for entry in manifest["results"]:
        if entry["file"] == LEDGER:
            entry["sha256"] = hashlib.sha256(content).hexdigest()
    (run / "manifest.json").write_text(json.dumps(manifest))


def elsewhere(run: Path) -> None:
    """Let the run have been played on another processor."""
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["env"]["processors"] = ["x86_64 with X86_V3, glibc 2.31"]
    (run / "manifest.json").write_text(json.dumps(manifest))


def test_the_manifest_names_what_decides_the_last_digit(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["env"]["processors"] == [processor()]
    assert "glibc" in processor() or sys.platform != "linux"


def test_a_last_digit_is_forgiven_on_another_processor_and_on_the_same_one_it_is_not(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nudged(run, "value_existing")
    command = ["verify", str(run), "--all", "--workers", "1"]
    assert verify(run, rows=None, workers=1).verdict == "different"
    assert exit_code(command) == 1
    assert "does not hold:" in capsys.readouterr().out
    elsewhere(run)
    assert verify(run, rows=None, workers=1).verdict == "close"
    assert exit_code(command) == 0
    out = capsys.readouterr().out
    assert "holds to 1e-12, as it must on another processor: last digits differ in 1 places" in out
    assert "played on x86_64 with X86_V3, glibc 2.31; this is " in out


@pytest.mark.parametrize(("kpi", "factor"), [("value_existing", 1 + 1e-9), ("orders", 1.01)])
def test_a_wrong_number_is_different_on_every_processor(kpi: str, factor: float, run: Path) -> None:
    nudged(run, kpi, factor=factor)
    elsewhere(run)
    said = verify(run, rows=None, workers=1)
    assert (said.verdict, said.holds) == ("different", False)


def test_an_equal_run_holds_on_any_processor(run: Path) -> None:
    elsewhere(run)
    assert verify(run, rows=1, workers=1).verdict == "equal"
    assert verify_module.other_processor(run) is not None


def test_close_is_a_last_digit_and_nothing_else() -> None:
    assert close(0.1 + 0.2, 0.3, 1.0)
    assert not close(0.3, 0.3 + 1e-11, 1.0)
    assert close(1e-9, 1e-9 + 1e-12, 1e6)  # a small difference of large numbers
    assert not close(1e-9, 2e-9, 1.0)
    assert close(math.nan, math.nan, 1.0)
    assert not close(math.inf, 1.0, 1.0)
    table = pd.DataFrame({"n": [1, 2], "word": ["a", "b"], "x": [0.3, np.nan]})
    assert all_close(table, table.assign(x=[0.1 + 0.2, np.nan]))
    assert not all_close(table, table.assign(x=[0.3, 0.0]))
    assert not all_close(table, table.assign(n=[1, 3]))
    assert not all_close(table, table.assign(word=["a", "c"]))


def test_a_run_that_goes_on_elsewhere_keeps_its_lives_and_names_both_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_all(math.sqrt, range(4), 1, store=Checkpoint(tmp_path, "r"))
    monkeypatch.setattr(ledger_module, "processor", lambda: "another")
    kept = Checkpoint(tmp_path, "r")
    assert (len(kept), kept.begun_anew) == (4, "")
    run_all(math.sqrt, range(6), 1, store=kept)
    assert processors_of(tmp_path / LEDGER) == sorted(["another", processor()])


def test_a_cluster_of_mixed_processors_is_refused_with_a_way_out() -> None:
    ours = environment_and_sources()
    _refuse_other_versions("tcp://10.0.0.7:1", ours, ours)
    with pytest.raises(ClusterError) as error:
        _refuse_other_versions("tcp://10.0.0.7:1", ours, {**ours, "processor": "x86_64 with X86_V3, glibc 2.31"})
    assert "Worker tcp://10.0.0.7:1 would compute with processor x86_64 with X86_V3, glibc 2.31" in str(error.value)
    assert "NPY_DISABLE_CPU_FEATURES" in str(error.value)
    with pytest.raises(ClusterError, match="install the same versions there"):
        _refuse_other_versions("tcp://10.0.0.7:1", ours, {**ours, "numpy": "1.0"})


@pytest.mark.slow
@pytest.mark.skipif("X86_V4" not in processor(), reason="needs a processor whose extensions can be taken away")
def test_a_run_verified_with_reduced_processor_features_holds_to_the_last_digits(tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_text(QUESTION.format(weeks=52, customers=1500))

    def crmlab(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from crmlab.experiments.cli import main; main()", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True, check=False
        )

    assert crmlab("compare", "q.toml", "--workers", "1").returncode == 0
    again = crmlab("verify", "--all", "--workers", "1", NPY_DISABLE_CPU_FEATURES=WITHOUT_AVX512)
    assert again.returncode == 0, again.stdout + again.stderr
    assert " holds" in again.stdout
    assert "does not hold" not in again.stdout
    print(again.stdout)
