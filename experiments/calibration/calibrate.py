"""From an order log to a customer base one can trust: fitted models, and a check against weeks they have not seen.

Conventions as published for these models: time runs in weeks from the customer's own first day; the calibration ends
7 x `holdout_weeks` days before the last day of the log, that day included, and holds the customers whose first order
lies in it; spend is fitted to the mean of repeat orders; holdout predictions are conditional on each customer's own
history and summed. What the data cannot tell is left out and named, never printed as a number.

The fit that is checked knows nothing of the weeks held back. The world is founded on a second one, of all weeks and
with the newest customers, at the end of the log.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from crmlab.experiments.calibration.acquisition import NewCustomers, new_customers, older_than_the_log, weekly_log
from crmlab.experiments.calibration.fit import Fit, fit_repeat_models, fit_spend, not_fitted, preferred
from crmlab.experiments.calibration.order_log import OrderLog
from crmlab.experiments.calibration.trust import Light, judged, where_nobody_leaves
from crmlab.sim.clv_models import NBD, RepeatModel

_MIN_CUSTOMERS = 50
_MIN_REPEAT_ORDERS = 20
_MIN_WEEKS = 4
_MIN_SPENDERS = 20
_TOLERATED_MISS = 0.05  # of the holdout, before the report warns
_PREFERENCE = ("pareto_nbd", "bg_nbd", "nbd")
_LABELS = {"pareto_nbd": "Pareto/NBD", "bg_nbd": "BG/NBD", "nbd": "NBD", "gamma_gamma": "Gamma-Gamma"}


class CalibrationError(ValueError):
    """The log is too small or too short to say anything; the message is one sentence for the user."""


@dataclass(frozen=True)
class Holdout:
    """Repeat orders in the weeks after the calibration, by the customers it holds: what happened and what was expected.

    conditional   given each customer's own history, summed over customers, by model
    cohort_level  from first days only, as if nothing was known of the customers' repeat orders
    """

    weeks: float
    actual_repeat_orders: int | None
    conditional: dict[str, float] = field(default_factory=dict)
    cohort_level: dict[str, float] = field(default_factory=dict)

    def to_json(self, models: list[str]) -> dict[str, object]:
        weeks = int(self.weeks) if float(self.weeks).is_integer() else self.weeks
        return {
            "weeks": weeks,
            "actual_repeat_orders": self.actual_repeat_orders,
            **{name: self.conditional.get(name) for name in models},
            "predictions_are": "conditional on each customer's history, summed over customers",
            "cohort_level": {name: self.cohort_level.get(name) for name in models},
        }


@dataclass(frozen=True)
class Calibration:
    """What the log says about its customers, with everything needed to found a world on them.

    base            model the world is built on: "pareto_nbd" where identified, else "bg_nbd", else "nbd"
    fits            the three repeat models by name and "gamma_gamma"; those not identified carry a reason
    histories       one row per customer of the calibration: `customer`, `x` repeat orders, `tx` week of the latest,
                    `T` weeks seen, and with amounts `spend_orders`, `mean_spend` (repeat orders above zero)
    orders          their orders in the calibration: `customer`, `weeks_before_end` (float, 0 = its last day), `amount`
    mean_order_value  of all orders above zero in the calibration; None without amounts
    refit           the same from all weeks of the log, where weeks were held back: what a world is founded on
    """

    log: OrderLog
    calibration_end: np.datetime64
    base: str
    fits: dict[str, Fit]
    histories: pd.DataFrame
    orders: pd.DataFrame
    holdout: Holdout
    mean_order_value: float | None
    warnings: list[str]
    refit: Calibration | None = None

    @property
    def founding(self) -> Calibration:
        """What a world is founded on: everything that the log says."""
        return self.refit or self

    @property
    def light(self) -> Light:
        """How far the world can be believed, by the weeks held back."""
        holdout, model = self.holdout, self.founding.base
        checked = model in holdout.conditional
        expected = holdout.conditional.get(model if checked else self.base)
        light = judged(holdout.weeks, holdout.actual_repeat_orders, expected, checked)
        new, rate = self.new_customers.weekly, self.founding.fits[model]
        if model != "nbd" or not new or not isinstance(rate.model, NBD):
            return light
        recent = self.weekly_log["orders"].to_numpy()[-self.new_customers.weeks :]
        return where_nobody_leaves(light, float(recent.mean()), new, float(rate.model.expected_orders(1.0)))

    @cached_property
    def weekly_log(self) -> pd.DataFrame:
        """Orders and first orders of the whole log by week before its end."""
        return weekly_log(self.log)

    @property
    def new_customers(self) -> NewCustomers:
        """New customers a week of the recent year."""
        return new_customers(self.weekly_log)

    @property
    def repeat_models(self) -> dict[str, RepeatModel]:
        """The identified repeat models that are reported; NBD only where it is the base."""
        names = [name for name in _PREFERENCE if name != "nbd" or self.base == "nbd"]
        return {name: _repeat_model(self.fits[name]) for name in names if self.fits[name].identified}

    def to_json(self) -> dict[str, object]:
        """The published result: JSON types only; parameters that are not identified do not appear."""
        reported = ["pareto_nbd", "bg_nbd"] + (["nbd"] if self.base == "nbd" else [])
        repeats = int(self.histories["x"].sum())
        return {
            "customers": self.log.counts["customers"],
            "orders": self.log.counts["orders"],
            "refused": self.log.refused,
            "counts": self.log.counts,
            "calibration": {
                "first_day": str(self.log.first_day),
                "last_day": str(self.calibration_end),
                "log_ends": str(self.log.last_day),
                "customers": len(self.histories),
                "orders": len(self.orders),
                "repeat_orders": repeats,
                "mean_order_value": self.mean_order_value,
            },
            "base_model": self.base,
            "models": {name: self.fits[name].to_json() for name in [*reported, "gamma_gamma"]},
            "holdout": self.holdout.to_json(reported),
            "founding": self._founding_json(),
            "new_customers": self.new_customers.to_json(),
            "light": self.light.to_json(),
            "notes": self.log.notes,
            "warnings": self.warnings,
        }

    def _founding_json(self) -> dict[str, object]:
        """The fit on which a world is founded: of all weeks, up to the last day of the log."""
        used = self.founding
        names = dict.fromkeys((used.base, "gamma_gamma"))
        return {
            "first_day": str(used.log.first_day),
            "last_day": str(used.calibration_end),
            "customers": len(used.histories),
            "orders": len(used.orders),
            "repeat_orders": int(used.histories["x"].sum()),
            "mean_order_value": used.mean_order_value,
            "base_model": used.base,
            "models": {name: used.fits[name].to_json() for name in names},
        }

    def weekly_repeat_table(self) -> pd.DataFrame:
        """Cumulative repeat orders by week, actual and expected at cohort level, over calibration and holdout.

        Columns: `week` (from the first day of the log; weeks are counted back from the end of the calibration, so the
        first may be short), `actual_cumulative`, one column per reported model, `phase`.
        """
        days = _days_since(self.log.first_day, self.log.frame["day"])
        end = int((self.calibration_end - self.log.first_day).astype(int))
        last = end + round(7 * self.holdout.weeks)
        ends = np.unique(np.append(np.arange(end % 7, last + 1, 7), last))
        first, is_repeat = _repeats(self.log.frame["customer"].to_numpy(), days)
        inside = first <= end
        repeat_days = np.sort(days[inside & is_repeat])
        table = {"week": np.arange(1, len(ends) + 1), "actual_cumulative": np.searchsorted(repeat_days, ends, "right")}
        first_days, customers = np.unique(first[inside & ~is_repeat], return_counts=True)
        weeks_seen = np.clip(ends[:, None] - first_days, 0, None) / 7
        expected = {name: model.expected_orders(weeks_seen) @ customers for name, model in self.repeat_models.items()}
        phase = np.where(ends <= end, "calibration", "holdout")
        return pd.DataFrame(table | expected | {"phase": phase})


def calibrate(log: OrderLog, holdout_weeks: float = 0) -> Calibration:
    """Fit the textbook models to the log but its last `holdout_weeks`, predict those, and fit to everything.

    Raises CalibrationError where there is too little to learn from.
    """
    holdout_days = _check_length(log, holdout_weeks)
    end = log.last_day - np.timedelta64(holdout_days, "D")
    orders = log.frame[log.frame["day"].to_numpy() <= end]
    histories = _histories(orders, end)
    _check_enough(histories)
    fits = fit_repeat_models(*(histories[name].to_numpy(np.float64) for name in ("x", "tx", "T")))
    base = preferred(fits)
    if not fits[base].identified:
        raise CalibrationError(f"no model of repeat buying can be fitted: {fits[base].reason}.")
    fits["gamma_gamma"] = _fit_spend(histories)
    models = {name: _repeat_model(fit) for name, fit in fits.items() if fit.identified and name in _PREFERENCE}
    holdout = _check_holdout(log, histories, models, end, holdout_days / 7)
    positive = orders.loc[orders["amount"] > 0, "amount"] if log.has_amounts else pd.Series(dtype=float)
    refit = calibrate(log) if holdout_days else None
    warnings = log.warnings + _warnings(fits, base, holdout)
    if older := older_than_the_log(weekly_log(log)):
        warnings.append(older)
    if refit and refit.base != base:
        warnings.append(f"all weeks together call for {_LABELS[refit.base]}, the checked weeks for {_LABELS[base]}")
    own_orders = orders.assign(weeks_before_end=-_days_since(end, orders["day"]) / 7).drop(columns="day")
    return Calibration(
        log=log,
        calibration_end=end,
        base=base,
        fits=fits,
        histories=histories,
        orders=own_orders.reset_index(drop=True),
        holdout=holdout,
        mean_order_value=float(positive.mean()) if len(positive) else None,
        warnings=warnings,
        refit=refit,
    )


def _repeat_model(fit: Fit) -> RepeatModel:
    assert isinstance(fit.model, RepeatModel)
    return fit.model


def _days_since(day: np.datetime64, days: pd.Series) -> np.ndarray:
    return (days.to_numpy().astype("datetime64[D]") - day).astype(np.int64)


def _repeats(customer: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per order, sorted by customer and day: the first day of its customer, and whether it is a repeat order."""
    starts = np.flatnonzero(np.diff(customer, prepend=-1))
    is_repeat = np.ones(len(customer), dtype=bool)
    is_repeat[starts] = False
    return np.repeat(days[starts], np.diff(starts, append=len(customer))), is_repeat


def _histories(orders: pd.DataFrame, end: np.datetime64) -> pd.DataFrame:
    customers = orders.groupby("customer")["day"]
    first, latest = customers.min(), customers.max()
    histories = pd.DataFrame(
        {
            "customer": first.index.to_numpy(),
            "x": customers.size().to_numpy() - 1,
            "tx": (latest - first).dt.days.to_numpy() / 7,
            "T": -_days_since(end, first) / 7,
        }
    )
    if "amount" in orders:
        _, is_repeat = _repeats(orders["customer"].to_numpy(), _days_since(end, orders["day"]))
        repeats = orders[is_repeat & (orders["amount"] > 0).to_numpy()].groupby("customer")["amount"]
        histories["spend_orders"] = repeats.size().reindex(first.index, fill_value=0).to_numpy()
        histories["mean_spend"] = repeats.mean().reindex(first.index).to_numpy()
    return histories


def _check_length(log: OrderLog, holdout_weeks: float) -> int:
    """Days of the holdout."""
    if not math.isfinite(holdout_weeks) or holdout_weeks < 0:
        raise CalibrationError(f"a holdout of {holdout_weeks} weeks is impossible: give 0 or more weeks.")
    days = int((log.last_day - log.first_day).astype(int)) + 1
    holdout_days = round(7 * holdout_weeks)
    left = (days - holdout_days) / 7
    if left < _MIN_WEEKS:
        why = f"after a holdout of {holdout_weeks:g} weeks " if holdout_weeks else ""
        raise CalibrationError(
            f"the log covers {days / 7:.1f} weeks and leaves {why}{max(left, 0):.1f} weeks to learn from: "
            f"at least {_MIN_WEEKS} are needed."
        )
    return holdout_days


def _check_enough(histories: pd.DataFrame) -> None:
    customers, repeats = len(histories), int(histories["x"].sum())
    if customers < _MIN_CUSTOMERS:
        raise CalibrationError(
            f"the calibration period holds {customers} customers: at least {_MIN_CUSTOMERS} are needed to predict."
        )
    if repeats < _MIN_REPEAT_ORDERS:
        raise CalibrationError(
            f"the calibration period holds {repeats} repeat orders: at least {_MIN_REPEAT_ORDERS} are needed."
        )


def _fit_spend(histories: pd.DataFrame) -> Fit:
    if "mean_spend" not in histories:
        return not_fitted("the log has no amounts, so there is no spend model")
    spenders = histories[histories["spend_orders"] > 0]
    if len(spenders) < _MIN_SPENDERS:
        reason = f"only {len(spenders)} customers have a repeat order with an amount: {_MIN_SPENDERS} are needed"
        return not_fitted(reason, len(spenders))
    return fit_spend(spenders["spend_orders"].to_numpy(np.float64), spenders["mean_spend"].to_numpy(np.float64))


def _check_holdout(
    log: OrderLog, histories: pd.DataFrame, models: dict[str, RepeatModel], end: np.datetime64, weeks: float
) -> Holdout:
    if not weeks:
        return Holdout(0, None)
    later = log.frame[log.frame["day"].to_numpy() > end]
    actual = int(later["customer"].isin(histories["customer"]).sum())
    rows, customers = np.unique(histories[["x", "tx", "T"]].to_numpy(np.float64), axis=0, return_counts=True)
    x, tx, T = rows.T
    conditional = {name: float(model.expected_future(weeks, x, tx, T) @ customers) for name, model in models.items()}
    cohort = {
        name: float((model.expected_orders(T + weeks) - model.expected_orders(T)) @ customers)
        for name, model in models.items()
    }
    return Holdout(weeks, actual, conditional, cohort)


def _warnings(fits: dict[str, Fit], base: str, holdout: Holdout) -> list[str]:
    warnings = [f"{_LABELS[name]}: {fits[name].reason}" for name in _PREFERENCE[:2] if not fits[name].identified]
    shown = [name for name in fits if name != "nbd" or base == "nbd"]
    warnings += [f"{_LABELS[name]}: {note}" for name in shown for note in fits[name].notes]
    if not fits["gamma_gamma"].identified:
        warnings.append(f"Gamma-Gamma: {fits['gamma_gamma'].reason}")
    actual = holdout.actual_repeat_orders
    if actual:
        kinds = {"conditional on histories": holdout.conditional[base], "at cohort level": holdout.cohort_level[base]}
        misses = {kind: expected / actual - 1 for kind, expected in kinds.items()}
        if any(abs(miss) > _TOLERATED_MISS for miss in misses.values()):
            said = " and ".join(f"{miss:+.1%} {kind}" for kind, miss in misses.items())
            warnings.append(f"the base model {_LABELS[base]} misses the {actual} repeat orders of the holdout: {said}")
    return warnings
