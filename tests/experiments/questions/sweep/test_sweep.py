"""Sweeps: designs that repeat themselves, points run as `compare` would, and files that say what is wrong."""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import SpecError, UserError
from crmlab.experiments.execution.checkpoint import LEDGER, Checkpoint
from crmlab.experiments.execution.failures import NothingRan
from crmlab.experiments.experiment import Arm, Compare, Design, Experiment
from crmlab.experiments.levers.searched import SearchedLever
from crmlab.experiments.questions.sweep.designs import places_of, quick_sweep
from crmlab.experiments.questions.sweep.points import changed_world, points_of
from crmlab.experiments.questions.sweep.question import Factor, Sweep
from crmlab.experiments.questions.sweep.responses import BOTH, FALLS, FLAT, RISES, shape_of
from crmlab.experiments.questions.sweep.simulate import tasks_of
from crmlab.experiments.questions.sweep.sweep import SweepResult, sweep
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.runs.run_id import run_id
from crmlab.experiments.spec.experiment_file import load_experiment, load_sweep
from crmlab.experiments.spec.subsets import quick
from crmlab.sim import Discount, FirmView, Lever, Play
from crmlab.strategies import ChannelMix, DiscountTiers
from tests.conftest import shop, today
from tests.places import LIBRARY, ROOT
from tests.test_docs import examples

LOOKS_AT_REPORTS = True
EQUITY = "customer_equity"
RATE = Factor(
    "tiers.silver_rate", 0.0, 0.15, SearchedLever("tiers.silver_rate", "tiers", "silver_rate", None, 0.0, 0.15)
)
ELASTICITY = Factor("price.elasticity", 1.0, 2.6)
LEADS = Factor("channels.paid_search.leads_max", 30.0, 120.0)


def asked(*factors: Factor, **changes: Any) -> Experiment:
    """A small shop in which tiers are swept."""
    task = replace(Sweep("tiers", factors, "grid", points=4, replications=3, kpis=(EQUITY, "orders", "cac")), **changes)
    arms = (Arm("today", today()), Arm("tiers", today(Play("tiers", DiscountTiers()))))
    design = Design(weeks=20, customers=150, replications=3, seed=5, unknowns=False)
    return Experiment("swept", shop(), arms, design, question=task)


def same(one: SweepResult, other: SweepResult) -> None:
    assert list(one.tables) == list(other.tables)
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)


@pytest.fixture(scope="module")
def grid() -> SweepResult:
    return sweep(asked(RATE, ELASTICITY), workers=1)


@pytest.mark.parametrize(
    ("design", "factors"),
    [("grid", (RATE, ELASTICITY)), ("lhs", (RATE,)), ("morris", (ELASTICITY, LEADS)), ("tornado", (ELASTICITY, RATE))],
)
def test_the_tables_are_the_same_for_any_number_of_workers(design: str, factors: tuple[Factor, ...]) -> None:
    experiment = asked(*factors, design=design, points=12 if design == "morris" else 4, replications=2)
    one, two, three = (sweep(experiment, workers=n) for n in (1, 2, 3))
    same(one, two)
    same(one, three)


def test_a_sweep_that_was_stopped_goes_on_where_it_was_and_ends_the_same(tmp_path, grid) -> None:
    experiment = asked(RATE, ELASTICITY)

    def stop_after_two(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(experiment, 1, stop_after_two, Checkpoint(tmp_path))
    finished: list[int] = []
    again = Checkpoint(tmp_path)
    assert len(again) >= 1
    same(grid, sweep(experiment, 1, lambda done, total: finished.append(done), again))
    assert finished[0] >= 2  # what was there counts as done at once


def test_every_point_is_lived_as_compare_would_live_it(grid) -> None:
    """The world of the point with both arms, on the people and the luck of the replication."""
    experiment = asked(RATE, ELASTICITY)
    points = points_of(experiment.question, experiment.design.seed)
    for point in (points[0], points[-1]):
        arm = replace(experiment.arms[1], plays=today(Play("tiers", DiscountTiers(**_rate(point.values)))))
        alone = replace(experiment, arms=(experiment.arms[0], arm))
        world = changed_world(experiment.world, point.unknowns)
        runs = [{run.arm: run.kpis for run in run_replication(alone, r, world=world)} for r in range(3)]
        for kpi in (EQUITY, "orders"):
            row = grid.responses[(grid.responses["point"] == point.number) & (grid.responses["kpi"] == kpi)].iloc[0]
            assert row["difference"] == np.mean([run["tiers"][kpi] - run["today"][kpi] for run in runs])
            assert row["value"] == np.mean([run["tiers"][kpi] for run in runs])


def _rate(values: dict[str, float]) -> dict[str, float]:
    return {"silver_rate": values["tiers.silver_rate"]} if values else {}


def test_a_changed_world_is_recentred_where_today_moves_people() -> None:
    arms = (Arm("today", today(Play("old tiers", DiscountTiers(silver_rate=0.1)))), asked(ELASTICITY).arms[1])
    experiment = replace(asked(ELASTICITY, design="tornado", replications=2), arms=arms)
    found = sweep(experiment, workers=1).responses
    world = changed_world(experiment.world, (("price.elasticity", 2.6),))
    runs = [{run.arm: run.kpis for run in run_replication(experiment, r, world=world)} for r in range(2)]
    row = found[(found["point"] == 2) & (found["kpi"] == EQUITY)].iloc[0]
    assert row["difference"] == np.mean([run["tiers"][EQUITY] - run["today"][EQUITY] for run in runs])


def test_levers_share_the_baseline_and_unknowns_live_it_anew() -> None:
    for factors, worlds in (((RATE,), 1), ((ELASTICITY,), 5), ((RATE, ELASTICITY), 3)):
        experiment = asked(*factors)
        points = points_of(experiment.question, 1)
        variants = [
            variant for task in tasks_of("today", experiment.question, ["tiers"], points) for variant in task.variants
        ]
        assert len(points) == 5
        assert sum(variant.arm == "today" for variant in variants) == worlds
        assert sum(variant.arm == "tiers" for variant in variants) == 5


def test_the_primary_kpi_is_always_told(grid) -> None:
    experiment = asked(RATE, kpis=("orders",), points=2, replications=2)
    assert set(sweep(experiment, workers=1).responses["kpi"]) == {EQUITY, "orders"}
    assert list(grid.responses["kpi"].unique()) == [EQUITY, "orders", "cac"]
    assert grid.responses["stated"].sum() == 3
    assert grid.responses.loc[0, "lever.tiers.silver_rate"] == 0.05  # as the strategy sets it
    assert grid.responses.loc[0, "unknown.price.elasticity"] == 1.8


def test_a_grid_shares_its_points_among_the_factors_that_name_none() -> None:
    named = replace(ELASTICITY, points=5)
    assert places_of(Sweep("tiers", (RATE, named), points=64), 1).shape == (60, 2)
    assert places_of(Sweep("tiers", (RATE, LEADS), points=10), 1).shape == (9, 2)
    values = {point.values["price.elasticity"] for point in points_of(Sweep("tiers", (named,)), 1)[1:]}
    assert sorted(values) == pytest.approx([1.0, 1.4, 1.8, 2.2, 2.6])
    with pytest.raises(UserError, match=r"sweep\.points = 9 is too few: grid over 2 factors needs at least 10"):
        places_of(Sweep("tiers", (RATE, named), points=9), 1)


def test_levers_keep_to_their_steps_and_ratios() -> None:
    steps = Factor("a.n", 2, 10, SearchedLever("a.n", "a", "n", None, 2, 10, step=4))
    assert [steps.value(place) for place in (0.0, 0.3, 0.4, 0.9, 1.0)] == [2, 2, 6, 10, 10]
    assert len(places_of(Sweep("tiers", (steps,), points=50), 1)) == 3
    whole = Factor("a.n", 1, 3, SearchedLever("a.n", "a", "n", None, 1, 3, whole=True))
    assert [whole.value(place) for place in (0.0, 0.5, 1.0)] == [1, 2, 3]
    assert isinstance(whole.value(0.5), int)
    ratio = Factor("a.n", 10, 1000, SearchedLever("a.n", "a", "n", None, 10, 1000, log=True))
    assert [ratio.value(place) for place in (0.0, 0.5, 1.0)] == [10, pytest.approx(100), 1000]


@pytest.mark.parametrize("design", ["lhs", "sobol", "morris", "saltelli"])
def test_a_design_depends_on_its_seed_and_on_nothing_else(design: Any) -> None:
    task = Sweep("tiers", (RATE, ELASTICITY, LEADS), design, points=100)
    first = places_of(task, 7)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (what libraries might draw from)
    assert (places_of(task, 7) == first).all()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert not np.array_equal(places_of(task, 8), first)
    assert ((first >= 0) & (first <= 1)).all()
    assert len(first) == {"lhs": 100, "sobol": 64, "morris": 100, "saltelli": 80}[design]


def test_a_latin_hypercube_has_one_point_in_every_row_and_column() -> None:
    places = places_of(Sweep("tiers", (RATE, ELASTICITY), "lhs", points=20), 1)
    assert (np.sort((places * 20).astype(int), axis=0) == np.arange(20)[:, None]).all()


def test_only_steps_beyond_luck_make_a_shape() -> None:
    luck = np.array([-1.0, 0.0, 1.0])  # the same at every point, as coupling makes it
    rise, fall = np.array([0.0, 5.0, 9.0])[:, None] + luck, np.array([9.0, 5.0, 0.0])[:, None] + luck
    assert shape_of(rise, 0.95) == RISES
    assert shape_of(fall, 0.95) == FALLS
    assert shape_of(np.array([0.0, 5.0, 1.0])[:, None] + luck, 0.95) == BOTH
    own = np.array([[0.0, 3.0, -3.0], [2.0, -2.0, 4.0], [-1.0, 3.0, 1.0]])
    assert shape_of(own, 0.95) == FLAT


def test_a_grid_says_that_the_effect_rises_with_the_elasticity_and_falls_with_the_rate(grid) -> None:
    shapes = grid.tables["shapes"].set_index(["kpi", "factor"])["shape"]
    assert shapes["orders", "tiers.silver_rate"] == RISES
    assert shapes["orders", "price.elasticity"] == RISES
    assert shapes["cac", "tiers.silver_rate"] == FLAT  # the tiers reach nobody before the first order


@dataclass(frozen=True)
class Fussy:
    """Refuses the upper half of its range, and fails in its third quarter of the lower one."""

    rate: Annotated[float, Lever(0.0, 0.4)] = 0.1

    def __post_init__(self) -> None:
        if self.rate > 0.25:
            raise ValueError("more than a quarter is too much")

    def decide(self, view: FirmView) -> list:
        if 0.15 < self.rate < 0.25:
            raise RuntimeError("no idea what to do")
        return [Discount(self.rate)]


def fussy(**changes: Any) -> Experiment:
    lever = Factor("cut.rate", 0.0, 0.4, SearchedLever("cut.rate", "cut", "rate", None, 0.0, 0.4))
    experiment = asked(lever, arm="cut", points=5, replications=2, **changes)
    return replace(experiment, arms=(experiment.baseline, Arm("cut", today(Play("cut", Fussy())))))


def test_a_point_that_is_refused_or_fails_is_told_and_the_others_are_lived() -> None:
    found = sweep(fussy(), workers=2)
    rows = found.responses[found.responses["kpi"] == EQUITY].set_index("lever.cut.rate")
    assert rows["difference"].notna().tolist() == [True, True, True, False, False, False]
    assert set(rows[rows.index > 0.25]["refused"]) == {"more than a quarter is too much"}
    assert [failure["task"] for failure in found.failures] == [
        f"cut, cut.rate = 0.2 in the world as stated, replication {replication}" for replication in range(2)
    ]
    assert {failure["error"] for failure in found.failures} == {"RuntimeError: no idea what to do"}
    assert all("decide" in failure["trace"] for failure in found.failures)
    assert found.to_json()["failures"] == list(found.failures)


def test_a_sweep_of_which_nothing_can_be_lived_says_why(monkeypatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("the world is not for living")

    monkeypatch.setattr("crmlab.experiments.replication.replication.create_population", broken)
    with pytest.raises(NothingRan, match="no point could be run; RuntimeError: the world is not for living"):
        sweep(fussy(), workers=1)


def test_a_primary_kpi_without_a_value_is_refused_in_words() -> None:
    experiment = asked(RATE, replications=2)
    experiment = replace(experiment, design=replace(experiment.design, primary="ltv_52"))
    with pytest.raises(UserError, match="ltv_52 cannot be swept: it has no value at any point in this design"):
        sweep(experiment, workers=1)
    with pytest.raises(UserError, match="says nothing about what to sweep"):
        sweep(replace(experiment, question=Compare()), workers=1)


def test_json_has_only_finite_numbers_and_names_the_best_point(grid) -> None:
    answer = json.loads(json.dumps(grid.to_json(), allow_nan=False))
    assert (answer["arm"], answer["baseline"], answer["design"], answer["primary"]) == (
        "tiers", "today", "grid", EQUITY,
    )  # fmt: skip
    assert [point["point"] for point in answer["points"]] == list(range(5))
    gains = {point["point"]: point["effects"][EQUITY]["difference"] for point in answer["points"][1:]}
    assert answer["extremes"] == {"best": max(gains, key=gains.__getitem__), "worst": min(gains, key=gains.__getitem__)}
    assert {"factor": "price.elasticity", "kind": "unknown", "low": 1.0, "high": 2.6} in answer["factors"]


def test_the_stated_point_is_kept_as_a_comparison_of_every_kpi(grid) -> None:
    effects = grid.comparison.effects
    mine = effects[(effects["arm"] == "tiers") & (effects["kpi"] == EQUITY)].iloc[0]
    assert mine["difference"] == grid.responses.loc[0, "difference"]
    assert mine["low"] == grid.responses.loc[0, "low"]


def test_every_setting_of_a_sweep_is_part_of_the_run_id() -> None:
    ids = {
        run_id(asked(RATE)),
        run_id(asked(ELASTICITY)),
        run_id(asked(RATE, points=5)),
        run_id(asked(RATE, design="lhs")),
    }
    assert len(ids) == 4
    assert kind_asked(asked(RATE)).answer is sweep


FILE = """
name = "small"
world = "shop"
[design]
customers = 150
weeks = 20
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
name = "tiers"
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
[sweep]
arm = "tiers"
levers = ["tiers.silver_rate", { lever = "tiers.silver_spend", low = 20, high = 200, points = 3 }]
unknowns = ["price.elasticity", "channels.paid_search.leads_max"]
design = "lhs"
points = 5
replications = 2
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = FILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_what_to_sweep_and_compare_takes_no_notice(tmp_path) -> None:
    path = written(tmp_path)
    experiment = load_sweep(path)
    task = experiment.question
    assert [arm.name for arm in experiment.arms] == ["today", "tiers"]
    assert [factor.path for factor in task.levers] == ["tiers.silver_rate", "tiers.silver_spend"]
    rate, spend, elasticity, leads = task.factors
    assert (rate.low, rate.high, spend.low, spend.high, spend.points) == (0.0, 0.15, 20, 200, 3)
    assert (elasticity.low, elasticity.high) == (1.0, 2.6)  # its range
    assert (leads.low, leads.high) == (120.0, 187.5)  # within a factor of its value
    assert load_experiment(path).question == Compare()
    assert experiment.design.replications == task.replications == 2


def test_all_unknowns_are_those_that_vary_between_sampled_worlds(tmp_path) -> None:
    found = load_sweep(written(tmp_path), ['sweep.unknowns="all"']).question.unknowns
    paths = [factor.path for factor in found]
    assert {"price.elasticity", "acquisition.lead_weeks", "channels.organic.leads_max"} <= set(paths)
    assert "economics.gross_margin" in paths
    assert "economics.discount_rate" not in paths  # a convention


def test_the_design_follows_from_the_number_of_factors_and_a_tornado_keeps_all_arms(tmp_path) -> None:
    path = written(tmp_path, ('design = "lhs"\n', ""), ("points = 5\n", ""))
    assert (load_sweep(path).question.design, load_sweep(path).question.points) == ("lhs", 64)
    assert load_sweep(path, ["sweep.levers=[]"]).question.design == "grid"
    assert load_sweep(path, ['sweep.design="morris"']).question.points == 60
    assert load_sweep(path, ['sweep.design="saltelli"']).question.points == 384
    tornado = load_sweep(path, ['sweep.design="tornado"'])
    assert [arm.name for arm in tornado.arms] == ["today", "tiers", "cut"]
    assert quick(load_sweep(path, ['sweep.design="saltelli"'])).question.points == 96
    assert quick_sweep(tornado.question).points == 16


def test_shipped_examples_and_that_of_the_docs_are_valid(tmp_path) -> None:
    assert len(load_sweep(LIBRARY / "sweep_tiers.toml").question.factors) == 3
    assert len(load_sweep(LIBRARY / "sweep_unknowns.toml").question.unknowns) > 30
    gross_margin = load_sweep(examples("sweeps.md", tmp_path)["swept.toml"]).question.unknowns[1]
    assert (gross_margin.path, gross_margin.low, gross_margin.high) == ("economics.gross_margin", 0.4, 0.6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('arm = "tiers"', 'arm = "teirs"', 'not a known arm to sweep. Did you mean "tiers"?'),
        ('arm = "tiers"', 'arm = "today"', "is the baseline: it cannot differ from itself"),
        ('["tiers.silver_rate"', '["tiers.silver_rat"', 'Did you mean "silver_rate"?'),
        ('"tiers.silver_spend"', '"tiers.silver_rate"', "can be searched between 0 and 0.15 (share of price) only"),
        ("low = 20, high = 200, points = 3", "points = 1", "points = 2 or more"),
        ('["price.elasticity"', '["price.elasticty"', 'not a number of this world. Did you mean "price.elasticity"?'),
        ('["price.elasticity"', '["economics.discount_rate"', "does not vary by itself; say between which values"),
        ('["price.elasticity"', '[{ unknown = "price.elasticity", low = 0.5 }', "can be swept between 1 and 2.6"),
        ('["price.elasticity"', '[{ unknown = "price.elasticity", low = 2, high = 2 }', "needs low < high"),
        ('"channels.paid_search.leads_max"', '"price.elasticity"', "is named twice"),
        ('["price.elasticity", "channels.paid_search.leads_max"]', '"al"', 'must be a list of names, or "all"'),
        ("points = 5", 'points = 5\nkpis = ["cacc"]', 'Did you mean "cac"?'),
        ('design = "lhs"', 'design = "morris"', "is too few: morris over 4 factors needs at least 20"),
        ('design = "lhs"', 'design = "lhc"', "must be one of"),
        ("replications = 2", "replications = 1", "must be at least 2"),
        ("points = 5", "point = 5", 'Did you mean "points"?'),
    ],
)
def test_one_line_says_what_is_wrong_with_a_sweep(tmp_path, old: str, new: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        load_sweep(written(tmp_path, (old, new)))
    assert len(error.value.problems) == 1
    assert said in error.value.problems[0]


def test_a_file_without_a_sweep_and_one_that_moves_nothing_are_refused(tmp_path) -> None:
    path = tmp_path / "none.toml"
    path.write_text(FILE[: FILE.index("[sweep]")], encoding="utf-8")
    with pytest.raises(SpecError, match=r"has no \[sweep\] table"):
        load_sweep(path)
    with pytest.raises(SpecError, match="names neither levers nor unknowns"):
        load_sweep(written(tmp_path), ["sweep.levers=[]", "sweep.unknowns=[]"])


def test_the_command_keeps_a_run_with_table_report_and_csv(tmp_path, capsys) -> None:
    out, csv = tmp_path / "results", tmp_path / "points.csv"
    arguments = ["sweep", str(written(tmp_path)), "--out", str(out), "--workers", "1", "--csv", str(csv)]
    assert exit_code(arguments) == 0
    printed = capsys.readouterr().out
    assert "5 points over 4 factors (lhs) and the stated one, 2 replications each: tiers against today" in printed
    assert "Customer equity: where tiers does most and least" in printed
    assert "Published or assumed: everything." in printed
    (folder,) = (out / "small").iterdir()
    stored, exported = pd.read_parquet(folder / "sweep.parquet"), pd.read_csv(csv)
    assert len(exported) == len(stored) == 6 * 10
    assert exported["difference"].tolist() == pytest.approx(stored["difference"].tolist(), nan_ok=True)
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="sweep"' in report
    assert "Where the best points lie" in report
    assert exit_code([*arguments, "--json"]) == 0
    again = capsys.readouterr()
    assert "already there" in again.err
    assert json.loads(again.out)["design"] == "lhs"


def test_a_curve_and_a_map_are_drawn_for_one_and_for_two_factors(tmp_path) -> None:
    path = written(tmp_path, ('design = "lhs"', 'design = "grid"'), ("points = 5", "points = 4"))
    for settings, title in ((["sweep.unknowns=[]", 'sweep.levers=["tiers.silver_rate"]'], "Over tiers.silver_rate"),
                            (["sweep.levers=[]"], "In brackets: the range due to luck")):  # fmt: skip
        out = tmp_path / str(len(settings))
        chosen = [word for setting in settings for word in ("--set", setting)]
        assert exit_code(["sweep", str(path), "--out", str(out), "--workers", "1", *chosen]) == 0
        (report,) = out.glob("small/*/report.html")
        assert title in report.read_text(encoding="utf-8")


def test_a_lever_that_the_arm_does_not_set_has_no_stated_value() -> None:
    content = SearchedLever("mix.factors.content", "mix", "factors", "content", 0.5, 4.0)
    experiment = asked(Factor("mix.factors.content", 0.5, 4.0, content), replications=2)
    arm = Arm("tiers", today(Play("mix", ChannelMix(factors={"organic": 1.0}))))
    found = sweep(replace(experiment, arms=(experiment.baseline, arm)), workers=1).responses
    assert math.isnan(found["lever.mix.factors.content"][0])
    assert (found[found["kpi"] == EQUITY]["difference"][1:] != 0).all()


@pytest.mark.slow
def test_killed_ten_times_at_random_moments_a_sweep_has_the_tables_of_an_uninterrupted_one(tmp_path) -> None:
    path = written(tmp_path, ("points = 5", "points = 48"), ("customers = 150", "customers = 400"))
    results, luck = tmp_path / "results", random.Random(7)
    command = [sys.executable, "-m", "crmlab.experiments.cli", "sweep", str(path), "--out", str(results), "--json"]

    def written_so_far() -> int:
        return sum(file.stat().st_size for file in results.glob("*/*/" + LEDGER))

    for kill in range(10):
        size = written_so_far()
        process = subprocess.Popen([*command, "--workers", str(1 + kill % 3)], cwd=ROOT, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        while written_so_far() <= size and process.poll() is None:
            time.sleep(0.01)
        time.sleep(luck.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run was over before it was killed often enough"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Resumed: " in done.stderr
    (folder,) = (folder for folder in (results / "small").iterdir() if not folder.name.startswith("."))
    for name, table in sweep(load_sweep(path), workers=1).tables.items():
        pd.testing.assert_frame_equal(pd.read_parquet(folder / f"{name}.parquet"), table, check_exact=True)
