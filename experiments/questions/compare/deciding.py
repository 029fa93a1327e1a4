"""The assumptions that decide a question: on which uncertain numbers the result of an arm hangs most.

Where enough worlds were sampled, numbers are ranked by how the arm's difference in the primary KPI moved with them over
these worlds (Spearman's rank correlation). Where they were not, by prior knowledge: assumptions without a citable
number before all others, then the width of the range. Asked about are the numbers of what the arm touches, and those of
the economics that turn orders into money.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.parameters.registry import get_parameter, group_of, parameters_of
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, bounds_of, fitted_bounds, sampled_world
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.actions import ChannelBudget
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.price.actions import Coupon
from crmlab.sim.mechanisms.referral.actions import ReferralTerms

ASKED = 5
MIN_WORLDS = 8  # of fewer, a rank correlation says nothing
WEAKEST_FIRST = ("A", "M", "R2", "R", "C", "K")  # evidence tags by how little stands behind them
ALWAYS = {"base", "spend", "economics", "personas"}
OF_PROGRAMMES = {"economics.programme_setup", "economics.programme_member", "economics.reward_cost"}
OF_COUPONS = {"price.coupon_use", "price.coupon_use_icc"}
COLUMNS = [
    "arm", "rank", "name", "words", "value", "low", "high", "unit", "source", "evidence", "kind", "by", "worlds",
    "correlation", "at_low", "at_high", "beyond_chance",
]  # fmt: skip


def worlds_table(experiment: Experiment, numbers: Iterable[int]) -> pd.DataFrame:
    """What was drawn for each sampled world: column `world` (its number), then one per number that varies.

    The draws are keyed, so this is what the worlds were run with.
    """
    names = varying(experiment)
    rows = []
    for number in numbers:
        world = sampled_world(experiment, number)
        rows.append({"world": number, **{name: get_parameter(world, name) for name in names}})
    return pd.DataFrame(rows, columns=["world", *names])


def varying(experiment: Experiment) -> list[str]:
    """The path of every number that differs between sampled worlds."""
    fitted = [f"{group}.{name}" for group, (names, _) in sorted(experiment.log_covariance.items()) for name in names]
    return [*fitted, *(number.path for number in assumed_unknowns(experiment))]


def deciding_table(experiment: Experiment, kpi_values: pd.DataFrame, worlds: pd.DataFrame) -> pd.DataFrame:
    """For every arm but the baseline the `ASKED` numbers on which its difference in the primary KPI hangs most.

    Columns: `COLUMNS`. `at_low` and `at_high` are the mean difference in the third of worlds in which the number is
    lowest and highest. `beyond_chance` says whether a correlation is larger than the largest of as many unrelated
    numbers would be in 19 of 20 cases (Bonferroni on Fisher's z). `by` is "worlds" or "evidence"; in the latter case
    there is no correlation.
    """
    known = _known(experiment)
    rows: list[dict[str, object]] = []
    for arm in experiment.arms[1:]:
        asked = [name for name in touched_numbers(experiment, arm) if name in known.index]
        gains = _gains(experiment, arm, kpi_values, worlds)
        found = _by_worlds(asked, worlds, gains) if len(gains) >= MIN_WORLDS else _by_evidence(asked, known)
        for rank, said in enumerate(found[:ASKED], 1):
            about = known.loc[said["name"]]
            rows.append(
                {"arm": arm.name, "rank": rank, "words": in_words(said["name"])}
                | {key: about[key] for key in ("value", "low", "high", "unit", "source", "evidence", "kind")}
                | said
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def resting_on(experiment: Experiment) -> pd.DataFrame:
    """Before anything is run, the `ASKED` numbers that the arms rest on: those of what any of them touches, ranked by
    evidence and width. Rows of the table of assumptions, with `words` and `arms` (those that touch it)."""
    known = _known(experiment)
    touched = {arm.name: set(touched_numbers(experiment, arm)) for arm in experiment.arms[1:]}
    asked = [name for name in known.index if any(name in names for names in touched.values())]
    names = [said["name"] for said in _by_evidence(asked, known)[:ASKED]]
    arms = [[arm for arm, numbers in touched.items() if name in numbers] for name in names]
    return known.loc[names].reset_index().assign(words=[in_words(name) for name in names], arms=pd.Series(arms))


def _known(experiment: Experiment) -> pd.DataFrame:
    """The table of assumptions by path, with the ranges from which worlds are drawn."""
    known = assumptions_table(experiment).set_index("name")
    for path, unknown, value, _ in assumed_unknowns(experiment):
        if path in known.index:
            known.loc[path, ["low", "high"]] = bounds_of(experiment, path, unknown, value)
    for path, (unknown, value, _) in parameters_of(experiment.world, experiment.ranges).items():
        if path in known.index and (fitted := fitted_bounds(experiment, path, unknown, value)):
            known.loc[path, ["low", "high"]] = fitted
    return known


def touched_numbers(experiment: Experiment, arm: Arm) -> list[str]:
    """The varying numbers of what an arm's own plays act on in their first week, and of the economics.

    A play that does nothing on day one may do anything later: every number is then asked about.
    """
    base = experiment.baseline.plays
    plays = [play for play in arm.plays if play not in base] + [play for play in base if play not in arm.plays]
    view = Market(experiment.world, customers=10, seed=experiment.design.seed).look()  # a handful of customers
    groups, names = set(ALWAYS), varying(experiment)
    coupons = False
    for play in plays:
        actions = play.strategy.decide(view)
        if not actions:
            return names
        for action in actions:
            groups |= _groups_of(action)
            coupons |= isinstance(action, Coupon)
    not_for_it = (OF_PROGRAMMES if "loyalty" not in groups else set()) | (OF_COUPONS if not coupons else set())
    return [name for name in names if group_of(name) in groups and name not in not_for_it]


def _groups_of(action: object) -> set[str]:
    match action:
        case ChannelBudget():
            return {"channels", "acquisition"}
        case ReferralTerms():
            return {"word_of_mouth", "acquisition"}
        case PointsRule() | TierRule():
            return {"loyalty", "price"}  # rewards and tier rates are price cuts
    return {"price"}


def _gains(experiment: Experiment, arm: Arm, kpi_values: pd.DataFrame, worlds: pd.DataFrame) -> pd.Series:
    """The arm's difference to the baseline in the primary KPI, by sampled world (the mean over its markets), where it
    is a number."""
    if kpi_values.empty or worlds.empty:
        return pd.Series(dtype=float)
    sampled = kpi_values[kpi_values["world"] == "sampled"]
    means = sampled.groupby(["arm", "number"])[experiment.design.primary].agg(
        lambda markets: markets.mean(skipna=False)
    )
    of = {name: rows.droplevel("arm") for name, rows in means.groupby("arm")}
    if arm.name not in of:
        return pd.Series(dtype=float)
    gains = (of[arm.name] - of[experiment.baseline.name]).dropna()
    return gains[np.isfinite(gains)]


def _by_worlds(asked: Sequence[str], worlds: pd.DataFrame, gains: pd.Series) -> list[dict[str, Any]]:
    drawn = worlds.set_index("world").loc[gains.index]
    n, third = len(gains), max(2, len(gains) // 3)
    chance = _largest_by_chance(n, len(asked))
    ranked, found = gains.rank(), []
    for name in asked:
        values = drawn[name]
        if values.nunique() < 2 or gains.nunique() < 2:
            continue
        rho = float(np.corrcoef(values.rank(), ranked)[0, 1])
        order = values.sort_values(kind="stable").index
        found.append({"name": name, "by": "worlds", "worlds": n, "correlation": rho,
                      "at_low": float(gains[order[:third]].mean()), "at_high": float(gains[order[-third:]].mean()),
                      "beyond_chance": abs(rho) > chance})  # fmt: skip
    return sorted(found, key=lambda said: -abs(said["correlation"]))


def _largest_by_chance(n: int, asked: int) -> float:
    """What the largest of so many correlations over `n` worlds stays below in 19 of 20 cases if nothing is related."""
    z = NormalDist().inv_cdf(1 - 0.05 / (2 * max(asked, 1)))
    return math.tanh(z / math.sqrt(n - 3))


def _by_evidence(asked: Sequence[str], known: pd.DataFrame) -> list[dict[str, Any]]:
    about = known.loc[list(asked)]
    size = about[["low", "high", "value"]].abs().max(axis=1).replace(0.0, 1.0)
    width = dict(((about["high"] - about["low"]) / size).items())
    weakness = {name: WEAKEST_FIRST.index(tag) for name, tag in about["evidence"].items()}
    weakest = sorted(asked, key=lambda name: (weakness[name], -width[name]))
    nothing = {"correlation": math.nan, "at_low": math.nan, "at_high": math.nan, "beyond_chance": False}
    return [{"name": name, "by": "evidence", "worlds": 0} | nothing for name in weakest]


def in_words(path: str) -> str:
    """A number by its path, for reading: `price.elasticity` is "elasticity (price)"."""
    *group, name = path.split(".")
    return f"{name} ({', '.join(group)})".replace("_", " ")
