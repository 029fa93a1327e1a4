"""How far a calibrated world can be believed, whom it wins, and what is hardly meant in a file."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crmlab.experiments.calibration.acquisition import new_customers, older_than_the_log, weekly_log
from crmlab.experiments.calibration.calibrate import calibrate
from crmlab.experiments.calibration.order_log import OrderLog
from crmlab.experiments.calibration.trust import judged, light_of, where_nobody_leaves
from crmlab.experiments.charts import Look, log_continued
from crmlab.experiments.checks.plausibility import day_one, notes, prospects_left, touched, weekly_budget
from crmlab.experiments.cli import app
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.files.currencies import CODES, currency_note
from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.files.world_writer import write_world
from crmlab.experiments.lab.api import compare
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.sim import Play
from crmlab.sim.market import Market
from crmlab.sim.world import Economics, World
from crmlab.strategies import ChannelMix, DiscountTiers, PointsAndTiers, PriceCut
from tests.conftest import today

LOOKS_AT_REPORTS = True


def steady_shop(weeks: int = 110, new_a_week: float = 12.0, seed: int = 1, before: int = 150) -> OrderLog:
    """The log of a shop that wins customers at a steady rate, and has done so for `before` weeks when it begins."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(new_a_week * (weeks + before))
    start = np.sort(rng.uniform(-before, weeks, n))
    rate, leaving = rng.gamma(0.9, 1 / 9.0, n), rng.exponential(1 / rng.gamma(0.8, 1 / 14.0, n))
    who, when = [np.arange(n)], [start]
    for i in range(n):
        simulated = min(leaving[i], weeks - start[i])
        at = start[i] + rng.uniform(0, simulated, rng.poisson(rate[i] * simulated))
        who.append(np.full(at.size, i))
        when.append(at)
    customer, week = np.concatenate(who), np.concatenate(when)
    kept = (week >= 0) & (week < weeks)
    day = np.datetime64("2023-01-01", "s") + np.floor(week[kept] * 7).astype("timedelta64[D]")
    own = rng.gamma(5.0, 8.0, n)[customer[kept]]
    amount = (own * rng.gamma(5.0, 0.2, kept.sum())).round(2)
    frame = pd.DataFrame({"customer": customer[kept], "day": day, "amount": amount})
    frame = frame.drop_duplicates(["customer", "day"]).sort_values(["customer", "day"], ignore_index=True)
    frame["customer"] = np.unique(frame["customer"], return_inverse=True)[1]
    counts = {"rows_read": len(frame), "orders": len(frame), "customers": int(frame["customer"].max()) + 1}
    return OrderLog(frame=frame, counts=counts)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    found = calibrate(steady_shop(), holdout_weeks=26)
    files = write_world(tmp_path_factory.mktemp("steady") / "steady.toml", found)
    return found, load_world(files[0]), files


# --- checked on the holdout, founded on everything ------------------------------------------------------------------


def test_the_world_is_founded_at_the_end_of_the_log_with_the_newest_customers(calibrated) -> None:
    found, read, _ = calibrated
    log = found.log
    assert len(found.histories) < found.log.counts["customers"] == len(found.founding.histories)
    assert found.founding.calibration_end == log.last_day
    assert read.world.population.customers == read.world.history.n_customers == log.counts["customers"]
    assert read.world.history.customer.size == log.counts["orders"]
    assert read.world.calendar.start == (log.last_day + np.timedelta64(1, "D")).astype("datetime64[D]").item()
    assert read.world.base.r == pytest.approx(found.founding.fits[found.base].parameters["r"], rel=1e-6)
    assert found.founding.fits[found.base].parameters != found.fits[found.base].parameters


def test_the_header_of_the_world_says_which_fit_was_checked_and_which_founds(calibrated) -> None:
    found, _, files = calibrated
    header = files[0].read_text().split("name =")[0]
    checked = f"Fit that was checked: Pareto/NBD on {found.log.first_day} to {found.calibration_end}"
    assert checked in header
    assert f"Fit that founds this world: Pareto/NBD on {found.log.first_day} to {found.log.last_day}" in header
    assert found.light.words in header


def test_without_a_holdout_there_is_one_fit_and_it_says_that_nothing_was_checked(tmp_path) -> None:
    found = calibrate(steady_shop(60))
    assert found.refit is None
    assert found.light.colour == "amber"
    assert "no weeks were held back" in write_world(tmp_path / "w.toml", found)[0].read_text()


# --- the traffic light ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "colour"),
    [(1000, "green"), (1099, "green"), (1101, "amber"), (801, "amber"), (799, "red"), (1250, "red")],
)
def test_the_light_turns_at_a_tenth_and_at_a_fifth(expected: float, colour: str) -> None:
    light = judged(26, 1000, expected)
    assert light.colour == colour
    assert f"{expected:,.0f} repeat orders and 1,000 happened" in light.sentence


def test_a_world_that_grows_because_nobody_is_seen_to_leave_is_red() -> None:
    green = judged(26, 1000, 1000.0)
    grows = where_nobody_leaves(green, orders=300.0, new_customers=64.0, orders_each=0.08)
    assert grows.colour == "red"
    assert "from 300 to 832 a week" in grows.sentence
    assert "(+0.0%)" in grows.sentence
    assert where_nobody_leaves(green, orders=300.0, new_customers=5.0, orders_each=0.08) == green


def test_few_orders_and_another_model_than_the_checked_one_are_never_green() -> None:
    assert judged(26, 60, 60.0).colour == "amber"
    assert judged(26, 1000, 1000.0, made_from_checked_model=False).colour == "amber"
    assert judged(26, 1000, 500.0, made_from_checked_model=False).colour == "red"


def test_the_light_travels_with_the_world_and_a_world_written_by_hand_has_none(calibrated) -> None:
    found, read, _ = calibrated
    assert light_of(read.calibration) == found.light
    assert light_of(load_world("shop").calibration) is None
    old = {"holdout": {"weeks": 26, "actual_repeat_orders": 1000, "nbd": 700.0}, "base_model": "nbd"}
    assert light_of(old).colour == "red"  # calibrated before lights were stored


def test_the_light_stands_beside_the_verdict_in_terminal_json_report_and_notebook(calibrated, tmp_path) -> None:
    found, _, files = calibrated
    asked = tmp_path / "q.toml"
    text = (
        f'name = "q"\nworld = "{files[0]}"\n[design]\nweeks = 8\ncustomers = 100\nreplications = 2\nunknowns = false\n'
    )
    asked.write_text(text + '[arms.cut]\n[[arms.cut.strategies]]\nkind = "price_cut"\n')
    runner = CliRunner()
    told = runner.invoke(app, ["compare", str(asked), "--out", str(tmp_path), "--workers", "1"])
    assert told.exit_code == 0, told.output
    printed = " ".join(told.stdout.split())  # however its lines are broken
    assert printed.index("cut against today") < printed.index(found.light.words)
    data = json.loads(runner.invoke(app, ["compare", str(asked), "--out", str(tmp_path), "--json"]).stdout)
    assert data["fit"] == found.light.to_json()
    page = next(tmp_path.rglob("report.html")).read_text()
    assert f'<p class="light {found.light.colour}"><strong>Fit: {found.light.colour}.</strong>' in page
    assert 'id="continued"' in page
    answer = compare(load_experiment(asked), workers=1, progress=False)
    assert answer.fit == found.light
    assert "Fit " in answer._repr_html_()


# --- new customers and prospects ------------------------------------------------------------------------------------


def test_new_customers_a_week_are_those_of_the_recent_year_of_the_log(calibrated) -> None:
    """Twelve a week; in the first weeks of the log old customers look new and are left out."""
    rate = calibrated[0].new_customers
    assert rate.weeks == 52
    assert rate.weekly == pytest.approx(12.0, abs=4 * np.sqrt(12 / 52) + 1.0)  # + old customers who order rarely
    assert calibrated[0].weekly_log["first_orders"][:4].mean() > 18


def test_a_log_that_begins_in_the_middle_of_a_shops_life_is_named_and_a_complete_one_is_not(calibrated) -> None:
    """Old customers who look new hide how many leave; the fit of such a log expects too many repeat orders."""
    assert any("many of those customers are older than the log" in warning for warning in calibrated[0].warnings)
    assert calibrated[0].light.miss > 0.05
    assert older_than_the_log(weekly_log(steady_shop(before=0))) == ""


def test_weeks_of_a_log_are_whole_and_counted_from_its_end() -> None:
    log = steady_shop(60)
    weekly = weekly_log(log)
    assert weekly["week"].tolist() == list(range(-len(weekly), 0))
    assert weekly["orders"].sum() <= log.counts["orders"]
    assert weekly["orders"].sum() > 0.98 * log.counts["orders"]
    last_week = log.frame["day"] > log.last_day - np.timedelta64(7, "D")
    assert weekly["orders"].iloc[-1] == last_week.sum()


def test_a_log_of_one_cohort_says_nothing_of_new_customers() -> None:
    log = steady_shop(60)
    first = log.frame.groupby("customer")["day"].transform("min")
    cohort = replace(log, frame=log.frame[first < first.min() + np.timedelta64(60, "D")].reset_index(drop=True))
    rate = new_customers(weekly_log(cohort))
    assert rate.weekly is None
    assert "all customers came in the first weeks" in rate.reason


def test_today_wins_as_many_customers_as_the_log_and_does_not_run_dry(calibrated) -> None:
    found, read, _ = calibrated
    wanted = found.new_customers.weekly
    markets = [Market(read.world, read.today, seed=3, replication=r).run(104) for r in range(2)]
    won = np.array([market.books["first_orders"] for market in markets])
    se = np.sqrt(wanted / won[:, :26].size)
    assert won[:, :26].mean() == pytest.approx(wanted, abs=4 * se + 0.1 * wanted)
    assert won[:, 78:].mean() > 0.7 * won[:, :26].mean()
    assert prospects_left(read.world, 104) > 0.75
    assert not any("run dry" in note for note in notes(new_experiment(read)))


def test_today_goes_on_as_the_shop_really_did(tmp_path) -> None:
    """A shop whose log is complete, cut half a year before its end: today lives that half year as it really was."""
    whole = steady_shop(136, before=0, new_a_week=25.0)
    cut = np.datetime64("2023-01-01", "s") + np.timedelta64(110 * 7, "D")
    known = whole.frame[whole.frame["day"] < cut].reset_index(drop=True)
    known["customer"] = np.unique(known["customer"], return_inverse=True)[1]
    counts = {"rows_read": len(known), "orders": len(known), "customers": int(known["customer"].max()) + 1}
    read = load_world(write_world(tmp_path / "w.toml", calibrate(OrderLog(frame=known, counts=counts)))[0])
    real = weekly_log(whole).tail(26).mean()
    simulated = [Market(read.world, read.today, seed=3, replication=r).run(26).books for r in range(3)]
    assert np.mean([books["orders"] for books in simulated]) == pytest.approx(real["orders"], rel=0.06)
    assert np.mean([books["first_orders"] for books in simulated]) == pytest.approx(real["first_orders"], rel=0.10)


def test_the_chart_shows_the_log_and_todays_weeks_with_table_and_sentence(calibrated) -> None:
    found, read, _ = calibrated
    run = run_replication(new_experiment(read, weeks=52, customers=400, replications=2), 0)[0]
    weekly = run.tables["weekly"].assign(arm="today")
    weekly = weekly.rename(columns={"value": "mean"}) if "mean" not in weekly else weekly
    for name in ("low", "high"):
        weekly[name] = weekly.get(name, weekly["mean"])
    orders, first = log_continued(read.calibration, weekly, Look("today", ("today",), "USD"))
    weeks = len(found.weekly_log)
    assert list(orders.figure.data[0].x) == list(range(-weeks, 0))
    assert list(orders.figure.data[0].y) == found.weekly_log["orders"].tolist()
    assert set(orders.table["Source"]) == {"your log", "simulated"}
    last = found.weekly_log["first_orders"][-26:].mean()
    assert f"your log held {last:,.1f} first orders a week; today goes on with" in first.sentence
    cohort = [week | {"first_orders": 0} for week in read.calibration["weekly_log"]]
    for chart in log_continued({"weekly_log": cohort}, weekly, Look("today", ("today",), "USD")):
        assert "theirs, and what they order, is an assumption" in chart.sentence
    fallen = weekly.assign(mean=weekly["mean"] / 2)
    halved = log_continued(read.calibration, fallen, Look("today", ("today",), "USD"))[0]
    assert "It does not go on where your log ends" in halved.sentence


# --- what is hardly meant -------------------------------------------------------------------------------------------


def experiment(world: World | str = "shop", **arms) -> Experiment:
    found = load_world(world) if isinstance(world, str) else world
    return new_experiment(found, weeks=104, customers=500, replications=2, **arms)


def changed(**economics) -> World:
    world = load_world("shop").world
    return replace(world, economics=replace(world.economics, **economics))


def test_a_yearly_budget_typed_as_a_weekly_one_is_asked_about() -> None:
    found = notes(experiment(dear=ChannelMix(total=4.0)))
    said = next(note for note in found if note.startswith("arm dear"))
    assert "of your sales" in said
    world = load_world("shop").world
    yearly = replace(world, channels=tuple(replace(c, budget=52 * c.budget) for c in world.channels))
    said = next(note for note in notes(experiment(yearly)) if note.startswith("arm today"))
    assert "Is this a yearly figure?" in said


@pytest.mark.parametrize(
    ("economics", "sentence"),
    [
        ({"gross_margin": 0.05}, "loses"),
        ({"gross_margin": 0.93}, "a gross margin of 93% is unusual"),
        ({"fulfilment_cost": 16.0, "gross_margin": 0.8}, "fulfilment costs 45% of a mean order"),
        ({"currency": "EURO"}, 'Did you mean "EUR"?'),
        ({"currency": "usd"}, 'Did you mean "USD"?'),
    ],
)
def test_margins_costs_and_currencies_that_are_hardly_meant_are_named(economics, sentence) -> None:
    assert any(sentence in note for note in notes(experiment(changed(**economics)))), notes(
        experiment(changed(**economics))
    )


def test_all_currency_codes_are_three_letters_and_the_default_is_one() -> None:
    assert all(len(code) == 3 and code.isupper() for code in CODES)
    assert len(CODES) > 160
    assert currency_note(Economics().currency) == ""


def test_prospects_that_run_dry_within_the_run_are_named_with_the_way_out() -> None:
    shop = load_world("shop").world
    assert not any("run dry" in note for note in notes(experiment(shop)))
    world = replace(shop, population=replace(shop.population, prospects=45_000))
    dry = next(note for note in notes(experiment(world)) if "run dry" in note)
    enough = int(dry.split("population.prospects = ")[1].split()[0])
    larger = replace(world, population=replace(world.population, prospects=enough))
    assert not any("run dry" in note for note in notes(experiment(larger)))
    simulated = Market(world, today(), customers=2_000).run(104).books["first_orders"]
    assert simulated[-13:].mean() < 0.75 * simulated[:13].mean()  # the note is true


def test_first_orders_far_from_the_log_are_named(calibrated) -> None:
    _, read, _ = calibrated
    many = tuple(replace(c, leads_max=3 * c.leads_max) for c in read.world.channels)
    said = notes(new_experiment(replace(read, world=replace(read.world, channels=many))))
    assert any("new customers a week; in the order log there were" in note for note in said)


def test_validate_says_whom_the_arms_touch_on_day_one() -> None:
    asked = experiment(
        tiers=DiscountTiers(), points=PointsAndTiers(), cut=PriceCut(rate=0.1), none=DiscountTiers(silver_spend=5000)
    )
    said = {line.partition(",")[0]: line for line in touched(asked)}
    view = Market(asked.world, asked.today, customers=2_000, seed=asked.design.seed).look()
    silver, gold = (view.spend_52 >= 75) & (view.spend_52 < 225), view.spend_52 >= 225
    assert f"5% off for {silver.mean():.0%} of customers, 10% off for {gold.mean():.0%} of customers" in said["tiers"]
    assert f"silver (from $75.00 in 52 weeks): {silver.mean():.0%} of customers" in said["points"]
    assert "a reward of $5.00 takes $125 of spend" in said["points"]
    assert "10% off for everybody" in said["cut"]
    assert "a price cut for nobody" in said["none"]
    assert "today" not in said


def test_nothing_is_said_of_a_world_that_is_as_it_should_be() -> None:
    world = load_world("shop").world
    world = replace(world, population=replace(world.population, prospects=200_000))
    assert notes(experiment(world, tiers=DiscountTiers(), mix=ChannelMix())) == []


def test_a_budget_is_that_of_the_last_play_that_names_the_channel() -> None:
    asked = experiment()
    market = day_one(asked)
    by_channel = {c.name: c.budget for c in asked.world.channels}
    assert weekly_budget(asked.today, market) == pytest.approx(sum(by_channel.values()))
    more = (*asked.today, Play("mix", ChannelMix(total=2.0)))
    assert weekly_budget(more, market) == pytest.approx(2 * sum(by_channel.values()))
