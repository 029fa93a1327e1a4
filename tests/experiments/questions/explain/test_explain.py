"""Explaining an arm: what its plays contribute, who was acquired, who gains, and what was given away for nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.charts import Look
from crmlab.experiments.cli import exit_code
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.checkpoint import Checkpoint
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.compare.compare import ReplicationTask
from crmlab.experiments.questions.explain import charts
from crmlab.experiments.questions.explain import explain as explaining
from crmlab.experiments.questions.explain.charts import deadweight_sentence
from crmlab.experiments.questions.explain.composition import (
    EITHER_WAY,
    EXISTING,
    LINES,
    LOST,
    MEDIA,
    REFERRAL,
    TOTAL,
    WON,
    Cohort,
    mean_lines,
)
from crmlab.experiments.questions.explain.contributions import WHOLE, shapley_values
from crmlab.experiments.questions.explain.deadweight import KINDS
from crmlab.experiments.questions.explain.explain import explain
from crmlab.experiments.questions.explain.players import coalitions_of, orders_of, players_of, plays_with
from crmlab.experiments.questions.explain.posing import asked
from crmlab.experiments.questions.explain.question import Explain
from crmlab.experiments.questions.explain.winners import BASE
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.statistics.effects import luck_interval
from crmlab.sim import Play
from crmlab.sim.kpis import KPIS
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.strategies import ChannelMix, DiscountTiers, DoNothing, PointsAndTiers, PriceCut, ReferralReward
from tests.conftest import INSENSITIVE, shop, today

LOOKS_AT_REPORTS = True
TIERS = Play("tiers", DiscountTiers(silver_spend=40))
POINTS = Play("points", PointsAndTiers(earn_rate=0.05))
MIX = Play("mix", ChannelMix(total=1.3, factors={"content": 3.0}, hold_total=False))
DESIGN = Design(weeks=60, customers=250, replications=3, seed=3, unknowns=True)
LOOK = Look("today", ("today", "all three"))


def of_shop(*plays: Play, name: str = "all three", world=None, **design) -> Experiment:
    """A small shop in which some plays join today's policy."""
    arms = (Arm("today", today()), Arm(name, today(*plays)))
    return Experiment("explained", world or shop(), arms, replace(DESIGN, **design))


@pytest.fixture(scope="module")
def found() -> explaining.Explanation:
    return explain(of_shop(TIERS, POINTS, MIX), workers=1)


def per_replication(found: explaining.Explanation, part: str) -> pd.DataFrame:
    """The measurements of a part, one column per item."""
    mine = found.measurements[found.measurements["part"] == part]
    return mine.pivot(index=["world", "replication", "group", "measure"], columns="item", values="value")


# Which play does it


def test_shapley_values_of_games_with_known_ones() -> None:
    orders = list(permutations(range(3)))
    # Gloves: one left (0, 1 hold left ones, 2 the right one); only a pair is worth something.
    gloves = {c: float(2 in c and len(c) > 1) for c in coalitions_of(3, orders)}
    assert shapley_values(gloves, 3, orders) == pytest.approx([1 / 6, 1 / 6, 4 / 6])
    # Each is worth its number alone, and 0 with 1 gains 6 more together, which they share.
    added = {c: sum(c) + 6.0 * (0 in c and 1 in c) for c in coalitions_of(3, orders)}
    assert shapley_values(added, 3, orders) == pytest.approx([3, 4, 2])


def test_shapley_values_sum_to_the_effect_of_the_arm_in_every_replication(found) -> None:
    """To 1e-9 of the largest number that is added up."""
    values = per_replication(found, "contributions").xs("shapley", level="group").dropna()
    assert set(values.index.get_level_values("world")) == {"fixed", "sampled"}
    assert len(values) > 100
    players = values[list(found.players)]
    off = (players.sum(axis=1) - values[WHOLE]).abs()
    assert (off <= 1e-9 * (1 + players.abs().max(axis=1))).all()


def test_the_effect_is_the_one_that_compare_would_find(found) -> None:
    for replication, kind in ((0, "fixed"), (2, "fixed"), (1, "sampled")):
        before, after = run_replication(found.experiment, replication, kind)
        mine = found.measurements[
            (found.measurements["world"] == kind) & (found.measurements["replication"] == replication)
        ]
        whole = mine[(mine["part"] == "contributions") & (mine["item"] == WHOLE)].set_index("measure")["value"]
        for kpi in (k for k, about in KPIS.items() if not about.ratio_of):
            expected = after.kpis[kpi] - before.kpis[kpi]
            assert whole[kpi] == expected or (math.isnan(whole[kpi]) and math.isnan(expected))


def test_estimates_are_means_with_the_intervals_of_a_comparison(found) -> None:
    table = found.tables["contributions"].set_index(["method", "player", "kpi"])
    effects = found.tables["effects"]
    for row in effects[(effects["arm"] == "all three") & (effects["kpi"] != "ltv_cac")].itertuples():
        whole = table.loc[("shapley", WHOLE, row.kpi)]
        for column, name in (("value", "difference"), ("low", "low"), ("high_unknowns", "high_unknowns")):
            assert whole[column] == pytest.approx(getattr(row, name), rel=1e-9, abs=1e-9, nan_ok=True)
    fixed = found.measurements[
        (found.measurements["world"] == "fixed") & (found.measurements["part"] == "contributions")
    ]
    mine = fixed.query("group == 'alone' and item == 'mix' and measure == 'orders'")["value"].to_numpy()
    assert tuple(table.loc[("alone", "mix", "orders"), ["low", "high"]]) == luck_interval(mine, 0.95)


def test_a_play_without_effect_contributes_nothing_and_equal_plays_the_same() -> None:
    nothing = Play("nothing", PriceCut(rate=0.0))
    twins = Play("one", PriceCut(rate=0.1)), Play("other", PriceCut(rate=0.1))
    table = explain(of_shop(nothing, *twins, weeks=26, replications=2, unknowns=False), workers=1).tables[
        "contributions"
    ]
    values = table[table["kpi"] == "orders"].set_index(["player", "method"])["value"]
    assert (values["nothing"] == 0).all()
    assert values["one", "shapley"] == pytest.approx(values["other", "shapley"])
    assert values["one", "alone"] == values["other", "alone"] > 0  # one price cut is as good as two ...
    assert values["one", "last"] == values["other", "last"] == 0  # ... so either can be dropped


def test_many_plays_join_in_drawn_orders_and_still_sum_to_the_effect() -> None:
    cuts = [Play(f"cut {n}", PriceCut(rate=0.02 * (n + 1), weeks_on=1, weeks_cycle=7 + n)) for n in range(6)]
    found = explain(of_shop(*cuts, weeks=14, customers=60, replications=2, unknowns=False), workers=1)
    values = per_replication(found, "contributions").xs("shapley", level="group").dropna()
    np.testing.assert_allclose(values[list(found.players)].sum(axis=1), values[WHOLE], atol=1e-6)
    assert found.to_json()["joining"] == "8 orders drawn per replication"
    drawn = [orders_of(6, 1, replication) for replication in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(coalitions_of(6, drawn[0])) < 2**6


# What an arm changes


def test_what_an_arm_changes_against_its_baseline() -> None:
    base = Arm("today", today(TIERS))
    stronger = replace(TIERS, strategy=DiscountTiers(silver_rate=0.1))
    assert [p.name for p in players_of(base, Arm("more", today(TIERS, MIX)))] == ["mix"]
    assert [p.name for p in players_of(base, Arm("set otherwise", today(stronger, MIX)))] == ["tiers (changed)", "mix"]
    assert [p.name for p in players_of(base, Arm("none of it", (Play("none", DoNothing()),)))] == [
        "without today",
        "none",
    ]
    assert [p.name for p in players_of(base, Arm("less", today()))] == ["without tiers"]
    assert players_of(base, Arm("the same", today(TIERS))) == ()


def test_coalitions_keep_the_order_of_the_plays() -> None:
    base, arm = Arm("today", today(TIERS)), Arm("new", (Play("points", POINTS.strategy), today()[0], MIX))
    players = players_of(base, arm)
    assert [p.name for p in players] == ["without tiers", "points", "mix"]
    named = {c: [p.name for p in plays_with(base, arm, players, c)] for c in coalitions_of(3, orders_of(3, 1, 0))}
    assert named[()] == ["today", "tiers"]
    assert named[(0,)] == ["today"]
    assert named[(1, 2)] == ["today", "tiers", "points", "mix"]
    assert named[(0, 1, 2)] == ["points", "today", "mix"]  # the arm as it is written


# Other people, or the same people treated otherwise


def test_composition_and_treatment_sum_to_the_effect_in_every_replication(found) -> None:
    """Against the KPIs as they are read for every run; to 1e-9 of the largest line."""
    lines = per_replication(found, "composition").drop("people", level="group")
    assert set(lines.index.get_level_values("measure")) == {
        "customer_equity", "contribution", "revenue", "orders", "ltv_52", "repurchase_52",
    }  # fmt: skip
    assert len(lines) == 6 * (1 + DESIGN.markets_per_world) * DESIGN.replications
    off = (lines[list(LINES)].sum(axis=1) - lines[TOTAL]).abs()
    assert (off <= 1e-9 * (1 + lines[list(LINES)].abs().max(axis=1))).all()
    assert (lines[WON] != 0).all()
    money = lines.xs("contribution", level="measure")
    assert (money[MEDIA] < 0).all()


def test_rewards_for_friends_have_a_line_of_their_own() -> None:
    talking = replace(shop(), word_of_mouth=WordOfMouth(p_invite=0.05))
    found = explain(
        of_shop(Play("friends", ReferralReward()), world=talking, replications=2, unknowns=False), workers=1
    )
    lines = per_replication(found, "composition").drop("people", level="group").dropna()
    off = (lines[[line for line in LINES if line in lines]].sum(axis=1) - lines[TOTAL]).abs()
    assert (off <= 1e-9 * (1 + lines.abs().max(axis=1))).all()
    assert (lines.xs("contribution", level="measure")[REFERRAL] < 0).all()
    groups = found.tables["segments"]["group"]
    assert groups.iloc[-1] not in {channel.name for channel in talking.channels}  # those whom friends sent


def test_means_are_divided_as_kitagawa_does() -> None:
    """Two in each cohort, one of them in both: 1 -> 2 for the one who stays, 3 lost, 10 won."""
    before = Cohort(np.array([True, True, False]), np.array([1.0, 3.0, 0.0]))
    after = Cohort(np.array([True, False, True]), np.array([2.0, 0.0, 10.0]))
    assert mean_lines(before, after) == {EITHER_WAY: 0.5, WON: 4.25, LOST: -0.75}  # of 6 - 2
    nobody = Cohort(np.zeros(3, np.bool_), np.zeros(3))
    assert all(map(math.isnan, mean_lines(before, nobody).values()))
    others = Cohort(np.array([False, False, True]), np.array([0.0, 0.0, 7.0]))
    assert sum(mean_lines(before, others).values()) == 5


def test_media_moves_composition_and_leaves_existing_customers_alone() -> None:
    table = explain(of_shop(MIX, replications=2, unknowns=False), workers=1).tables["composition"]
    orders = table[table["kpi"] == "orders"].set_index("line")["value"]
    assert orders[EXISTING] == 0
    assert orders[WON] > 0
    people = table[table["kind"] == "people"].set_index("line")["value"]
    assert people[WON] > people[LOST]


def test_with_nobody_to_be_acquired_everything_is_treatment() -> None:
    alone = replace(shop(), channels=(), population=replace(shop().population, prospects=0))
    table = explain(of_shop(TIERS, world=alone, replications=2, unknowns=False), workers=1).tables["composition"]
    orders = table[table["kpi"] == "orders"].set_index("line")["value"]
    assert orders[TOTAL] > 0
    assert orders[EXISTING] == pytest.approx(orders[TOTAL], rel=1e-9)
    assert orders[WON] == orders[LOST] == orders[EITHER_WAY] == 0
    assert table.loc[table["kpi"] == "ltv_52", "value"].isna().all()


# Winners and losers


def test_the_segments_of_the_founding_base_add_up_to_what_changes_for_existing_customers(found) -> None:
    groups = per_replication(found, "segments").xs(BASE, level="group").dropna(axis=1, how="all")
    people = groups.xs("people", level="measure")
    orders = (groups.xs("orders", level="measure") * people).sum(axis=1)
    existing = per_replication(found, "composition")[EXISTING].xs("orders", level="measure").droplevel("group")
    np.testing.assert_allclose(orders, existing, rtol=1e-9)
    np.testing.assert_allclose(people.sum(axis=1), shop().population.customers, rtol=1e-12)
    shares = sum(groups.xs(measure, level="measure") for measure in ("more", "same", "fewer"))
    np.testing.assert_allclose(shares.to_numpy(), 1.0)


def test_tiers_give_most_to_those_who_spend_most() -> None:
    found = explain(of_shop(TIERS, replications=3, unknowns=False), workers=1)
    table = found.tables["segments"]
    given = table[(table["measure"] == "given") & (table["division"] == BASE)].set_index("group")["value"]
    assert given.idxmax() == "high value loyal"
    assert given["dormant"] < given["high value loyal"] / 5


# Deadweight


def test_what_was_given_away_adds_up_to_discounts_and_rewards(found) -> None:
    kinds = per_replication(found, "deadweight").xs("kinds", level="group")[list(KINDS)].sum(axis=1).unstack("measure")
    effect = found.runs.set_index(["world", "replication"])
    before, after = (effect[effect["arm"] == arm].sort_index() for arm in ("today", "all three"))
    np.testing.assert_allclose(kinds["orders"], after["orders"])
    np.testing.assert_allclose(kinds["orders_baseline"], before["orders"])
    rewards = kinds["given"] - after["discounts"]  # today gives no rewards
    assert (rewards > 0).all()
    np.testing.assert_allclose(kinds["additional"], after["discounts"] - before["discounts"] + rewards, rtol=1e-9)
    people = per_replication(found, "composition").xs("contribution", level="measure")
    of_orders = people[[EXISTING, EITHER_WAY, WON, LOST]].sum(axis=1).droplevel("group")
    np.testing.assert_allclose(kinds["contribution"], of_orders, rtol=1e-9)


def test_a_price_cut_for_people_who_do_not_mind_prices_is_all_deadweight() -> None:
    """Every order would have come anyway, at the same moment; what is lost is the price less the payment cost on it."""
    world = shop(price=INSENSITIVE)
    cut = Play("cut", PriceCut(rate=0.1))
    table = explain(of_shop(cut, world=world, replications=2, unknowns=False), workers=1).tables["deadweight"]
    shares = table[table["kind"] == "shares"].set_index("measure")["value"]
    assert shares["deadweight"] == 1
    assert shares["pulled_forward"] == 0
    assert shares["return"] == pytest.approx(-(1 - world.economics.payment_cost), abs=1e-3)  # cents are rounded
    assert "100.0%" in deadweight_sentence(table, "USD")


def test_a_policy_that_gives_nothing_away_has_no_deadweight() -> None:
    found = explain(of_shop(MIX, weeks=20, replications=2, unknowns=False), workers=1)
    shares = found.tables["deadweight"].query("kind == 'shares'")
    assert shares["value"].isna().all()
    assert deadweight_sentence(found.tables["deadweight"], "USD") == "This policy gives away nothing in addition."
    json.dumps(found.to_json(), allow_nan=False)


# Running it


def test_the_answer_is_the_same_for_any_number_of_workers_and_from_a_ledger(tmp_path: Path) -> None:
    experiment = of_shop(TIERS, MIX, weeks=20, customers=60)  # KPIs of a year are undefined here
    one, two, three = (explain(experiment, workers=n) for n in (1, 2, 3))
    kept = explain(experiment, workers=1, store=Checkpoint(tmp_path))
    again = explain(experiment, workers=1, store=Checkpoint(tmp_path))
    for other in (two, three, kept, again):
        pd.testing.assert_frame_equal(one.measurements, other.measurements, check_exact=True)
        pd.testing.assert_frame_equal(one.runs, other.runs, check_exact=True)


def test_a_replication_that_fails_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    run_one = explaining._run

    def poisoned(experiment, task):
        if task == ReplicationTask(1):
            raise ValueError("poisoned")
        return run_one(experiment, task)

    monkeypatch.setattr(explaining, "_run", poisoned)
    found = explain(of_shop(TIERS, weeks=10, customers=40, unknowns=False), workers=1)
    assert [failure["task"] for failure in found.failures] == ["replication 1 of the stated world"]
    assert sorted(set(found.measurements["replication"])) == [0, 2]


def test_the_question_is_part_of_the_experiment_and_keeps_only_the_arms_it_needs() -> None:
    arms = (Arm("tiers", today(TIERS)), Arm("today", today()), Arm("mix", today(MIX)), Arm("other", today()))
    question = asked(Experiment("e", shop(), arms, DESIGN), "mix")
    assert [arm.name for arm in question.arms] == ["tiers", "today", "mix"]
    assert question.question == Explain("mix")
    assert asked(question) is question
    assert kind_asked(question).answer is explain


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("all thre", 'Did you mean "all three"?'),
        ("today", "is the baseline"),
        ("same", "plays exactly what today plays"),
    ],
)
def test_an_arm_that_cannot_be_explained_is_refused_in_a_sentence(arm: str, said: str) -> None:
    experiment = of_shop(TIERS)
    experiment = replace(experiment, arms=(*experiment.arms, Arm("same", today())))
    with pytest.raises(UserError, match=said) as refused:
        explain(experiment, arm)
    assert "\n" not in str(refused.value)


def test_every_picture_says_what_it_shows(found) -> None:
    tables = found.tables
    drawn = [
        charts.contribution_waterfall(tables["contributions"], "customer_equity", LOOK, "all three"),
        charts.contribution_dots(tables["contributions"], "repurchase_52", LOOK, "all three"),
        charts.composition_waterfall(tables["composition"], "contribution", LOOK, "all three"),
        charts.group_dots(tables["segments"], "orders", LOOK, "all three"),
        charts.deadweight_bar(tables["deadweight"], LOOK, "all three"),
    ]
    assert list(drawn[0].table["Play"]) == ["tiers", "points", "mix", WHOLE]
    assert "costs that belong to no order and people not yet won" in drawn[2].sentence
    assert {"People", "Order more", "Order fewer"} <= set(drawn[3].table.columns)
    assert len(drawn[4].table) == len(KINDS)
    for chart in drawn:
        assert "nan" not in chart.sentence
        assert chart.sentence.endswith(".")
        assert len(chart.figure.data) > 0


def test_the_command_prints_all_four_parts_and_writes_a_report(tmp_path: Path, capsys) -> None:
    file = tmp_path / "e.toml"
    file.write_text(
        'name = "e"\nworld = "shop"\n[design]\nweeks = 56\ncustomers = 150\nreplications = 2\n'
        '[arms.cut]\n[[arms.cut.strategies]]\nkind = "price_cut"\nrate = 0.1\n'
        '[[arms.cut.strategies]]\nkind = "channel_mix"\nfactors = { content = 2.0 }\n'
    )
    command = ["explain", str(file), "--arm", "cut", "--workers", "1", "--out", str(tmp_path)]
    assert exit_code(command) == 0
    printed = capsys.readouterr().out
    for title in (
        "What each play contributes",
        "(composition)",
        "Winners and losers",
        "Where discounts and rewards went",
    ):
        assert title in printed
    assert "known to the simulation only" in printed
    assert exit_code([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["players"] == ["price_cut", "channel_mix"]
    assert answer["contributions"]["shapley"]["price_cut"]["orders"]["value"] > 0
    report = (Path(answer["run"]) / "report.html").read_text()
    for title in ("Which play does it", "Other people, or the same people", "Winners and losers", "Deadweight"):
        assert title in report
    assert exit_code(["explain", str(file), "--arm", "cutt", "--out", str(tmp_path)]) == 2
    assert 'Did you mean "cut"?' in capsys.readouterr().err
