"""Bad input: one clear line each, the documented exit code, no traceback, nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crmlab.experiments.cli import exit_code
from tests import fake_compare
from tests.places import ROOT

QUESTION = '\nname = "q"\nworld = "shop"\n[arms.cut]\n[[arms.cut.strategies]]\nkind = "price_cut"\n'
ORDERS = "customer,date,amount\n" + "".join(f"{i % 7},2024-01-{1 + i % 28:02d},10\n" for i in range(200))
COLUMNS = ["--customer", "customer", "--date", "date", "--amount", "amount"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fake_compare.install(monkeypatch=monkeypatch)
    return tmp_path


def refusal(capsys, *arguments: str) -> str:
    """The one line that the command says after its progress remarks; it must end with exit code 2."""
    assert exit_code(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if not line.endswith("...")]
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("colour = 1\n", "unknown setting"),
        ('[design]\nweeks = "a"\n', "must be a whole number"),
        ("rate = 5\n", "between 0 and 0.3"),
        ("start = 9\nstop = 3\n", "never on"),
    ],
)
def test_a_wrong_setting_stops_the_comparison_before_anything_is_written(folder, capsys, change, sentence):
    text = change + QUESTION if change.startswith("colour") else QUESTION + change
    (folder / "q.toml").write_text(text)
    for command in ("validate", "compare", "run"):
        assert sentence in refusal(capsys, command, "q.toml")
    assert sorted(p.name for p in folder.iterdir()) == ["q.toml"]


def test_several_mistakes_are_one_line_each_under_one_heading(folder, capsys):
    (folder / "q.toml").write_text("colour = 1\n" + QUESTION + "rate = 5\n")
    assert exit_code(["compare", "q.toml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "q.toml has 2 problems; nothing was run."
    assert [line.split()[:2] for line in lines[1:]] == [["line", "1"], ["line", "8"]]


def garbage(folder: Path, name: str) -> str:
    with (folder / name).open("wb") as file:
        file.write(os.urandom(1_000_000) * 50)
    return name


def test_files_that_are_no_experiment_files_are_refused_quickly(folder, capsys):
    (folder / "empty.toml").write_text("")
    (folder / "binary.toml").write_bytes(bytes(range(256)))
    (folder / "broken.toml").write_text("name = [")
    started = time.monotonic()
    assert "is empty" in refusal(capsys, "compare", "empty.toml")
    assert "not a text file" in refusal(capsys, "compare", "binary.toml")
    assert "not valid TOML" in refusal(capsys, "compare", "broken.toml")
    (folder / "deep.toml").write_text("x = " + "[" * 100_000)
    (folder / "digits.toml").write_text("x = " + "9" * 5_000)
    assert "nests too deeply" in refusal(capsys, "compare", "deep.toml")
    assert "a huge number" in refusal(capsys, "compare", "digits.toml")
    assert "50 MB" in refusal(capsys, "compare", garbage(folder, "huge.toml"))
    assert "is a directory" in refusal(capsys, "compare", str(folder))
    assert "does not exist" in refusal(capsys, "compare", "nowhere.toml")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("text", "columns", "sentence"),
    [
        (ORDERS, ["--customer", "custmer", "--date", "date"], "did you mean 'customer'"),
        (ORDERS.replace("2024-01-", "someday "), COLUMNS, "date"),
        (ORDERS.replace(",10\n", ",-10\n"), COLUMNS, "negative"),
        ("", COLUMNS, "empty"),
        ("customer,date,amount\n", COLUMNS, "no orders"),
        ("customer,date,amount\n" + "".join(f"1,2024-{m:02d}-01,10\n" for m in range(1, 13)), COLUMNS, "one customer"),
        (ORDERS, [*COLUMNS, "--holdout-weeks", "500"], "holdout"),
    ],
)
def test_an_order_log_that_cannot_be_used_is_refused_and_no_world_is_written(folder, capsys, text, columns, sentence):
    (folder / "orders.csv").write_text(text)
    assert sentence in refusal(capsys, "calibrate", "orders.csv", *columns, "--out", "w.toml").lower()
    assert sorted(p.name for p in folder.iterdir()) == ["orders.csv"]


def test_garbage_and_directories_in_place_of_an_order_log_are_refused_quickly(folder, capsys):
    started = time.monotonic()
    refusal(capsys, "calibrate", garbage(folder, "garbage.csv"), *COLUMNS, "--out", "w.toml")
    assert "folder" in refusal(capsys, "calibrate", str(folder), *COLUMNS)
    assert "does not exist" in refusal(capsys, "calibrate", "nowhere.csv", *COLUMNS)
    (folder / "orders.csv").write_text(ORDERS)
    assert "is a directory" in refusal(capsys, "calibrate", "orders.csv", *COLUMNS, "--out", str(folder))
    assert time.monotonic() - started < 15


def test_a_results_folder_that_cannot_be_written_is_named(folder, capsys):
    (folder / "q.toml").write_text(QUESTION)
    (folder / "results").write_text("in the way")
    assert "Cannot write to results" in refusal(capsys, "compare", "q.toml")
    assert (folder / "results").read_text() == "in the way"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["compair", "q.toml"], "Did you mean 'compare'? See: crmlab --help"),
        (["compare", "q.toml", "--quik"], "--quick"),
        (["compare"], "Missing argument"),
        (["compare", "q.toml", "--workers", "many"], "valid integer"),
        (["compare", "q.toml", "--set", "design.weeks"], 'must look like "design.weeks=52"'),
        (["compare", "q.toml", "--set", "arms.cut.strategies.4.rate=0.1"], "1 entries, counted from 0"),
        (["compare", "q.toml", "--world", "nowhere.toml"], "does not exist"),
        (["run", "q.toml", "--arm", "cutt"], 'Did you mean "cut"'),
        (["strategies", "price_cutt"], 'Did you mean "price_cut"'),
        (["report"], "There are no runs"),
        (["runs", "show", "abc"], "There are no runs"),
        (["schema", "wrold"], "experiment"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_answered_in_one_line(folder, capsys, arguments, sentence):
    (folder / "q.toml").write_text(QUESTION)
    assert sentence in refusal(capsys, *arguments)


def test_ctrl_c_in_the_middle_ends_with_130_keeps_what_there_was_and_says_how_to_go_on(folder):
    (folder / "q.toml").write_text(QUESTION)
    command = [sys.executable, "-m", "tests.fake_compare", "60", "compare", str(folder / "q.toml")]
    run = subprocess.Popen(
        [*command, "--out", str(folder / "results")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # which may be ignored here
    )
    assert run.stderr is not None
    while not run.stderr.readline().startswith("Playing"):
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130
    assert out == ""
    assert "Interrupted. What there was is kept in" in err
    assert "the same command goes on from there" in err
    assert err.count("Interrupted") == 1
    assert "Traceback" not in err
    (kept,) = (folder / "results" / "q").iterdir()
    assert kept.name.endswith(".interrupted")
    assert (kept / "status").read_text() == "interrupted"


def test_ctrl_c_before_anything_is_played_ends_with_130_and_one_word(folder, capsys, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    (folder / "q.toml").write_text(QUESTION)
    monkeypatch.setattr("crmlab.experiments.spec.experiment_file.load_experiment", interrupt)
    assert exit_code(["compare", "q.toml"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
