"""What can be searched: numbers, words, conditions and whole plays; how a search is begun, and handed on to Optuna."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path

import optuna
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import SpecError
from crmlab.experiments.experiment import Arm
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.levers.space import as_written, meant, with_levers
from crmlab.experiments.questions.tune.candidates import Judged
from crmlab.experiments.questions.tune.cells import race_cells
from crmlab.experiments.questions.tune.proposals import Proposals, constraints_of, ranked
from crmlab.experiments.questions.tune.question import EQUITY, Constraint, Tune
from crmlab.experiments.questions.tune.tune import tune
from crmlab.experiments.spec.experiment_file import load_experiment, load_tuning
from crmlab.sim import Play
from crmlab.strategies import ChannelMix, PointsAndTiers
from tests.conftest import today
from tests.experiments.questions.tune.test_tune import planted

ARM = Arm("all", today(Play("points", PointsAndTiers()), Play("mix", ChannelMix(factors={"content": 1.0}))))
LEVERS = (
    SearchedLever.switch("points"),
    SearchedLever.switch("mix"),
    SearchedLever("points.expiry", "points", "expiry", None, options=("rolling", "inactivity", "never")),
    SearchedLever(
        "points.expiry_weeks", "points", "expiry_weeks", None, 13, 156, step=1, whole=True,
        when=(("points.expiry", ("rolling", "inactivity")),),
    ),
    SearchedLever("points.earn_rate", "points", "earn_rate", None, 0.0, 0.1),
    SearchedLever("mix.factors.content", "mix", "factors", "content", 0.5, 4.0),
)  # fmt: skip
SETTINGS = {
    "points.on": True, "mix.on": True, "points.expiry": "inactivity", "points.expiry_weeks": 26,
    "points.earn_rate": 0.02, "mix.factors.content": 2.0,
}  # fmt: skip


def test_a_play_that_is_off_is_not_in_the_arm_and_its_levers_mean_nothing() -> None:
    off = {**SETTINGS, "points.on": False}
    assert [play.name for play in with_levers(ARM, LEVERS, off, "x").plays] == ["today", "mix"]
    assert meant(LEVERS, off) == {
        "points.on": False, "mix.on": True, "points.expiry": None, "points.expiry_weeks": None,
        "points.earn_rate": None, "mix.factors.content": 2.0,
    }  # fmt: skip
    none = with_levers(ARM, LEVERS, {**off, "mix.on": False}, "x")
    assert [play.name for play in none.plays] == ["today"]


def test_words_are_set_and_a_lever_under_a_condition_only_where_it_holds() -> None:
    points = with_levers(ARM, LEVERS, SETTINGS, "x").plays[1].strategy
    assert (points.expiry, points.expiry_weeks, points.earn_rate) == ("inactivity", 26, 0.02)
    never = {**SETTINGS, "points.expiry": "never"}
    assert meant(LEVERS, never)["points.expiry_weeks"] is None
    assert with_levers(ARM, LEVERS, never, "x").plays[1].strategy.expiry_weeks == 52  # as it was written
    assert as_written(ARM, LEVERS) == {
        "points.on": True, "mix.on": True, "points.expiry": "rolling", "points.expiry_weeks": 52,
        "points.earn_rate": 0.04, "mix.factors.content": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3", "random", "qmc"])
def test_every_sampler_proposes_all_kinds_of_levers(sampler: str) -> None:
    search = Tune("all", LEVERS, (EQUITY,), (), sampler, candidates=24, batch=8)
    proposals, asked = Proposals(search, seed=1), []
    for batch in range(3):
        fresh = proposals.ask(batch, 8)
        proposals.tell(
            [Judged(8 * batch + i, batch, v, {EQUITY: float(v["points.on"]) - v["points.earn_rate"]}, (), ())
             for i, v in enumerate(fresh)]
        )  # fmt: skip
        asked += fresh
    assert {v["points.on"] for v in asked} == {True, False}
    assert {v["points.expiry"] for v in asked} >= {"rolling", "never"}
    assert all(isinstance(v["points.expiry_weeks"], int) and 13 <= v["points.expiry_weeks"] <= 156 for v in asked)
    assert len({v["points.earn_rate"] for v in asked}) > 12
    assert sum(v["points.on"] for v in asked[8:]) >= (8 if sampler in ("tpe", "nsga2", "nsga3") else 4)


def test_a_sobol_sequence_goes_on_over_the_batches() -> None:
    levers = LEVERS[4:]
    one, other = (Proposals(Tune("all", levers, (EQUITY,), (), "qmc"), seed=3) for _ in range(2))
    together = one.ask(0, 8)
    apart = []
    for batch in range(2):
        fresh = other.ask(batch, 4)
        other.tell([Judged(4 * batch + i, batch, v, {EQUITY: 1.0}, (), ()) for i, v in enumerate(fresh)])
        apart += fresh
    assert apart[1:] == together[1:]  # the very first is drawn before the space is known
    halves = [[v["points.earn_rate"] < 0.05 for v in together[1:]].count(half) for half in (True, False)]
    assert min(halves) >= 3


def test_a_sampler_that_knows_no_limits_hears_who_is_beyond_them_as_worse_than_all_others() -> None:
    search = Tune("cut", LEVERS[4:], ("cac",), (Constraint("media", "<=", 10.0),), "cmaes")
    told = [
        ({"cac": 5.0}, 0.0),
        ({"cac": 1.0}, 0.5),
        ({"cac": 9.0}, -1.0),
        ({"cac": 1.0}, 0.2),
        ({"cac": math.nan}, 1.0),
    ]
    judged = [Judged(n, 0, {}, gains, (0.0,), (broken,)) for n, (gains, broken) in enumerate(told)]
    values = ranked(search, judged)  # less is better
    assert values == [5.0, 9.5, 9.0, 9.2, 11.0]


def test_a_soft_limit_is_told_to_the_sampler_and_forbids_nothing() -> None:
    wish = Constraint("discounts", "<=", 0.0)
    found = tune(planted(soft=(wish,), candidates=6, batch=3, replications=2, sampler="random"), workers=1)
    assert found.trials["feasible"].all()
    assert (found.trials["soft_broken"] == (found.trials["constraint.discounts <= 0"] > 0)).all()
    assert found.winners[0].holds
    assert found.winners[0].wishes_broken == ("discounts <= 0",)
    assert found.to_json()["winners"][0]["wishes_broken"] == ["discounts <= 0"]
    told = constraints_of(found.search, Judged(0, 0, {}, {EQUITY: 1.0}, (5.0,), (0.7,), n_hard=0))
    assert told == {"has a value": 0.0, "discounts <= 0": 0.7}


FILE = """
name = "small"
world = "shop"
[design]
customers = 150
weeks = 10
[arms.programme]
[[arms.programme.strategies]]
kind = "points_and_tiers"
name = "points"
[[arms.programme.strategies]]
kind = "channel_mix"
name = "mix"
hold_total = true
[tune]
arm = "programme"
switch = ["points", "mix"]
levers = [
    { lever = "points.expiry", options = ["rolling", "never"] },
    { lever = "points.expiry_weeks", when = { "points.expiry" = ["rolling"] } },
    "mix.hold_total",
    { lever = "mix.factors.content", low = 0.5, high = 4 },
]
soft = ["media <= 1"]
candidates = 9
batch = 3
replications = 8
confirm = 2
confirm_replications = 2
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = FILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_which_plays_words_and_conditions_are_searched(tmp_path) -> None:
    search = load_tuning(written(tmp_path)).question
    assert [lever.path for lever in search.levers] == [
        "points.on", "mix.on", "points.expiry", "points.expiry_weeks", "mix.hold_total", "mix.factors.content",
    ]  # fmt: skip
    by_path = {lever.path: lever for lever in search.levers}
    assert by_path["points.on"].options == (True, False)
    assert by_path["points.expiry"].options == ("rolling", "never")
    assert by_path["points.expiry_weeks"].when == (("points.expiry", ("rolling",)),)
    assert by_path["points.expiry_weeks"].whole
    assert by_path["mix.hold_total"].options == (True, False)
    assert search.soft == (Constraint("media", "<=", 1.0),)
    assert (search.racing, search.worlds, search.score, search.patience) == (True, False, "mean", None)
    over_worlds = written(tmp_path, ("replications = 8", 'worlds = 12\nscore = "cvar"\nracing = false\npatience = 3'))
    search = load_tuning(over_worlds).question
    assert (search.racing, search.worlds, search.replications, search.score, search.patience) == (
        False, True, 12, "cvar", 3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('switch = ["points", "mix"]', 'switch = ["pionts"]', 'Did you mean "points"?'),
        ('switch = ["points", "mix"]', 'switch = ["mix", "mix"]', "is named twice"),
        ('"mix.hold_total",', '"mix.on",', 'write switch = ["mix"]'),
        ('options = ["rolling", "never"]', 'options = ["rolling", "nevr"]', 'Did you mean "never"?'),
        ('options = ["rolling", "never"]', 'options = ["rolling"]', "two or more options"),
        ('options = ["rolling", "never"]', "low = 1", "is one of some words"),
        ("low = 0.5, high = 4", "options = [1, 2]", "is a number: narrow it by low and high"),
        ('"points.expiry" = ["rolling"] }', '"points.expirey" = ["rolling"] }', 'Did you mean "points.expiry"?'),
        ('= ["rolling"] }', '= ["calendar"] }', "points.expiry is one of rolling, never"),
        ("candidates = 9", 'score = "worst"', "say how many, as in worlds = 16"),
        ("candidates = 9", "worlds = 8", "exclude each other"),
        ("candidates = 9", "patience = 0", "at least 1"),
        ("candidates = 9", 'racing = "yes"', "must be true or false"),
        ("candidates = 9", 'sampler = "cmaes"', "moves two or more numbers and nothing else"),
        ('soft = ["media <= 1"]', 'soft = ["media < 1"]', '"<" is not a comparison'),
    ],
)
def test_a_wrong_space_says_where_what_and_what_is_allowed(tmp_path, old: str, new: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        load_tuning(written(tmp_path, (old, new)))
    (line,) = error.value.problems
    assert said in line


def test_a_table_without_levers_and_switches_has_nothing_to_search(tmp_path) -> None:
    path = written(tmp_path)
    text = path.read_text()
    begin, end = text.index("levers = ["), text.index("soft =")
    path.write_text((text[:begin] + text[end:]).replace('switch = ["points", "mix"]\n', ""))
    with pytest.raises(SpecError, match="there is nothing to search"):
        load_tuning(path)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> Path:
    """The run folder of a search among words, conditions and plays."""
    folder = tmp_path_factory.mktemp("space")
    assert exit_code(["tune", str(written(folder)), "--out", str(folder / "results"), "--workers", "1"]) == 0
    (run,) = (folder / "results" / "small").iterdir()
    return run


@pytest.mark.slow
def test_the_winner_file_has_words_and_leaves_out_what_is_off(tmp_path) -> None:
    orders = ("soft =", 'objectives = ["orders"]\nconstraints = ["customer_equity >= -1e9"]\nsoft =')  # something wins
    more = (("customers = 150", "customers = 1500"), ("confirm_replications = 2", "confirm_replications = 6"))
    file = written(tmp_path, orders, *more)
    assert exit_code(["tune", str(file), "--out", str(tmp_path / "runs"), "--workers", "1"]) == 0
    (tuned,) = (tmp_path / "runs" / "small").iterdir()
    levers = json.loads((tuned / "tuning.json").read_text())["winners"][0]["levers"]
    strategies = tomllib.loads((tuned / "winner.toml").read_text())["arms"]["winner"].get("strategies", [])
    there = {play["name"]: play for play in strategies}
    for play in ("points", "mix"):
        assert (play in there) == levers[f"{play}.on"]
    if levers["points.on"]:
        assert there["points"]["expiry"] == levers["points.expiry"]
        assert there["points"].get("expiry_weeks") == levers["points.expiry_weeks"]
    if levers["mix.on"]:
        assert there["mix"]["hold_total"] == levers["mix.hold_total"]
    assert len(load_experiment(tuned / "winner.toml").arms) == 3


def test_the_answer_shows_on_off_words_dashes_the_race_and_broken_wishes(tuned, capsys) -> None:
    from crmlab.experiments.commands.tuning_answer import print_tuning
    from crmlab.experiments.runs.store import StoredRun

    print_tuning(StoredRun(tuned))
    out = capsys.readouterr().out
    assert "dropped in the race" in out
    assert "does not keep what was wished for (soft): media <= 1" in out
    trials, racing = (pd.read_parquet(tuned / f"{name}.parquet") for name in ("trials", "racing"))
    cells = race_cells(racing)
    assert cells["Candidates looked at"].tolist()[0] == "9"
    looked_at = dict(zip(cells["Replications"].astype(int), cells["Candidates looked at"].astype(int), strict=True))
    assert next(iter(looked_at)) == 2
    assert trials["replications"].sum() == 2 * looked_at[2] + 2 * looked_at.get(4, 0) + 4 * looked_at.get(8, 0)


def test_a_past_run_is_tried_first_where_its_levers_fit(tuned, tmp_path, capsys) -> None:
    narrower = written(tmp_path, ('"mix.hold_total",', ""), ("low = 0.5, high = 4", "low = 0.6, high = 0.7"))
    results = tuned.parent.parent
    command = ["tune", str(narrower), "--out", str(results), "--workers", "1", "--from", tuned.name]
    assert exit_code([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    past = json.loads((tuned / "tuning.json").read_text())["winners"][0]["levers"]
    second = answer["trials"][1]["levers"]  # the first is the arm as written
    assert second["points.on"] == past["points.on"]
    assert second["points.expiry"] == past["points.expiry"]
    assert answer["run"] != str(tuned)
    nothing = written(tmp_path, ('switch = ["points", "mix"]\n', ""))
    text = nothing.read_text()
    begin, end = text.index("levers = ["), text.index("soft =")
    nothing.write_text(text[:begin] + 'levers = ["points.earn_rate"]\n' + text[end:])
    assert exit_code(["tune", str(nothing), "--out", str(results), "--from", tuned.name]) == 2
    assert f"No lever of run {tuned.name} is searched here" in capsys.readouterr().err


def test_a_tuning_can_be_opened_by_optuna(tuned, tmp_path, capsys) -> None:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    file = tmp_path / "study.log"
    command = ["runs", "export", tuned.name, "--out", str(tuned.parent.parent), "--optuna", str(file)]
    assert exit_code([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 9
    study = optuna.load_study(study_name=tuned.name, storage=JournalStorage(JournalFileBackend(str(file))))
    trials = json.loads((tuned / "tuning.json").read_text())["trials"]
    assert [trial.value for trial in study.trials] == [trial["values"][EQUITY] for trial in trials]
    for kept, trial in zip(study.trials, trials, strict=True):
        assert kept.params == {path: value for path, value in trial["levers"].items() if value is not None}
        assert kept.constraints["media <= 1"] == trial["constraints"]["media <= 1"] - 1
        assert kept.user_attrs["verdict"] == trial["verdict"]
    assert exit_code(command) == 2
    assert "is there already" in capsys.readouterr().err
