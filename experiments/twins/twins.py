"""Twin lives: one customer under two policies, side by side.

Both lives meet the same luck: the k-th order has the same basket, the customer's clocks hold the same hazards. What
differs between the two was therefore done by the policy. No firm can ever see both: a pair is a fact of the
simulation, made of two lives that a firm could see one at a time.

1 live     the whole market under both policies, to know whom the policy changes and by how much
2 choose   a customer: by number, or a typical one
3 watch    both markets once more, noting this one's records at every week
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import pandas as pd

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.replication.replication import Replication
from crmlab.experiments.twins.watched_market import WatchedMarket
from crmlab.experiments.wording.names import not_known
from crmlab.sim.customers import Customers
from crmlab.sim.outcome import MarketOutcome
from crmlab.sim.population import FoundingPopulation

Like = Literal["typical", "most_changed", "won", "lost"]
LIKE: dict[str, str] = {
    "typical": "the median change in contribution among all whose orders changed",
    "most_changed": "the largest change in contribution, up or down",
    "won": "the median among those who bring in more",
    "lost": "the median among those who bring in less",
}


@dataclass(frozen=True)
class Trajectory:
    """One customer's life under one policy.

    `orders` has a row per order: nth (counted from 0 over the whole life), moment (weeks from week 0), value (at list
    price), paid, discount and contribution (currency units), points_burnt. `weeks` has a row per week, and one for the
    end: week, stage (known to the simulation only), offered (share of list price, NaN for people whom no offer
    reaches), coupon, and every other record the firm keeps of a customer, as they met that week's offer.
    """

    arm: str
    orders: pd.DataFrame
    weeks: pd.DataFrame

    @property
    def totals(self) -> dict[str, float]:
        """Orders and money of the run: orders, paid, discounts, contribution (currency units)."""
        money = {"paid": "paid", "discounts": "discount", "contribution": "contribution"}
        sums = {name: round(float(self.orders[column].sum()), 2) for name, column in money.items()}
        return {"orders": len(self.orders)} | sums

    @property
    def stage_changes(self) -> pd.DataFrame:
        """Changes of stage: week, stage entered. Known to the simulation only; the firm sees orders and silence."""
        stage = self.weeks["stage"]
        entered = self.weeks[stage.ne(stage.shift()) & (self.weeks.index > 0)]
        return pd.DataFrame({"week": entered["week"] - 1, "stage": entered["stage"]}).reset_index(drop=True)


@dataclass(frozen=True)
class Twins:
    """A customer's life under the baseline and under an arm.

    `like` says how the customer was chosen (None: by number); `changed` holds how many people's orders differ between
    the policies, and how many of them bring in more or less. `identified` is false for people whose orders the firm
    cannot put under one name.
    """

    customer: int
    baseline: Trajectory
    arm: Trajectory
    weeks: int
    currency: str
    identified: bool
    like: Like | None
    changed: Mapping[str, int]
    units: Mapping[str, str]

    @property
    def both(self) -> tuple[Trajectory, Trajectory]:
        return self.baseline, self.arm

    @property
    def difference(self) -> dict[str, float]:
        """Totals under the arm less those under the baseline."""
        before = self.baseline.totals
        return {name: round(total - before[name], 2) for name, total in self.arm.totals.items()}

    @cached_property
    def records(self) -> list[str]:
        """The records, besides orders and dates, in which something happened: `offered`, `coupon`, points, tier, ..."""
        named = [str(name) for name in self.baseline.weeks.columns if name not in ("week", "stage")]
        own = [name for name in named if "week" not in self.units.get(name, "")]
        seen = pd.concat([trajectory.weeks[own] for trajectory in self.both])
        return [name for name in own if seen[name].nunique() > 1]

    def to_json(self) -> dict[str, object]:
        """The lives as JSON. Stages stand apart under `simulation_only`."""
        arms = {}
        for trajectory in self.both:
            weekly = trajectory.weeks[["week", *self.records]]
            arms[trajectory.arm] = {
                "totals": trajectory.totals,
                "orders": trajectory.orders.to_dict("records"),
                "records": weekly.to_dict("list"),
                "simulation_only": {"stage_changes": trajectory.stage_changes.to_dict("records")},
            }
        return {
            "customer": self.customer,
            "like": self.like,
            "weeks": self.weeks,
            "baseline": self.baseline.arm,
            "arm": self.arm.arm,
            "identified": self.identified,
            "difference": self.difference,
            "changed": dict(self.changed),
            "arms": arms,
        }


def simulate_twins(
    experiment: Experiment,
    arm: str | None = None,
    customer: int | None = None,
    like: Like = "typical",
    replication: int = 0,
) -> Twins:
    """One customer under the baseline and under `arm` (default: the first arm after it), in one replication.

    `customer` is a row of the market: founding customers first, then prospects. Without it, one is chosen as `like`
    says (see `LIKE`). Raises `UserError` when there is no such arm or customer, or nobody whom the policy changes.
    """
    chosen = _arm(experiment, arm)
    if like not in get_args(Like):
        raise UserError(f"like = {like}: {not_known(like, 'way to choose', LIKE)}")
    market = Replication(experiment, index=replication)
    if customer is not None:
        _check_customer(customer, market.founding)
    pair = [market.simulate(a.plays) for a in (experiment.baseline, chosen)]
    gains = gains_of_changed(MarketOutcome(pair[0]), MarketOutcome(pair[1]))
    row = _choose(gains, like, experiment.baseline.name, chosen.name) if customer is None else customer
    watched = [_watch(market, a, row) for a in (experiment.baseline, chosen)]
    return Twins(
        customer=row,
        baseline=_trajectory(experiment.baseline.name, watched[0]),
        arm=_trajectory(chosen.name, watched[1]),
        weeks=experiment.design.weeks,
        currency=experiment.world.economics.currency,
        identified=any(bool(market.customers.identified[row]) for market in watched),
        like=like if customer is None else None,
        changed={"people": len(gains), "more": int((gains > 0).sum()), "less": int((gains < 0).sum())},
        units={field.name: field.metadata["unit"] for field in dataclasses.fields(Customers)},
    )


def gains_of_changed(baseline: MarketOutcome, arm: MarketOutcome) -> pd.Series:
    """What each person whose orders differ between two policies brings in more under the second: currency units of
    contribution before media, by row. Somebody who merely orders at another moment is among them, with a gain of 0."""
    per_order = {"n": None, "moment": "moment", "contribution": "contribution"}
    n = baseline.market.customers.n
    sums = [
        pd.DataFrame(
            {
                name: np.bincount(outcome.orders.row, None if of is None else getattr(outcome, of), minlength=n)
                for name, of in per_order.items()
            }
        )
        for outcome in (baseline, arm)
    ]
    difference = sums[1] - sums[0]
    return difference.loc[(difference != 0).any(axis=1), "contribution"]


def _choose(gains: pd.Series, like: Like, baseline: str, arm: str) -> int:
    """The row of the customer who is `like` that; equals are told apart by their number."""
    if like == "most_changed":
        ranked = gains.abs().sort_values(kind="stable", ascending=False)
        at = 0
    else:
        some = {"typical": gains, "won": gains[gains > 0], "lost": gains[gains < 0]}[like]
        ranked = some.sort_values(kind="stable")
        at = (len(ranked) - 1) // 2
    if ranked.empty:
        whom = {"won": "brings in more", "lost": "brings in less"}.get(like, "orders differently")
        raise UserError(f"Nobody {whom} under {arm} than under {baseline}; name somebody with --customer.")
    return int(ranked.index[at])


def _arm(experiment: Experiment, name: str | None) -> Arm:
    others = {arm.name: arm for arm in experiment.arms[1:]}
    if name is None and others:
        return next(iter(others.values()))
    if name == experiment.baseline.name:
        raise UserError(f"--arm {name} is the baseline; beside it you can set {', '.join(others) or 'nothing'}.")
    if name is None or name not in others:
        raise UserError(f"--arm {name}: {not_known(str(name), 'arm', others)}")
    return others[name]


def _check_customer(customer: int, founding: FoundingPopulation) -> None:
    n = founding.customers.n
    if not 0 <= customer < n:
        raise UserError(
            f"--customer {customer}: this market has people 0 to {n - 1:,}: customers up to "
            f"{founding.n_founding - 1:,}, then prospects."
        )


def _watch(replication: Replication, arm: Arm, row: int) -> WatchedMarket:
    market: WatchedMarket = replication.simulate(arm.plays, WatchedMarket, row=row)
    market.notes.append(market.note())
    return market


def _trajectory(arm: str, market: WatchedMarket) -> Trajectory:
    outcome = MarketOutcome(market)
    mine = np.flatnonzero(outcome.orders.row == market.row)
    value, paid = outcome.orders.value[mine], outcome.orders.paid[mine]
    orders = pd.DataFrame(
        {
            "nth": outcome.orders.nth[mine],
            "moment": outcome.moment[mine],
            "value": value / market.minor,
            "paid": paid / market.minor,
            "discount": (value - paid) / market.minor,
            "contribution": outcome.contribution[mine],
            "points_burnt": outcome.orders.burnt[mine],
        }
    )
    return Trajectory(arm, orders, pd.DataFrame(market.notes))
