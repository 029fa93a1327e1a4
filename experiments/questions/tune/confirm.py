"""Winners on fresh luck: what the search promised, what is left of it, and the difference (the optimism).

The best of many noisy candidates is partly the luckiest. How the winners and their order are chosen depends on the
search alone, so the fresh luck, which no candidate was chosen for, gives an unbiased value of each of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from crmlab.experiments.execution.run import WorldKind
from crmlab.experiments.experiment import Design
from crmlab.experiments.levers.space import meant
from crmlab.experiments.questions.tune.candidates import Judged, can_win, judge, told_as_ratios
from crmlab.experiments.questions.tune.markets import KpisByArm
from crmlab.experiments.questions.tune.question import EQUITY, Tune
from crmlab.experiments.questions.tune.scoring import score_interval, scored
from crmlab.experiments.replication.worlds import number_of_world


@dataclass(frozen=True)
class Estimate:
    """One KPI of a winner: its mean difference to the baseline in the search and on fresh luck.

    `optimism` is by how much the search looked better than the fresh luck, in the direction in which the KPI is good;
    the search value is a known number, so its interval is that of the fresh value.
    """

    search: float
    fresh: float
    fresh_low: float
    fresh_high: float
    optimism: float
    optimism_low: float
    optimism_high: float


@dataclass(frozen=True)
class Winner:
    """A candidate that was run again. `holds`: its limits are kept on fresh luck too. `wishes_broken`: the soft limits
    that it breaks there."""

    number: int
    levers: Mapping[str, object]
    kpi_values: Mapping[str, Estimate]
    holds: bool
    wishes_broken: tuple[str, ...] = ()

    @property
    def arm(self) -> str:
        """Its name as an arm."""
        return f"candidate {self.number}"

    def to_json(self) -> dict[str, object]:
        """{"number", "levers", "search": {kpi: ...}, "fresh", "fresh_interval", "optimism", ...}."""
        by_kpi = self.kpi_values.items()
        return {
            "number": self.number,
            "levers": dict(self.levers),
            "search": {kpi: r.search for kpi, r in by_kpi},
            "fresh": {kpi: r.fresh for kpi, r in by_kpi},
            "fresh_interval": {kpi: [r.fresh_low, r.fresh_high] for kpi, r in by_kpi},
            "optimism": {kpi: r.optimism for kpi, r in by_kpi},
            "optimism_interval": {kpi: [r.optimism_low, r.optimism_high] for kpi, r in by_kpi},
            "holds": self.holds,
            "wishes_broken": list(self.wishes_broken),
        }


def picked(search: Tune, trials: pd.DataFrame) -> pd.DataFrame:
    """The rows of the candidates to confirm, the winner first.

    Only candidates that finished their race can win. One objective: the best feasible ones. Several: the best of each
    objective on the front, then the others by customer equity, all in order of customer equity.
    """
    levers = [f"lever.{lever.path}" for lever in search.levers]
    if len(search.objectives) == 1:
        return _best_first(search, trials[can_win(trials)], search.objectives[0], levers).head(search.confirm)
    front = _best_first(search, trials[trials["front"]], EQUITY, levers)
    extremes = [_best_first(search, front, kpi, levers).head(1) for kpi in (EQUITY, *search.objectives)]
    wanted = list(dict.fromkeys(pd.concat([*extremes, front])["number"]))[: search.confirm]
    return front[front["number"].isin(wanted)]


def _best_first(search: Tune, trials: pd.DataFrame, kpi: str, levers: list[str]) -> pd.DataFrame:
    ranks = trials[f"gain.{kpi}"] * -search.direction(kpi)
    return trials.loc[ranks.sort_values(kind="stable").index].drop_duplicates(levers)


def confirmed(search: Tune, candidate: Judged, arm: pd.DataFrame, baseline: pd.DataFrame, confidence: float) -> Winner:
    """A winner from what the search said of it and the KPI values of its fresh markets."""
    fresh = judge(search, candidate.number, candidate.batch, candidate.values, arm, baseline)
    arm, baseline = told_as_ratios(search, arm), told_as_ratios(search, baseline)
    kpi_values = {
        kpi: _kpi_value(search, kpi, candidate.gains[kpi], (arm[kpi] - baseline[kpi]).to_numpy(), confidence)
        for kpi in search.watched
    }
    wished = tuple(str(c) for c, v in zip(search.limits, fresh.violations, strict=True) if c in search.soft and v > 0)
    return Winner(candidate.number, meant(search.levers, candidate.values), kpi_values, fresh.feasible, wished)


def _kpi_value(search: Tune, kpi: str, promised: float, differences: np.ndarray, confidence: float) -> Estimate:
    gains = differences[np.isfinite(differences)]
    if not gains.size:
        return Estimate(promised, *(math.nan,) * 6)
    fresh = scored(gains, search.score, search.sign(kpi))
    low, high = score_interval(gains, search.score, search.sign(kpi), confidence)
    better = search.direction(kpi)
    ends = sorted((better * (promised - low), better * (promised - high)))
    return Estimate(promised, fresh, low, high, better * (promised - fresh), *ends)


def winner_table(winners: list[Winner]) -> pd.DataFrame:
    """One row per winner and KPI, the winner first."""
    return pd.DataFrame(
        [
            {"rank": rank, "number": winner.number, "holds": winner.holds, "kpi": kpi, **asdict(kpi_value)}
            for rank, winner in enumerate(winners, start=1)
            for kpi, kpi_value in winner.kpi_values.items()
        ]
    )


def effect_kpis(kpis_of_arms: KpisByArm, world: WorldKind, design: Design) -> pd.DataFrame:
    """The fresh markets as the table from which effects are computed: arm, world, number of the world, replication,
    KPIs."""
    return pd.concat(
        [
            kpis.assign(
                arm=arm,
                world=world,
                number=[number_of_world(design, world, replication) for replication in kpis.index],
                replication=kpis.index,
            )
            for arm, kpis in kpis_of_arms.items()
        ],
        ignore_index=True,
    )
