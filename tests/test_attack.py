"""Hostile and damaged inputs: each ends within seconds in one sentence, with the right exit code, and runs nothing."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from tests.places import CASES, ROOT

HOSTILE = CASES / "attack"
SECONDS = 20  # of the processor

VALIDATED = {
    "dos_dotted_key_20k.toml": "has a key with more than 64 dots",
    "earn_rate_tiny.toml": "more points than can be counted",
    "kind_antigravity.toml": "is a part of Python itself",
    "kind_dots.toml": 'must be written as "package.module:Class"',
    "kind_empty_module.toml": 'must be written as "package.module:Class"',
    "kind_evil.toml": "say --trust once",
    "kind_evilerr.toml": "say --trust once",
    "kind_nul.toml": "control character",
    "kind_relative.toml": 'must be written as "package.module:Class"',
    "name_esc.toml": "control character",
    "name_long.toml": None,
    "name_nul.toml": "control character",
    "name_traverse.toml": None,
    "points_with_holdout.toml": "holdout",
    "referral_without_word_of_mouth.toml": None,  # the shipped shop has word of mouth
    "small.toml": None,
    "tune_constraint_dots.toml": "must look like",
    "tune_constraint_inf.toml": "must look like",
    "tune_constraint_redos.toml": "must look like",
    "tune_constraint_underscores.toml": "must look like",
    "world_121_more_channels.toml": None,
    "world_130_more_channels.toml": "has 135 entries; at most 126 are allowed",
    "world_300_more_channels.toml": "has 305 entries; at most 126 are allowed",
    "world_devzero.toml": "is a device or a pipe",
    "world_dir.toml": "is a directory",
    "world_long.toml": "does not exist",
    "world_nul.toml": "control character",
    "world_self.toml": "unknown setting",
    "history_bool.csv": "must hold numbers only",
    "history_huge_amount.csv": 'has 1e+308 in "amount"',
    "history_huge_weeks.csv": 'has 1e+308 in "weeks_before"',
    "history_inf_amount.csv": 'has inf in "amount"',
    "history_inf_weeks.csv": 'has inf in "weeks_before"',
    "history_uint64.csv": 'in "customer", which must be at most 1e+07',
    "history_zero_amount.csv": None,
}  # the sentence, or None where the input is legal
WORLD = """
name = "w"
[base]
model = "pareto_nbd"
[population]
history = "{history}"
prospects = 50
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the hostile files, and nothing of what they would run."""
    folder = Path(shutil.copytree(HOSTILE, tmp_path / "attack"))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", sorted(path.name for path in HOSTILE.iterdir() if path.suffix in (".toml", ".csv")))
def test_a_hostile_file_ends_in_a_sentence_and_runs_nothing(
    name: str, hostile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = VALIDATED[name]
    file = name
    if name.endswith(".csv"):
        (hostile / "w.toml").write_text(WORLD.format(history=name))
        file = "w.toml"
    started = time.process_time()
    code = exit_code(["validate", file])
    assert time.process_time() - started < SECONDS
    out, err = capsys.readouterr()
    assert code == (0 if wanted is None else 2), err
    assert wanted is None or wanted in err
    assert "\x1b" not in out + err
    assert "Traceback" not in err
    assert len(err) < 3000
    assert not (hostile / "RAN_BY_VALIDATE").exists()


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("raise RuntimeError('boom')", "it ends with RuntimeError: boom"),
        ("raise SystemExit(0)", "it ends with SystemExit: 0"),
        ("def broken(:", "line 1 of it is no Python"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("X = 3", 'is not a strategy: it must be a frozen dataclass with a method "decide"'),
        ("", 'has no class "X"'),
    ],
)
def test_a_trusted_module_that_does_not_load_is_a_sentence(
    module: str, sentence: str, hostile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"own_{abs(hash(module))}"
    (hostile / f"{name}.py").write_text(module)
    (hostile / "own.toml").write_text((hostile / "kind_evil.toml").read_text().replace("evilmod", name))
    assert exit_code(["validate", "own.toml", "--trust"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_very_long_name_is_played(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["run", "name_long.toml", "--workers", "1"]) == 0
    (run,) = (hostile / "results").glob("*/*/status")
    assert len(run.parent.parent.name) <= 80


HISTORIES: dict[str, Callable[[Path], Any]] = {
    "a folder": lambda path: path.mkdir(),
    "an archive": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(200)),
    "random bytes": lambda path: path.write_bytes(random.Random(1).randbytes(3000)),
    "nothing": lambda path: path.write_text(""),
    "a header alone": lambda path: path.write_text("customer,weeks_before,amount\n"),
    "texts": lambda path: path.write_text("customer,weeks_before\nx,y\n"),
    "digits of another script": lambda path: path.write_text("customer,weeks_before\n٠,١\n", encoding="utf-8"),
    "complex numbers": lambda path: path.write_text("customer,weeks_before\n0,1+2j\n"),
    "a far customer": lambda path: path.write_text("customer,weeks_before\n0,1\n9999999,1\n"),
    "huge digits": lambda path: path.write_text(f"customer,weeks_before\n{'9' * 400},1\n"),
}


@pytest.mark.parametrize("what", HISTORIES)
def test_a_history_that_is_none_is_a_sentence(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.toml").write_text(WORLD.format(history="h.csv"))
    HISTORIES[what](tmp_path / "h.csv")
    assert exit_code(["validate", "w.toml"]) == 2
    assert capsys.readouterr().err.startswith("w.toml: line 6    population.history")


@pytest.mark.parametrize(
    "content",
    ["[]", "3", "{", '{"weekly_repeats": 3}', '{"weekly_repeats": [[1]]}', "[" * 100_000,
     '{"weekly_repeats": [{"week": true, "phase": "", "actual_cumulative": 1}]}',
     '{"weekly_repeats": [{"week": 1e999, "phase": "", "actual_cumulative": 1}]}'],
)  # fmt: skip
def test_a_calibration_file_that_is_none_is_a_sentence(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    world = (
        WORLD.replace('history = "{history}"\n', "customers = 10\n")
        + '[fit]\nmodel = "pareto_nbd"\ncalibration = "c.json"\n'
    )
    (tmp_path / "w.toml").write_text(world)
    (tmp_path / "c.json").write_text(content)
    assert exit_code(["validate", "w.toml"]) == 2
    assert "fit.calibration" in capsys.readouterr().err


# Damaged run folders

QUESTION = """
name = "q"
world = "shop"
[design]
weeks = 4
customers = 60
replications = 2
unknowns = false
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "q.toml").write_text(QUESTION)
    assert exit_code(["compare", str(folder / "q.toml"), "--workers", "1", "--out", str(folder / "results")]) == 0
    (run,) = (folder / "results" / "q").iterdir()
    return run


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def of_another_form(path: Path) -> None:
    """Well-formed, and not what belongs there."""
    if path.suffix == ".parquet":
        pd.DataFrame({"x": [1.0]}).to_parquet(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps([{"a": [1, None]}]))
    else:
        path.write_bytes(b"\xff\xfe\x00")


def gone(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGED = ["manifest.json", "spec.json", "comparison.json", "glossary.json", "status", "ledger.jsonl",
           "effects.parquet", "runs.parquet", "weekly.parquet"]  # fmt: skip
UNSEEN = ("manifest.json", flipped)  # a digit of a hash of sources: for `verify` and `rerun` to say
DAMAGES = [cut, emptied, flipped, of_another_form, gone, a_folder]


@pytest.mark.parametrize("forged", [False, True], ids=["", "manifest forged too"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("file", DAMAGED)
def test_a_damaged_run_folder_is_one_sentence(
    file: str, damage: Callable[[Path], None], forged: bool, finished: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("crmlab.experiments.commands.repeating.report_of", lambda run: run.path / "report.html")
    run = Path(shutil.copytree(finished, tmp_path / "results" / "q" / finished.name))
    damage(run / file)
    if forged:
        if file == "manifest.json" or not (run / file).is_file():
            return
        _forge(run, file)
    capsys.readouterr()
    for command in (["runs", "list", "--out", str(tmp_path / "results")], ["runs", "show", str(run)],
                    ["report", str(run)], ["verify", str(run), "--rows", "1", "--workers", "1"],
                    ["rerun", str(run), "--workers", "1", "--into", str(tmp_path / "again")]):  # fmt: skip
        if forged and command[0] == "rerun":
            continue  # it would play
        code = exit_code(command)
        _, err = capsys.readouterr()
        assert "Failed:" not in err, (command, err)
        assert "Traceback" not in err
        assert code in (0, 1, 2)
        assert len([line for line in err.splitlines() if not re.match(r"(Verifying|Playing)", line)]) <= 1, err
        if command[0] in ("verify", "rerun") and file != "status" and not forged:
            assert code != 0, command
        if command[0] == "report" and not forged and file != "status" and (file, damage) != UNSEEN:
            assert code == 1, command


def _forge(run: Path, file: str) -> None:
    import hashlib

    manifest = json.loads((run / "manifest.json").read_text())
    for entry in manifest["results"]:
        if entry["file"] == file:
            entry["sha256"] = hashlib.sha256((run / file).read_bytes()).hexdigest()
    (run / "manifest.json").write_text(json.dumps(manifest))


# Mutated files


def mutated(text: str, luck: random.Random) -> str:
    """A file as a slip of the hand, a bad tool or an attacker would leave it."""
    lines = text.splitlines()
    for _ in range(luck.randint(1, 3)):
        at = luck.randrange(len(lines))
        what = luck.randrange(8)
        value = luck.choice(VALUES)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines.insert(at, luck.choice(lines))
        elif what in (2, 3, 4) and "=" in lines[at]:
            lines[at] = lines[at].partition("=")[0] + "= " + value
        elif what == 5:
            lines[at] = lines[at][: luck.randrange(len(lines[at]) + 1)]
        elif what == 6:
            lines[at] = re.sub(r"\d+", luck.choice(["٣", "1e400", "-0", "99999999999999999999", "nan", "3"]), lines[at])
        else:
            lines[at] = lines[at].replace(luck.choice('[]"=.,'), luck.choice('[]{}"=.,\x07'))
        lines = lines or [""]
    return "\n".join(lines) + "\n"


VALUES = ['""', "[]", "{}", "true", "inf", "-inf", "nan", "1e308", "-1", "0", "9223372036854775807", '"x"', '"٣"',
          '"３"', "[[]]", "[1, 2]", "1979-05-27", '":"', '"."', '"../.."', '"/dev/null"', f'"{"a" * 3000}"', "0.5",
          "{ a = 1 }", "{ value = 1, low = 0, high = inf }"]  # fmt: skip


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
def test_mutated_experiment_and_world_files_end_in_a_sentence(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    package = ROOT / "experiments"
    texts = [path.read_text() for folder in ("library", "worlds") for path in sorted((package / folder).glob("*.toml"))]
    luck = random.Random(seed)
    for _ in range(60):
        text = mutated(luck.choice(texts), luck)
        Path("m.toml").write_text(text, encoding="utf-8", errors="replace")
        started = time.process_time()
        code = exit_code(["validate", "m.toml"])
        err = capsys.readouterr().err
        assert code in (0, 2), f"{err}\n{text}"
        assert "Failed:" not in err, f"{err}\n{text}"
        assert time.process_time() - started < SECONDS, text
