"""`crmlab init` writes an experiment in the money of its world; `crmlab validate` says whom it touches on day one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmlab.experiments.cli import app
from crmlab.experiments.files.world_file import SHIPPED
from crmlab.experiments.spec.experiment_file import load_experiment, load_sweep, load_tuning
from crmlab.experiments.spec.template import round_number
from crmlab.sim.strategy import needs_of
from crmlab.strategies import STRATEGIES
from tests.places import SAMPLE

WORLD = (SHIPPED / "shop.toml").read_text(encoding="utf-8").replace("../schema", "schema")


def world(folder: Path, *changes: tuple[str, str]) -> Path:
    text = WORLD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def crmlab(*arguments: object, code: int = 0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + result.stderr
    return result


def question(folder: Path, market: Path | str) -> Path:
    path = folder / "question.toml"
    crmlab("init", path, "--world", market, "--force")
    return path


@pytest.mark.parametrize("factor", [0.05, 1.0, 20.0])
def test_thresholds_are_multiples_of_the_mean_order_of_the_world(tmp_path, factor) -> None:
    """The same shop in other money: the same share of customers is silver on day one, within rounding to a price."""
    market = world(
        tmp_path,
        ("gamma = 15.44", f"gamma = {15.44 * factor}"),
        ("fulfilment_cost = 3.0", f"fulfilment_cost = {3 * factor}"),
    )
    path = question(tmp_path, market)
    arms = {arm.name: arm for arm in load_experiment(path).arms}
    silver = arms["tiers"].plays[-1].strategy.silver_spend
    assert silver == pytest.approx(max(75.0 * factor, 10), rel=0.15 if factor >= 1 else 10)
    assert f"from {silver:g} spent within a year, 10 % from {3 * silver:g}" in path.read_text()
    assert arms["tiers_and_mix"].plays[-2].strategy.silver_spend == silver
    if factor >= 1:
        said = json.loads(crmlab("validate", path, "--json").stdout)["day_one"][0]
        assert said.startswith("tiers, discount_tiers: 5% off for 1")


def test_the_file_holds_an_arm_of_each_kind_in_the_money_and_on_as_many_rows_as_the_world_has(tmp_path) -> None:
    path = question(tmp_path, world(tmp_path, ("gamma = 15.44", "gamma = 200.0")))
    experiment = load_experiment(path)
    arms = {arm.name: arm.plays[-1].strategy for arm in experiment.arms}
    assert arms["points"].reward_value == 60  # 0.14 mean orders of 456
    assert arms["points"].silver_spend == arms["tiers"].silver_spend
    assert arms["media"].total == 1.2
    assert {type(strategy) for strategy in arms.values()} == {cls for cls in STRATEGIES.values() if not needs_of(cls)}
    assert experiment.design.customers == experiment.world.population.customers


def test_media_are_shifted_between_channels_that_the_world_has(tmp_path) -> None:
    path = question(tmp_path, world(tmp_path, ('"paid_social"', '"posters"'), ('"content"', '"radio"')))
    mix = next(arm for arm in load_experiment(path).arms if arm.name == "mix").plays[-1].strategy
    assert set(mix.factors) == {"paid_search", "posters"}


def test_a_world_without_two_paid_channels_gets_no_arm_that_shifts_media(tmp_path) -> None:
    text = WORLD[: WORLD.index("# Channels:")] + WORLD[WORLD.index("# assumed\n[acquisition]") :]
    (tmp_path / "mine.toml").write_text(text)
    path = question(tmp_path, tmp_path / "mine.toml")
    assert [arm.name for arm in load_experiment(path).arms] == [
        "today", "tiers", "price_cut", "do_nothing", "points", "ladder", "regulars", "coupon", "win_back", "friends",
    ]  # fmt: skip


@pytest.mark.parametrize("shipped", ["shop", "personas"])
def test_what_init_writes_for_a_shipped_world_is_in_order(tmp_path, shipped) -> None:
    path = question(tmp_path, shipped)
    said = crmlab("validate", path).stdout
    assert "On day one:" in said
    assert "tiers, discount_tiers: 5% off for" in said


@pytest.mark.parametrize("shipped", ["shop", "personas"])
def test_the_tables_in_comments_are_in_order_when_the_sign_is_taken_away(tmp_path, shipped) -> None:
    path = question(tmp_path, shipped)
    text = path.read_text(encoding="utf-8")
    before, mark, tables = text.partition("\n# To search better levers")
    assert mark
    assert "\n#[tune]\n" in tables
    assert "\n#[sweep]\n" in tables
    bare = [line if line.startswith("# ") else line.removeprefix("#") for line in (mark + tables).splitlines()]
    path.write_text(before + "\n".join(bare) + "\n", encoding="utf-8")
    crmlab("validate", path)
    arms = {arm.name: arm for arm in load_experiment(path).arms}
    tuning, swept = load_tuning(path), load_sweep(path)
    own = {f"{play.name}.{lever}" for play in arms[tuning.question.arm].plays for lever in vars(play.strategy)}
    assert {lever.path for lever in tuning.question.levers} <= own
    assert {factor.path for factor in swept.question.factors} <= own


def test_a_shop_announces_round_numbers() -> None:
    assert [round_number(value) for value in (75.0, 1072.0, 866.0, 0.037, 118_000.0)] == [75, 1000, 900, 0.04, 120_000]


def test_validate_asks_back_on_stderr_and_in_json_and_is_no_error(tmp_path) -> None:
    market = world(
        tmp_path, ('currency = "USD"', 'currency = "Dollar"'), ("budget = 237\nhalf", "budget = 12324\nhalf")
    )
    path = question(tmp_path, market)
    result = crmlab("validate", path)
    assert 'Note: the currency "Dollar" is no code of ISO 4217.' in result.stderr
    assert "Note: arm today: its media budget of" in result.stderr
    assert "Note" not in result.stdout
    notes = json.loads(crmlab("validate", path, "--json").stdout)["notes"]
    assert any("Is this a yearly figure?" in note for note in notes)
    assert any("ISO 4217" in note for note in json.loads(crmlab("validate", market, "--json").stdout)["notes"])


def test_validate_says_how_far_a_calibrated_world_can_be_believed(tmp_path) -> None:
    sample = SAMPLE
    columns = ("--customer", "sample_id", "--date", "date", "--amount", "dollar_value")
    market = tmp_path / "cdnow.toml"
    said = crmlab("calibrate", sample, *columns, "--holdout-weeks", "39", "--out", market).stdout
    assert "A world is founded on all weeks, 1997-01-01 to 1998-06-30, with 2,357 customers:" in said
    assert "New customers a week cannot be told from this log: all customers came in the first weeks" in said
    light = "Fit AMBER: in 39 weeks that it had not seen, the model expected"
    assert light in said
    for file in (market, question(tmp_path, market)):
        assert light in crmlab("validate", file).stdout
        assert json.loads(crmlab("validate", file, "--json").stdout)["fit"]["colour"] == "amber"
