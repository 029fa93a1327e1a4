"""What somebody may have meant: names in capitals or in part, a percentage for a share, a table that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.wording.names import did_you_mean
from crmlab.sim.kpis import KPIS
from crmlab.strategies import STRATEGIES

FILE = """
name = "x"
world = "shop"
[design]
weeks = 6
customers = 100
replications = 2
primary = "%s"
[arms.tiers]
[[arms.tiers.strategies]]
kind = "%s"
silver_rate = %s
"""


def written(tmp_path: Path, primary: str = "cac", kind: str = "discount_tiers", rate: str = "0.03") -> str:
    (tmp_path / "x.toml").write_text(FILE % (primary, kind, rate))
    return str(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("LTV", KPIS, "ltv_52"),
        ("Customer Equity", KPIS, "customer_equity"),
        ("repurchase", KPIS, "repurchase_52"),
        ("tiers", STRATEGIES, "discount_tiers"),
        ("Points-and-tiers", STRATEGIES, "points_and_tiers"),
    ],
)
def test_a_name_in_capitals_or_in_part_is_understood(word: str, known, meant: str) -> None:
    assert did_you_mean(word, known) == f' Did you mean "{meant}"?'


def test_what_looks_like_nothing_known_is_met_with_no_guess() -> None:
    assert did_you_mean("zebra", KPIS) == ""
    assert did_you_mean("e", KPIS) == ""


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"primary": "LTV"}, 'Did you mean "ltv_52"?'),
        ({"kind": "tiers"}, 'Did you mean "discount_tiers"?'),
        ({"rate": "3"}, "write 0.03 for 3 %"),
    ],
)
def test_a_file_is_told_what_was_meant(
    changed: dict[str, str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["validate", written(tmp_path, **changed)]) == 2
    assert sentence in capsys.readouterr().err


def test_the_command_line_is_told_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["strategies", "tiers"]) == 2
    assert 'Did you mean "discount_tiers"?' in capsys.readouterr().err


@pytest.mark.parametrize("table", ["tune", "sweep"])
def test_a_missing_table_is_shown_as_it_would_be_and_works_as_shown(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path)
    assert exit_code([table, file]) == 2
    err = capsys.readouterr().err
    shown = "\n".join(line.strip() for line in err.partition("For example:")[2].splitlines())
    assert f"[{table}]" in shown
    Path(file).write_text(Path(file).read_text() + shown)
    assert exit_code(["validate", file]) == 0


def test_compare_says_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path)
    assert exit_code(["compare", file, "--workers", "1", "--out", str(tmp_path / "results")]) == 0
    out = capsys.readouterr().out
    assert "[tune]" in out
    assert "[sweep]" in out
    assert 'levers = ["discount_tiers.' in out
