"""The customers of a calibration one by one: who is still there, how much they will order, what that is worth.

Every expectation comes with a range of 95 %: what it would be under other parameters that the log leaves open. It is a
range of the expectation; what one customer really does varies more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab.experiments.calibration.fit import Fit
from crmlab.experiments.disk import disk_trouble
from crmlab.sim.clv_models import GammaGamma, RepeatModel

if TYPE_CHECKING:
    from crmlab.experiments.calibration.calibrate import Calibration

WEEKS = 52  # ahead
DRAWS = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def customer_table(calibration: Calibration, own_ids: bool = False, weeks: float = WEEKS) -> pd.DataFrame:
    """One row per customer, the most valuable first.

    `customer` (running number as in the world's history, or the shop's own identifier), `orders` and `days_since_order`
    at the end of the log, `p_alive`, `orders_next_52_weeks` and, with amounts, `mean_order` (expected) and
    `value_next_52_weeks` (revenue, not discounted), each expectation with `_low` and `_high`.
    """
    calibration = calibration.founding  # all weeks, the held-back ones too
    seen = calibration.histories
    fit = calibration.fits[calibration.base]
    rows, back = np.unique(seen[["x", "tx", "T"]].to_numpy(np.float64), axis=0, return_inverse=True)
    x, tx, T = rows.T
    names = seen["customer"].to_numpy()
    table = {
        "customer": calibration.log.identifiers[names] if own_ids else np.arange(len(seen)),
        "orders": seen["x"].to_numpy() + 1,
        "days_since_order": np.rint(7 * (seen["T"] - seen["tx"])).to_numpy(np.int64),
    }
    alive, future = [], []
    for model in _models(fit):
        assert isinstance(model, RepeatModel)
        p_alive = model.p_alive(x, tx, T)
        alive.append(p_alive)
        future.append(p_alive * model.given_alive(x, T).expected_orders(weeks))
    table |= _ranges("p_alive", np.array(alive)[:, back.ravel()])
    orders = np.array(future)[:, back.ravel()]
    table |= _ranges(f"orders_next_{weeks:g}_weeks", orders)
    if calibration.mean_order_value is not None:
        worth = _worth(calibration)
        table |= {"mean_order": worth[0]} | _ranges(f"value_next_{weeks:g}_weeks", orders * worth)
    found = pd.DataFrame(table)
    return found.sort_values(found.columns[-3], ascending=False, kind="stable", ignore_index=True)


def write_customers(path: Path, calibration: Calibration, own_ids: bool = False) -> Path:
    """Write the table as CSV, six significant digits, formulas defused. Raises `StoreError`."""
    table = customer_table(calibration, own_ids)
    table["customer"] = table["customer"].map(defused)
    with disk_trouble(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, float_format="%.6g")
    return path


def defused(cell: object) -> object:
    """A text that a spreadsheet would run as a formula, as the text that it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _models(fit: Fit) -> list:
    """The fitted model, then the same with parameters that the log leaves open."""
    assert fit.model is not None
    logs = np.log(list(fit.parameters.values()))
    drawn = np.random.default_rng(0).multivariate_normal(logs, fit.log_covariance, DRAWS, method="eigh")
    return [fit.model, *(type(fit.model)(*np.exp(row).tolist()) for row in drawn)]


def _worth(calibration: Calibration) -> np.ndarray:
    """Expected mean order of each customer under the fitted spend and its draws. Shape [1 + draws, customers]."""
    fit, seen = calibration.fits["gamma_gamma"], calibration.histories
    if not fit.identified:
        return np.full((1 + DRAWS, len(seen)), calibration.mean_order_value)
    n, mean = seen["spend_orders"].to_numpy(np.float64), seen["mean_spend"].fillna(0.0).to_numpy(np.float64)
    models = [model for model in _models(fit) if isinstance(model, GammaGamma)]
    return np.array([GammaGamma(m.p, max(m.q, 1.001), m.gamma).expected_mean(n, mean) for m in models])


def _ranges(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """The estimate (first row) and the middle 95 % of the draws, which always hold it."""
    low, high = np.quantile(values[1:], [0.025, 0.975], axis=0)
    return {name: values[0], f"{name}_low": np.minimum(low, values[0]), f"{name}_high": np.maximum(high, values[0])}
