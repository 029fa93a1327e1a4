"""The command line: what each command prints, where, and how it ends."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.printing import progress
from crmlab.experiments.questions.table import KINDS
from crmlab.experiments.wording.provenance import provenance
from crmlab.sim.kpis import KPIS
from crmlab.sim.levers import levers_of
from crmlab.strategies import PriceCut
from tests import fake_compare
from tests.places import LIBRARY, ROOT, SAMPLE

ARMS = {  # of the file that init writes for the shipped shop
    "today", "tiers", "mix", "tiers_and_mix", "price_cut", "do_nothing", "points", "ladder", "regulars", "coupon",
    "win_back", "welcome", "media", "friends",
}  # fmt: skip
HEAVY = ("mesa", "pandas", "numba", "optuna", "scipy", "plotly", "pyarrow", "statsmodels")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with an experiment file in it."""
    monkeypatch.chdir(tmp_path)
    assert exit_code(["init", "question.toml"]) == 0
    return tmp_path


@pytest.fixture
def engine(monkeypatch):
    return fake_compare.install(monkeypatch=monkeypatch)


def test_asking_for_help_imports_nothing_heavy():
    script = (
        "import sys\nfrom crmlab.experiments.cli import exit_code\ncode = exit_code(['--help'])\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\nassert not heavy, heavy\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in (
        "init",
        "validate",
        "run",
        "compare",
        "calibrate",
        "report",
        "runs",
        "strategies",
        "schema",
        "doctor",
    ):
        assert command in done.stdout


def test_init_writes_an_experiment_that_validates(folder, capsys):
    assert exit_code(["validate", "question.toml"]) == 0
    out = capsys.readouterr().out
    assert f"question.toml is in order: {len(ARMS)} arms" in out
    assert "Next: crmlab compare question.toml" in out


def test_init_never_replaces_a_file_unasked(folder, capsys):
    (folder / "question.toml").write_text("mine")
    assert exit_code(["init", "question.toml"]) == 2
    assert "already there" in capsys.readouterr().err
    assert (folder / "question.toml").read_text() == "mine"


def test_init_points_to_a_world_of_ones_own(folder):
    (folder / "w.toml").write_text((ROOT / "experiments" / "worlds" / "shop.toml").read_text())
    assert exit_code(["init", "sub/q.toml", "--world", "w.toml"]) == 0
    assert 'world = "../w.toml"' in (folder / "sub" / "q.toml").read_text()
    assert exit_code(["validate", "sub/q.toml"]) == 0


def test_compare_prints_a_ranking_and_three_tables_keeps_the_run_and_names_the_next_step(folder, engine, capsys):
    assert exit_code(["compare", "question.toml"]) == 0
    out, err = capsys.readouterr()
    assert f"{len(ARMS) - 1} arms against today, 104 weeks, 16 replications" in out
    ranking = out[: out.index("KPI ")].splitlines()[1 : len(ARMS) + 1]
    assert ranking[0].rstrip().endswith("new customers")
    assert all(line.rstrip()[-1].isdigit() for line in ranking[1:]), "every arm has its new customers"
    assert " ".join(out.split()).count(provenance([])) == 1 + 3  # below every table
    assert f"{len(ARMS) - 1 - 3} more arms: KPI by KPI with --details" in out
    assert out.rstrip().splitlines()[-1].startswith("Next: ")
    assert "Playing: 10 of 10" in err
    (run,) = (folder / "results" / "discounts").iterdir()
    kept = {path.name for path in run.iterdir()}
    assert {"experiment.toml", "spec.json", "manifest.json", "status", "progress.json"} <= kept
    assert {"comparison.json", "glossary.json", "effects.parquet", "runs.parquet"} <= kept
    assert (run / "status").read_text() == "done"


def test_compare_as_json_prints_json_alone_in_the_documented_shape(folder, engine, capsys):
    assert exit_code(["compare", "question.toml", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["baseline"] == "today"
    assert answer["replications"] == 16
    assert set(answer["arms"]) == ARMS
    assert set(fake_compare.KPI_VALUE) <= set(answer["arms"]["tiers"]["customer_equity"])


def test_the_same_question_is_not_played_twice_unless_forced(folder, engine, capsys):
    for arguments, times in (([], 1), ([], 1), (["--force"], 2), (["--seed", "7"], 3), (["--quick"], 4)):
        assert exit_code(["compare", "question.toml", *arguments]) == 0
        assert len(engine) == times
    assert "already there" in capsys.readouterr().err


def test_settings_workers_and_quick_reach_the_engine(folder, engine, capsys):
    arguments = ["compare", "question.toml", "--quick", "--workers", "2", "--set", "design.weeks=60", "--json"]
    assert exit_code(arguments) == 0
    assert engine == [2]
    (run,) = (folder / "results" / "discounts").iterdir()
    design = json.loads((run / "spec.json").read_text())["design"]
    assert (design["customers"], design["replications"], design["weeks"]) == (14_000 // len(ARMS), 4, 60)


def test_details_prints_a_table_for_every_arm(folder, engine, capsys):
    assert exit_code(["compare", "question.toml", "--details"]) == 0
    out = capsys.readouterr().out
    assert "tiers against today, 104 weeks, 16 replications" in out
    assert out.count(" against today, 104 weeks") == len(ARMS)  # one each, and the ranking
    assert "more arm" not in out


def test_one_arm_alone_is_quick_with_all_the_customers(folder, engine, capsys):
    assert exit_code(["run", "question.toml", "--quick"]) == 0
    assert "2,000 customers." in capsys.readouterr().out


def test_run_prints_the_kpis_of_one_arm(folder, engine, capsys):
    assert exit_code(["run", "question.toml", "--arm", "tiers", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["arm"] == "tiers"
    assert set(answer["kpis"]) == set(KPIS)
    assert answer["kpis"]["cac"] == {"value": 2.0, "sd": pytest.approx(2**0.5)}
    assert exit_code(["run", "question.toml"]) == 0
    assert "today, 104 weeks" in capsys.readouterr().out


def test_runs_can_be_listed_shown_and_removed(folder, engine, capsys):
    exit_code(["compare", "question.toml"])
    capsys.readouterr()
    assert exit_code(["runs", "list", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["experiment"], run["status"]) == ("discounts", "done")
    assert exit_code(["runs", "show", run["run"][:6]]) == 0
    assert "tiers against today" in capsys.readouterr().out
    assert exit_code(["report"]) == 0
    assert exit_code(["runs", "rm", run["run"], "--yes"]) == 0
    assert not (folder / "results" / "discounts").exists()


def test_a_failing_engine_ends_in_a_sentence_and_keeps_what_there_was(folder, engine, monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("the engine stumbled")

    monkeypatch.setitem(KINDS, "compare", replace(KINDS["compare"], answer=broken))
    assert exit_code(["compare", "question.toml"]) == 1
    err = capsys.readouterr().err
    assert "the engine stumbled" in err
    assert "Traceback" not in err
    (run,) = (folder / "results" / "discounts").iterdir()
    assert run.name.endswith(".failed")


def test_strategies_tell_their_levers_and_ranges(capsys):
    assert exit_code(["strategies", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["price_cut"]["levers"]["rate"] == {
        "default": 0.1,
        "low": 0.0,
        "high": levers_of(PriceCut)["rate"].range.high,
        "unit": "share of price",
    }
    assert exit_code(["strategies", "discount_tiers"]) == 0
    assert "silver_spend" in capsys.readouterr().out


def test_schema_prints_json(capsys):
    assert exit_code(["schema", "world"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


def test_doctor_finds_everything_in_place_here(tmp_path, capsys):
    assert exit_code(["doctor", "--out", str(tmp_path), "--json"]) == 0
    assert all(check["ok"] for check in json.loads(capsys.readouterr().out))


def test_tables_have_no_colours_when_nobody_looks(folder, engine):
    command = [sys.executable, "-m", "tests.fake_compare", "0", "compare", str(folder / "question.toml")]
    command += ["--out", str(folder / "results")]
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_without_a_terminal_progress_is_a_line_at_every_tenth(capsys):
    with progress("Playing") as report:
        for done in range(1, 101):
            report(done, 100)
    assert len(capsys.readouterr().err.splitlines()) == 11


def test_calibrate_as_json_has_the_documented_keys_and_writes_a_world_that_validates(tmp_path, capsys):
    sample = SAMPLE
    if not sample.exists():
        pytest.skip("the CDNOW sample is not here")
    columns = ["--customer", "sample_id", "--date", "date", "--amount", "dollar_value"]
    world = str(tmp_path / "w.toml")
    assert exit_code(["calibrate", str(sample), *columns, "--holdout-weeks", "39", "--out", world, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["customers"] == 2_357
    assert answer["holdout"]["actual_repeat_orders"] == 1_882
    assert {"pareto_nbd", "bg_nbd", "gamma_gamma"} <= set(answer["models"])
    assert answer["models"]["pareto_nbd"]["r"] == pytest.approx(0.553, abs=0.001)
    assert exit_code(["validate", world]) == 0
    assert exit_code(["validate", str(LIBRARY / "cdnow.toml"), "--world", world]) == 0
