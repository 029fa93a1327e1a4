"""crmlab from Python: experiments from objects, the same run as from a file, answers as tables and figures."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.lab.answer import Answer
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.questions.sweep.form import SweepForm
from crmlab.experiments.questions.tune.form import TuneForm
from crmlab.experiments.runs.run_id import run_id
from crmlab.experiments.runs.verify import verify
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_experiment, load_sweep, load_tuning
from crmlab.experiments.spec.from_python import with_table
from crmlab.lab import compare, load_world, stress, sweep, tune
from crmlab.sim.plays import Play
from crmlab.sim.target import Target
from crmlab.sim.world import Population
from crmlab.strategies import ChannelMix, DiscountTiers, PriceCut
from tests.conftest import shop
from tests.places import ROOT

SMALL = {"weeks": 6, "customers": 100, "replications": 2}
QUESTION = """
name = "same"
question = "Is it the same run?"
world = "shop"
[design]
weeks = 6
customers = 100
replications = 2
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
silver_rate = 0.03
target = { segments = ["dormant"] }
holdout = 0.1
[[arms.tiers.strategies]]
kind = "channel_mix"
factors = { content = 2.0 }
[arms.bare]
from = "nothing"
strategies = []
[tune]
arm = "tiers"
levers = ["discount_tiers.silver_rate"]
candidates = 4
batch = 2
[sweep]
arm = "tiers"
unknowns = ["price.elasticity"]
points = 5
"""


def same() -> Experiment:
    """What QUESTION says, as objects."""
    tiers = Play("discount_tiers", DiscountTiers(silver_rate=0.03), Target(segments=("dormant",)), holdout=0.1)
    arms = {"tiers": [tiers, ChannelMix(factors={"content": 2.0})], "bare": Arm("any", ())}
    return new_experiment("shop", name="same", question="Is it the same?", arms=arms, **SMALL)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "same.toml"
    path.write_text(QUESTION)
    return path


@pytest.fixture(scope="module")
def answer() -> Answer:
    return compare(new_experiment("shop", tiers=DiscountTiers(silver_spend=20.0), **SMALL), workers=1, progress=False)


def test_an_experiment_of_objects_is_the_same_run_as_one_of_a_file(file: Path):
    experiment = same()
    assert replace(load_experiment(file), purpose="Is it the same?") == replace(
        experiment, arms=load_experiment(file).arms
    )
    assert [arm.plays for arm in experiment.arms] == [arm.plays for arm in load_experiment(file).arms]
    assert run_id(experiment) == run_id(load_experiment(file))


def test_other_questions_of_objects_are_the_same_runs_too(file: Path):
    search = {"arm": "tiers", "levers": ["discount_tiers.silver_rate"], "candidates": 4, "batch": 2}
    assert run_id(with_table("tune", same(), search)) == run_id(load_tuning(file))
    swept = {"arm": "tiers", "unknowns": ["price.elasticity"], "points": 5}
    assert run_id(with_table("sweep", same(), swept)) == run_id(load_sweep(file))


def test_a_world_may_be_a_name_a_file_or_an_object():
    named = new_experiment("shop", tiers=DiscountTiers(), **SMALL)
    assert new_experiment(load_world("shop"), tiers=DiscountTiers(), **SMALL) == named
    own = replace(shop(), population=Population(customers=100, prospects=300))
    assert new_experiment(own, tiers=DiscountTiers(), **SMALL).world is own
    assert [play.name for play in named.baseline.plays] == ["today"]


def test_another_baseline_comes_first():
    experiment = new_experiment("shop", a=DiscountTiers(), b=[], baseline="b", **SMALL)
    assert [arm.name for arm in experiment.arms] == ["b", "today", "a"]


MISTAKES = [
    ({"tiers": DiscountTiers(silver_rate=5.0)}, "silver_rate = 5.0  must be between 0 and 0.15"),
    ({"weks": 5}, 'weks  must be a strategy, a Play or a list of them, not 5. Did you mean "weeks"?'),
    ({"tiers": DiscountTiers}, "not the class DiscountTiers. Write it with parentheses."),
    ({"tiers": [DiscountTiers(), DiscountTiers()]}, 'two plays are called "discount_tiers"'),
    ({"weeks": "long"}, 'design.weeks = "long"  must be a whole number.'),
    ({"primary": "cacc"}, 'design.primary = "cacc"  not a known KPI. Did you mean "cac"?'),
    ({"mix": ChannelMix(factors={"tv": 2.0})}, "factors.tv  not a known channel of this world"),
    ({"late": Play("late", DiscountTiers(), start=9), "weeks": 6}, "starts in week 9, but the run ends before week 6"),
    ({"today": []}, "is the world's own policy"),
    ({"baseline": "tier", "tiers": []}, 'baseline = "tier"  not a known arm. Did you mean "tiers"?'),
    ({"some": Play("x", DiscountTiers(), Target(segments=("domant",)))}, 'Did you mean "dormant"?'),
    ({"arms": {"5 % off": DiscountTiers()}}, "names of arms are letters, digits"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[str(next(iter(words))) for words, _ in MISTAKES])
def test_a_mistake_gets_the_sentence_that_a_file_would_get(words: dict[str, Any], sentence: str):
    with pytest.raises(UserError) as error:
        new_experiment("shop", **words)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value._render_traceback_() == [str(error.value)]  # all that a notebook shows


def test_a_world_of_ones_own_is_checked_like_a_file():
    world = shop()
    for wrong, sentence in (
        (replace(world, price=replace(world.price, elasticity=9.0)), "world.unknowns.price.elasticity = 9.0"),
        (replace(world, population=Population(0, 0)), "there is nobody in this market"),
        (replace(world, channels=(*world.channels, world.channels[0])), "two channels have this name"),
        ("shopp", 'Did you mean "shop"?'),
        (7, "must be a World"),
    ):
        with pytest.raises(UserError, match=re.escape(sentence)):
            new_experiment(wrong, tiers=DiscountTiers())


@dataclass
class Melting:
    """Cannot be frozen, and decides nothing."""


@pytest.mark.parametrize("world", ["shop", "personas"])
def test_every_shipped_world_is_a_sound_object(world: str):
    assert new_experiment(world, cut=PriceCut(rate=0.05)).world.name == world


def test_a_hand_made_experiment_is_checked_before_it_is_played():
    bad = replace(same(), arms=(Arm("today", ()), Arm("melting", (Play("m", Melting()),))))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="is not a strategy"):
        compare(bad, progress=False)


def test_mistakes_in_other_questions_are_told_like_those_of_their_tables():
    experiment = new_experiment("shop", tiers=DiscountTiers(), **SMALL)
    for ask, words, sentence in (
        (tune, {"arm": "tiers", "levers": ["discount_tiers.silver"]}, "tune.levers[0]"),
        (tune, {"arm": "tears", "levers": ["x"]}, 'Did you mean "tiers"?'),
        (tune, {}, "tune.arm  is missing."),
        (sweep, {"arm": "tiers", "unknowns": ["price.elasticty"]}, 'Did you mean "price.elasticity"?'),
        (stress, {"table": pd.DataFrame({"price.elasticity": [99.0]})}, "price.elasticity"),
    ):
        with pytest.raises(UserError, match=re.escape(sentence)):
            ask(experiment, progress=False, **words)


def test_every_word_of_a_table_is_a_keyword_and_no_other_is() -> None:
    own = {"experiment", "workers", "progress"}
    for ask, words in (
        (tune, set(TuneForm.model_fields)),
        (sweep, set(SweepForm.model_fields)),
        (stress, {field.name for field in fields(Stress)}),
    ):
        assert set(inspect.signature(ask).parameters) - own == words
        with pytest.raises(TypeError, match="wolds"):
            ask(same(), wolds=5)


def test_market_world_and_kpi_come_with_the_contract_when_they_are_asked_for() -> None:
    code = (
        "import sys, crmlab.sim; assert 'mesa' not in sys.modules\n"
        "from crmlab.sim import KPIS, Kpi, Market, World; assert 'mesa' in sys.modules\n"
        "assert isinstance(KPIS['cac'], Kpi) and Market(World(), customers=10).run(1).week == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_an_answer_has_tables_and_the_figures_of_the_report(answer: Answer):
    assert {"arm", "kpi", "difference", "low", "p_better"} <= set(answer.effects)
    assert len(answer.table("weekly"))
    assert isinstance(answer.figure("lift"), go.Figure)
    assert {"lift_on_every_kpi", "funnel_by_channel", "orders_a_week", "from_today_to_tiers"} <= set(answer.figures)
    assert answer.chart("lift").sentence.startswith("Against today")
    assert answer.to_json()["baseline"] == "today"
    assert not answer.failures


def test_a_table_or_chart_that_is_not_there_is_named_with_what_is(answer: Answer):
    with pytest.raises(UserError, match=r'"weeks" is not a known table of this answer\. Did you mean "weekly"'):
        answer.table("weeks")
    with pytest.raises(UserError, match=r'"left" is not a known chart of this answer\. Did you mean "lift"'):
        answer.figure("left")


def test_an_answer_shows_itself_with_intervals_and_origin(answer: Answer):
    page = answer._repr_html_()
    for words in ("Customer equity", "Luck only", "Range of worlds", "Published or assumed: everything"):
        assert words in page
    assert "Terminal value" not in page  # a first look is short
    assert repr(answer).startswith("<Answer to 'notebook': Against today, customer equity moves by: tiers")
    hostile = replace(answer, experiment=replace(answer.experiment, purpose="<script>"))
    assert "<script>" not in hostile._repr_html_()


def test_a_saved_answer_is_a_run_folder_like_any_other(answer: Answer, tmp_path: Path):
    folder = answer.save(tmp_path / "results")
    assert folder == tmp_path / "results" / "notebook" / run_id(answer.experiment)
    assert (folder / "report.html").stat().st_size > 1_000_000
    assert (folder / "status").read_text() == "done"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"runs.parquet", "effects.parquet", "comparison.json", "ledger.jsonl"} <= {
        e["file"] for e in manifest["results"]
    }
    assert verify(folder, rows=2, workers=1).holds
    before = (folder / "manifest.json").read_bytes()
    assert answer.save(tmp_path / "results") == folder
    assert (folder / "manifest.json").read_bytes() == before, "a run that is there is left alone"


def test_importing_the_lab_loads_nothing_heavy():
    code = "import sys, crmlab.lab; print([m for m in ('numpy', 'pandas', 'plotly', 'numba') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_everything_in_the_lab_is_there_and_nothing_else():
    import crmlab.lab as lab

    assert all(getattr(lab, name) is not None for name in lab.__all__)
    with pytest.raises(AttributeError):
        _ = lab.nothing_of_this_name


@pytest.mark.slow
def test_the_page_on_python_does_what_it_says(tmp_path: Path):
    """All of its blocks in one process of their own, in order."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "python.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    script = tmp_path / "page.py"
    ends = "assert (folder / 'report.html').exists()\nassert len(rows) == 3 * 2 * 20\nprint(why)\n"
    script.write_text("\n".join(blocks) + ends)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "<Answer to 'notebook':" in done.stdout


CELLS = [
    """
from dataclasses import dataclass
from typing import Annotated
from crmlab.lab import compare, new_experiment
from crmlab.sim import FirmView, Lever, PublicDiscount

@dataclass(frozen=True)
class HappyWeek:
    "Cheaper in one week of four."
    rate: Annotated[float, Lever(0.0, 0.5)] = 0.2
    def decide(self, view):
        return [PublicDiscount(self.rate)] if view.week % 4 == 0 else []
""",
    "happy = new_experiment('shop', happy=HappyWeek(), weeks=6, customers=100, replications=2, unknowns=False)\n"
    "answer = compare(happy, workers=2)\nanswer",
    "new_experiment('shop', happy=HappyWeek(0.9))",
    "from crmlab.experiments.runs.run_id import run_id, strategy_hash\n"
    "from crmlab.lab import verify\n"
    "print(strategy_hash(HappyWeek), verify(answer.save('results'), rows=1).holds)",
]


@pytest.mark.slow
def test_in_a_notebook_there_are_a_bar_a_table_one_sentence_and_ones_own_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    nbformat = pytest.importorskip("nbformat", reason="JupyterLab is part of the development environment")
    nbclient = pytest.importorskip("nbclient", reason="JupyterLab is part of the development environment")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
    client = nbclient.NotebookClient(book, timeout=120, allow_errors=True, resources={"metadata": {"path": tmp_path}})
    client.execute()
    _, asked, wrong, hashed = (cell["outputs"] for cell in book.cells)
    shown = [out["data"]["text/html"] for out in asked if "data" in out]
    assert re.fullmatch(r"Playing: \d+\.\d s", shown[0])
    assert "Customer equity" in shown[1]
    (error,) = wrong
    assert len(error["traceback"]) == 1
    assert "rate = 0.9  must be between 0 and 0.5" in error["traceback"][0]
    assert re.fullmatch(r"[0-9a-f]{64} True\n", "".join(o.get("text", "") for o in hashed if o.get("name") == "stdout"))
