"""What a tuning advises: a winner that beats today on fresh luck and in fresh worlds, or to keep today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmlab import lab
from crmlab.experiments.cli import app
from crmlab.experiments.errors import UserError
from crmlab.experiments.questions.tune.tune import Tuning, tune
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_tuning
from crmlab.lab import compare
from crmlab.strategies import ChannelMix

FILE = """
name = "advice"
world = "shop"
[design]
weeks = 26
customers = 400
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
rate = 0.2
[tune]
arm = "cut"
levers = [{{ lever = "price_cut.rate", low = {low}, high = 0.3 }}]
objectives = ["{kpi}"]
constraints = ["customer_equity gain >= {least}"]
candidates = 6
replications = 6
confirm = 2
confirm_replications = 8
"""


def written(folder: Path, kpi: str = "contribution", low: float = 0.2, least: float = -1e9) -> Path:
    path = folder / "advice.toml"
    path.write_text(FILE.format(kpi=kpi, low=low, least=least), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def losing(tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    """Price cuts of 15 % and more in a shop whose margin does not bear them."""
    return tune(load_tuning(written(tmp_path_factory.mktemp("losing"))), workers=1)


def test_where_every_candidate_loses_today_is_kept_in_words_and_json(losing: Tuning) -> None:
    answer = losing.to_json()
    assert answer["winners"]  # there are best ones among the losers
    assert (answer["keep_today"], answer["winner"]) == (True, None)
    assert answer["advice"] == (
        "No candidate is better than today on luck and in worlds that the search has not seen: keep today."
    )
    assert losing.winner is None


def test_winners_are_judged_over_sampled_worlds_and_their_volume_is_told(losing: Tuning) -> None:
    effects = losing.comparison.effects.set_index(["arm", "kpi"])
    for winner in losing.winners:
        assert effects.loc[(winner.arm, "contribution"), "worlds"] == 8
        assert set(losing.advice.verdicts[winner.arm]) == {"contribution", "customer_equity", "first_orders"}


def test_the_command_says_keep_today_and_names_no_winner_to_compare(tmp_path: Path) -> None:
    options = ["tune", str(written(tmp_path)), "--out", str(tmp_path / "results"), "--workers", "1"]
    printed = CliRunner().invoke(app, options).stdout
    assert "No candidate is better than today" in printed
    assert "New customers" in printed
    assert "winner.toml" not in printed
    assert not list(tmp_path.rglob("winner.toml"))


def test_a_candidate_that_beats_today_is_the_winner_and_can_be_compared(tmp_path: Path) -> None:
    options = ["tune", str(written(tmp_path, "orders")), "--out", str(tmp_path / "results"), "--workers", "1", "--json"]
    answer = json.loads(CliRunner().invoke(app, options).stdout)
    assert answer["keep_today"] is False
    assert answer["verdicts"][f"candidate {answer['winner']}"]["orders"] == "better"
    assert "Better: orders is better than under today" in answer["advice"]
    assert len(list(tmp_path.rglob("winner.toml"))) == 1


@pytest.mark.slow
def test_python_writes_the_winner_that_the_command_line_writes(tmp_path: Path) -> None:
    file = written(tmp_path, "orders")
    options = ["tune", str(file), "--out", str(tmp_path / "results"), "--workers", "1"]
    CliRunner().invoke(app, options)
    (kept,) = tmp_path.rglob("winner.toml")
    answer = lab.tune(load_tuning(file), workers=1, progress=False)
    again = answer.write_winner(kept.with_name("again.toml"), file=file)
    assert again.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="does not ask what this answer answers"):
        answer.write_winner(tmp_path / "never.toml", file=file, overrides=["design.weeks=11"])
    assert not (tmp_path / "never.toml").exists()


def test_only_a_tuning_has_a_winner() -> None:
    small = new_experiment("shop", mix=ChannelMix(factors={"content": 2.0}), weeks=4, customers=50, replications=2)
    with pytest.raises(UserError, match="Only a tuning has a winner"):
        _ = compare(small, workers=1).winner
