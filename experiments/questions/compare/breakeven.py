"""Break-even: how strong would an assumed effect have to be for a policy to pay?

The primary KPI's difference is looked at while one family of assumptions is scaled from nothing to three times its
stated strength, all else as stated; between the strengths tried it is interpolated. As assumed it is the difference of
the verdict, from all replications; the other strengths are run on few of them and say how far it moves from there.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crmlab.experiments.execution.run import Run
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.sim.kpis import KPIS
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.referral.actions import ReferralTerms
from crmlab.sim.world import World

PRICE, MEDIA = "price reaction", "response to media"
LOYALTY, FRIENDS = "reaction to the loyalty programme", "readiness to recommend"
FACTORS = (0.0, 0.5, 2.0, 3.0)  # 1 is the experiment itself
ENOUGH_CUSTOMERS = 20_000  # over all replications of one strength: coupled differences of so many carry little noise
MAX_REPLICATIONS = 4
MAX_OF_ALL = 4  # at most a quarter of all replications: it is the smaller part of an answer
Families = Mapping[str, tuple[Arm, ...]]  # of assumptions, each with the arms that it concerns, the baseline first
ALMOST_NOBODY = 1e-12  # a world in which nobody at all recommends anything takes no referral terms
NEGLIGIBLE = 1e-6  # of what it is a difference of
LOYALTY_EFFECTS = (
    "member", "goal_gradient", "head_start", "reward", "pressure", "success", "failure", "demotion", "perks",
)  # fmt: skip


def replications_asked(design: Design) -> int:
    """On how many replications each strength is run: the fewer customers in one, the more of them."""
    wanted = math.ceil(ENOUGH_CUSTOMERS / max(design.customers, 1))
    return min(wanted, MAX_REPLICATIONS, max(1, design.replications // MAX_OF_ALL))


def concerned(experiment: Experiment) -> Families:
    """The families of assumptions worth asking about, each with the arms that it concerns, the baseline first.

    Reactions to a programme or to friends concern the arms that have such rules (or all, where the baseline has them).
    """
    view = Market(experiment.world, customers=10, seed=experiment.design.seed).look()  # a handful of customers
    actions = {
        arm.name: {type(action) for play in arm.plays for action in play.strategy.decide(view)}
        for arm in experiment.arms
    }
    baseline, others = experiment.baseline, experiment.arms[1:]
    arms: dict[str, tuple[Arm, ...]] = {PRICE: experiment.arms, MEDIA: experiment.arms}
    for assumption, rules in ((LOYALTY, {PointsRule, TierRule}), (FRIENDS, {ReferralTerms})):
        having = [arm for arm in others if rules & (actions[arm.name] | actions[baseline.name])]
        if having:
            arms[assumption] = (baseline, *having)
    return arms


def strengthened(world: World, assumption: str, factor: float) -> World:
    """The world with one family of assumed effects scaled: how people react to prices, media, programmes, friends."""
    if assumption == LOYALTY:
        loyalty = world.loyalty
        scaled_up = {name: getattr(loyalty, name) * factor for name in LOYALTY_EFFECTS}
        status = max(0.0, 1 - (1 - loyalty.status) * factor)
        return dataclasses.replace(world, loyalty=dataclasses.replace(loyalty, **scaled_up, status=status))
    if assumption == FRIENDS:
        said = dataclasses.replace(
            world.word_of_mouth, p_invite=max(world.word_of_mouth.p_invite * factor, ALMOST_NOBODY)
        )
        return dataclasses.replace(world, word_of_mouth=said)
    if assumption == PRICE:
        price = world.price
        most = max(price.elasticity_max, price.elasticity_max * factor)
        scaled = dataclasses.replace(
            price, elasticity=price.elasticity * factor, elasticity_max=most, gain=price.gain * factor
        )
        return dataclasses.replace(world, price=scaled)
    channels = tuple(
        dataclasses.replace(channel, leads_max=channel.leads_max * factor) if channel.half_budget > 0 else channel
        for channel in world.channels
    )
    return dataclasses.replace(world, channels=channels)


def breakeven_table(
    experiment: Experiment,
    kpi_values: pd.DataFrame,
    what_if: Mapping[tuple[str, float], Sequence[Run]],
    asked: Families,
    differences: Mapping[str, float],
) -> pd.DataFrame:
    """For every arm and family of assumptions: the difference at no, at stated strength, and where it changes sign.

    `kpi_values` and `what_if` are of replications in which every strength was run, `asked` the families with the arms
    that each concerns (`concerned`), `differences` those of the verdict: by arm, from all replications.
    """
    primary, base = experiment.design.primary, experiment.baseline.name
    direction = KPIS[primary].direction or 1
    few = kpi_values[
        (kpi_values["world"] == "fixed") & (kpi_values["replication"] < replications_asked(experiment.design))
    ]
    stated = few.groupby("arm")[primary].mean()
    rows: list[dict[str, object]] = []
    for arm in experiment.arms[1:] if len(stated) else ():
        for assumption in [known for known, arms in asked.items() if arm in arms]:
            gains = {1.0: differences[arm.name]}
            away = differences[arm.name] - (stated[arm.name] - stated[base])  # the few from all replications
            for factor in FACTORS:
                value = _means(what_if.get((assumption, factor), ()), primary)
                gain = value.get(arm.name, math.nan) - value.get(base, math.nan)
                nothing = abs(gain) <= NEGLIGIBLE * abs(value.get(base, math.nan))
                gains[factor] = 0.0 if nothing else gain + away  # what does nothing does so in any luck
            crossing = crossing_of(gains)
            rows.append(
                {
                    "arm": arm.name,
                    "kpi": primary,
                    "assumption": assumption,
                    "sentence": breakeven_sentence(arm.name, assumption, gains, crossing, direction),
                    "at_zero": gains[0.0],
                    "at_default": gains[1.0],
                    "break_even": crossing,
                }
            )
    return pd.DataFrame(rows, columns=["arm", "kpi", "assumption", "sentence", "at_zero", "at_default", "break_even"])


def _means(runs: Sequence[Run], kpi: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for run in runs:
        values.setdefault(run.arm, []).append(run.kpis[kpi])
    return {arm: float(np.mean(v)) for arm, v in values.items()}


def crossing_of(gains: Mapping[float, float]) -> float:
    """The strength nearest to 1 at which the gain changes sign, by linear interpolation; NaN when it never does."""
    known = sorted((factor, gain) for factor, gain in gains.items() if not math.isnan(gain))
    crossings = [f0 + (f1 - f0) * g0 / (g0 - g1) for (f0, g0), (f1, g1) in itertools.pairwise(known) if g0 * g1 < 0]
    return min(crossings, key=lambda factor: abs(factor - 1)) if crossings else math.nan


def breakeven_sentence(arm: str, assumption: str, gains: Mapping[float, float], crossing: float, direction: int) -> str:
    """What the gains at the strengths tried say about an arm."""
    known = [gain * direction for gain in gains.values() if not math.isnan(gain)]
    scale = max((abs(gain) for gain in known), default=0.0)
    if scale == 0 or max(known) - min(known) < NEGLIGIBLE * scale:
        return f"{arm}: the result does not depend on the {assumption}."
    if math.isnan(crossing):
        verdict = "pays" if gains[1.0] * direction > 0 else "does not pay"
        if gains[0.0] == 0:
            return (
                f"Without any {assumption} {arm} changes nothing; it {verdict} at any strength tried, "
                f"{min(f for f in FACTORS if f):g} to {max(FACTORS):g} times as assumed."
            )
        return f"{arm} {verdict} at any {assumption} from nothing to {max(FACTORS):g} times the assumed strength."
    above = gains[max(FACTORS)] * direction > 0
    return (
        f"{arm} pays if the {assumption} is {'at least' if above else 'at most'} "
        f"{crossing:.2f} times as strong as assumed."
    )
