"""The tabulated inverse distribution functions against scipy's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from crmlab.sim.jit import compiled
from crmlab.sim.quantiles import beta_quantiles, gamma_quantiles, lognormal_quantiles, quantile

EVERY_DRAW = np.concatenate(
    [2.0**-33 * np.array([1, 3, 9, 1e3, 1e6]), np.linspace(1e-3, 1 - 1e-3, 4001), 1 - 2.0**-33 * np.array([1e6, 9, 1])]
)


@compiled
def _quantiles(table, u):
    values = np.empty(u.size)
    for i in range(u.size):
        values[i] = quantile(table, u[i])
    return values


@pytest.mark.parametrize(
    ("table", "law"),
    [
        (gamma_quantiles(0.553, 10.578), stats.gamma(0.553, scale=1 / 10.578)),
        (gamma_quantiles(6.25), stats.gamma(6.25)),
        (gamma_quantiles(0.1), stats.gamma(0.1)),
        (gamma_quantiles(20.0, 0.5), stats.gamma(20, scale=2)),
        (beta_quantiles(0.793, 2.426), stats.beta(0.793, 2.426)),
        (beta_quantiles(5.0, 0.5), stats.beta(5.0, 0.5)),
        (lognormal_quantiles(1.8, 0.5), stats.lognorm(math.sqrt(math.log(1.25)), scale=1.8 / math.sqrt(1.25))),
    ],
    ids=["order rate", "spend", "rare buyers", "alike buyers", "dropout", "dropout near 1", "elasticity"],
)
def test_the_relative_error_is_below_one_in_a_hundred_thousand(table, law) -> None:
    exact = np.where(EVERY_DRAW < 0.5, law.ppf(EVERY_DRAW), law.isf(1 - EVERY_DRAW))
    found = _quantiles(table.log_value, EVERY_DRAW)
    representable = exact > 1e-290
    np.testing.assert_allclose(found[representable], exact[representable], rtol=1e-5)
    assert (np.diff(_quantiles(table.log_value, np.sort(EVERY_DRAW))) >= 0).all()


def test_a_truncated_elasticity_keeps_its_mean_and_its_limit() -> None:
    values = _quantiles(lognormal_quantiles(1.8, 0.5, 3.7).log_value, np.random.default_rng(1).random(400_000))
    assert values.max() <= 3.7
    assert abs(values.mean() - 1.8) < 4 * values.std() / math.sqrt(values.size)
    with pytest.raises(ValueError, match="below the truncation"):
        lognormal_quantiles(4.0, 0.5, 3.7)
