"""Sections of the report of one's own: named in a file or given in Python, hashed and kept, and never a traceback."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from markupsafe import Markup

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import UserError
from crmlab.experiments.runs.run_id import run_id
from crmlab.lab import Chart, Experiment, Listing, Section, compare, new_experiment
from crmlab.strategies import DiscountTiers

LOOKS_AT_REPORTS = True
SMALL = {"weeks": 6, "customers": 100, "replications": 2, "unknowns": False}
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
MODULE = '''
from crmlab.lab import Chart, new_figure


def orders_of_arms(tables):
    """The orders of every arm."""
    orders = tables["runs"].groupby("arm", as_index=False)["orders"].mean()
    figure = new_figure(320).add_bar(x=orders["arm"], y=orders["orders"])
    sentence = f"Most orders: {orders.loc[orders['orders'].idxmax(), 'arm']}."
    return Chart("Orders by arm", figure, orders.round(1), sentence)
'''
QUESTION = """
name = "own"
world = "shop"
sections = ["shop_charts:orders_of_arms"]
[design]
weeks = 6
customers = 100
replications = 2
unknowns = false
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
silver_spend = 20.0
"""


def a_table(text: str) -> pd.DataFrame:
    return pd.DataFrame({text: [text], "number": [1.5]})


def evil(tables) -> Section:
    said = Markup(EVIL)
    figure = go.Figure().add_bar(x=[EVIL], y=[1.0])
    chart = Chart(said, figure, a_table(said), said, said)
    return Section(EVIL, said, said, (chart,), (Listing(said, a_table(said), said, said),))


def failing(tables) -> Section:
    raise KeyError(EVIL)


def leaving(tables) -> Section:
    raise SystemExit(3)


def no_section(tables) -> int:
    return 3


def no_figure(tables) -> Chart:
    return Chart("Nothing", None, a_table("x"), "Nothing is drawn.")


def emptying(tables) -> Section:
    for table in tables.values():
        for column in list(table):
            del table[column]
    return Section("emptied", "Emptied", f"{len(tables)} tables were emptied.")


def lift(tables) -> Section:
    return Section("lift", "A section that is called like a shipped one", f"{len(tables['runs'])} rows of runs.")


def asked(*sections) -> Experiment:
    return new_experiment("shop", tiers=DiscountTiers(silver_spend=20.0), sections=sections, **SMALL)


@pytest.fixture(scope="module")
def answer():
    drawn = (evil, failing, leaving, no_section, no_figure, emptying, lift)
    return compare(asked(*drawn), workers=1, progress=False)


@pytest.fixture(scope="module")
def page(answer, tmp_path_factory) -> str:
    return answer.report(tmp_path_factory.mktemp("own") / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMLAB_CONFIG", str(tmp_path / "config"))
    (tmp_path / "shop_charts.py").write_text(MODULE)
    (tmp_path / "own.toml").write_text(QUESTION)
    return tmp_path


def test_a_section_named_in_a_file_stands_in_the_report_and_is_kept_with_the_run(folder: Path, capsys) -> None:
    assert exit_code(["validate", "own.toml"]) == 2
    assert "--trust" in capsys.readouterr().err
    assert not list(folder.glob("results"))
    assert exit_code(["compare", "own.toml", "--trust", "--workers", "1"]) == 0, capsys.readouterr()
    (run,) = folder.glob("results/own/*/")
    html = (run / "report.html").read_text(encoding="utf-8")
    assert '<section id="orders_of_arms"' in html
    assert "Most orders: " in html
    assert html.index('id="orders_of_arms-title"') < html.index('id="assumptions-title"')
    manifest = json.loads((run / "manifest.json").read_text())
    assert "shop_charts:orders_of_arms" in {entry["kind"] for entry in manifest["strategies"]}
    assert (run / "strategies" / "shop_charts.py").read_text() == MODULE
    assert exit_code(["verify", run.name, "--workers", "1"]) == 0, capsys.readouterr()
    assert exit_code(["report", run.name]) == 0
    assert (run / "report.html").read_text(encoding="utf-8") == html


def test_a_run_of_somebody_else_draws_only_when_trusted(folder: Path, monkeypatch, capsys) -> None:
    (folder / "stranger_charts.py").write_text(MODULE)
    (folder / "own.toml").write_text(QUESTION.replace("shop_charts", "stranger_charts"))
    assert exit_code(["compare", "own.toml", "--trust", "--workers", "1"]) == 0, capsys.readouterr()
    (run,) = folder.glob("results/own/*/")
    monkeypatch.setenv("CRMLAB_CONFIG", str(folder / "of somebody else"))
    monkeypatch.delitem(__import__("sys").modules, "stranger_charts")
    assert exit_code(["report", run.name]) == 0
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "This section is not drawn: " in html
    assert "--trust" in html
    assert "Most orders: " not in html
    assert exit_code(["report", run.name, "--trust"]) == 0
    assert "Most orders: " in (run / "report.html").read_text(encoding="utf-8")


def test_nothing_that_a_section_says_is_carried_out(page: str) -> None:
    assert '<section id="evil"' in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_section_that_fails_is_one_sentence(page: str) -> None:
    assert "ends with KeyError: " in page
    assert "leaving ends with SystemExit: 3." in page
    assert "no_section ends with TypeError: it must return a Section or a Chart, not int." in page
    assert "no_figure ends with TypeError: the figure of a chart is one of Plotly, not NoneType." in page
    assert "Traceback" not in page


def test_a_section_works_on_copies_and_takes_nobody_elses_place(answer, page: str) -> None:
    assert "tables were emptied." in page
    assert len(answer.table("runs")) == 4
    assert "4 rows of runs." in page
    assert page.count('<section id="lift"') == 1
    assert '<section id="own_lift"' in page


def test_a_section_is_among_the_charts_of_an_answer(answer) -> None:
    assert answer.chart("evil").title == EVIL
    assert type(answer.chart("evil").title) is str


def test_the_function_of_a_section_is_part_of_the_run_and_no_section_leaves_runs_as_they_were() -> None:
    plain = asked()
    assert run_id(plain) != run_id(replace(plain, sections=(lift,)))
    assert run_id(replace(plain, sections=(evil,))) != run_id(replace(plain, sections=(lift,)))


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ((lambda tables: None,), "must be a function with a name"),
        ((3,), "must be a function from tables"),
        ((lift, lift), 'a function called "lift"'),
    ],
)
def test_a_section_that_cannot_be_is_refused(sections, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        asked(*sections)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [("shop_charts:order_of_arms", "has no"), ("no_such_charts:x", "no such module"), ("x", "must be written as")],
)
def test_a_mistake_in_naming_gets_a_sentence(folder: Path, named: str, sentence: str, capsys) -> None:
    (folder / "own.toml").write_text(QUESTION.replace("shop_charts:orders_of_arms", named))
    assert exit_code(["validate", "own.toml", "--trust"]) == 2
    assert sentence in capsys.readouterr().err
