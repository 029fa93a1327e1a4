"""The benchmark compares engines that live one model; here at tiny sizes, without a word about time."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from crmlab.experiments.bench import command, desk, suite, variance
from crmlab.experiments.bench.agreement import agreements
from crmlab.experiments.bench.engines import ours, plain_mesa, plain_numpy, served_market
from crmlab.experiments.bench.measure import Case, measure_here
from crmlab.experiments.bench.model import all_plays, base_world, founding_customers
from crmlab.experiments.bench.population import Advertising, draw_founding_population
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.mechanisms.acquisition.channels import hill_leads
from crmlab.sim.mechanisms.service_desk.service_desk import Service


@pytest.mark.parametrize("cut", [0.0, 0.2])
def test_three_engines_agree_on_orders_newcomers_revenue_and_customers(cut: float) -> None:
    # Welch z over 12 runs of each engine; 4.5 standard errors are passed by luck once in a few thousand such tests.
    checks = agreements(rows=600, weeks=16, runs=12, cut=cut)
    assert {check.engine for check in checks} == {"numpy", "mesa"}
    assert [check for check in checks if not check.holds] == []


def test_an_engine_with_another_price_would_be_noticed() -> None:
    ordinary = [ours(2_000, seed).run(26).outcome.orders for seed in range(1, 7)]
    cheaper = [plain_numpy(2_000, seed, cut=0.2).run(26).outcome.orders for seed in range(1, 7)]
    error = np.sqrt((np.var(ordinary, ddof=1) + np.var(cheaper, ddof=1)) / 6)
    assert (np.mean(cheaper) - np.mean(ordinary)) / error > 4.5


def test_plain_founders_have_the_moments_of_the_world() -> None:
    world = base_world().at_rows(2_000)[0]
    founding = draw_founding_population(world, np.random.default_rng(1))
    n = founding.order_rate.size
    base, price = world.base, world.price
    # Standard errors: sd / sqrt(n), with sd of a gamma rate sqrt(r) / alpha; 4 of them.
    assert founding.order_rate.mean() == pytest.approx(
        base.r / base.alpha, abs=4 * np.sqrt(base.r) / base.alpha / np.sqrt(n)
    )
    assert founding.elasticity.mean() == pytest.approx(price.elasticity, abs=4 * founding.elasticity.std() / np.sqrt(n))
    assert founding.elasticity.max() <= price.elasticity_max * (1 + 1e-6)
    for affinity in founding.affinity:
        assert affinity.mean() == pytest.approx(1.0, abs=4 * affinity.std() / np.sqrt(n))


def test_plain_advertising_moves_prospects_as_the_channels_of_the_market_do() -> None:
    world = base_world()
    market = Market(world, all_plays()[:1], customers=100)
    opening = [channel.clock for channel in Acquisition.of(market).channels]
    market.run(3)
    advertising = Advertising(world.at_rows(100)[0])
    clocks = sum(advertising.week() for _ in range(3))
    moved = np.subtract([channel.clock for channel in Acquisition.of(market).channels], opening)
    np.testing.assert_allclose(clocks, moved, rtol=1e-12)
    steady = [hill_leads(c, c.budget) for c in world.at_rows(100)[0].channels]
    np.testing.assert_allclose(advertising.week() * advertising.prospects, steady, rtol=1e-12)


def test_engines_hold_as_many_people_as_they_were_asked_for() -> None:
    world = base_world().at_rows(founding_customers(base_world(), 500))[0]
    assert world.population.customers + world.population.prospects == 500
    assert ours(500, 1).customers.n == plain_numpy(500, 1).orders.size == plain_mesa(500, 1).n == 500


@pytest.mark.parametrize("rows", [1_000, 20_000])
def test_the_served_market_is_as_large_as_its_rows_and_its_desk_is_not_overloaded(rows: int) -> None:
    market = served_market(rows, seed=1).run(12)
    service = Service.of(market)
    assert (market.customers.n, service.setting.scale) == (rows, 1.0)
    assert service.record.arrived > 0
    assert service.record.load < 1
    assert service.record.n_abandoned < 0.2 * service.record.arrived


@pytest.mark.parametrize(("plays", "max_bytes"), [("base", suite.ROW_BYTES), ("all strategies", suite.ALL_ROW_BYTES)])
def test_a_measured_case_states_time_memory_and_who_ever_bought(plays: str, max_bytes: float) -> None:
    measured = measure_here(Case("ours", rows=300, weeks=2, runs=2, plays=plays))
    assert 0 < measured.min_ns <= measured.median_ns
    assert 0 < measured.pass_median_ns < measured.median_ns
    assert 0.1 <= measured.share_bought < 0.3
    assert 0 < measured.column_bytes <= max_bytes


@pytest.mark.slow
def test_the_variance_of_reference_policies_comes_with_half_width_and_standard_error() -> None:
    alone = variance.reductions(customers=800, weeks=20, replications=12)
    market = variance.reductions(customers=400, weeks=20, replications=12, reference=variance.MARKET)
    served = variance.reductions(customers=1000, weeks=20, replications=12, reference=variance.SERVICE)
    assert [r.policy for r in served] == list(variance.SERVICE_TARGETS)
    assert all(r.factor > 5 for r in served)
    for found in (alone, market):
        assert [r.policy for r in found][: len(variance.TARGETS)] == list(variance.TARGETS)
        moved = [r for r in found if r.effect != 0]  # so small a market may see no friend come
        assert len(moved) >= len(variance.TARGETS)
        assert all(r.factor > 1 and r.half_width > 0 and np.isfinite(r.standard_error) for r in moved)
    assert [r.target for r in alone] == list(variance.TARGETS.values())
    assert {r.policy for r in market if r.target} == set(variance.MARKET_TARGETS)


def test_the_command_prints_json_and_fails_when_engines_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = suite.Suite(
        sizes=(300,), mesa_sizes=(200,), growth=(200, 300), weeks=2, growth_weeks=1, runs=1, agreement_rows=200,
        agreement_runs=4,
    )  # fmt: skip
    monkeypatch.setattr(suite, "QUICK", tiny)
    monkeypatch.setattr(suite, "measure", measure_here)
    monkeypatch.setattr(suite, "compile_seconds", lambda: (1.0, 0.1))
    monkeypatch.setattr("crmlab.experiments.bench.agreement.MAX_Z", 0.0)
    result = CliRunner().invoke(command.app, ["--quick", "--json"])
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert printed["agree"] is False
    assert {target["unit"] for target in printed["targets"]} >= {"ns / row-week", "bytes / row", "microseconds"}


def test_both_desks_are_timed_on_tickets_of_which_they_tell_the_same() -> None:
    found = desk.desk_times(per_hour=3.0, clerks=4, weeks=2, runs=1)
    assert [timed.desk for timed in found.times] == ["simpy", "compiled"]
    assert all(0 < timed.best <= timed.median for timed in found.times)
    assert min(found.answered, found.abandoned, found.waiting) > 0
    assert found.differences == ()


def test_the_command_fails_when_the_desks_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "differences", lambda one, other: ["week 0, finished: clerk"])
    few = ["desk", "--per-hour", "1", "--clerks", "2", "--weeks", "2", "--runs", "1"]
    result = CliRunner().invoke(command.app, few)
    assert result.exit_code == 1
    assert "DIFFER: week 0, finished: clerk" in result.stdout
