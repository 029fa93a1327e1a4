"""With every mechanism at null strength the world is the textbook model: acceptance rows 1 to 5.

Tolerance: 4 Monte Carlo standard errors, fixed seeds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crmlab.experiments.calibration.fit import fit_repeat_models, fit_spend
from crmlab.sim.clv_models import BGNBD, NBD, ParetoNBD
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.market import Market
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.world import Base, Calendar, Spend
from tests.conftest import CDNOW_BG, CDNOW_PARETO, cohort

N = 60_000
BASES = {"pareto_nbd": CDNOW_PARETO, "bg_nbd": CDNOW_BG, "nbd": Base(model="nbd")}


@pytest.fixture(scope="module")
def simulated():
    """A fresh cohort after so many weeks, remembered per model."""
    markets: dict[tuple[str, int], Market] = {}

    def simulate(model: str, weeks: int) -> Market:
        if (model, weeks) not in markets:
            markets[model, weeks] = Market(cohort(BASES[model]), customers=N, seed=11).run(weeks)
        return markets[model, weeks]

    return simulate


def z_of_mean(sample: np.ndarray, target: float) -> float:
    return (sample.mean() - target) / (sample.std(ddof=1) / np.sqrt(sample.size))


def repeats(market: Market) -> np.ndarray:
    return market.customers.orders - 1.0


def test_bg_nbd_customers_repeat_as_often_as_published(simulated) -> None:
    x = repeats(simulated("bg_nbd", 52))
    assert abs(z_of_mean(x, 1.4461)) < 4
    assert abs(z_of_mean(x > 0, 0.4616)) < 4


def test_pareto_nbd_customers_repeat_and_survive_as_published(simulated) -> None:
    market = simulated("pareto_nbd", 78)
    assert abs(z_of_mean(repeats(market), 1.9094)) < 4
    assert abs(z_of_mean(repeats(market) > 0, 0.4473)) < 4
    assert abs(z_of_mean(market.customers.stage == CUSTOMER, 0.2906)) < 4


def test_customers_who_never_leave_follow_the_nbd(simulated) -> None:
    base = Base(model="nbd")
    x = repeats(simulated("nbd", 52))
    clv_models = NBD(base.r, base.alpha)
    assert abs(z_of_mean(x, float(clv_models.expected_orders(52)))) < 4
    assert abs(z_of_mean(x == 0, float(clv_models.p_none(52)))) < 4


@pytest.mark.parametrize("model", ["pareto_nbd", "bg_nbd"])
def test_the_path_over_time_is_right_at_every_quarter_and_not_only_at_the_end(simulated, model: str) -> None:
    base = BASES[model]
    clv_models = (
        ParetoNBD(base.r, base.alpha, base.s, base.beta)
        if model == "pareto_nbd"
        else BGNBD(base.r, base.alpha, base.a, base.b)
    )
    market = simulated(model, 78 if model == "pareto_nbd" else 52)
    week, orders = market.order_log.table()
    for weeks in (1, 13, 26, 39, 52):
        x = np.bincount(orders.row[week < weeks], minlength=N)
        assert abs(z_of_mean(x, float(clv_models.expected_orders(weeks)))) < 4, weeks


def test_order_values_have_the_published_mean_and_the_published_spread_within_a_customer(simulated) -> None:
    market = simulated("pareto_nbd", 78)
    outcome = MarketOutcome(market)
    row, value = outcome.orders.row, outcome.orders.value / 100
    # Spend is independent of frequency: weigh every buyer once to test the mean of 35.22.
    n = np.bincount(row)
    buyers = n > 0
    mean_of_buyer = np.bincount(row, value)[buyers] / n[buyers]
    assert abs(z_of_mean(mean_of_buyer, 35.22)) < 4
    # Within a customer: relative deviation of two orders of one person has variance 2 / p.
    first = np.full(N, np.nan)
    first[row[outcome.orders.nth == 1]] = value[outcome.orders.nth == 1]
    second = np.full(N, np.nan)
    second[row[outcome.orders.nth == 2]] = value[outcome.orders.nth == 2]
    both = ~np.isnan(first + second)
    scaled = (first[both] - second[both]) / market.customers.mean_order[row_index(both)]
    spread = scaled**2 / 2
    assert abs(z_of_mean(spread, 0.40**2)) < 4


def row_index(mask: np.ndarray) -> np.ndarray:
    return np.flatnonzero(mask)


def test_discounted_repeat_orders_equal_the_closed_form(simulated) -> None:
    world = cohort()
    delta = world.economics.weekly_discount
    outcome = MarketOutcome(Market(world, customers=N, seed=12).run(156))
    discount = np.exp(-delta * outcome.moment)
    for weeks, target in ((52, 1.390), (156, 2.469)):
        inside = outcome.moment <= weeks
        per_customer = np.bincount(outcome.orders.row[inside], discount[inside], N)
        assert abs(z_of_mean(per_customer, target)) < 4, weeks


def test_refitting_the_simulated_orders_recovers_the_world(simulated) -> None:
    """Row 5: maximum likelihood on what the simulation produced, within 2 standard errors (20 000 customers)."""
    market = Market(cohort(), customers=20_000, seed=5).run(52)
    x = market.customers.orders - 1.0
    last = np.where(x > 0, market.customers.last_order, 0.0).astype(np.float64)
    fit = fit_repeat_models(x, last, np.full(x.size, 52.0))["pareto_nbd"]
    assert fit.identified
    for name in ("r", "alpha", "s", "beta"):
        assert abs(fit.parameters[name] - getattr(CDNOW_PARETO, name)) < 2 * fit.standard_errors[name], name


def test_refitting_the_simulated_spend_recovers_the_world() -> None:
    market = Market(cohort(), customers=20_000, seed=6).run(104)
    outcome = MarketOutcome(market)
    repeat = outcome.orders.nth > 0
    x = np.bincount(outcome.orders.row[repeat], minlength=20_000)
    total = np.bincount(outcome.orders.row[repeat], outcome.orders.paid[repeat] / 100, 20_000)
    fit = fit_spend(x[x > 0].astype(float), total[x > 0] / x[x > 0])
    for name in ("p", "q", "gamma"):
        assert abs(fit.parameters[name] - getattr(market.world.spend, name)) < 2 * fit.standard_errors[name], name


def test_several_orders_a_week_are_possible_and_moments_lie_inside_the_week() -> None:
    market = Market(cohort(Base(model="nbd", r=5.0, alpha=1.0)), customers=500).run(4)
    week, orders = market.order_log.table()
    assert orders.n == pytest.approx(500 * 4 * 5, rel=0.1)
    assert np.bincount(orders.row[week == 0]).max() > 5
    assert orders.at.min() >= 0
    assert orders.at.max() <= 1
    per_row = np.lexsort((orders.nth, orders.row))
    moment = (week + orders.at)[per_row]
    same = np.diff(orders.row[per_row]) == 0
    assert (np.diff(moment)[same] >= 0).all()


def test_a_season_moves_orders_between_weeks_but_not_their_number_over_the_year() -> None:
    calm, wavy = (
        Market(
            replace(cohort(Base(model="nbd")), calendar=Calendar(season_amplitude=a, season_peak_week=13)),
            customers=30_000,
            seed=2,
        ).run(52)
        for a in (0.0, 0.4)
    )
    assert np.array_equal(calm.customers.orders, wavy.customers.orders)  # the same total hazard: not one order differs
    peak = wavy.books["orders"][10:17].mean() / calm.books["orders"][10:17].mean()
    assert 1.3 < peak < 1.55


def test_the_spend_model_of_the_world_is_the_one_that_orders_follow() -> None:
    market = Market(cohort(spend=Spend(2.0, 5.0, 200.0)), customers=20_000, seed=3).run(26)
    outcome = MarketOutcome(market)
    n = np.bincount(outcome.orders.row, minlength=20_000)
    means = np.bincount(outcome.orders.row, outcome.orders.value / 100, 20_000)[n > 0] / n[n > 0]
    assert abs(z_of_mean(means, 100.0)) < 4
