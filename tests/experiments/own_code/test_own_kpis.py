"""KPIs and samplers of one's own: a column, an objective and a limit like any other, hashed and kept with the run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.failures import NothingRan
from crmlab.experiments.runs.run_id import run_id
from crmlab.lab import Experiment, compare, new_experiment, stress, sweep, tune
from crmlab.sim import Kpi
from crmlab.strategies import DiscountTiers

LOOKS_AT_REPORTS = True
SMALL = {"weeks": 8, "customers": 150, "replications": 2, "unknowns": False}
MODULE = '''
"""KPIs and a sampler of a shop."""

import math

import optuna

from crmlab.sim import Kpi


def share_of_regulars(record):
    orders = record.market.customers.orders
    return float((orders >= 3).mean()) if orders.size else math.nan


REGULARS = Kpi(
    id="regulars",
    label="Regulars",
    unit="share of people",
    formula="people with three or more orders / people",
    eligible="everybody",
    window="the run and before",
    censoring="none",
    direction=1,
    reference="-",
    read=share_of_regulars,
)


def by_chance(seed):
    return optuna.samplers.RandomSampler(seed=seed)
'''
QUESTION = """
name = "own"
world = "shop"
kpis = ["shop_kpis:REGULARS"]
[design]
weeks = 8
customers = 150
replications = 2
unknowns = false
primary = "regulars"
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
silver_spend = 20.0
[tune]
arm = "tiers"
levers = ["discount_tiers.silver_rate"]
objectives = ["regulars"]
constraints = ["regulars gain >= -1"]
sampler = "shop_kpis:by_chance"
candidates = 3
batch = 3
replications = 2
confirm = 1
confirm_replications = 2
"""


def regulars(outcome) -> float:
    orders = outcome.market.customers.orders
    return float((orders >= 3).mean()) if orders.size else math.nan


REGULARS = Kpi("regulars", "Regulars", "share of people", "people with three or more orders / people", "everybody",
               "the run and before", "none", 1, "-", regulars)  # fmt: skip


def by_chance(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def asked(**changes) -> Experiment:
    return new_experiment("shop", tiers=DiscountTiers(silver_spend=20.0), kpis=[REGULARS], **SMALL | changes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMLAB_CONFIG", str(tmp_path / "config"))
    (tmp_path / "shop_kpis.py").write_text(MODULE)
    (tmp_path / "own.toml").write_text(QUESTION)
    return tmp_path


def test_a_kpi_of_ones_own_is_a_column_beside_the_others() -> None:
    answer = compare(asked(), workers=2, progress=False)
    assert answer.table("runs")["regulars"].between(0, 1).all()
    assert "regulars" in set(answer.effects["kpi"])
    assert "Regulars" in answer._repr_html_() or "Regulars" in set(answer.effects["label"])
    other = compare(new_experiment("shop", tiers=DiscountTiers(), **SMALL), workers=1, progress=False)
    assert "regulars" not in other.table("runs"), "an experiment without it knows nothing of it"


def test_a_kpi_of_ones_own_is_objective_limit_and_primary_in_every_question() -> None:
    experiment = asked(primary="regulars")
    play = experiment.arms[1].plays[-1].name
    effort = {"candidates": 3, "batch": 3, "replications": 2, "confirm": 1, "confirm_replications": 2}
    words = {"arm": "tiers", "levers": [f"{play}.silver_rate"], "objectives": ["regulars"]}
    tuned = tune(experiment, **words, constraints=["regulars >= 0"], sampler=by_chance, **effort, progress=False)
    assert {"gain.regulars", "constraint.regulars >= 0"} <= set(tuned.table("trials"))
    assert tuned.to_json()["sampler"].endswith("test_own_kpis:by_chance")
    tried = stress(experiment, worlds=3, workers=1, progress=False)
    assert tried.to_json()["kpi"] == "regulars"
    swept = sweep(experiment, arm="tiers", levers=[f"{play}.silver_rate"], points=2, kpis=["regulars"], progress=False)
    assert set(swept.table("sweep")["kpi"]) == {"regulars"}
    assert any("Regulars" in chart.title for chart in tuned.charts.values())


def test_the_definition_and_the_function_of_a_kpi_are_part_of_the_run() -> None:
    plain = asked()
    assert run_id(plain) != run_id(replace(plain, kpis=()))
    assert run_id(plain) != run_id(replace(plain, kpis=(replace(REGULARS, direction=-1),)))
    assert run_id(plain) != run_id(replace(plain, kpis=(replace(REGULARS, read=by_chance),)))


def test_a_file_names_kpis_and_sampler_and_its_run_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["validate", "own.toml"]) == 2
    assert "--trust" in capsys.readouterr().err
    assert exit_code(["compare", "own.toml", "--trust", "--workers", "1"]) == 0
    assert "Regulars" in capsys.readouterr().out
    assert exit_code(["tune", "own.toml", "--workers", "1"]) == 0
    runs = {path.parent.name for path in folder.glob("results/own/*/manifest.json")}
    assert len(runs) == 2
    for run in runs:
        assert exit_code(["verify", run, "--workers", "1", "--all"]) == 0, capsys.readouterr()
        assert exit_code(["report", run]) == 0
        assert "Regulars" in next(folder.glob(f"results/own/{run}/report.html")).read_text(encoding="utf-8")
    manifest = json.loads(next(folder.glob("results/own/*/manifest.json")).read_text())
    assert "shop_kpis:share_of_regulars" in {entry["kind"] for entry in manifest["strategies"]}
    assert all(list(folder.glob(f"results/own/{run}/strategies/shop_kpis.py")) for run in runs)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("shop_kpis:REGULARS", "shop_kpis:REGULAR"), "has no"),
        (("shop_kpis:REGULARS", "shop_kpis:by_chance"), "is no KPI: it must be a Kpi"),
        (('primary = "regulars"', 'primary = "regular"'), 'not a known KPI. Did you mean "regulars"?'),
        (("shop_kpis:by_chance", "tpee"), 'Did you mean "tpe"?'),
        (("shop_kpis:by_chance", "shop_kpis:chance"), "has no"),
        (('kpis = ["shop_kpis:REGULARS"]', ""), '"regulars" is not a known KPI'),
    ],
)
def test_a_mistake_in_naming_gets_a_sentence(
    folder: Path, change: tuple[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text(QUESTION.replace(*change))
    assert exit_code(["validate", "own.toml", "--trust"]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kpi", "sentence"),
    [
        (replace(REGULARS, id="cac"), "is the id of a shipped KPI"),
        (replace(REGULARS, id="Regulars!"), "small letters, digits and _"),
        (replace(REGULARS, direction=2), "direction is 1"),
        (replace(REGULARS, read=lambda outcome: 1.0), "must be a function with a name"),
    ],
)
def test_a_kpi_that_cannot_be_is_refused(kpi: Kpi, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        new_experiment("shop", tiers=DiscountTiers(), kpis=[kpi], **SMALL)


def failing(outcome) -> float:
    return 1 / 0


def test_a_kpi_that_fails_is_told_like_any_life_that_fails() -> None:
    experiment = replace(asked(), kpis=(replace(REGULARS, read=failing),))
    with pytest.raises(NothingRan, match="could be run; ZeroDivisionError"):
        compare(experiment, workers=1, progress=False)
