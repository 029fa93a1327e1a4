"""A ledger that was changed is never believed: what it no longer says as written is named and run again."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.execution import checkpoint as ledger_module
from crmlab.experiments.execution.checkpoint import LEDGER, PARTS, Checkpoint
from crmlab.experiments.execution.executor import run_all
from crmlab.experiments.execution.records import line_of, read_records
from crmlab.experiments.execution.run import Run
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.spec.experiment_file import load_experiment

TASKS = range(12)
N_MUTATIONS = 400


def life(task: int) -> list[Run]:
    """Two arms with numbers and a table each, as a replication of a comparison has them."""
    rng = np.random.default_rng(task)
    weekly = pd.DataFrame({"week": np.arange(5), "value": rng.normal(size=5)})
    kpis = {"orders": float(rng.integers(10, 10**6)), "cac": float(rng.normal()), "nothing": float("nan")}
    return [Run(arm, "fixed", task, kpis, {"weekly": weekly * (1 + n)}) for n, arm in enumerate(("today", "cut"))]


def told(results: list[Any]) -> str:
    """Everything that results say, to the last bit."""
    return repr([(r.arm, r.kpis, {k: t.to_dict() for k, t in r.tables.items()}) for runs in results for r in runs])


def written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ledger_module, "WRITE_SECONDS", 0.0)
    folder.mkdir()
    run_all(life, TASKS, 1, store=Checkpoint(folder, "a run"))
    return folder


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def a_digit(folder: Path, luck: random.Random) -> None:
    path = folder / LEDGER
    content = bytearray(path.read_bytes())
    places = [at for at, byte in enumerate(content) if chr(byte).isdigit()]
    at = luck.choice(places)
    content[at] = ord(luck.choice([d for d in "0123456789" if ord(d) != content[at]]))
    path.write_bytes(content)


def a_bit(folder: Path, luck: random.Random) -> None:
    _flip(folder / LEDGER, luck)


def a_bit_of_a_part(folder: Path, luck: random.Random) -> None:
    _flip(luck.choice(sorted((folder / PARTS).iterdir())), luck)


def _flip(path: Path, luck: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[luck.randrange(len(content))] ^= 1 << luck.randrange(8)
    path.write_bytes(content)


def a_line_twice(folder: Path, luck: random.Random) -> None:
    lines = _lines(folder / LEDGER)
    lines.insert(luck.randrange(1, len(lines) + 1), luck.choice(lines))
    (folder / LEDGER).write_bytes(b"".join(lines))


def a_line_less(folder: Path, luck: random.Random) -> None:
    lines = _lines(folder / LEDGER)
    del lines[luck.randrange(len(lines))]
    (folder / LEDGER).write_bytes(b"".join(lines))


def two_lines_exchanged(folder: Path, luck: random.Random) -> None:
    lines = _lines(folder / LEDGER)
    one, other = luck.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    (folder / LEDGER).write_bytes(b"".join(lines))


def two_keys_exchanged(folder: Path, luck: random.Random) -> None:
    """The most treacherous change: every line is whole JSON and every number was once found, for another task."""
    lines = _lines(folder / LEDGER)
    one, other = luck.sample(range(1, len(lines)), 2)
    keys = [re.search(rb'"key": "\w+"', lines[n])[0] for n in (one, other)]  # type: ignore[index]
    lines[one], lines[other] = lines[one].replace(*keys), lines[other].replace(*reversed(keys))
    (folder / LEDGER).write_bytes(b"".join(lines))


def a_part_for_another(folder: Path, luck: random.Random) -> None:
    one, other = luck.sample(sorted((folder / PARTS).iterdir()), 2)
    shutil.copyfile(one, other)


def a_part_gone_or_cut(folder: Path, luck: random.Random) -> None:
    part = luck.choice(sorted((folder / PARTS).iterdir()))
    content = part.read_bytes()
    part.write_bytes(content[: luck.randrange(len(content))]) if luck.random() < 0.5 else part.unlink()


def a_piece_gone(folder: Path, luck: random.Random) -> None:
    content = (folder / LEDGER).read_bytes()
    start = luck.randrange(len(content))
    (folder / LEDGER).write_bytes(content[:start] + content[start + luck.randrange(1, 400) :])


MUTATIONS: list[Callable[[Path, random.Random], None]] = [
    a_digit, a_bit, a_bit_of_a_part, a_line_twice, a_line_less, two_lines_exchanged, two_keys_exchanged,
    a_part_for_another, a_part_gone_or_cut, a_piece_gone,
]  # fmt: skip
CUT_AT_THE_END = (a_line_less, a_piece_gone)  # a shorter ledger looks like one that was stopped earlier
TORN = (a_bit, a_line_less, a_piece_gone)  # without its last newline, the last line looks torn by a crash


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__)
def test_whatever_is_changed_in_a_ledger_no_resumed_table_is_silently_wrong(
    mutation: Callable[[Path, random.Random], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = written(tmp_path / "whole", monkeypatch)
    right = told(run_all(life, TASKS, 1, store=Checkpoint(whole, "a run")))
    luck = random.Random(mutation.__name__)
    for n in range(N_MUTATIONS // len(MUTATIONS)):
        folder = Path(shutil.copytree(whole, tmp_path / str(n)))
        mutation(folder, luck)
        kept = Checkpoint(folder, "a run")
        named = bool(kept.damage or kept.begun_anew)
        assert named or len(kept) == len(TASKS) or mutation in TORN
        assert told(run_all(life, TASKS, 1, store=kept)) == right
        again = Checkpoint(folder, "a run")  # and now it is whole
        assert (len(again), again.damage, again.begun_anew) == (len(TASKS), (), "")


def test_only_what_was_changed_is_lived_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path / "run", monkeypatch)
    lines = _lines(folder / LEDGER)
    lines[3] = lines[3].replace(b'"orders": ', b'"orders": 9')
    lines.insert(6, lines[5])
    (folder / LEDGER).write_bytes(b"".join(lines))
    kept = Checkpoint(folder, "a run")
    assert kept.damage == ("line 4 is not as it was written", "line 7 stands there twice")
    assert len(kept) == len(TASKS) - 1


def test_a_line_of_another_run_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path / "run", monkeypatch)
    lines = _lines(folder / LEDGER)
    record = read_records(folder / LEDGER, "a run").by_key
    forged = next(iter(record.values())) | {"result": 3.0}
    del forged["at"], forged["sum"]
    (folder / LEDGER).write_bytes(lines[0] + line_of(forged, 1, "another run"))
    assert Checkpoint(folder, "a run").damage == ("line 2 is not as it was written",)


QUESTION = """
name = "q"
world = "shop"
[design]
weeks = 8
customers = 100
replications = 4
unknowns = false
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
"""


def test_a_comparison_that_goes_on_from_a_changed_ledger_says_so_and_has_the_right_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("crmlab.experiments.reporting.report.write_report", lambda folder: folder / "report.html")
    (tmp_path / "q.toml").write_text(QUESTION)
    simulated = 0
    from crmlab.experiments.replication.replication import run_replication

    def stopped(*arguments: Any, **options: Any) -> Any:
        nonlocal simulated
        simulated += 1
        if simulated == 4:
            raise KeyboardInterrupt
        return run_replication(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr("crmlab.experiments.questions.compare.compare.run_replication", stopped)
        assert exit_code(["compare", "q.toml", "--workers", "1"]) == 130
    (ledger,) = tmp_path.glob("results/*/*/" + LEDGER)
    ledger.write_text(re.sub(r'"orders": (\d)', r'"orders": 9\1', ledger.read_text(), count=1))
    capsys.readouterr()
    assert exit_code(["compare", "q.toml", "--workers", "1"]) == 0
    err = capsys.readouterr().err
    assert "The ledger is damaged (line 2 is not as it was written); what it said there is run again." in err
    right = compare(load_experiment("q.toml"), workers=1).tables
    for name in ("runs", "effects", "weekly"):
        (table,) = tmp_path.glob(f"results/*/*/{name}.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(table), right[name], check_exact=True)
