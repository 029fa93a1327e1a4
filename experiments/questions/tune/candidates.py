"""Candidates on trial: judged by what they change against the baseline, replication by replication."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.experiments.levers.space import Values, meant
from crmlab.experiments.questions.tune.pareto import undominated
from crmlab.experiments.questions.tune.question import UNDEFINED, Tune
from crmlab.experiments.questions.tune.racing import FINISHED, REFUSED, Entrant
from crmlab.experiments.questions.tune.scoring import pseudo_values, scored
from crmlab.experiments.statistics.ratios import dividing


@dataclass(frozen=True)
class Judged:
    """A candidate after its trial. `gains` are differences to the baseline, in the units of the KPIs: means over the
    `replications` that it was run in, or scores over as many worlds.

    `kpi_values` are what its limits are about (those that must hold first), `violations` how far it is beyond each (0
    or less: within). `verdict` says how its race ended: only one that "finished" can win. `refused` is the reason of a
    strategy that does not take these levers, or failed with them.
    """

    number: int
    batch: int
    values: Values
    gains: Mapping[str, float]
    kpi_values: tuple[float, ...]
    violations: tuple[float, ...]
    refused: str = ""
    replications: int = 0
    verdict: str = FINISHED
    n_hard: int | None = None

    @property
    def defined(self) -> bool:
        """Whether every objective has a value."""
        return all(map(math.isfinite, self.gains.values()))

    @property
    def feasible(self) -> bool:
        """Whether every objective has a value and every limit that must hold does."""
        return self.defined and all(v <= 0 for v in self.violations[: self.n_hard])


def judge(
    search: Tune,
    number: int,
    batch: int,
    values: Values,
    arm: pd.DataFrame,
    baseline: pd.DataFrame,
    verdict: str = FINISHED,
) -> Judged:
    """What a candidate changes, from its KPI values and those of the baseline. Rows are the same replications."""
    arm, baseline = told_as_ratios(search, arm), told_as_ratios(search, baseline)
    gains = {
        kpi: scored(arm[kpi].to_numpy() - baseline[kpi].to_numpy(), search.score, search.sign(kpi))
        for kpi in search.watched
    }
    kpi_values = tuple(c.kpi_value(arm[c.kpi], baseline[c.kpi]) for c in search.limits)
    violations = tuple(
        c.violation(kpi_value, float(baseline[c.kpi].mean()))
        for c, kpi_value in zip(search.limits, kpi_values, strict=True)
    )
    n_hard = len(search.constraints)
    return Judged(number, batch, values, gains, kpi_values, violations, "", len(arm), verdict, n_hard)


def told_as_ratios(search: Tune, kpi_values: pd.DataFrame) -> pd.DataFrame:
    """Over replications of one world a ratio is that of the means; sampled worlds are judged one by one."""
    return kpi_values if search.worlds else dividing(kpi_values)


def refused(search: Tune, number: int, batch: int, values: Values, reason: str, verdict: str = REFUSED) -> Judged:
    """A candidate whose strategy does not take its levers, or failed with them."""
    nothing = (math.nan,) * len(search.limits)
    gains = dict.fromkeys(search.watched, math.nan)
    beyond = (UNDEFINED,) * len(nothing)
    return Judged(number, batch, values, gains, nothing, beyond, reason, 0, verdict, len(search.constraints))


def entrant(search: Tune, number: int, arm: pd.DataFrame, baseline: pd.DataFrame) -> Entrant:
    """A candidate as the race sees it, from its KPI values and the baseline's in the same replications."""
    arm, baseline = told_as_ratios(search, arm), told_as_ratios(search, baseline)
    good = [(arm[k].to_numpy() - baseline[k].to_numpy()) * search.sign(k) for k in search.objectives]
    beyond = [
        c.beyond(arm[c.kpi].to_numpy() - (baseline[c.kpi].to_numpy() if c.gain else 0.0)) for c in search.constraints
    ]
    limits = np.column_stack(beyond) if beyond else np.empty((len(arm), 0))
    return Entrant(number, pseudo_values(np.column_stack(good), search.score), limits)


def trial_table(search: Tune, judged: Sequence[Judged]) -> pd.DataFrame:
    """One row per candidate in order of number: levers (empty where they mean nothing), gains, KPI values of its
    limits, and whether it is feasible and on the front (no feasible candidate that finished is as good in every
    objective and better in one)."""
    rows: list[dict[str, object]] = [
        {
            "number": c.number,
            "batch": c.batch,
            "replications": c.replications,
            **{f"lever.{path}": value for path, value in meant(search.levers, c.values).items()},
            **{f"gain.{kpi}": value for kpi, value in c.gains.items()},
            **{f"constraint.{k}": v for k, v in zip(search.limits, c.kpi_values, strict=True)},
            "soft_broken": sum(v > 0 for v in c.violations[len(search.constraints) :]),
            "feasible": c.feasible,
            "verdict": c.verdict,
            "refused": c.refused,
        }
        for c in judged
    ]
    table = pd.DataFrame(rows)
    whole = [f"lever.{lever.path}" for lever in search.levers if lever.whole and not lever.options]
    table = table.astype({name: "Int64" for name in whole if table[name].isna().any()})
    return table.assign(front=on_front(search, table))


def can_win(trials: pd.DataFrame) -> pd.Series:
    """Which candidates kept all limits and were not dropped on the way."""
    return trials["feasible"] & (trials["verdict"] == FINISHED)


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """The rows of a table as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def on_front(search: Tune, trials: pd.DataFrame) -> np.ndarray:
    """Which candidates that can win are dominated by no other of them. Shape [candidates]."""
    able = can_win(trials).to_numpy()
    better = np.column_stack([trials[f"gain.{kpi}"] * search.direction(kpi) for kpi in search.objectives])
    front = np.zeros(len(trials), dtype=bool)
    front[able] = undominated(better[able])
    return front


def front_of(search: Tune, judged: Sequence[Judged]) -> list[Judged]:
    """The same of candidates that are not yet in a table."""
    able = [c for c in judged if c.feasible and c.verdict == FINISHED]
    return [c for c, unbeaten in zip(able, undominated(objectives_of(search, able)), strict=True) if unbeaten]


def objectives_of(search: Tune, judged: Sequence[Judged]) -> np.ndarray:
    """Their objectives, more is better. Shape [candidates, objectives]."""
    values = [[search.direction(kpi) * c.gains[kpi] for kpi in search.objectives] for c in judged]
    return np.array(values).reshape(len(judged), len(search.objectives))
