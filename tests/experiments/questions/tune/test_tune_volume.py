"""A ratio is never tuned alone: CAC and LTV / CAC are not improved by winning fewer customers, unless that is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import SpecError
from crmlab.experiments.questions.tune.question import VOLUME
from crmlab.experiments.questions.tune.tune import tune
from crmlab.experiments.spec.experiment_file import load_tuning
from crmlab.sim.kpis import KPIS

LOOKS_AT_REPORTS = True
FILE = """
name = "cheap"
world = "shop"
[design]
weeks = 60
customers = 400
[arms.media]
[[arms.media.strategies]]
kind = "channel_mix"
name = "mix"
factors = {{ content = 1.0 }}
[tune]
arm = "media"
levers = [{{ lever = "mix.total", low = 0.05, high = 2.0 }}, {{ lever = "mix.factors.content", low = 0.2, high = 3.0 }}]
candidates = 16
replications = 2
confirm = 1
confirm_replications = 2
{asked}
"""


def written(folder: Path, asked: str) -> Path:
    path = folder / "cheap.toml"
    path.write_text(FILE.format(asked=asked))
    return path


@pytest.mark.parametrize("kpi", ["cac", "ltv_cac"])
def test_a_search_for_a_ratio_may_not_win_fewer_customers_than_today(tmp_path: Path, kpi: str) -> None:
    experiment = load_tuning(written(tmp_path, f'objectives = ["{kpi}"]'))
    assert [str(c) for c in experiment.question.constraints if c.added] == [
        "customer_equity gain >= 0",
        "first_orders gain >= 0",
    ]
    found = tune(experiment, workers=1)
    kept = found.trials[found.trials["feasible"]]
    assert (kept[f"gain.{VOLUME}"] >= 0).all()
    assert (found.trials[f"gain.{VOLUME}"] < 0).any()  # the search did try the cheap way out
    assert found.winners  # today itself, which the arm begins with, keeps the limits
    for winner in found.winners:
        assert winner.kpi_values[VOLUME].search >= 0  # volume is told beside the ratio


def test_without_the_limits_the_cheapest_customers_are_hardly_any(tmp_path: Path) -> None:
    asked = 'objectives = ["cac"]\nany_volume = true\nconstraints = ["customer_equity >= -1e9"]'
    found = tune(load_tuning(written(tmp_path, asked)), workers=1)
    best = found.winners[0]
    assert best.kpi_values["cac"].search < 0
    assert best.kpi_values[VOLUME].search < 0  # and the answer says so


def test_a_limit_on_new_customers_of_ones_own_replaces_the_default(tmp_path: Path) -> None:
    asked = 'objectives = ["cac"]\nconstraints = ["first_orders >= 100", "customer_equity gain >= 0"]'
    assert not [c for c in load_tuning(written(tmp_path, asked)).question.constraints if c.added]


def test_lifting_a_limit_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="any_volume"):
        load_tuning(written(tmp_path, 'objectives = ["customer_equity"]\nany_volume = true'))


def test_the_printed_answer_json_and_report_show_volume_beside_the_ratio(tmp_path: Path, capsys) -> None:
    command = ["tune", str(written(tmp_path, 'objectives = ["cac"]')), "--workers", "1"]
    command += ["--out", str(tmp_path / "results"), "--set", "tune.candidates=4"]
    assert exit_code(command) == 0
    out = capsys.readouterr().out
    assert "A ratio is improved by winning fewer customers, so this limit was added: first_orders gain >= 0." in out
    assert exit_code([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert "first_orders gain >= 0" in answer["added"]
    assert {"cac", "customer_equity", "first_orders"} <= set(answer["winners"][0]["fresh"])
    assert "New customers" in out
    assert "New customers: fresh luck" in (Path(answer["run"]) / "report.html").read_text()


def test_every_ratio_among_the_kpis_is_known_as_one() -> None:
    ratios = {kpi for kpi, about in KPIS.items() if about.is_ratio}
    assert {"cac", "cac_cohort", "ltv_52", "ltv_cac", "payback_weeks", "repurchase_52", "retention_52"} <= ratios
    assert not ratios & {"customer_equity", "equity_run", "first_orders", "orders", "contribution", "revenue"}
