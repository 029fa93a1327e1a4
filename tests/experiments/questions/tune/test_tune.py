"""Tuning: the same search for any number of workers, a planted optimum is found, and fresh values flatter nobody."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import SpecError, UserError
from crmlab.experiments.experiment import Arm, Compare, Design, Experiment
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.levers.space import as_written, with_levers
from crmlab.experiments.questions.tune.candidates import Judged, judge, on_front, trial_table
from crmlab.experiments.questions.tune.confirm import picked
from crmlab.experiments.questions.tune.proposals import Proposals
from crmlab.experiments.questions.tune.question import EQUITY, VOLUME, Constraint, Tune
from crmlab.experiments.questions.tune.tune import tune
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.spec.experiment_file import load_experiment, load_tuning
from crmlab.sim import Discount, FirmView, Lever, Play
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.world import Base, Economics
from crmlab.strategies import ChannelMix, DiscountTiers, PriceCut
from tests.conftest import cohort, shop, today
from tests.places import LIBRARY
from tests.test_docs import examples

RATE = SearchedLever("cut.rate", "cut", "rate", None, 0.0, 0.5)
CUT = Arm("cut", (Play("cut", PriceCut(0.1)),))


def shop_search(**changes) -> Experiment:
    """A small shop in which tiers and a channel's budget are searched."""
    arm = Arm("tiers", today(Play("tiers", DiscountTiers()), Play("mix", ChannelMix(factors={"content": 1.0}))))
    levers = (
        SearchedLever("tiers.silver_rate", "tiers", "silver_rate", None, 0.0, 0.15),
        SearchedLever("tiers.silver_spend", "tiers", "silver_spend", None, 10, 500, log=True),
        SearchedLever("mix.factors.content", "mix", "factors", "content", 0.5, 4.0),
    )
    search = Tune(
        "tiers", levers, ("repurchase_52", "cac"), (Constraint(EQUITY, ">=", -1000.0, gain=True),), "nsga2",
        candidates=12, batch=4, replications=2, confirm=3, confirm_replications=3,
    )  # fmt: skip
    design = Design(weeks=56, customers=200, replications=3, seed=5, unknowns=False)
    return Experiment("tuned", shop(), (Arm("today", today()), arm), design, question=replace(search, **changes))


@pytest.fixture(scope="module")
def found():
    return tune(shop_search(), workers=1)


@pytest.mark.parametrize(("sampler", "objectives"), [("nsga2", ("repurchase_52", "cac")), ("tpe", (EQUITY,))])
def test_the_trial_table_is_the_same_for_any_number_of_workers(sampler: str, objectives: tuple[str, ...]) -> None:
    experiment = shop_search(sampler=sampler, objectives=objectives)
    one, two, three = (tune(experiment, workers=n) for n in (1, 2, 3))
    assert one.winners
    for other in (two, three):
        pd.testing.assert_frame_equal(one.trials, other.trials, check_exact=True)
        assert one.winners == other.winners
        assert list(one.kpi_values) == list(other.kpi_values)
        for arm, kpis in one.kpi_values.items():
            pd.testing.assert_frame_equal(kpis, other.kpi_values[arm], check_exact=True)


def test_the_first_candidate_is_the_arm_as_written(found) -> None:
    first = found.trials.iloc[0]
    assert first["lever.tiers.silver_rate"] == 0.05
    assert first["lever.mix.factors.content"] == 1.0
    alone = tune(shop_search(candidates=1), workers=1).trials.iloc[0]
    pd.testing.assert_series_equal(first.drop("front"), alone.drop("front"), check_exact=True)


def test_the_search_reads_what_compare_would_read_also_where_today_moves_people() -> None:
    """Candidates are run in chunks of their own, yet in the world that is re-centred for today's policy."""
    arms = (Arm("today", today(Play("old tiers", DiscountTiers(silver_rate=0.1)))), shop_search().arms[1])
    experiment = replace(shop_search(candidates=1), arms=arms)
    found = tune(experiment, workers=1)
    runs = [{run.arm: run.kpis for run in run_replication(experiment, r)} for r in range(2)]
    for kpi in found.search.watched:
        gain = np.mean([run["tiers"][kpi] - run["today"][kpi] for run in runs])
        assert found.trials[f"gain.{kpi}"][0] == gain


def test_every_batch_has_its_own_luck_and_the_batch_is_part_of_the_search(found) -> None:
    levers = [name for name in found.trials if name.startswith("lever.")]
    assert len(found.trials.drop_duplicates(levers)) > 8
    other = tune(shop_search(batch=6), workers=1)
    assert not found.trials[levers].equals(other.trials[levers])


def test_json_has_the_published_keys_and_only_finite_numbers(found) -> None:
    answer = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert {"baseline", "arm", "sampler", "trials", "winners"} <= set(answer)
    assert (answer["baseline"], answer["arm"], answer["sampler"]) == ("today", "tiers", "nsga2")
    assert [trial["number"] for trial in answer["trials"]] == list(range(12))
    assert {"number", "levers", "values", "constraints", "feasible"} <= set(answer["trials"][0])
    assert {"levers", "search", "fresh", "optimism"} <= set(answer["winners"][0])
    assert set(answer["winners"][0]["search"]) == {"repurchase_52", "cac", EQUITY, VOLUME}


def test_optimism_is_positive_where_the_search_looked_better_whichever_way_is_better(found) -> None:
    winner = found.winners[0]
    repurchase, cac = winner.kpi_values["repurchase_52"], winner.kpi_values["cac"]
    assert repurchase.optimism == pytest.approx(repurchase.search - repurchase.fresh)
    assert cac.optimism == pytest.approx(cac.fresh - cac.search)
    for kpi_value in winner.kpi_values.values():
        assert kpi_value.optimism_low <= kpi_value.optimism <= kpi_value.optimism_high
        assert kpi_value.fresh_low <= kpi_value.fresh <= kpi_value.fresh_high


def test_no_candidate_of_the_front_breaks_a_limit_or_is_beaten(found) -> None:
    trials, search = found.trials, found.search
    front = trials[trials["front"]]
    assert not front.empty
    assert (front["constraint.customer_equity gain >= -1000"] >= -1000).all()
    assert not trials["feasible"].all()
    assert {winner.number for winner in found.winners} <= set(front["number"])
    gains = trials[trials["feasible"]][["gain.repurchase_52", "gain.cac"]].to_numpy() * [1, -1]
    for row in front[["gain.repurchase_52", "gain.cac"]].to_numpy() * [1, -1]:
        assert not ((gains >= row).all(1) & (gains > row).any(1)).any()
    assert (on_front(search, trials) == trials["front"]).all()
    equity = [winner.kpi_values[EQUITY].search for winner in found.winners]
    assert equity == sorted(equity, reverse=True)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3"])
def test_samplers_learn_from_what_they_are_told(sampler: str) -> None:
    """Two objectives that agree on two levers (best at 100 and 2) and differ on the third."""
    search = replace(shop_search().question, sampler=sampler, constraints=(), batch=8)
    proposals = Proposals(search, seed=1)
    missed = []
    for batch in range(8):
        asked = proposals.ask(batch, 8)
        misses = [abs(math.log(v["tiers.silver_spend"] / 100)) + abs(v["mix.factors.content"] - 2) for v in asked]
        gains = [
            {"repurchase_52": v["tiers.silver_rate"] - miss, "cac": v["tiers.silver_rate"] + miss, EQUITY: 0.0}
            for v, miss in zip(asked, misses, strict=True)
        ]
        proposals.tell([Judged(8 * batch + i, batch, asked[i], gains[i], (), ()) for i in range(8)])
        missed.append(np.mean(misses))
    assert np.mean(missed[-2:]) < 0.4 * missed[0]


def test_a_limit_that_nobody_can_keep_leaves_no_winner() -> None:
    nothing = tune(shop_search(candidates=4, constraints=(Constraint("orders", "<=", 0.0),)), workers=1)
    assert nothing.winners == ()
    assert not nothing.trials["feasible"].any()
    assert nothing.to_json()["winners"] == []


def test_winning_nobody_at_all_is_infeasible_and_not_a_perfect_cac() -> None:
    search = replace(shop_search().question, objectives=("cac",), constraints=(), sampler="random")
    proposals = Proposals(search, seed=1)
    values = proposals.ask(0, 2)
    base = pd.DataFrame({"cac": [20.0, 22.0], EQUITY: [100.0, 90.0], VOLUME: [9.0, 8.0]})
    dearer, nobody = base + 1.0, base.assign(cac=[10.0, math.nan])
    judged = [judge(search, n, 0, values[n], arm, base) for n, arm in enumerate((dearer, nobody))]
    assert [candidate.feasible for candidate in judged] == [True, False]
    proposals.tell(judged)
    assert [trial.number for trial in proposals.study.best_trials] == [0]
    assert picked(search, trial_table(search, judged))["number"].tolist() == [0]


def test_an_objective_without_a_value_under_the_baseline_is_refused_before_the_search() -> None:
    experiment = shop_search(objectives=("ltv_52",))
    with pytest.raises(UserError, match="ltv_52 cannot be tuned: it has no value under today in this design"):
        tune(replace(experiment, design=replace(experiment.design, weeks=30)), workers=1)


@dataclass(frozen=True)
class Fussy:
    """Refuses half of what it may be asked for."""

    rate: Annotated[float, Lever(0.0, 0.5)] = 0.1

    def __post_init__(self) -> None:
        if self.rate > 0.25:
            raise ValueError("more than a quarter is too much")

    def decide(self, view: FirmView) -> list:
        return [Discount(self.rate)]


def test_a_setting_that_the_strategy_refuses_is_infeasible_with_the_reason() -> None:
    experiment = planted(Arm("cut", (Play("cut", Fussy()),)), candidates=10, sampler="random", batch=5)
    found = tune(experiment, workers=1)
    refused = found.trials["lever.cut.rate"] > 0.25
    assert refused.any()
    assert not found.trials.loc[refused, "feasible"].any()
    assert set(found.trials.loc[refused, "refused"]) == {"more than a quarter is too much"}
    assert found.trials.loc[~refused, "feasible"].all()
    assert all(winner.levers["cut.rate"] <= 0.25 for winner in found.winners)


# A world with a computable best price: everybody equally elastic, nobody leaves, nothing borrowed from later weeks.
ELASTICITY, MARGIN, FULFILMENT, PAYMENT = 2.6, 0.6, 1.0, 0.025
ORDERS_A_WEEK = 4.0 / 20.0


def planted(arm: Arm = CUT, weeks: int = 8, customers: int = 300, seed: int = 1, **changes) -> Experiment:
    """Customers who order 0.2 times a week at list price, and (1 - rate)^-2.6 as often at a discount."""
    price = replace(PriceResponse(), elasticity=ELASTICITY, elasticity_cv=0.0, gain=0.0, pull_forward=0.0)
    economics = Economics(gross_margin=MARGIN, fulfilment_cost=FULFILMENT, payment_cost=PAYMENT, discount_rate=0.0)
    world = cohort(Base(model="nbd", r=4.0, alpha=20.0), price=price, economics=economics)
    search = Tune("cut", (RATE,), candidates=40, replications=2, confirm=1, confirm_replications=8)
    design = Design(weeks=weeks, customers=customers, replications=8, seed=seed, unknowns=False)
    return Experiment("planted", world, (Arm("today", ()), arm), design, question=replace(search, **changes))


def contribution_a_week(experiment: Experiment, rate: float | np.ndarray) -> float | np.ndarray:
    """Expected contribution per customer and week at a constant discount."""
    value = experiment.world.spend.mean
    per_order = value * (1 - rate) * (1 - PAYMENT) - value * (1 - MARGIN) - FULFILMENT
    return ORDERS_A_WEEK * (1 - rate) ** -ELASTICITY * per_order


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_planted_optimum_is_found(sampler: str) -> None:
    """q^(1-e) (1-c) m - q^-e C is largest at q = e C / ((e - 1) (1 - c) m); C: goods and fulfilment of an order."""
    experiment = planted(sampler=sampler, customers=1000)
    value = experiment.world.spend.mean
    cost = (1 - MARGIN) * value + FULFILMENT
    best = 1 - ELASTICITY * cost / ((ELASTICITY - 1) * (1 - PAYMENT) * value)
    assert 0.2 < best < 0.4
    grid = np.linspace(0, 0.5, 501)
    assert grid[np.argmax(contribution_a_week(experiment, grid))] == pytest.approx(best, abs=0.001)
    (winner,) = tune(experiment, workers=1).winners
    assert winner.levers["cut.rate"] == pytest.approx(best, abs=0.04)
    lost = contribution_a_week(experiment, best) - contribution_a_week(experiment, winner.levers["cut.rate"])
    assert lost < 0.01 * contribution_a_week(experiment, best)


@dataclass(frozen=True)
class SomeHalf:
    """Half of all customers get 20 % off; the lever only says which half. Every setting is worth the same."""

    half: Annotated[int, Lever(1, 1_000_000, step=1)] = 1

    def decide(self, view: FirmView) -> list:
        return [Discount(0.2 * (view.uniform(f"half {self.half}") < 0.5))]


TUNINGS = 100


def tunings_without_a_best(replications: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(search values, fresh values) of the winners of many tunings, and the true value of every candidate."""
    half = SearchedLever("cut.half", "cut", "half", None, 1, 1_000_000, step=1, whole=True)
    arm = Arm("cut", (Play("cut", SomeHalf()),))
    kpi_values = []
    for seed in range(TUNINGS):
        experiment = planted(
            arm, weeks=4, customers=200, seed=seed, levers=(half,), sampler="random", candidates=8,
            replications=replications, confirm_replications=2,
        )  # fmt: skip
        (winner,) = tune(experiment, workers=1).winners
        kpi_values.append(winner.kpi_values[EQUITY])
    gain = contribution_a_week(experiment, 0.2) - contribution_a_week(experiment, 0.0)
    real = experiment.world.population.customers
    truth = 0.5 * gain * experiment.design.weeks * real
    return np.array([r.search for r in kpi_values]), np.array([r.fresh for r in kpi_values]), float(truth)


@pytest.mark.slow
@pytest.mark.parametrize("replications", [1, 8], ids=["no race", "race"])
def test_fresh_values_of_winners_are_unbiased_while_search_values_flatter(replications: int) -> None:
    """With 8 replications candidates race: some are dropped after 2 or 4."""
    search, fresh, truth = tunings_without_a_best(replications)
    se = fresh.std(ddof=1) / math.sqrt(TUNINGS)
    assert abs(fresh.mean() - truth) < 4 * se, f"{fresh.mean():.0f} +- {se:.0f}, truth {truth:.0f}"
    optimism = search - fresh
    assert optimism.mean() > 4 * optimism.std(ddof=1) / math.sqrt(TUNINGS)
    assert search.mean() - truth > 4 * search.std(ddof=1) / math.sqrt(TUNINGS)


def test_levers_go_where_they_belong_and_come_back() -> None:
    experiment = shop_search()
    arm, levers = experiment.arms[1], experiment.question.levers
    values = {"tiers.silver_rate": 0.1, "tiers.silver_spend": 50.0, "mix.factors.content": 3.0}
    changed = with_levers(arm, levers, values, "candidate 7")
    assert as_written(changed, levers) == values
    assert changed.plays[2].strategy == ChannelMix(factors={"content": 3.0})
    assert as_written(arm, (replace(levers[0], low=0.06),)) is None  # outside the range: cannot be tried first


FILE = """
name = "small"
world = "shop"
[design]
customers = 200
weeks = 56
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
name = "tiers"
silver_spend = 1000
[[arms.tiers.strategies]]
kind = "channel_mix"
name = "mix"
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
[tune]
arm = "tiers"
levers = ["tiers.silver_rate", { lever = "mix.factors.content", low = 0.5, high = 4 }]
objectives = ["cac", "repurchase_52"]
candidates = 6
batch = 3
replications = 2
confirm = 2
confirm_replications = 2
"""


GENEROUS = ("--set", "world.economics.gross_margin=0.95", "--set", "world.economics.fulfilment_cost=0")  # discounts pay


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = FILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_what_to_search_and_compare_takes_no_notice(tmp_path) -> None:
    path = written(tmp_path)
    experiment = load_tuning(path)
    assert [arm.name for arm in experiment.arms] == ["today", "tiers"]
    assert experiment.question.sampler == "nsga2"
    added = ["customer_equity gain >= 0", "first_orders gain >= 0"]
    assert [str(c) for c in experiment.question.constraints] == added
    rate, content = experiment.question.levers
    assert (rate.low, rate.high, rate.key) == (0.0, 0.15, None)
    assert (content.low, content.high, content.key) == (0.5, 4, "content")
    assert load_experiment(path).question == Compare()
    assert load_tuning(path, ['tune.objectives=["customer_equity"]']).question.sampler == "tpe"
    assert load_tuning(path, ['tune.constraints=["media <= 5e4", "customer_equity >= 10"]']).question.constraints == (
        Constraint("media", "<=", 5e4),
        Constraint("customer_equity", ">=", 10.0),
        Constraint("first_orders", ">=", 0.0, gain=True, added=True),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('arm = "tiers"', 'arm = "teirs"', 'not a known arm to tune. Did you mean "tiers"?'),
        ('["tiers.silver_rate"', '["tears.silver_rate"', 'Did you mean "tiers"?'),
        ('["tiers.silver_rate"', '["today.rate"', "Its plays: tiers, mix."),
        ('["tiers.silver_rate"', '["tiers.silver_rat"', 'Did you mean "silver_rate"?'),
        ('["tiers.silver_rate"', '["tiers.silver_rate.x"', 'is one number: write "tiers.silver_rate"'),
        ("mix.factors.content", "mix.factors", "is a table: name one entry"),
        ("mix.factors.content", "mix.factors.contnet", 'Did you mean "content"?'),
        ("mix.factors.content", "tiers.silver_rate", "can be searched between 0 and 0.15 (share of price) only"),
        ("high = 4", "high = 0.5", "needs low < high"),
        ("high = 4", 'high = "4"', "must be"),
        ('"cac", ', '"cac", "cac", ', "names a KPI twice"),
        ('["cac"', '["cacc"', 'Did you mean "cac"?'),
        ('["cac"', '["media"', "cannot be an objective; use it in constraints"),
        ("candidates = 6", 'constraints = ["media < 5"]', '"<" is not a comparison; use <= or >=.'),
        ("candidates = 6", 'constraints = ["medai <= 5"]', 'Did you mean "media"?'),
        ("candidates = 6", 'constraints = ["media"]', "must look like"),
        ("candidates = 6", 'sampler = "tpee"', "must be one of"),
        ("batch = 3", "batch = 1", "a batch is a generation"),
        ("batch = 3", "bacth = 3", 'Did you mean "batch"?'),
    ],
)
def test_a_wrong_table_says_where_what_and_what_is_allowed(tmp_path, old: str, new: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        load_tuning(written(tmp_path, (old, new)))
    (line,) = error.value.problems
    assert said in line
    assert line.startswith("line ")


def test_a_file_without_a_search_cannot_be_tuned(tmp_path, capsys) -> None:
    path = tmp_path / "q.toml"
    path.write_text(FILE.partition("[tune]")[0])
    assert exit_code(["tune", str(path)]) == 2
    assert "has no [tune] table" in capsys.readouterr().err


def test_the_example_of_the_page_and_of_the_library_are_valid(tmp_path) -> None:
    assert load_tuning(examples("tuning.md", tmp_path)["tuned.toml"]).question.candidates == 24
    library = LIBRARY / "tune_tiers.toml"
    assert len(load_tuning(library).question.levers) == 5


@pytest.fixture(scope="module")
def tuned_folder(tmp_path_factory) -> Path:
    """A folder in which a file was tuned from the command line."""
    folder = tmp_path_factory.mktemp("tuned")
    larger = (("customers = 200", "customers = 1000"), ("confirm_replications = 2", "confirm_replications = 6"))
    path = written(folder, ("silver_spend = 1000", "silver_spend = 20"), *larger)  # so that something wins
    assert exit_code(["tune", str(path), *GENEROUS, "--out", str(folder / "results"), "--workers", "1"]) == 0
    return folder


def run_of(folder: Path) -> Path:
    (run,) = (folder / "results" / "small").iterdir()
    return run


def test_a_tuning_keeps_its_tables_and_its_report(tuned_folder) -> None:
    run = run_of(tuned_folder)
    kept = {path.name for path in run.iterdir()}
    assert {"trials.parquet", "winners.parquet", "importances.parquet", "effects.parquet", "racing.parquet"} <= kept
    html = write_report(run).read_text(encoding="utf-8")
    for heading in ("Winners of the tuning", "What can be had together", "How the search went", "Which levers matter",
                    "Who was dropped, and why"):  # fmt: skip
        assert heading in html


def test_the_winner_is_an_experiment_of_its_own_on_other_luck(tuned_folder, capsys) -> None:
    path = run_of(tuned_folder) / "winner.toml"
    answer = json.loads((run_of(tuned_folder) / "tuning.json").read_text())
    experiment = load_experiment(path)
    assert [arm.name for arm in experiment.arms] == ["today", "tiers", "winner"]
    assert experiment.design.seed != 1
    won = experiment.arms[2].plays
    assert won[1].strategy.silver_rate == answer["winners"][0]["levers"]["tiers.silver_rate"]
    assert won[2].strategy.factors == {"content": answer["winners"][0]["levers"]["mix.factors.content"]}
    capsys.readouterr()
    assert exit_code(["validate", str(path)]) == 0
    assert "3 arms (today, tiers, winner)" in capsys.readouterr().out


@pytest.mark.slow
def test_compare_takes_the_winner(tuned_folder, capsys) -> None:
    arguments = ["compare", str(run_of(tuned_folder) / "winner.toml"), "--workers", "1", "--json"]
    small = ["--set", "design.unknowns=false", "--set", "design.replications=2", "--set", "design.weeks=10"]
    assert exit_code([*arguments, *small, "--out", str(tuned_folder / "compared")]) == 0
    assert set(json.loads(capsys.readouterr().out)["arms"]) == {"today", "tiers", "winner"}


def test_the_answer_is_printed_with_search_fresh_and_optimism_and_kept_for_next_time(tuned_folder, capsys) -> None:
    command = ["tune", str(tuned_folder / "small.toml"), *GENEROUS, "--out", str(tuned_folder / "results")]
    assert exit_code(command) == 0
    out, err = capsys.readouterr()
    assert "already there" in err
    assert "this limit was added: customer_equity gain >= 0" in out
    assert all(word in out for word in ("search", "fresh", "optimism", "as written"))
    assert out.rstrip().splitlines()[-1].startswith("Next: crmlab compare ")
    assert exit_code([*command, "--json"]) == 0
    assert {"baseline", "arm", "sampler", "trials", "winners"} <= set(json.loads(capsys.readouterr().out))
