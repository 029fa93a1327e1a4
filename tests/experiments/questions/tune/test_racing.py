"""The race: who is surely beaten gets fewer replications, nobody else does, and the winner's fresh value is honest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import optuna
import pandas as pd
import pytest
from scipy import stats

from crmlab.experiments.bench.racing import measured, run_pool
from crmlab.experiments.bench.tuning_time import experiment_of, timed
from crmlab.experiments.experiment import Arm
from crmlab.experiments.questions.tune.pareto import hypervolume, undominated
from crmlab.experiments.questions.tune.question import EQUITY, Constraint
from crmlab.experiments.questions.tune.racing import (
    BEATEN,
    BEYOND,
    FINISHED,
    GOES_ON,
    NO_VALUE,
    Entrant,
    judged,
    rounds,
)
from crmlab.experiments.questions.tune.scoring import pseudo_values, score_interval, scored
from crmlab.experiments.questions.tune.stopping import Patience
from crmlab.experiments.questions.tune.tune import tune
from crmlab.experiments.statistics.scores import robust_score
from crmlab.sim import Discount, FirmView, Lever, Play
from tests.experiments.questions.tune.test_tune import planted, shop_search

NOISE = np.array([-1.0, 1.0, -0.5, 0.5])  # mean 0


def runner(number: int, gains: list, beyond: list | None = None) -> Entrant:
    """A candidate with these gains (one row per replication) and, if any, these distances beyond a limit."""
    rows = np.array(gains, np.float64).reshape(len(gains), -1)
    return Entrant(number, rows, np.array(beyond, np.float64).reshape(len(gains), -1))


def free(number: int, gains: list) -> Entrant:
    """A candidate without limits."""
    rows = np.array(gains, np.float64).reshape(len(gains), -1)
    return Entrant(number, rows, np.empty((len(gains), 0)))


def words(field: list[Entrant], finished: list[Entrant] | None = None, last: bool = False) -> list[str]:
    return [verdict.word for verdict in judged(field, finished or [], last)]


def test_replications_double_from_the_fewest_to_the_most() -> None:
    assert rounds(16, racing=True) == [2, 4, 8, 16]
    assert rounds(20, racing=True) == [2, 4, 8, 16, 20]
    assert rounds(2, racing=True) == [2]
    assert rounds(1, racing=True) == [1]
    assert rounds(16, racing=False) == [16]


def test_a_candidate_is_dropped_when_the_best_is_better_beyond_the_interval_and_the_log_says_by_how_much() -> None:
    best, near, far = free(0, 10 + NOISE), free(1, 9.5 - NOISE), free(2, 5 + 2 * NOISE)
    verdicts = judged([best, near, far], [], last=False)
    assert [v.word for v in verdicts] == [GOES_ON, GOES_ON, BEATEN]
    behind = 5 - NOISE  # the paired differences
    assert verdicts[2].rival == 0
    assert verdicts[2].behind == (behind.mean(),)
    assert verdicts[2].behind_se == (pytest.approx(stats.sem(behind)),)
    assert stats.ttest_1samp(behind, 0, alternative="greater").pvalue < 0.05
    assert stats.ttest_1samp(0.5 + 2 * NOISE, 0, alternative="greater").pvalue > 0.05


def test_the_same_luck_counts_even_where_the_levels_are_all_over_the_place() -> None:
    luck = 1000 * NOISE
    assert words([free(0, luck + 1), free(1, luck)]) == [GOES_ON, BEATEN]


def test_with_several_objectives_only_who_is_beaten_in_all_of_them_by_one_rival_is_dropped() -> None:
    both = free(0, np.column_stack([10 + NOISE, 10 - NOISE]))
    first_only = free(1, np.column_stack([20 + NOISE, 1 + NOISE]))
    beaten = free(2, np.column_stack([5 - NOISE, 5 + NOISE]))
    unsure = free(3, np.column_stack([5 - NOISE, 9.5 + NOISE]))
    verdicts = judged([both, first_only, beaten, unsure], [], last=False)
    assert [v.word for v in verdicts] == [GOES_ON, GOES_ON, BEATEN, GOES_ON]
    assert verdicts[2].rival == 0
    assert len(verdicts[2].behind) == 2


def test_who_is_surely_beyond_a_limit_is_dropped_and_who_may_be_beats_nobody() -> None:
    surely, perhaps, within = (
        runner(0, 30 + NOISE, 5 + NOISE), runner(1, 20 + NOISE, 0.1 + NOISE), runner(2, 10 + NOISE, -5 + NOISE),
    )  # fmt: skip
    weak = runner(3, 1 + NOISE, -5 + NOISE)
    verdicts = judged([surely, perhaps, within, weak], [], last=False)
    assert [v.word for v in verdicts] == [BEYOND, GOES_ON, GOES_ON, BEATEN]
    assert (verdicts[0].limit, verdicts[0].beyond) == (0, 5.0)
    assert verdicts[3].rival == 2


def test_candidates_of_earlier_batches_are_rivals() -> None:
    newcomers = [free(8, 5 + NOISE), free(9, 9 - NOISE)]
    assert words(newcomers) == [BEATEN, GOES_ON]
    assert words(newcomers, [free(1, 20 + NOISE)]) == [BEATEN, BEATEN]
    assert words(newcomers, [free(1, 20 + NOISE)], last=True) == [FINISHED, FINISHED]


def test_a_candidate_without_a_value_is_dropped_at_once() -> None:
    assert words([free(0, [1.0, math.nan, 2.0, 3.0]), free(1, NOISE)]) == [NO_VALUE, GOES_ON]


@pytest.mark.parametrize("score", ["mean", "cvar", "pays", "worst"])
def test_pseudo_values_have_the_score_as_their_mean(score: str) -> None:
    gains = np.random.default_rng(1).normal(1.0, 2.0, (16, 2))
    values = pseudo_values(gains, score)
    np.testing.assert_allclose(values.mean(axis=0), robust_score(gains.T, score))
    if score in ("mean", "pays"):  # where the jackknife is the textbook standard error
        plain = gains if score == "mean" else (gains > 0).astype(float)
        np.testing.assert_allclose(values.std(axis=0, ddof=1), plain.std(axis=0, ddof=1))


def test_scores_keep_the_unit_and_the_direction_of_a_kpi_that_should_be_low() -> None:
    gains = np.array([-3.0, -1.0, 1.0, -2.0])  # of CAC: negative is good
    assert scored(gains, "mean", -1) == -1.25
    assert scored(gains, "worst", -1) == 1.0
    assert scored(gains, "cvar", -1) == 1.0  # less than one world in the tail
    assert scored(gains, "pays", -1) == 0.75
    assert math.isnan(scored(np.array([1.0, math.nan]), "mean", 1))
    low, high = score_interval(gains, "pays", -1, 0.95)
    assert low < 0.75 < high
    assert all(map(math.isnan, score_interval(gains, "worst", -1, 0.95)))
    assert all(map(math.isnan, score_interval(gains, "cvar", -1, 0.95)))  # a tail of less than one world
    many = np.random.default_rng(2).normal(-1.0, 1.0, 60)
    low, high = score_interval(many, "cvar", -1, 0.95)
    assert low < scored(many, "cvar", -1) < high


def test_the_volume_beaten_by_a_front_is_that_of_optuna() -> None:
    rng = np.random.default_rng(3)
    for objectives in (2, 3):
        points = rng.uniform(0.1, 1.0, (12, objectives))
        study = optuna.create_study(directions=["maximize"] * objectives)
        study.add_trials([optuna.trial.create_trial(values=list(p)) for p in points])
        with pytest.warns(optuna.exceptions.ExperimentalWarning):
            witness = optuna.visualization.plot_hypervolume_history(study, [0.0] * objectives).data[0].y[-1]
        assert hypervolume(points) == pytest.approx(witness)
        assert hypervolume(points[undominated(points)]) == pytest.approx(witness)
    assert hypervolume([[3.0], [2.0]]) == 3.0
    assert hypervolume([[-1.0, 5.0]]) == 0.0


def test_patience_is_lost_when_the_front_stands_still_and_not_before() -> None:
    front = np.array([[2.0, 2.0]])
    patience = Patience(2)
    assert [patience.lost(front, np.array([[1.0, 1.0]])) for _ in range(3)] == [False, False, True]
    moving = Patience(2)
    reference = np.array([[0.0, 0.0]])
    assert not any(moving.lost(front * 1.1**batch, reference) for batch in range(6))
    assert not any(Patience(None).lost(front, reference) for _ in range(9))
    nobody = Patience(1)
    assert not any(nobody.lost(np.empty((0, 2)), np.empty((0, 2))) for _ in range(4))  # nothing was reached yet


@pytest.fixture(scope="module")
def raced():
    return tune(planted(candidates=16, replications=16, batch=8), workers=1)


def test_a_race_spends_less_and_says_the_same_of_those_who_finish(raced) -> None:
    full = tune(planted(candidates=16, replications=16, batch=8, racing=False, sampler="random"), workers=1)
    quick = tune(planted(candidates=16, replications=16, batch=8, sampler="random"), workers=1)
    assert quick.simulations < 0.8 * full.simulations == 0.8 * 16 * 16
    assert quick.simulations == quick.trials["replications"].sum()
    finished = quick.trials["verdict"] == FINISHED
    assert 0 < finished.sum() < 16
    same = [name for name in quick.trials if name.startswith("gain.")]
    pd.testing.assert_frame_equal(
        quick.trials.loc[finished, same], full.trials.loc[finished.to_numpy(), same], check_exact=True
    )
    assert quick.winners[0].number == full.winners[0].number


def test_who_was_dropped_can_neither_win_nor_be_on_the_front(raced) -> None:
    dropped = raced.trials[raced.trials["verdict"] != FINISHED]
    assert not dropped.empty
    assert not dropped["front"].any()
    assert (dropped["replications"] < 16).all()
    assert not {winner.number for winner in raced.winners} & set(dropped["number"])


def test_the_log_of_the_race_tells_of_every_candidate_in_every_round_until_it_ends(raced) -> None:
    log = raced.race
    for candidate, rows in log.groupby("candidate"):
        assert rows["replications"].tolist() == [2, 4, 8, 16][: len(rows)]
        assert (rows["verdict"].iloc[:-1] == GOES_ON).all()
        trial = raced.trials.loc[candidate]
        assert rows["verdict"].iloc[-1] == trial["verdict"]
        assert rows["replications"].iloc[-1] == trial["replications"]
    beaten = log[log["verdict"] == BEATEN]
    assert (beaten["behind.customer_equity"] > 1.7 * beaten["behind_se.customer_equity"]).all()
    assert beaten["beaten_by"].notna().all()


@pytest.mark.slow
@pytest.mark.parametrize("score", ["mean", "cvar"])
def test_a_raced_trial_table_is_the_same_for_any_number_of_workers(score: str) -> None:
    experiment = shop_search(
        sampler="nsga2", objectives=("customer_equity", "repurchase_52"), replications=8, candidates=8,
        worlds=score != "mean", score=score, constraints=(Constraint("discounts", "<=", 3000.0),),
    )  # fmt: skip
    one, two, three = (tune(experiment, workers=n) for n in (1, 2, 3))
    assert one.simulations < 64
    for other in (two, three):
        pd.testing.assert_frame_equal(one.trials, other.trials, check_exact=True)
        pd.testing.assert_frame_equal(one.race, other.race, check_exact=True)
        assert repr(one.winners) == repr(other.winners)  # as text, in which one NaN is like another


def test_a_search_over_worlds_scores_the_gains_of_each_world() -> None:
    """Replication r has world r: the first candidate's score is that of its gains there."""
    experiment = shop_search(replications=6, candidates=1, worlds=True, score="worst", objectives=(EQUITY,))
    found = tune(replace(experiment, ranges={"price.elasticity": (1.2, 3.0)}), workers=1)
    mean = tune(
        replace(
            experiment, question=replace(experiment.question, score="mean"), ranges={"price.elasticity": (1.2, 3.0)}
        ),
        workers=1,
    )
    stated = tune(shop_search(replications=6, candidates=1, objectives=(EQUITY,)), workers=1)
    worst, average = found.trials["gain.customer_equity"][0], mean.trials["gain.customer_equity"][0]
    assert worst < average != stated.trials["gain.customer_equity"][0]
    assert set(found.tables["runs"]["world"]) == {"fixed", "sampled"}
    assert found.tables["effects"]["low_unknowns"].notna().any()


def test_the_search_stops_when_the_budget_is_spent_or_nothing_improves() -> None:
    spent = tune(planted(candidates=24, batch=4, replications=4, simulations=20, racing=False), workers=1)
    assert spent.simulations == 32  # the batch that was begun is ended: 16, then 32
    assert spent.stopped == "the budget of 20 replications was spent"
    still = tune(planted(candidates=40, batch=4, replications=2, patience=2, sampler="random"), workers=1)
    assert len(still.trials) < 40
    assert still.stopped == "the last 2 batches improved the front by less than 1%"


@dataclass(frozen=True)
class Moody:
    """Fails above a rate, once there are customers to look at."""

    rate: Annotated[float, Lever(0.0, 0.5)] = 0.1

    def decide(self, view: FirmView) -> list:
        if self.rate > 0.25 and view.week == 3:
            raise RuntimeError("no idea what to do")
        return [Discount(self.rate)]


def test_a_candidate_that_fails_is_named_and_the_others_go_on() -> None:
    arm = Arm("cut", (Play("cut", Moody()),))
    found = tune(planted(arm, candidates=10, batch=5, sampler="random", replications=2), workers=1)
    failed = found.trials["lever.cut.rate"] > 0.25
    assert 0 < failed.sum() < 10
    assert (found.trials.loc[failed, "verdict"] == "failed").all()
    assert (found.trials.loc[failed, "refused"] == "RuntimeError: no idea what to do").all()
    assert found.trials.loc[~failed, "feasible"].all()
    assert len(found.failures) == 2 * failed.sum()
    assert found.failures[0]["error"] == "RuntimeError: no idea what to do"
    assert found.winners[0].levers["cut.rate"] <= 0.25


@pytest.mark.slow
def test_a_race_picks_the_best_of_twenty_oftener_than_equal_shares_and_its_winner_is_confirmed_honestly() -> None:
    found = measured(run_pool(60))
    assert found.p_gain.value > 2 * found.p_gain.standard_error, found
    assert found.n_runs.value < 0.7 * 320
    assert found.regret_race.value < found.regret_equal.value
    assert abs(found.confirm_bias.value) < 4 * found.confirm_bias.standard_error, found


@pytest.mark.slow
def test_the_time_of_a_tuning_is_taken_with_every_strategy_on() -> None:
    found = timed(experiment_of(candidates=10, replications=4, rows=1_000, weeks=15), workers=1)
    assert found.seconds > 0 < found.processor_seconds
    assert (found.candidates, found.full) == (10, 40)
    assert 20 <= found.simulated <= 40
    assert found.fresh_low < found.fresh_gain < found.fresh_high
    assert found.optimism == found.search_gain - found.fresh_gain
