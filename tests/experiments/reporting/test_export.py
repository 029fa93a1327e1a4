"""Tables and figures for spreadsheets, papers and slides: exact, harmless, and drawn without a browser."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.reporting.export import FORMULA, without_formulas, write_tables
from crmlab.lab import compare, new_experiment
from crmlab.strategies import DiscountTiers
from tests.places import ROOT

LOOKS_AT_REPORTS = True
SMALL = {"weeks": 6, "customers": 100, "replications": 2, "unknowns": False}
HOSTILE = pd.DataFrame({"=cmd": ["=1+1", "+x", "-y", "@z", "\tq", "\rr", "fine", None], "n": [-1.25, *range(7)]})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment = new_experiment("shop", tiers=DiscountTiers(silver_spend=20.0), **SMALL)
    return compare(experiment, workers=1, progress=False).save(tmp_path_factory.mktemp("results"))


def test_no_text_of_an_exported_table_is_a_formula(tmp_path: Path) -> None:
    safe = without_formulas(HOSTILE)
    texts = [*safe.columns, *safe.iloc[:, 0].dropna()]
    assert not [text for text in texts if text.startswith(FORMULA)]
    assert safe.iloc[0, 0] == "'=1+1"
    assert safe["n"].tolist() == HOSTILE["n"].tolist(), "numbers stay what they are"
    for kind in ("csv", "xlsx", "latex"):
        (path,) = write_tables({"hostile": HOSTILE}, tmp_path, kind)
        if kind == "csv":
            assert '"=' not in path.read_text()
            assert "\n=" not in path.read_text()
    book = pytest.importorskip("openpyxl").load_workbook(tmp_path / "tables.xlsx")
    assert "f" not in {cell.data_type for row in book["hostile"] for cell in row}, "no cell is a formula"


def test_tables_come_out_with_every_digit(run: Path, tmp_path: Path) -> None:
    assert exit_code(["export", str(run), "--tables", "csv", "--tables", "xlsx", "--to", str(tmp_path)]) == 0
    exact = pd.read_parquet(run / "effects.parquet")
    for found in (pd.read_csv(tmp_path / "effects.csv"), pd.read_excel(tmp_path / "tables.xlsx", "effects")):
        pd.testing.assert_series_equal(found["value"], exact["value"], rtol=1e-15)
    assert set(pd.ExcelFile(tmp_path / "tables.xlsx").sheet_names) == {
        path.stem for path in run.glob("*.parquet") if len(pd.read_parquet(path))
    }


def test_a_latex_table_has_its_special_characters_escaped(run: Path, tmp_path: Path) -> None:
    assert exit_code(["export", str(run), "--tables", "latex", "--to", str(tmp_path)]) == 0
    text = (tmp_path / "effects.tex").read_text()
    assert r"customer\_equity" in text
    assert r"\toprule" in text


@pytest.mark.skipif(importlib.util.find_spec("kaleido") is None, reason="kaleido is part of the extra `export`")
@pytest.mark.slow
def test_every_figure_of_the_report_is_drawn_without_a_browser(run: Path, tmp_path: Path) -> None:
    line = ["export", str(run), "--to", str(tmp_path)]
    assert exit_code([*line, "--figures", "svg", "--figures", "png", "--figures", "pdf"]) == 0
    begins = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}
    titles = {kind: {path.stem for path in tmp_path.glob(f"*.{kind}")} for kind in begins}
    assert titles["svg"] == titles["png"] == titles["pdf"]
    assert {"lift_on_every_kpi", "orders_a_week"} <= titles["svg"]
    for kind, begin in begins.items():
        for path in tmp_path.glob(f"*.{kind}"):
            assert path.read_bytes().startswith(begin)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Say what to write: --tables"),
        (["--tables", "xls"], '"xls" is not a known format of tables. Did you mean "xlsx"?'),
        (["--figures", "gif"], '"gif" is not a known format of figures.'),
    ],
)
def test_a_mistake_gets_a_sentence_and_nothing_is_written(
    run: Path, tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["export", str(run), *words, "--to", str(tmp_path / "new")]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_not_installed_is_named_with_the_way_to_it(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert exit_code(["export", str(run), "--figures", "svg", "--to", str(tmp_path / "new")]) == 2
    assert 'Figures as files need the package kaleido: pip install "crmlab[export]"' in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_report_says_how_to_repeat_the_run(run: Path) -> None:
    report = (run / "report.html").read_text(encoding="utf-8")
    for command in ("verify", "rerun"):
        assert f"crmlab {command} {run.name}" in report


def test_an_answer_in_python_exports_the_same_files(tmp_path: Path) -> None:
    answer = compare(new_experiment("shop", tiers=DiscountTiers(), **SMALL), workers=1, progress=False)
    written = answer.export(tmp_path / "out", tables=["csv"])
    assert {path.stem for path in written} == {name for name, table in answer.tables.items() if len(table)}


def test_the_citation_file_names_the_version_of_the_package() -> None:
    root = ROOT
    said = (root / "CITATION.cff").read_text()
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert f"version: {version}" in said
