"""Small answers that users look for: which command made a run, one arm against another, what a campaign brought."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmlab.experiments.cli import app, exit_code
from crmlab.experiments.runs.store import list_runs

QUESTION = """
name = "asked"
question = "Does a coupon pay?"
world = "shop"
[design]
weeks = 20
customers = 300
replications = 2
unknowns = false
[arms.coupons]
[[arms.coupons.strategies]]
kind = "coupon"
every_weeks = 4
holdout = 0.25
[arms.ladder]
[[arms.ladder.strategies]]
kind = "discount_ladder"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    file = folder / "asked.toml"
    file.write_text(QUESTION, encoding="utf-8")
    for command in (["compare", str(file), "--against", "ladder"], ["compare", str(file)], ["run", str(file)]):
        assert exit_code([*command, "--workers", "1", "--out", str(folder / "results"), "--json"]) == 0
    return folder / "results"


def test_the_list_of_runs_names_the_command_of_each(results: Path) -> None:
    assert sorted(run.command for run in list_runs(results)) == ["compare", "compare", "run"]
    said = CliRunner().invoke(app, ["runs", "list", "--out", str(results)]).stdout
    assert "command" in said
    listed = json.loads(CliRunner().invoke(app, ["runs", "list", "--out", str(results), "--json"]).stdout)
    assert {run["command"] for run in listed} == {"compare", "run"}


def test_any_arm_can_be_the_one_that_the_others_are_compared_with(results: Path) -> None:
    compared = [run for run in list_runs(results) if run.command == "compare"]
    by_baseline = {run.json("comparison")["baseline"]: run.json("comparison")["arms"] for run in compared}
    assert set(by_baseline) == {"today", "ladder"}

    def difference(baseline: str, arm: str) -> float:
        return by_baseline[baseline][arm]["orders"]["difference"]

    assert difference("ladder", "today") == pytest.approx(-difference("today", "ladder"))
    assert difference("ladder", "coupons") == pytest.approx(
        difference("today", "coupons") - difference("today", "ladder")
    )


def test_an_arm_that_is_not_there_is_no_arm_to_compare_with(results: Path, capsys) -> None:
    assert exit_code(["compare", str(results.parent / "asked.toml"), "--against", "laddr"]) == 2
    assert 'Did you mean "ladder"?' in capsys.readouterr().err


def test_what_a_campaign_brought_is_in_the_run_folder(results: Path) -> None:
    run = next(run for run in list_runs(results) if run.command == "compare")
    table = run.table("campaigns").set_index("group")
    assert set(table["arm"]) == {"coupons"}
    assert set(table["play"]) == {"coupon"}
    people = table["customers"]
    assert people["held_out"] / people.sum() == pytest.approx(0.25, abs=0.03)
    assert (table["orders"] > 0).all()
    assert table["orders_each"]["treated"] == pytest.approx(table["orders"]["treated"] / people["treated"], rel=0.02)
    alone = next(run for run in list_runs(results) if run.command == "run")
    assert "campaigns" not in alone.tables, "today holds nobody out"
