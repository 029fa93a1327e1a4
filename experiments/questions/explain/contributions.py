"""What each play contributes to the effect of its arm, counted in three ways.

alone     the baseline with this change only, less the baseline: what it would do if it came first
last      the arm less the arm without this change: what would be lost if it were dropped
shapley   the mean of what it adds when the changes join one by one, over the orders in which they can join
          (Shapley 1953): the one division that is fair to equals and sums to the effect of the arm

Where plays do not meet, the three are equal. Where they get in each other's way, both say less "last" than "alone".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from crmlab.experiments.questions.explain.estimates import Measurement
from crmlab.experiments.questions.explain.players import Coalition
from crmlab.sim.kpis import KPIS

METHODS = ("alone", "last", "shapley")
WHOLE = "effect of the arm"


def contributions(
    kpis: Mapping[Coalition, Mapping[str, float]], players: Sequence[str], orders: Sequence[Sequence[int]]
) -> Iterator[Measurement]:
    """The contributions in one replication, from the KPIs of the coalitions that `coalitions_of` names.

    Measurements are (part, method, player, KPI, value); under "shapley" there is also the effect of the arm.
    """
    everybody = tuple(range(len(players)))
    for kpi in kpis[everybody]:
        if KPIS[kpi].ratio_of:
            continue  # told by the means of its parts over all replications: it has no measurement in a single one
        worth = {coalition: kpi_value[kpi] for coalition, kpi_value in kpis.items()}
        shares = shapley_values(worth, len(players), orders)
        for number, player in enumerate(players):
            others = tuple(other for other in everybody if other != number)
            yield Measurement("contributions", "alone", player, kpi, worth[(number,)] - worth[()])
            yield Measurement("contributions", "last", player, kpi, worth[everybody] - worth[others])
            yield Measurement("contributions", "shapley", player, kpi, shares[number])
        yield Measurement("contributions", "shapley", WHOLE, kpi, worth[everybody] - worth[()])


def shapley_values(worth: Mapping[Coalition, float], n_players: int, orders: Sequence[Sequence[int]]) -> list[float]:
    """What each player adds on joining, on average over the orders. They sum to the worth of all less that of none,
    whatever the orders, because they do in every single one."""
    added = [0.0] * n_players
    for order in orders:
        before = worth[()]
        for size, player in enumerate(order, start=1):
            after = worth[tuple(sorted(order[:size]))]
            added[player] += after - before
            before = after
    return [total / len(orders) for total in added]
