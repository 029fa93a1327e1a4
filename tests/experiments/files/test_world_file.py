"""World files: authored ones, and those that a calibration writes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crmlab.experiments.calibration.calibrate import calibrate
from crmlab.experiments.calibration.order_log import read_orders
from crmlab.experiments.errors import SpecError, UserError
from crmlab.experiments.files.history_file import read_history
from crmlab.experiments.files.world_file import load_world, shipped_worlds
from crmlab.experiments.files.world_writer import write_world
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.strategies import PriceCut, Today
from tests.places import SAMPLE

MINIMAL = "[base]\n[population]\ncustomers = 10\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "market.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as error:
        load_world(written(folder, text))
    return error.value.problems


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    if not SAMPLE.exists():
        pytest.skip("the CDNOW sample is not here")
    found = calibrate(read_orders(SAMPLE, "sample_id", "date", "dollar_value"), 39)
    folder = tmp_path_factory.mktemp("world")
    return found, write_world(folder / "cdnow.toml", found)


def test_the_shipped_shop_is_a_world_with_five_channels_of_which_four_are_paid():
    shop = load_world("shop")
    assert shipped_worlds() == ["personas", "service", "shop"]
    assert shop.world.population.customers == 5_000
    assert [c.name for c in shop.world.channels if c.budget > 0] == [
        "paid_search",
        "paid_social",
        "content",
        "marketplace",
    ]
    assert not shop.fitted
    assert shop.today[0].strategy == Today()


def test_the_shop_wins_one_per_cent_of_its_customers_a_week_at_todays_budgets():
    world = load_world("shop").world
    at_half = [c.leads_max * c.p_convert / (2 if c.half_budget else 1) for c in world.channels]
    assert sum(at_half) == pytest.approx(50, rel=0.01)


def test_a_number_may_have_its_own_range(tmp_path):
    world = load_world(
        written(tmp_path, MINIMAL + "[economics]\ngross_margin = { value = 0.4, low = 0.3, high = 0.5 }\n")
    )
    assert world.world.economics.gross_margin == 0.4
    assert world.ranges == {"economics.gross_margin": (0.3, 0.5)}


def test_a_file_may_say_that_a_number_is_known(tmp_path):
    text = MINIMAL + "[economics]\ngross_margin = { value = 0.4, known = true }\n"
    world = load_world(written(tmp_path, text))
    assert world.world.economics.gross_margin == 0.4
    assert world.ranges == {"economics.gross_margin": (0.4, 0.4)}
    with pytest.raises(SpecError, match="a number that you know"):
        load_world(written(tmp_path, text.replace("true", "false")))


def test_a_mechanism_may_be_switched_off_by_the_value_that_stands_for_it(tmp_path):
    world = load_world(written(tmp_path, MINIMAL + "[unknowns.price]\nelasticity = 0\n"))
    assert world.world.price.elasticity == 0


def test_todays_policy_is_part_of_the_world(tmp_path):
    text = MINIMAL + '[today]\ndiscount = 0.1\n[[today.strategies]]\nkind = "price_cut"\nrate = 0.2\n'
    read = load_world(written(tmp_path, text))
    assert read.world.today_rate == 0.1
    assert [play.strategy for play in read.today] == [PriceCut(rate=0.2)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[base]\n[population]\ncustomers = 0\nprospects = 0\n", "there is nobody in this market"),
        (MINIMAL + "[economics]\ngross_margn = 0.4\n", 'Did you mean "gross_margin"?'),
        (MINIMAL + "[economics]\ngross_margin = 40\n", "write 0.4 for 40 %"),
        (MINIMAL + "[economics]\ngross_margin = { value = 0.4 }\n", "{ value = ..., low = ..., high = ... }"),
        (MINIMAL + "[economics]\ngross_margin = { value = 0.4, low = 0.5, high = 0.6 }\n", "low <= value <= high"),
        (MINIMAL + "[base.spend]\nq = 1.0\n", "must be between 1.001 and 100"),
        (MINIMAL.replace("[base]\n", '[base]\nmodel = "pareto"\n'), "must be one of 'pareto_nbd', 'bg_nbd' or 'nbd'"),
        (MINIMAL + "[unknowns.price]\nelasticity = 0.5\n", "or 0 to switch it off"),
        (MINIMAL + "[unknowns.price]\nelasticity = 2.6\nelasticity_max = 2.0\n", "must not be below elasticity"),
        (MINIMAL + '[[channel]]\nname = "a"\nleads_max = 1\nbudget = 5\n', "organic"),
        (MINIMAL + '[[channel]]\nname = "before"\nleads_max = 1\n', "before week 0"),
        (MINIMAL + '[[channel]]\nname = "a"\nleads_max = 1\n' * 2, "two channels"),
        (MINIMAL + '[[channel]]\nname = "a"\n', "leads_max  is missing"),
        (MINIMAL + '[fit]\nmodel = "bg_nbd"\n', "is not the model in use"),
        (MINIMAL + "[today]\ndiscount = 5\n", "must be at most 0.6"),
        (MINIMAL + '[[today.strategies]]\nkind = "tody"\n', 'Did you mean "today"?'),
        (MINIMAL + 'history = "nowhere.csv"\n', "does not exist beside the world file"),
        (
            MINIMAL + '[fit]\nmodel = "pareto_nbd"\n[fit.base]\nparameters = ["r"]\nlog_covariance = [[1]]\n',
            "must name r, alpha, s, beta",
        ),
        (
            MINIMAL + '[fit]\nmodel = "pareto_nbd"\n[fit.spend]\nparameters = ["p", "q", "gamma"]\n'
            "log_covariance = [[1, 2, 0], [2, 1, 0], [0, 0, 1]]\n",
            "no negative variance",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line(tmp_path, text, sentence):
    found = problems(tmp_path, text)
    assert len(found) == 1, found
    assert sentence in found[0]


@pytest.mark.parametrize(
    ("csv", "sentence"),
    [
        ("customer,weeks\n0,3\n", 'no column "weeks_before"'),
        ("customer,weeks_before,amount\n0,3,-1\n", "negative"),
        ("customer,weeks_before,amount\n0,x,1\n", "numbers only"),
        ("customer,weeks_before,amount\n0,3,1\n2,3,1\n", "without gaps"),
        ("customer,weeks_before,amount\n", "one order a row"),
        ("", "is not a CSV file"),
    ],
)
def test_a_history_that_cannot_be_read_is_named(tmp_path, csv, sentence):
    (tmp_path / "h.csv").write_text(csv)
    assert sentence in problems(tmp_path, MINIMAL + 'history = "h.csv"\n')[0]


def test_a_calibrated_world_is_read_back_as_it_was_estimated(calibrated):
    found, files = calibrated
    read = load_world(files[0])
    assert read.world.base.r == pytest.approx(found.founding.fits["pareto_nbd"].parameters["r"], rel=1e-6)
    assert read.world.spend.mean == pytest.approx(35.8, abs=0.1)  # all 78 weeks; 35.2 in the first 39
    assert read.fitted == {"base", "spend", "history"}
    assert read.log_covariance["base"][0] == ("r", "alpha", "s", "beta")
    assert np.allclose(read.log_covariance["base"][1], found.founding.fits["pareto_nbd"].log_covariance, rtol=1e-6)
    assert read.world.history is not None
    assert read.calibration is not None
    assert read.world.population.customers == read.world.history.n_customers == 2_357
    assert read.world.population.prospects == 74_000
    assert read.calibration["holdout"]["actual_repeat_orders"] == 1_882
    assert len(read.calibration["weekly_repeats"]) == 78


def test_the_history_keeps_every_order_of_the_calibration_and_no_identifier_of_the_shop(calibrated):
    found, files = calibrated
    history = read_history(files[1])
    assert history.amount is not None
    assert history.customer.size == len(found.founding.orders)
    assert history.amount.sum() == pytest.approx(found.founding.orders["amount"].sum(), abs=0.01)
    assert files[1].read_text().splitlines()[0] == "customer,weeks_before,amount"
    assert (np.diff(history.weeks_before) <= 0).all()  # oldest first


def test_every_section_of_a_calibrated_world_says_what_is_real_and_what_assumed(calibrated):
    lines = calibrated[1][0].read_text().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("[") and not line.startswith(("[[channel]]", "[fit.")):
            assert lines[number - 1].startswith(("# real:", "# assumed:")), line


def test_a_history_that_was_changed_since_is_refused(calibrated, tmp_path):
    for file in calibrated[1]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / calibrated[1][1].name).open("a") as history:
        history.write("0,1.0,9.99\n")
    with pytest.raises(SpecError, match="sha256 differs"):
        load_world(tmp_path / "cdnow.toml")


def test_a_number_overruled_on_the_command_line_no_longer_counts_as_estimated(calibrated):
    assert load_world(calibrated[1][0], ["base.r=0.6"]).fitted == {"spend", "history"}


def test_writing_again_keeps_a_world_that_was_edited(calibrated, tmp_path):
    write_world(tmp_path / "w.toml", calibrated[0])
    first = (tmp_path / "w.toml").read_text()
    (tmp_path / "w.toml").write_text(first.replace("gross_margin = 0.45", "gross_margin = 0.6"))
    write_world(tmp_path / "w.toml", calibrated[0])
    assert (tmp_path / "w.toml").read_text() == first
    assert "gross_margin = 0.6" in (tmp_path / "w.toml.bak").read_text()


def test_without_amounts_the_spend_model_is_marked_as_assumed(tmp_path):
    if not SAMPLE.exists():
        pytest.skip("the CDNOW sample is not here")
    files = write_world(tmp_path / "w.toml", calibrate(read_orders(SAMPLE, "sample_id", "date")))
    lines = files[0].read_text().splitlines()
    assert lines[lines.index("[base.spend]") - 1].startswith("# assumed: value of an order")
    read = load_world(files[0])
    assert read.fitted == {"base", "history"}
    assert read.world.history is not None
    assert read.world.history.amount is None
    assert json.loads(files[2].read_text())["models"]["gamma_gamma"]["identified"] is False


def test_a_world_that_could_not_be_read_again_is_not_written(calibrated, tmp_path):
    found, _ = calibrated
    found = found.founding
    pareto = found.fits["pareto_nbd"]
    never = replace(pareto, model=replace(pareto.model, s=1e-9))
    with pytest.raises(UserError, match=r"w.toml was not written: .* base.s = 1e-09 must be between"):
        write_world(tmp_path / "w.toml", replace(found, fits=found.fits | {"pareto_nbd": never}))
    assert not list(tmp_path.iterdir())


def test_every_group_of_unknowns_on_which_an_answer_hangs_is_written(calibrated):
    text = calibrated[1][0].read_text(encoding="utf-8")
    assert all(f"[unknowns.{group}]" in text for group in ("price", "loyalty", "word_of_mouth"))
    assert load_world(calibrated[1][0]).world.loyalty == LoyaltyResponse()
