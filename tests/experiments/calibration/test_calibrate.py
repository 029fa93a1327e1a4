"""From an order log to fitted models: published values, recovery of known truth, and honesty where nothing is known."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crmlab.experiments.calibration.calibrate import Calibration, CalibrationError, calibrate
from crmlab.experiments.calibration.fit import Fit, fit_repeat_models, fit_spend, preferred
from crmlab.experiments.calibration.order_log import OrderLog, read_orders
from crmlab.sim.clv_models import ParetoNBD
from tests.places import ROOT, SAMPLE

CDNOW = SAMPLE
SHARED = ROOT / ".." / "shared" / "data"
ONLINE_RETAIL = SHARED / "online_retail" / "online_retail_invoices.csv.gz"
PUBLISHED_HISTORIES = SHARED / "cdnow" / "cdnow_sample_rfm_cal39.csv"


@pytest.fixture(scope="module")
def cdnow() -> Calibration:
    return calibrate(read_orders(CDNOW, "sample_id", "date", "dollar_value"), holdout_weeks=39)


@pytest.fixture(scope="module")
def online_retail() -> Calibration:
    if not ONLINE_RETAIL.exists():
        pytest.skip("the Online Retail data are not here")
    return calibrate(read_orders(ONLINE_RETAIL, "CustomerID", "invoice_date", "value"), holdout_weeks=12)


def log_of(customer: np.ndarray, week: np.ndarray, amount: np.ndarray | None = None) -> OrderLog:
    """An order log from weeks since 2023-01-01."""
    day = np.datetime64("2023-01-01", "s") + np.floor(np.asarray(week) * 7).astype("timedelta64[D]")
    columns = {"customer": customer, "day": day} | ({} if amount is None else {"amount": amount})
    frame = (
        pd.DataFrame(columns).drop_duplicates(["customer", "day"]).sort_values(["customer", "day"], ignore_index=True)
    )
    return OrderLog(frame, counts={"orders": len(frame), "customers": frame["customer"].nunique()})


def poisson_shop(customers: int, weeks: float, r: float = 1.0, alpha: float = 10.0, seed: int = 1) -> OrderLog:
    """Nobody leaves; first orders spread over the first quarter."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, weeks / 4, customers)
    orders = rng.poisson(rng.gamma(r, 1 / alpha, customers) * (weeks - start))
    who = np.repeat(np.arange(customers), orders)
    later = start[who] + rng.random(len(who)) * (weeks - start[who])
    return log_of(np.concatenate([np.arange(customers), who]), np.concatenate([start, later]))


# --- the published case -------------------------------------------------------------------------------------------


def test_cdnow_gives_the_published_parameters_to_three_digits(cdnow):
    published = {
        "pareto_nbd": ({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, -9594.98),
        "bg_nbd": ({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, -9582.43),
        "gamma_gamma": ({"p": 6.25, "q": 3.74, "gamma": 15.44}, -4055.92),
    }
    for name, (parameters, log_likelihood) in published.items():
        fit = cdnow.fits[name]
        for parameter, value in parameters.items():
            assert round(fit.parameters[parameter], 2 if name == "gamma_gamma" else 3) == value
        assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.006)
    assert cdnow.fits["gamma_gamma"].customers == 946
    assert cdnow.base == "pareto_nbd"


def test_cdnow_calibration_ends_where_published_and_says_how_the_holdout_went(cdnow):
    said = cdnow.to_json()
    assert (said["calibration"]["last_day"], said["customers"], said["orders"]) == ("1997-09-30", 2357, 6696)
    assert said["calibration"]["repeat_orders"] == 2457
    assert (said["holdout"]["weeks"], said["holdout"]["actual_repeat_orders"]) == (39, 1882)
    assert said["holdout"]["pareto_nbd"] == pytest.approx(1665.5, abs=0.5)
    assert said["holdout"]["bg_nbd"] == pytest.approx(1653.4, abs=0.5)
    cohort_misses = [said["holdout"]["cohort_level"][name] / 1882 - 1 for name in ("pareto_nbd", "bg_nbd")]
    assert_allclose(cohort_misses, [-0.07, -0.11], atol=0.006)
    assert any("Pareto/NBD misses the 1882 repeat orders" in warning for warning in said["warnings"])


def test_cdnow_weekly_path_is_the_observed_one_beside_both_models(cdnow):
    table = cdnow.weekly_repeat_table().set_index("week")
    actual = table.loc[[12, 26, 39, 52, 65, 78], "actual_cumulative"]
    assert actual.tolist() == [733, 1746, 2457, 3183, 3844, 4339]
    assert table["phase"].value_counts().to_dict() == {"calibration": 39, "holdout": 39}
    holdout = table.loc[78, ["pareto_nbd", "bg_nbd"]] - table.loc[39, ["pareto_nbd", "bg_nbd"]]
    assert_allclose(holdout.astype(float), list(cdnow.holdout.cohort_level.values())[1:], rtol=1e-9)
    assert (np.diff(table["pareto_nbd"]) > 0).all()


@pytest.mark.skipif(not PUBLISHED_HISTORIES.exists(), reason="the published histories are not here")
def test_cdnow_histories_are_the_published_ones(cdnow):
    published = pd.read_csv(PUBLISHED_HISTORIES)
    assert (cdnow.histories["x"] == published["x"]).all()
    assert_allclose(cdnow.histories["tx"], published["t_x"], atol=0.0051)
    assert_allclose(cdnow.histories["T"], published["T"], atol=0.0051)
    assert_allclose(cdnow.histories["mean_spend"].fillna(0), published["zbar"], atol=0.0051)


def test_own_order_history_reaches_back_to_each_first_order(cdnow):
    oldest = cdnow.orders.groupby("customer")["weeks_before_end"].max()
    assert_allclose(oldest, cdnow.histories["T"])
    assert cdnow.orders["weeks_before_end"].min() >= 0
    assert len(cdnow.orders) == cdnow.histories["x"].sum() + len(cdnow.histories)


def test_the_covariance_is_that_of_the_log_parameters_in_the_stated_order(cdnow):
    said = json.loads(json.dumps(cdnow.to_json()))["models"]["pareto_nbd"]
    assert said["log_covariance_order"] == ["log r", "log alpha", "log s", "log beta"]
    errors = np.sqrt(np.diag(said["log_covariance"])) * [said[name] for name in ("r", "alpha", "s", "beta")]
    assert_allclose(errors, list(said["standard_errors"].values()))
    assert (np.linalg.eigvalsh(said["log_covariance"]) > 0).all()


# --- known truth --------------------------------------------------------------------------------------------------


def assert_recovered(fit: Fit, truth: dict[str, float]) -> None:
    """Every parameter within 2 standard errors."""
    for name, value in truth.items():
        assert abs(fit.parameters[name] - value) < 2 * fit.standard_errors[name], name


def test_refit_recovers_a_simulated_pareto_nbd():
    truth = {"r": 0.6, "alpha": 10.0, "s": 0.7, "beta": 12.0}
    rng = np.random.default_rng(2)
    n = 20_000
    seen = rng.uniform(40, 60, n).round()
    rate, leaving = rng.gamma(0.6, 1 / 10.0, n), rng.exponential(1 / rng.gamma(0.7, 1 / 12.0, n))
    alive_weeks = np.minimum(seen, leaving)
    x = rng.poisson(rate * alive_weeks).astype(float)
    tx = np.where(x > 0, alive_weeks * rng.random(n) ** (1 / np.maximum(x, 1)), 0)
    assert_recovered(fit_repeat_models(x, tx, seen)["pareto_nbd"], truth)


def test_refit_recovers_a_simulated_bg_nbd():
    truth = {"r": 0.4, "alpha": 5.0, "a": 0.8, "b": 2.5}
    rng = np.random.default_rng(3)
    n = 20_000
    seen = rng.uniform(40, 60, n).round()
    rate, p_leave = rng.gamma(0.4, 1 / 5.0, n), rng.beta(0.8, 2.5, n)
    x, tx = np.zeros(n), np.zeros(n)
    ordering, week = np.ones(n, dtype=bool), np.zeros(n)
    while ordering.any():
        week = week + rng.exponential(1 / rate)
        ordering &= week < seen
        x[ordering] += 1
        tx[ordering] = week[ordering]
        ordering &= rng.random(n) > p_leave
    assert_recovered(fit_repeat_models(x, tx, seen)["bg_nbd"], truth)


def test_refit_recovers_a_simulated_gamma_gamma():
    truth = {"p": 6.0, "q": 4.0, "gamma": 15.0}
    rng = np.random.default_rng(4)
    n = 20_000
    x = 1.0 + rng.poisson(2.0, n)
    mbar = rng.gamma(6.0 * x, 1 / (rng.gamma(4.0, 1 / 15.0, n) * x))
    assert_recovered(fit_spend(x, mbar), truth)


# --- what the data cannot tell ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_online_retail_shows_no_dropout_and_falls_back_to_the_nbd(online_retail):
    said = online_retail.to_json()
    assert online_retail.base == said["base_model"] == "nbd"
    for name in ("pareto_nbd", "bg_nbd"):
        assert said["models"][name].keys() == {"identified", "reason", "customers"}
        assert "no drop-out is visible" in said["models"][name]["reason"]
        assert said["holdout"][name] is None
    assert {"r", "alpha", "log_likelihood", "standard_errors", "log_covariance"} <= said["models"]["nbd"].keys()
    assert said["holdout"]["nbd"] > 0
    assert list(online_retail.weekly_repeat_table().columns) == ["week", "actual_cumulative", "nbd", "phase"]


@pytest.mark.slow
def test_a_shop_that_nobody_leaves_gets_the_nbd_and_its_holdout_is_met():
    calibration = calibrate(poisson_shop(4_000, 80), holdout_weeks=26)
    assert calibration.base == "nbd"
    holdout = calibration.holdout
    assert holdout.actual_repeat_orders == pytest.approx(holdout.conditional["nbd"], rel=0.03)


def test_without_amounts_there_is_no_spend_model_and_it_says_so():
    said = calibrate(poisson_shop(300, 60)).to_json()
    assert said["models"]["gamma_gamma"]["identified"] is False
    assert "no amounts" in said["models"]["gamma_gamma"]["reason"]
    assert any("no amounts" in warning for warning in said["warnings"])
    assert (said["holdout"]["weeks"], said["holdout"]["actual_repeat_orders"]) == (0, None)


def test_a_customer_base_that_pays_one_price_gets_a_spend_of_one_price():
    shop = poisson_shop(300, 60)
    shop.frame["amount"] = 9.99
    calibration = calibrate(shop)
    spend = calibration.fits["gamma_gamma"]
    assert spend.held == ("p", "q")
    assert float(spend.model.mean()) == pytest.approx(9.99, rel=0.02)
    assert any("p is held at 100" in warning for warning in calibration.warnings)


def test_customers_who_order_alike_get_equal_rates():
    rng = np.random.default_rng(8)
    orders = rng.poisson(0.15 * 60, 400)
    who = np.repeat(np.arange(400), orders)
    log = log_of(np.concatenate([np.arange(400), who]), np.concatenate([np.zeros(400), rng.uniform(0.2, 60, len(who))]))
    calibration = calibrate(log)
    fit = calibration.fits["nbd"]
    assert (calibration.base, fit.held, fit.parameters["r"]) == ("nbd", ("r",), 100)
    assert 100 / fit.parameters["alpha"] == pytest.approx(calibration.histories["x"].sum() / (60 * 400), rel=0.02)
    assert fit.standard_errors["r"] == 0 < fit.standard_errors["alpha"]


def test_equal_departure_rates_are_kept_and_the_survival_is_right():
    """Everybody leaves at 0.04 a week: neither 'nobody leaves' nor a spread that the data do not show."""
    rng = np.random.default_rng(9)
    n, weeks = 1500, 78.0
    alive = np.minimum(rng.exponential(1 / 0.04, n), weeks)
    x = rng.poisson(rng.gamma(1.0, 1 / 5.0, n) * alive).astype(float)
    tx = np.where(x > 0, alive * rng.random(n) ** (1 / np.maximum(x, 1)), 0)
    fits = fit_repeat_models(x, tx, np.full(n, weeks))
    fit = fits["pareto_nbd"]
    assert preferred(fits) == "pareto_nbd"
    assert fit.held == ("s",)
    assert fit.lost < 2
    assert fit.model.survival(26) == pytest.approx(np.exp(-0.04 * 26), abs=0.05)


@pytest.mark.parametrize("shape", [1e3, 1e5, 1e7])
def test_the_profile_is_flat_where_rates_are_equal_not_noise(shape):
    """The likelihood of all but equal rates tends to that of equal ones, digit by digit."""
    x, tx, seen = np.array([0.0, 3.0, 40.0]), np.array([0.0, 20.0, 50.0]), np.array([52.0, 52.0, 52.0])
    near = ParetoNBD(shape, shape * 4, shape, shape * 30).log_likelihood(x, tx, seen)
    far = ParetoNBD(10 * shape, 40 * shape, 10 * shape, 300 * shape).log_likelihood(x, tx, seen)
    rate, leaving = 1 / 4, 1 / 30
    total = rate + leaving
    equal = x * np.log(rate) + np.log(
        np.exp(-total * seen) + leaving / total * (np.exp(-total * tx) - np.exp(-total * seen))
    )
    assert_allclose(far, equal, atol=50 / shape + 1e-6)
    assert (np.abs(far - equal) <= np.abs(near - equal) + 1e-9).all()


def test_a_stray_top_in_the_rounding_is_no_estimate():
    """Heavy-tailed amounts: q and gamma run off together, whatever a second derivative says."""
    rng = np.random.default_rng(10)
    n = 400
    x = 1.0 + rng.poisson(2.0, n)
    spend = fit_spend(x, rng.gamma(0.06 * x, 1e8, n) / x + 1e-3)
    assert not spend.identified
    assert spend.reason


@pytest.mark.parametrize(
    ("shop", "holdout_weeks", "sentence"),
    [
        (poisson_shop(40, 60), 0, "holds 40 customers: at least 50 are needed"),
        (poisson_shop(100, 60, alpha=10_000.0), 0, "repeat orders: at least 20 are needed"),
        (poisson_shop(300, 60), 70, "leaves after a holdout of 70 weeks 0.0 weeks to learn from: at least 4"),
        (poisson_shop(300, 3), 0, "weeks to learn from: at least 4 are needed"),
        (poisson_shop(300, 60), -1, "a holdout of -1 weeks is impossible"),
        (poisson_shop(300, 60), float("nan"), "a holdout of nan weeks is impossible"),
    ],
)
def test_too_little_data_is_refused_in_one_sentence(shop, holdout_weeks, sentence):
    with pytest.raises(CalibrationError) as caught:
        calibrate(shop, holdout_weeks)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_million_orders_are_fitted_in_seconds():
    rng = np.random.default_rng(5)
    n, weeks = 200_000, 104.0
    start = rng.uniform(0, weeks, n)
    rate, lifetime = rng.gamma(0.9, 1 / 7, n), rng.exponential(1 / rng.gamma(0.7, 1 / 20, n))
    alive_weeks = np.minimum(lifetime, weeks - start)
    who = np.repeat(np.arange(n), rng.poisson(rate * alive_weeks))
    week = start[who] + rng.random(len(who)) * alive_weeks[who]
    log = log_of(np.concatenate([np.arange(n), who]), np.concatenate([start, week]))
    assert log.counts["orders"] > 800_000
    calibration = calibrate(log, holdout_weeks=13)
    assert calibration.base == "pareto_nbd"
    assert calibration.fits["pareto_nbd"].parameters["r"] == pytest.approx(0.9, rel=0.05)
