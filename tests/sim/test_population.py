"""Who is there at week 0: exact posterior draws for imported customers, a run past for the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crmlab.sim.clv_models import BGNBD, GammaGamma, ParetoNBD
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.population import create_population
from crmlab.sim.posterior import resampled, summary_of
from crmlab.sim.world import Base, History, Population
from tests.conftest import CDNOW_BG, CDNOW_PARETO, cohort, shop, today

# (repeat orders, weeks of the last, weeks watched): the published examples and some extremes
LIVES = [(2, 30.43, 38.86), (1, 1.71, 38.86), (7, 29.43, 38.86), (0, 0.0, 38.86), (7, 35.0, 38.86), (0, 0.0, 3.0)]
COPIES = 6000


def imported(histories=LIVES, amount: float | None = 30.0) -> History:
    """A log with one customer per life: first order, then x repeats spread up to t_x."""
    who, when = [], []
    for number, (x, t_x, watched) in enumerate(histories):
        times = [0.0, *(t_x * (k + 1) / x for k in range(x))]
        who += [number] * len(times)
        when += [watched - t for t in times]
    order = np.argsort(-np.array(when), kind="stable")
    amounts = None if amount is None else np.full(len(who), amount)
    return History(np.array(who)[order], np.array(when)[order], amounts)


def created(base: Base, history: History, copies: int = COPIES):
    n = copies * history.n_customers
    world = cohort(base, history=history, population=Population(customers=n, prospects=0))
    owner = resampled(history.n_customers, n, seed=4)
    return world, owner


def assert_within_4_se(values: np.ndarray, target: float, what: str) -> None:
    se = max(values.std(ddof=1), 1e-3) / np.sqrt(values.size)
    assert abs(values.mean() - target) < 4 * se, f"{what}: {values.mean():.4f} +- {se:.4f}, wanted {target:.4f}"


def test_an_imported_log_is_summed_up_as_the_models_do() -> None:
    seen = summary_of(imported())
    np.testing.assert_allclose(seen.x, [x for x, _, _ in LIVES])
    np.testing.assert_allclose(seen.t_x, [t for _, t, _ in LIVES], atol=1e-9)
    np.testing.assert_allclose(seen.watched, [w for _, _, w in LIVES])
    np.testing.assert_allclose(seen.mean_spend, [30.0, 30.0, 30.0, 0.0, 30.0, 0.0])


@pytest.mark.parametrize("base", [CDNOW_PARETO, CDNOW_BG], ids=["pareto_nbd", "bg_nbd"])
def test_posterior_founding_reproduces_p_alive_and_the_conditional_expectation(base: Base) -> None:
    world, owner = created(base, imported())
    clv_models = (
        ParetoNBD(base.r, base.alpha, base.s, base.beta)
        if base.model == "pareto_nbd"
        else BGNBD(base.r, base.alpha, base.a, base.b)
    )
    market = Market(world, (), seed=4)
    alive = market.customers.stage == CUSTOMER
    market.run(39)
    _, orders = market.order_log.table()
    future = np.bincount(orders.row, minlength=alive.size)
    for number, (x, t_x, watched) in enumerate(LIVES):
        copies = owner == number
        assert_within_4_se(alive[copies], float(clv_models.p_alive(x, t_x, watched)), f"P(alive) of {number}")
        assert_within_4_se(
            future[copies], float(clv_models.expected_future(39, x, t_x, watched)), f"orders of {number}"
        )


def test_published_fixture_of_a_customer_with_two_repeats() -> None:
    """Mechanisms 1.3: BG/NBD E[Y(39) | 2, 30.43, 38.86] = 1.2260."""
    world, _ = created(CDNOW_BG, imported(LIVES[:1]), copies=30_000)
    future = Market(world, (), seed=4).run(39).books["orders"].sum()
    assert abs(future / 30_000 - 1.2260) < 4 * 0.0125  # sd of a customer's count is about 2.1


def test_departed_customers_left_between_their_last_order_and_the_end() -> None:
    """The departure time has density proportional to (alpha + tau)^-(r + x) (beta + tau)^-(s + 1) on (t_x, T)."""
    from scipy.integrate import quad

    from crmlab.sim.posterior import _departure_time

    base = CDNOW_PARETO
    world, _ = created(base, imported())
    u = (np.arange(4000) + 0.5) / 4000
    for number in (0, 2, 3):
        seen = summary_of(imported()).take(np.full(u.size, number))
        tau = _departure_time(world, seen, u)
        x, t_x, watched = LIVES[number]

        def density(t: float, x: float = x) -> float:
            return (base.alpha + t) ** -(base.r + x) * (base.beta + t) ** -(base.s + 1)

        whole = quad(density, t_x, watched)[0]
        mean = quad(lambda t: t * density(t), t_x, watched)[0] / whole
        assert tau.mean() == pytest.approx(mean, rel=1e-4)
        below = quad(density, t_x, (t_x + watched) / 2)[0] / whole
        assert (tau < (t_x + watched) / 2).mean() == pytest.approx(below, abs=1e-3)


def test_spend_of_imported_customers_follows_their_own_history() -> None:
    rich, poor = 90.0, 12.0
    history = imported([(7, 35.0, 38.86)] * 2)
    amount = np.where(history.customer == 0, rich, poor)
    world, owner = created(CDNOW_PARETO, replace(history, amount=amount))
    mean = create_population(world, 4, 0).customers.mean_order
    clv_models = GammaGamma(world.spend.p, world.spend.q, world.spend.gamma)
    for number, spent in ((0, rich), (1, poor)):
        assert_within_4_se(mean[owner == number], float(clv_models.expected_mean(7, spent)), f"mean order {spent}")


def test_every_imported_customer_is_copied_equally_often_and_small_worlds_hold_the_first_of_large_ones() -> None:
    owner = resampled(700, 2000, seed=1)
    counts = np.bincount(owner, minlength=700)
    assert set(counts) == {2, 3}
    np.testing.assert_array_equal(owner[:900], resampled(700, 900, seed=1))
    assert not np.array_equal(owner[:700], owner[700:1400])


def test_imported_records_are_what_the_firm_sees() -> None:
    history = imported()
    world = cohort(CDNOW_PARETO, history=history, population=Population(customers=6, prospects=0))
    market = Market(world, (), seed=4)
    view, owner = market.look(), resampled(6, 6, seed=4)
    for row, number in enumerate(owner):
        x, t_x, watched = LIVES[number]
        assert view.orders[row] == x + 1
        assert view.weeks_since_first_order[row] == pytest.approx(watched, abs=1e-4)
        assert view.weeks_since_order[row] == pytest.approx(watched - t_x, abs=1e-4)
        assert view.spend[row] == pytest.approx(30.0 * (x + 1))
        assert view.orders_52[row] == x + 1  # all of it within the last year


def test_a_synthetic_base_has_the_past_that_the_base_model_gives_it() -> None:
    base = CDNOW_PARETO
    world = cohort(base, population=Population(customers=60_000, prospects=0, history_weeks=52.0))
    people = create_population(world, 9, 0).customers
    age = -people.first_order.astype(float)
    assert abs(age.mean() - 26) < 4 * age.std() / np.sqrt(age.size)
    clv_models = ParetoNBD(base.r, base.alpha, base.s, base.beta)
    weeks = np.linspace(0, 52, 2001)
    assert_within_4_se(people.orders - 1.0, float(clv_models.expected_orders(weeks).mean()), "past repeats")
    assert_within_4_se(people.stage == CUSTOMER, float(clv_models.survival(weeks).mean()), "still customers")
    # ... and who is still there goes on as the posterior says: the future given the past
    market = Market(world, (), seed=9).run(26)
    once = (people.orders == 1) & (age > 40)
    future = np.bincount(market.order_log.table()[1].row, minlength=age.size)[once]
    expected = clv_models.expected_future(26, np.zeros(once.sum()), np.zeros(once.sum()), age[once])
    assert_within_4_se(future - expected, 0.0, "future of silent customers")


def test_a_channel_reaches_heavier_buyers_as_its_value_ratio_says() -> None:
    """Decisions 4: the ratio of those whom a channel reaches first, by affinity and not by a multiplier."""
    channels = (
        Channel("good", leads_max=1.0, value_ratio=1.4),
        Channel("plain", leads_max=1.0),
        Channel("poor", leads_max=1.0, value_ratio=0.8),
    )
    world = shop(channels=channels, population=Population(customers=10, prospects=200_000))
    people = create_population(world, 3, 0).customers
    rate, reach = people.order_rate[10:].astype(float), people.reach[10:]
    assert_within_4_se(rate, 0.553 / 10.578, "nobody's own rate is touched")
    for number, ratio in ((0, 1.4), (1, 1.0), (2, 0.8)):
        first = np.argsort(reach[:, number])[:2000]  # the 1 % whom it reaches first
        mean = rate.mean() * ratio
        assert abs(rate[first].mean() - mean) < 4 * rate[first].std() / np.sqrt(2000) + 0.01 * mean


def test_playing_todays_standing_discount_reproduces_the_calibrated_rates() -> None:
    """A world whose calibrated rates contain a standing discount: playing it changes nothing but the list price."""
    plain = Market(shop(), today()).run(20)
    discounted = Market(shop(today_rate=0.1), today()).run(20)
    np.testing.assert_array_equal(plain.customers.orders, discounted.customers.orders)
    _, a = plain.order_log.table()
    _, b = discounted.order_log.table()
    assert np.abs(a.paid - b.paid).max() <= 1
    np.testing.assert_allclose(b.value * 0.9, a.value, atol=1)
