"""Stress tests: a planted threshold is found, worlds come from draws or tables, and nothing depends on the workers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import SpecError, UserError
from crmlab.experiments.execution.checkpoint import Checkpoint
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.json_data import finite
from crmlab.experiments.parameters.registry import get_parameter
from crmlab.experiments.questions.stress.flips import flips_of, rule_of_three
from crmlab.experiments.questions.stress.gains import Gains
from crmlab.experiments.questions.stress.question import Stress, WorldTable
from crmlab.experiments.questions.stress.states_of_the_world import (
    state_of_the_world,
    unknowns_by_world,
    varying_unknowns,
)
from crmlab.experiments.questions.stress.stress import StressResult, stress
from crmlab.experiments.questions.stress.world_table import read_world_table, settable_unknowns
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.statistics.verdict import judge
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.plays import Play
from crmlab.sim.world import Base, Economics
from crmlab.strategies import ChannelMix, DiscountTiers, PointsAndTiers, PriceCut
from tests.conftest import cohort, shop, today
from tests.test_docs import examples

CUT, MARGIN = 0.1, 0.6
# A cut pays when it brings (1 - c)^-e as many orders at a margin of m - c instead of m.
LOOKS_AT_REPORTS = True
PAYS_FROM = math.log(MARGIN / (MARGIN - CUT)) / -math.log(1 - CUT)


def planted(worlds: int = 150, **changes) -> Experiment:
    """Customers who order at a constant rate, (1 - cut)^-elasticity as often at a discount; much else varies idly."""
    price = replace(PriceResponse(), elasticity=2.0, elasticity_cv=0.0, gain=0.0, pull_forward=0.0)
    economics = Economics(gross_margin=MARGIN, fulfilment_cost=0.0, payment_cost=0.0, discount_rate=0.0)
    world = cohort(Base(model="nbd", r=4.0, alpha=20.0), price=price, economics=economics)
    design = Design(weeks=8, customers=4000, replications=8)
    arms = (Arm("today", ()), Arm("cut", (Play("cut", PriceCut(CUT)),)))
    known = {"economics.gross_margin": (MARGIN, MARGIN)}  # the closed form holds at this margin
    return Experiment("planted", world, arms, design, ranges=known, question=Stress(worlds=worlds, **changes))


def small_shop(**changes) -> Experiment:
    arms = (
        Arm("today", today()),
        Arm("tiers", today(Play("tiers", DiscountTiers(silver_spend=60)))),
        Arm("mix", today(Play("mix", ChannelMix(factors={"content": 2.0})))),
    )
    task = Stress(worlds=6, replications=1)
    return Experiment(
        "small", shop(), arms, Design(weeks=10, customers=100, replications=3), question=replace(task, **changes)
    )


@pytest.fixture(scope="module")
def found() -> StressResult:
    return stress(planted(), workers=1)


def test_the_planted_threshold_is_found_within_its_error(found) -> None:
    """Its error: the range of the limit in repeated searches, and what luck, the same in all worlds, may have moved.

    (1 - c)^-e (m - c) = m at e = ln(m / (m - c)) / -ln(1 - c)."""
    (flip,) = found.flips
    assert (flip.kind, flip.arm) == ("loses", "cut")
    (scenario,) = flip.scenarios
    (restriction,) = scenario.restrictions
    assert (restriction.unknown, restriction.side) == ("price.elasticity", "below")
    assert scenario.density > 0.95
    assert scenario.coverage > 0.95
    gains, elasticity = found.gains.of("cut"), found.unknowns["price.elasticity"]
    near = (elasticity - PAYS_FROM).abs() < 0.3
    slope = np.polyfit(elasticity[near], gains[near], 1)[0]
    luck = 3 * found.gains.error_against("today")[1] / slope
    assert 1.6 < PAYS_FROM < 1.8
    assert luck < 0.2
    assert restriction.low - luck <= PAYS_FROM <= restriction.high + luck
    assert f"cut loses where price.elasticity < {restriction.limit:.6g}: " in flip.sentences[1]


def test_all_scores_of_the_planted_world_are_those_of_its_gains(found) -> None:
    gains = found.gains.of("cut")
    value = found.scores[found.scores["arm"] == "cut"].set_index("score")["value"]
    assert value["mean"] == pytest.approx(gains.mean())
    assert value["worst"] == gains.min()
    assert value["pays"] == (gains > 0).mean()
    assert value["max_regret"] == -gains.min()  # the baseline is the other policy
    assert {r.criterion: r.arm for r in found.recommendations}["worst"] == "today"


def test_the_recommendation_is_that_of_the_world_as_stated_unless_another_arm_is_on_trial(found) -> None:
    assert found.arm == "cut"  # an elasticity of 2 is beyond the threshold
    assert found.gains.stated.mean(axis=1)[1] > 0
    on_trial = replace(found, experiment=planted(arm="today"))
    (flip,) = on_trial.flips
    assert (flip.kind, flip.arm, set(flip.instead)) == ("beaten", "today", {"cut"})
    assert sorted((*flip.numbers, *found.flips[0].numbers)) == list(range(150))
    assert "price.elasticity > 1." in flip.sentences[1]


def test_where_nothing_flips_it_says_so_and_how_sure_that_is() -> None:
    small = planted(40, replications=1)
    elastic = replace(small, ranges={**small.ranges, "price.elasticity": (2.4, 2.6)})
    (flip,) = stress(elastic, workers=1).flips
    assert flip.numbers == ()
    assert flip.scenarios == ()
    assert flip.sentences == [
        "Nothing flips: cut loses against today in none of 40 worlds, and does in fewer than 7.2% of such worlds, with "
        "95% confidence (rule of three: 3 / 40)."
    ]


def test_the_rule_of_three_is_three_over_n() -> None:
    assert rule_of_three(200) == pytest.approx(3 / 200, rel=0.01)
    assert (1 - rule_of_three(57)) ** 57 == pytest.approx(0.05)


def test_being_beaten_by_another_policy_is_told_apart_from_losing() -> None:
    n = 40
    gamble, safe = np.where(np.arange(n) < 10, -1.0, 3.0), np.where(np.arange(n) < 20, 4.0, 1.0)
    gains = Gains(
        "customer_equity", ("today", "gamble", "safe"), np.array([[0.0, 0.0], [9.0, 9.0], [1.0, 1.0]]),
        np.stack([np.zeros(n), gamble, safe]), np.arange(n), 1, 0,
    )  # fmt: skip
    unknowns = pd.DataFrame({"price.elasticity": np.linspace(1, 2.6, n)})
    loses, beaten = flips_of("gamble", gains, unknowns, 0.95, 1)
    assert (len(loses.numbers), len(beaten.numbers), beaten.instead) == (10, 20, {"safe": 20})
    assert (loses.scenarios[0].where, beaten.scenarios[0].where) == ("price.elasticity < 1.4", "price.elasticity < 1.8")
    assert beaten.sentences[0].startswith("Another policy is better than gamble (most often safe) in 20 of 40 worlds")
    assert "100% of such worlds have a better policy" in beaten.sentences[1]


def test_the_tables_are_the_same_for_any_number_of_workers() -> None:
    one, two, three = (stress(small_shop(), workers=n) for n in (1, 2, 3))
    for other in (two, three):
        assert finite(one.to_json()) == finite(other.to_json())
        for name, table in one.tables.items():
            pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)


def test_a_stress_test_that_was_interrupted_goes_on_to_the_same_tables(tmp_path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stress(small_shop(), 1, stop, Checkpoint(tmp_path, "run"))
    store, shown = Checkpoint(tmp_path, "run"), []
    assert len(store)
    resumed = stress(small_shop(), 1, lambda done, total: shown.append((done, total)), store)
    assert shown[-1] == (7, 7)
    fresh = stress(small_shop(), 1)
    for name, table in fresh.tables.items():
        pd.testing.assert_frame_equal(table, resumed.tables[name], check_exact=True)


def test_world_n_is_the_sampled_world_n_of_a_comparison_and_the_stated_one_its_fixed_world() -> None:
    experiment = small_shop()
    simulate = stress(experiment, 1).kpi_values.set_index(["number", "arm", "replication"])["customer_equity"]
    fixed = {run.arm: run.kpis["customer_equity"] for run in run_replication(experiment, 1)}
    assert {arm: simulate[-1, arm, 1] for arm in fixed} == fixed
    (sampled,) = (r for r in run_replication(experiment, 0, "sampled") if r.arm == "tiers")
    assert simulate[0, "tiers", 0] == sampled.kpis["customer_equity"]


def test_two_worlds_that_are_alike_have_the_same_luck_and_gain() -> None:
    table = WorldTable(("price.elasticity",), ((1.2,), (2.4,), (1.2,)))
    result = stress(small_shop(table=table), 1)
    first, other, again = result.gains.of("tiers")
    assert first == again != other
    assert result.unknowns.columns.tolist() == ["price.elasticity"]
    assert result.to_json()["source"] == "table"


def test_worlds_of_a_table_state_what_their_row_says_and_nothing_else() -> None:
    experiment = small_shop()
    table = WorldTable(("price.elasticity", "channels.content.leads_max"), ((1.5, 33.0),))
    world = state_of_the_world(experiment, Stress(table=table), 0)
    assert get_parameter(world, "price.elasticity") == 1.5
    assert get_parameter(world, "channels.content.leads_max") == 33.0
    assert replace(world, price=experiment.world.price, channels=experiment.world.channels) == experiment.world


def test_every_number_that_varies_between_sampled_worlds_is_told() -> None:
    """Also fitted ones, which vary by their covariance."""
    covariance = [[0.01, 0.0], [0.0, 0.01]]
    experiment = replace(small_shop(), log_covariance={"base": (("r", "alpha"), covariance)})
    unknowns = unknowns_by_world(experiment, Stress(worlds=3))
    assert unknowns.columns[:2].tolist() == ["base.r", "base.alpha"]
    world = experiment.world
    for path in varying_unknowns(experiment):
        assert unknowns[path][2] == get_parameter(sampled_world(experiment, 2), path)
    deserialize_experiment = state_of_the_world(
        experiment, Stress(table=WorldTable(tuple(unknowns), (tuple(unknowns.iloc[2]),))), 0
    )
    assert deserialize_experiment == sampled_world(experiment, 2) != world


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("price.elastcity\n1.5\n", 'column "price.elastcity" is not an unknown of this world. Did you mean "price.e'),
        ("price.elasticity\n1.5\n9\n8\n", "row 2: price.elasticity = 9, but must be a number from 1 to 2.6, or 0"),
        ("price.elasticity\nhigh\n", "row 1: price.elasticity = high, but must be a number from 1 to 2.6"),
        ("price.elasticity,price.gain\n1.5,\n", "row 1: price.gain is empty, but must be a number from 0 to 1.8"),
        ("price.elasticity\n", "has no rows: each is a world."),
        ("", "is empty: it needs a line of names"),
        ("world\n1\n", "has no columns: each is an unknown, such as price.elasticity."),
        ("base.a\n0.5\n", 'column "base.a" is not an unknown of this world.'),  # the shop's customers are Pareto/NBD
    ],
)  # fmt: skip
def test_a_wrong_table_is_told_in_one_sentence_per_mistake(tmp_path, text: str, sentence: str) -> None:
    path = tmp_path / "worlds.csv"
    path.write_text(text)
    with pytest.raises(SpecError) as told:
        read_world_table(path, shop())
    assert sentence in str(told.value)
    assert len(told.value.problems) == 1


def test_tables_can_be_csv_or_parquet_and_the_worlds_of_a_run_can_be_tried_again(tmp_path) -> None:
    table = pd.DataFrame({"world": [0, 1], "price.elasticity": [1.25, 0.0], "channels.content.leads_max": [30.5, 40]})
    table["gain.mix"] = 7.0
    table.to_csv(tmp_path / "worlds.csv", index=False)
    table.to_parquet(tmp_path / "worlds.parquet")
    read = read_world_table(tmp_path / "worlds.csv", shop())
    assert read == read_world_table(tmp_path / "worlds.parquet", shop())
    assert read == WorldTable(("price.elasticity", "channels.content.leads_max"), ((1.25, 30.5), (0.0, 40.0)))
    with pytest.raises(SpecError, match="does not exist"):
        read_world_table(tmp_path / "none.csv", shop())
    (tmp_path / "torn.parquet").write_text("no such thing")
    with pytest.raises(SpecError, match="cannot be read as Parquet"):
        read_world_table(tmp_path / "torn.parquet", shop())
    assert {"price.elasticity", "channels.organic.leads_max", "base.r"} <= set(settable_unknowns(shop()))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"question": Stress(arm="teirs")}, 'arm teirs: not a known arm. Did you mean "tiers"?'),
        ({"design": Design(primary="media")}, "media is neither better high nor low"),
        ({"design": Design(primary="equity")}, "primary equity: not a known KPI"),
        ({"arms": small_shop().arms[:1]}, "small has one arm only"),
        ({"design": Design(weeks=9, customers=100, replications=2, primary="ltv_52")}, "ltv_52 has no value in the"),
    ],
)  # fmt: skip
def test_questions_that_cannot_be_asked_are_refused_with_a_reason(changes, sentence: str) -> None:
    with pytest.raises(UserError) as told:
        stress(replace(small_shop(), **changes), 1)
    assert sentence in str(told.value)


def test_a_world_without_anything_unknown_is_refused() -> None:
    sure = replace(planted(), ranges={**planted().ranges, **dict.fromkeys(varying_unknowns(planted()), (2.0, 2.0))})
    with pytest.raises(UserError, match="No number of this world varies"):
        stress(sure, 1)


def test_the_table_of_the_documentation_can_be_read(tmp_path) -> None:
    path = examples("robust-policies.md", tmp_path)["worlds.csv"]
    assert read_world_table(path, shop()).rows == ((1.2, 83.0), (2.4, 83.0), (1.8, 40.0))


FILE = """
name = "stressed"
world = "shop"
[design]
weeks = 8
customers = 60
replications = 2
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
[arms.mix]
[[arms.mix.strategies]]
kind = "channel_mix"
factors = { content = 2.0 }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with an experiment, a table of worlds with a planted pattern, and its stress test."""
    folder = tmp_path_factory.mktemp("stressed")
    (folder / "small.toml").write_text(FILE)
    rng = np.random.default_rng(0)
    values = {"economics.gross_margin": rng.uniform(0.1, 0.9, 48), "price.elasticity": rng.uniform(1.0, 2.6, 48)}
    pd.DataFrame(values).to_csv(folder / "worlds.csv", index=False)
    assert exit_code(command(folder)) == 0
    return folder


def command(folder: Path, *more: str) -> list[str]:
    table = ["--table", str(folder / "worlds.csv"), "--replications", "1", "--arm", "cut"]
    return ["stress", str(folder / "small.toml"), *table, "--workers", "1", "--out", str(folder / "results"), *more]


def test_the_command_prints_scores_recommendations_and_where_it_flips(folder, capsys) -> None:
    assert exit_code(command(folder)) == 0
    out, err = capsys.readouterr()
    assert "already there" in err
    said = " ".join(out.split())
    assert "3 policies in 48 possible worlds (rows of a table), 1 replication in each" in said
    assert "On trial: cut. In the world as stated it gains" in said
    assert "What each score recommends" in said
    assert "cut loses against today in" in said
    assert "cut loses where" in said
    assert "economics.gross_margin < 0." in said
    assert "in worlds that the search had not seen" in said
    assert "within two standard errors of luck" in said
    assert "Published or assumed" in said
    assert out.rstrip().splitlines()[-1].startswith("Next: open ")


def test_json_has_the_published_keys_and_only_finite_numbers(folder, capsys) -> None:
    assert exit_code(command(folder, "--json")) == 0
    answer = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert {"baseline", "kpi", "arm", "worlds", "scores", "recommended", "flips", "stated", "failures", "run"} <= set(
        answer
    )
    assert set(answer["scores"]["cut"]) == {"mean", "worst", "cvar", "pays", "mean_regret", "max_regret"}
    (flip, *_) = answer["flips"]
    assert {"kind", "arm", "share", "low", "high", "close", "scenarios", "sentences"} <= set(flip)
    assert {"density", "coverage", "density_fresh", "restrictions", "where"} <= set(flip["scenarios"][0])


def test_the_run_folder_keeps_every_world_and_the_report_draws_them(folder) -> None:
    (run,) = (folder / "results" / "stressed").iterdir()
    worlds, scores = pd.read_parquet(run / "worlds.parquet"), pd.read_parquet(run / "scores.parquet")
    assert len(worlds) == 48
    assert {"economics.gross_margin", "price.elasticity", "gain.cut", "gain.mix"} <= set(worlds)
    assert len(scores) == 3 * 6
    assert len(pd.read_parquet(run / "runs.parquet")) == 3 * (48 + 2)
    before = (run / "report.html").read_text(encoding="utf-8")
    for title in ("Where the recommendation flips", "Robust scores", "Gains over the worlds", "Where cut loses"):
        assert title in before
    write_report(run)
    assert (run / "report.html").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--worlds", "50"], "--worlds and --table exclude each other"),
        (["--primary", "equity"], "primary equity: not a known KPI"),
        (["--arm", "cutt"], 'arm cutt: not a known arm. Did you mean "cut"?'),
        (["--table", "nowhere.csv"], "nowhere.csv does not exist."),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence_and_exit_code_2(folder, more, sentence: str, capsys) -> None:
    assert exit_code(command(folder, *more)) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert out == ""
    assert len(err.strip().splitlines()) == 1


def test_a_policy_that_fails_in_one_world_leaves_that_world_out_and_is_told(monkeypatch) -> None:
    from crmlab.experiments.questions.stress import simulate as simulate

    real = simulate.state_of_the_world

    def fails(experiment, asked, number):
        if number == 2:
            raise RuntimeError("no such world")
        return real(experiment, asked, number)

    monkeypatch.setattr(simulate, "state_of_the_world", fails)
    result = stress(small_shop(), 1)
    assert result.gains.worlds.tolist() == [0, 1, 3, 4, 5]
    (failure,) = result.failures
    assert failure["task"] == "world 2, replications 0"
    assert "no such world" in failure["error"]


@pytest.mark.slow
def test_a_reward_that_is_worthless_or_out_of_reach_is_certified_in_no_way() -> None:
    """As a strategist would try it: tiers without benefit, a hundredth back, a reward after 6,050 of spend with a head
    start. None gains orders anywhere, each costs what a programme costs, and keeping today is what every score says."""
    plain = {"silver_multiplier": 1.0, "gold_extra_multiplier": 0.0}
    arms = {
        "no benefit": PointsAndTiers(earn_rate=0.0),
        "next to nothing": PointsAndTiers(earn_rate=0.003, reward_value=1.0, **plain),
        "out of reach": PointsAndTiers(earn_rate=0.01, reward_value=60.5, welcome_share=0.8, **plain),
    }
    experiment = new_experiment("shop", arms=arms, weeks=52, customers=300, replications=4, seed=1)
    found = stress(replace(experiment, question=Stress(arm="out of reach", worlds=12)), workers=1)
    assert {r.arm for r in found.recommendations} == {"today"}
    effects = found.comparison.effects.set_index(["arm", "kpi"])
    for arm in arms:
        assert effects.loc[(arm, "customer_equity"), "worlds_better"] == 0
        assert judge(effects.reset_index().query("arm == @arm and kpi == 'customer_equity'").iloc[0]).word == "worse"
    loses = next(flip for flip in found.flips if flip.kind == "loses")
    assert len(loses.numbers) == 12
    assert "Nothing flips" not in " ".join(loses.sentences)
