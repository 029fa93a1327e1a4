"""The closed forms give the published numbers, agree with each other, and survive extreme customers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from crmlab.sim.clv_models import BGNBD, NBD, GammaGamma, ParetoNBD, RepeatModel

PARETO = ParetoNBD(r=0.553, alpha=10.578, s=0.606, beta=11.669)
BG = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
SPEND = GammaGamma(p=6.25, q=3.74, gamma=15.44)
WEEKS = np.array([1, 13, 26, 39, 52, 78, 104])
DELTA = np.log(1.15) / 52  # 15 % a year


def test_expected_repeat_orders_of_a_new_customer_are_the_published_ones():
    assert_allclose(BG.expected_orders(WEEKS), [0.0533, 0.5344, 0.9026, 1.1967, 1.4461, 1.8605, 2.2028], atol=6e-5)
    assert_allclose(PARETO.expected_orders(WEEKS), [0.0510, 0.5312, 0.9086, 1.2130, 1.4730, 1.9094, 2.2743], atol=6e-5)


def test_repurchase_rates_of_a_new_customer_are_the_published_ones():
    assert_allclose(BG.p_any(WEEKS), [0.0484, 0.2836, 0.3744, 0.4262, 0.4616, 0.5090, 0.5406], atol=6e-5)
    assert_allclose(PARETO.p_any(WEEKS[1:-1]), [0.2932, 0.3712, 0.4064, 0.4261, 0.4473], atol=6e-5)


def test_survival_is_the_published_one():
    assert_allclose(PARETO.survival(WEEKS), [0.9514, 0.6353, 0.4916, 0.4107, 0.3576, 0.2906, 0.2491], atol=6e-5)


def test_what_a_known_customer_will_do_is_the_published_one():
    assert_allclose(BG.expected_future(39, 2, 30.43, 38.86), 1.2260, atol=6e-5)
    assert_allclose(BG.p_alive([2, 1, 7], [30.43, 1.71, 29.43], 38.86), [0.7266, 0.2121, 0.6418], atol=6e-5)


def test_discounted_lifetime_values_are_the_published_ones():
    assert_allclose(PARETO.derl_new(DELTA), 3.9641, atol=6e-5)
    residual = PARETO.derl(DELTA, [2, 7, 0], [30.43, 35, 0], 38.86)
    assert (np.abs(residual - [6.502, 20.72, 0.478]) < [6e-4, 6e-3, 6e-4]).all()  # one unit of the digits printed
    assert_allclose(
        [PARETO.discounted_expected_orders(DELTA, h) for h in (52, 104, 156)], [1.390, 2.043, 2.469], atol=6e-4
    )
    assert_allclose(SPEND.mean() * PARETO.derl_new(DELTA), 139.6, atol=0.06)


def test_mean_spend_is_the_published_one_and_a_customer_lies_between_it_and_his_own_mean():
    assert_allclose(SPEND.mean(), 35.22, atol=6e-3)
    weight = 6.25 * 3 / (6.25 * 3 + 2.74)
    assert_allclose(SPEND.expected_mean(3, 100.0), (1 - weight) * SPEND.mean() + weight * 100.0)
    assert GammaGamma(6.0, 0.9, 15.0).mean() == np.inf


def test_spend_likelihood_is_a_density():
    assert_allclose(quad(lambda m: np.exp(SPEND.log_likelihood(3, m)), 0, np.inf)[0], 1, rtol=1e-7)


@pytest.mark.parametrize("model", [PARETO, ParetoNBD(0.5, 3.0, 0.6, 30.0), ParetoNBD(0.5, 9.0, 1.0, 9.0)])
def test_pareto_likelihood_is_the_chance_of_nothing_where_nothing_happened(model):
    """Against the integral over the moment of leaving, with alpha above, below and equal to beta."""
    r, alpha, s, beta, t = model.r, model.alpha, model.s, model.beta, 39.0
    left = quad(lambda u: s * beta**s * (beta + u) ** -(s + 1) * (alpha / (alpha + u)) ** r, 0, t)[0]
    stayed = (alpha / (alpha + t)) ** r * (beta / (beta + t)) ** s
    assert_allclose(model.p_none(t), stayed + left, rtol=1e-9)


def test_pareto_likelihood_holds_where_the_textbook_formula_loses_its_digits():
    """2 051 orders in a week and alpha >> beta: the published hypergeometric difference gives nonsense here."""
    r, alpha, s, beta, x, tx, T = 0.105, 1340.0, 0.481, 0.627, 2050, 0.617, 0.7064
    reference = quad(
        lambda u: ((alpha + u) / (alpha + tx)) ** -(r + x) * ((beta + u) / (beta + tx)) ** -(s + 1), tx, T, epsabs=0
    )[0]
    departed = np.log(s * reference) - (r + x) * np.log(alpha + tx) - (s + 1) * np.log(beta + tx)
    alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
    odds = np.exp(alive - departed)
    assert_allclose(ParetoNBD(r, alpha, s, beta).p_alive(x, tx, T), odds / (1 + odds), rtol=1e-7)


@pytest.mark.parametrize("model", [PARETO, BG, NBD(0.4, 10.0)])
def test_customers_with_thousands_of_orders_over_decades_stay_finite(model):
    x, T = np.array([0, 1, 50, 5_000]), 2_000.0
    tx = np.array([0, 900.0, 1_999.0, 1_999.9])
    assert np.isfinite(model.log_likelihood(x, tx, T)).all()
    future = model.expected_future(520, x, tx, T)
    assert np.isfinite(future).all()
    assert ((future >= 0) & (future <= (model.r + x) / (model.alpha + T) * 520)).all()
    assert ((model.p_alive(x, tx, T) >= 0) & (model.p_alive(x, tx, T) <= 1)).all()


@pytest.mark.parametrize("model", [PARETO, BG])
def test_an_order_on_the_last_day_never_lowers_the_hope_that_the_customer_stays(model):
    tx = np.linspace(1, 38.86, 20)
    assert (np.diff(model.p_alive(3, tx, 38.86)) > 0).all()


def test_nothing_odd_happens_where_the_closed_forms_divide_by_zero():
    for exact, below, above in (
        (ParetoNBD(0.5, 9, 1.0, 9), ParetoNBD(0.5, 9, 0.999, 9), ParetoNBD(0.5, 9, 1.001, 9)),
        (BGNBD(0.3, 5, 1.0, 2), BGNBD(0.3, 5, 0.999, 2), BGNBD(0.3, 5, 1.001, 2)),
        (BGNBD(0.3, 5, 0.4, 0.6), BGNBD(0.3, 5, 0.4, 0.599), BGNBD(0.3, 5, 0.4, 0.601)),
    ):
        middle = (below.expected_orders(WEEKS) + above.expected_orders(WEEKS)) / 2
        assert_allclose(exact.expected_orders(WEEKS), middle, rtol=5e-6)


def test_without_dropout_both_models_are_the_nbd():
    nbd = NBD(0.4, 10.0)
    x, tx, T = np.array([0, 1, 6]), np.array([0, 3.0, 30.0]), 39.0
    for nobody_leaves in (ParetoNBD(0.4, 10.0, 1e-9, 10.0), BGNBD(0.4, 10.0, 1e-9, 10.0)):
        assert_allclose(nobody_leaves.log_likelihood(x, tx, T), nbd.log_likelihood(x, tx, T), atol=1e-6)
        assert_allclose(nobody_leaves.expected_orders(52), nbd.expected_orders(52), rtol=1e-6)
        assert_allclose(nobody_leaves.expected_future(52, x, tx, T), nbd.expected_future(52, x, tx, T), rtol=1e-6)


@pytest.mark.parametrize("model", [PARETO, BG, NBD(0.4, 10.0)])
def test_discounting_agrees_with_quadrature_and_without_discount_is_a_plain_count(model):
    def worth(week: float) -> float:
        return DELTA * np.exp(-DELTA * week) * float(model.expected_orders(week))

    at_end = np.exp(-DELTA * 104) * model.expected_orders(104)
    assert_allclose(model.discounted_expected_orders(DELTA, 104), at_end + quad(worth, 0, 104)[0], rtol=1e-8)
    assert_allclose(model.derl_new(DELTA), quad(worth, 0, 20_000, limit=500)[0], rtol=1e-6)
    assert_allclose(RepeatModel.derl_new(model, DELTA), model.derl_new(DELTA), rtol=1e-8)
    assert_allclose(model.discounted_expected_orders(0.0, 52), model.expected_orders(52))


def test_the_models_describe_simulated_people():
    """200 000 simulated customers; within 4 standard errors."""
    rng = np.random.default_rng(11)
    n, weeks = 200_000, 52
    rate, p_leave = rng.gamma(BG.r, 1 / BG.alpha, n), rng.beta(BG.a, BG.b, n)
    orders_until_leaving = rng.geometric(p_leave)
    arrivals = rng.poisson(rate * weeks)
    orders, alive = np.minimum(arrivals, orders_until_leaving), arrivals < orders_until_leaving
    assert abs(orders.mean() - BG.expected_orders(weeks)) < 4 * orders.std() / np.sqrt(n)
    assert abs(alive.mean() - BG.survival(weeks)) < 4 * alive.std() / np.sqrt(n)
    rate, lifetime = (
        rng.gamma(PARETO.r, 1 / PARETO.alpha, n),
        rng.exponential(1 / rng.gamma(PARETO.s, 1 / PARETO.beta, n)),
    )
    orders = rng.poisson(rate * np.minimum(lifetime, weeks))
    assert abs(orders.mean() - PARETO.expected_orders(weeks)) < 4 * orders.std() / np.sqrt(n)
    assert abs((orders == 0).mean() - PARETO.p_none(weeks)) < 4 * (orders == 0).std() / np.sqrt(n)
