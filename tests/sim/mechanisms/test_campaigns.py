"""What a play with a holdout brought: sums, means and standard errors, against a count of every order."""

from __future__ import annotations

import numpy as np

from crmlab.experiments.replication.tables import run_tables
from crmlab.sim import Play
from crmlab.sim.market import Market
from crmlab.strategies import TargetedDiscount
from tests.conftest import shop, today

WEEKS = 12


def test_the_table_of_campaigns_is_what_a_count_of_every_order_gives() -> None:
    play = Play("cut", TargetedDiscount(rate=0.2), holdout=0.3)
    market = Market(shop(), today(play), customers=500, seed=5)
    weekly: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {"treated": [], "held_out": []}
    for week in range(WEEKS):
        view, rows = market.look(), market.identified_rows.copy()
        held = view.uniform("cut/holdout") < 0.3
        market.step()
        log = market.order_log.week(week)
        orders = np.bincount(log.row, minlength=market.customers.n)
        paid = np.bincount(log.row, log.paid / market.minor, minlength=market.customers.n)
        for group, members in (("treated", rows[~held]), ("held_out", rows[held])):
            weekly[group].append((members.size, orders[members], paid[members]))
    table = run_tables(market)["campaigns"].set_index("group")
    assert market.scale != 1
    for group, weeks in weekly.items():
        people = np.mean([n for n, _, _ in weeks])
        row = table.loc[group]
        np.testing.assert_allclose(row["customers"], people * market.scale)
        for what, values in (("orders", [o for _, o, _ in weeks]), ("paid", [p for _, _, p in weeks])):
            np.testing.assert_allclose(row[what], sum(v.sum() for v in values) * market.scale)
            np.testing.assert_allclose(row[f"{what}_each"], sum(v.sum() for v in values) / people)
            error = np.sqrt(sum(v.size * v.var() for v in values)) / people
            np.testing.assert_allclose(row[f"{what}_each_se"], error, rtol=1e-6)
            assert 0 < error < row[f"{what}_each"]
