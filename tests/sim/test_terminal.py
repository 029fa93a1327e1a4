"""The value that is left at the end of a run: what the base, the leads and the market would really bring, and no place
to hide a horizon in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from crmlab.lab import load_world
from crmlab.sim import ChannelBudget, Play
from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.terminal import HORIZON_WEEKS, terminal_of
from crmlab.sim.world import Base, Economics, Population, World
from crmlab.strategies import PointsAndTiers, PriceCut
from tests.conftest import cohort, today

WEEKS = 52


@dataclass(frozen=True)
class NoMedia:
    """Nothing is spent on advertising."""

    def decide(self, view):
        return [ChannelBudget(name, 0.0) for name in view.planned_budget]


def quiet_shop() -> World:
    """The shipped shop, where nobody recommends it."""
    world = load_world("shop").world
    return replace(world, word_of_mouth=replace(world.word_of_mouth, p_invite=0.0))


def simulated_on(market: Market) -> float:
    """What the market really left in the `HORIZON_WEEKS` after now, under today's policy: discounted to now."""
    begun, delta = market.week, market.world.economics.weekly_discount
    market.plays = today()
    market.run(HORIZON_WEEKS)
    outcome = MarketOutcome(market)
    late = outcome.moment >= begun
    orders = (outcome.contribution * np.exp(-delta * (outcome.moment - begun)))[late].sum()
    return float(orders - outcome.costs.of_no_order[begun:] @ np.exp(-delta * np.arange(HORIZON_WEEKS)))


ENDS = {
    "today": (),
    "no media": (Play("off", NoMedia(), start=26),),
    "a price cut": (Play("cut", PriceCut(0.25, 1, 1), start=44),),
}


@pytest.mark.slow
def test_terminal_value_is_what_a_long_run_brings_after_every_kind_of_end() -> None:
    """Closed form against 260 further weeks, the same people and luck: level and difference to today, within 4 standard
    errors; and the level within 4 %."""
    gaps: dict[str, list[float]] = {name: [] for name in ENDS}
    levels = []
    for replication in range(6):
        for name, plays in ENDS.items():
            market = Market(quiet_shop(), today(*plays), customers=2500, seed=3, replication=replication).run(WEEKS)
            expected = terminal_of(market).value
            gaps[name].append(expected - simulated_on(market))
            levels.append(expected)
    for name, gap in gaps.items():
        assert abs(np.mean(gap)) < max(4 * np.std(gap, ddof=1) / math.sqrt(6), 1e-9), name
        beside = np.subtract(gap, gaps["today"])
        assert abs(beside.mean()) <= 4 * beside.std(ddof=1) / math.sqrt(6), name
    assert abs(np.mean(list(gaps.values()))) < 0.04 * np.mean(levels)


def test_customers_who_have_just_come_are_worth_the_textbook_value() -> None:
    """Pareto/NBD without advertising: expected discounted orders in closed form, within 4 standard errors."""
    n = 40_000
    world = cohort(population=Population(customers=n, prospects=0, history_weeks=0.0))
    world = replace(world, economics=Economics(gross_margin=0.5, fulfilment_cost=0.0, payment_cost=0.0))
    market = Market(world, (), seed=2)
    base, delta = Base(), world.economics.weekly_discount
    weeks = np.arange(HORIZON_WEEKS) + 0.5
    survival = (base.beta / (base.beta + weeks)) ** base.s
    orders = base.r / base.alpha * float((survival * np.exp(-delta * weeks)).sum())
    terminal = terminal_of(market).people
    se = terminal.std() / math.sqrt(n)
    assert abs(terminal.mean() - orders * 0.5 * world.spend.mean) < 4 * se


def test_what_is_owed_lowers_it() -> None:
    """Orders borrowed from the future, a price people have got used to, and a market that has been used up."""
    market = Market(quiet_shop(), today(), customers=500, seed=1).run(4)
    whole = terminal_of(market)
    market.customers.debt[: market.n_founding] += 1.0
    borrowed = terminal_of(market)
    assert borrowed.value < whole.value
    market.customers.debt[: market.n_founding] -= 1.0
    market.customers.reference[: market.n_founding] = 0.7
    assert terminal_of(market).value < whole.value
    market.customers.reference[: market.n_founding] = 1.0
    market.customers.stage[market.customers.stage == 0] = 6  # nobody is left to be won
    empty = terminal_of(market)
    assert empty.value < whole.value
    assert empty.media == whole.media > 0


def test_it_is_in_money_of_week_0_and_adds_up() -> None:
    market = Market(quiet_shop(), today(), customers=500, seed=1).run(104)
    kpis = read_all(market)
    end = math.exp(-market.world.economics.weekly_discount * 104)
    assert kpis["terminal_value"] == pytest.approx(terminal_of(market).value * end * market.scale)
    assert kpis["customer_equity"] == pytest.approx(kpis["equity_run"] + kpis["terminal_value"])


LAPSE = "points, all lapse in week 104"


@cache
def gains(weeks: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What policies that act on the horizon gain on today: customer equity, and equity within the run alone.
    Shape [replications] each."""
    points = PointsAndTiers()
    policies = {
        "no media in the last 26 weeks": today(Play("off", NoMedia(), start=weeks - 26)),
        "a cut in the last 8 weeks": today(Play("cut", PriceCut(0.25, 1, 1), start=weeks - 8)),
        "points, rolling": today(Play("points", points)),
        "points, calendar": today(Play("points", replace(points, expiry="calendar", expiry_weeks=52))),
        LAPSE: today(Play("points", replace(points, expiry="calendar", expiry_weeks=104))),
        "points, all lapse at another time": today(Play("points", replace(points, expiry="calendar", expiry_weeks=95))),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in policies}
    for replication in range(4):
        base = read_all(
            Market(load_world("shop").world, today(), customers=2500, seed=3, replication=replication).run(weeks)
        )
        for name, plays in policies.items():
            market = Market(load_world("shop").world, plays, customers=2500, seed=3, replication=replication).run(weeks)
            kpis = read_all(market)
            found[name].append(tuple(kpis[k] - base[k] for k in ("customer_equity", "equity_run")))
    return {name: (np.array(pairs)[:, 0], np.array(pairs)[:, 1]) for name, pairs in found.items()}


@pytest.mark.slow
def test_the_horizon_changes_no_rank() -> None:
    """At 104 and at 260 weeks the same policies are above and below today and each other, as far as they can be told
    apart (beyond 2 standard errors at both lengths). What happens once at the end is not compared with a programme: in
    the longer run it is discounted by three years more, and the programme has run for as many."""
    short, long = gains(104), gains(260)
    names = list(short)
    pairs = [(name, None) for name in names]
    pairs += [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if ("points" in a) == ("points" in b)]
    told = 0
    for one, other in pairs:
        differences = [g[one][0] - (g[other][0] if other else 0.0) for g in (short, long)]
        scores = [_standard_errors_above_0(d) for d in differences]
        if min(map(abs, scores)) > 2:
            told += 1
            assert np.sign(scores[0]) == np.sign(scores[1]), (one, other, scores)
    assert told >= 3


@pytest.mark.slow
def test_what_policies_do_at_the_horizon_ranks_alike_in_short_and_long_runs() -> None:
    """Each beside what it would be without its end: media that stop and a last cut beside today, points that end with
    the calendar beside points that roll or lapse at another time. These are of one kind, so all are ranked against each
    other, as far as they can be told apart (beyond 2 standard errors at both lengths)."""
    without_its_end = {
        "no media in the last 26 weeks": None,
        "a cut in the last 8 weeks": None,
        "points, calendar": "points, rolling",
        LAPSE: "points, all lapse at another time",
    }
    effects = [
        {name: found[name][0] - (found[other][0] if other else 0.0) for name, other in without_its_end.items()}
        for found in (gains(104), gains(260))
    ]
    told = 0
    for one, other in combinations(without_its_end, 2):
        scores = [_standard_errors_above_0(effect[one] - effect[other]) for effect in effects]
        if min(map(abs, scores)) > 2:
            told += 1
            assert np.sign(scores[0]) == np.sign(scores[1]), (one, other, scores)
    assert told >= 4


def _standard_errors_above_0(differences: np.ndarray) -> float:
    return float(differences.mean() / (differences.std(ddof=1) / math.sqrt(differences.size)))


@pytest.mark.slow
def test_points_that_lapse_in_the_last_week_gain_no_more_than_points_that_lapse_at_another_time() -> None:
    """Within 4 standard errors, and within a tenth of what the programme changes at all."""
    found = gains(104)
    at_horizon = found[LAPSE][0] - found["points, all lapse at another time"][0]
    assert abs(at_horizon.mean()) < 4 * at_horizon.std(ddof=1) / math.sqrt(at_horizon.size)
    assert abs(at_horizon.mean()) < 0.1 * abs(found["points, rolling"][0].mean())


@pytest.mark.slow
def test_media_that_end_early_gain_less_than_the_run_alone_says() -> None:
    """Within the run the saved media are pure profit; what they would have won is missing afterwards."""
    equity, within = gains(104)["no media in the last 26 weeks"]
    assert within.mean() > 0
    lost = within - equity
    assert lost.mean() > 2 * lost.std(ddof=1) / math.sqrt(lost.size)
