"""An experiment from objects: a world, and arms as lists of strategies on top of today's plays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import TODAY, Arm, Design, Experiment
from crmlab.experiments.files.world_file import WorldFile, load_world
from crmlab.experiments.own_kpis import kpi_problems
from crmlab.experiments.runs.serialize import kind_of
from crmlab.experiments.spec.validation import HERE, checked
from crmlab.experiments.wording.names import did_you_mean, not_known
from crmlab.sim.kpis import Kpi
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy
from crmlab.sim.world import World

SETTINGS = tuple(f.name for f in dataclasses.fields(Design))


def new_experiment(
    world: WorldFile | World | Path | str,
    /,
    *,
    name: str = "notebook",
    question: str = "",
    baseline: str = TODAY,
    arms: Mapping[str, object] | None = None,
    kpis: Sequence[Kpi] = (),
    sections: Sequence[Callable[..., object]] = (),
    **settings_and_arms: Any,
) -> Experiment:
    """An experiment from objects, checked as a file would be.

    `world` is the name of a shipped world, the path of a world file, what `load_world` gives, or a `World` of your
    own. `question` is what is to be decided, in a sentence, as in a file. Keywords that are settings of `Design`
    (`weeks`, `customers`, `replications`, ...) are the design. Every other keyword is an arm (as is every entry of
    `arms`, for names that are no Python words): a strategy, a `Play`, or a list of them, on top of today's plays; an
    `Arm` has its own plays and nothing else. `today` is always there. `kpis` are KPIs of your own: columns of every
    table, and good as primary KPI, objective or limit. `sections` are functions of your own from the run's tables to a
    section or chart of its report.

        new_experiment("shop", tiers=DiscountTiers(), both=[DiscountTiers(), ChannelMix()], weeks=52)

    Raises `SpecError`, one sentence per mistake.
    """
    found, given = _world_file(world), dict(arms or {})
    settings = {key: value for key, value in settings_and_arms.items() if key in SETTINGS}
    more = {key: value for key, value in settings_and_arms.items() if key not in SETTINGS}
    if TODAY in more | given:
        text = f'is the world\'s own policy; for another one say WorldFile(world, today=(Play("{TODAY}", ...),)).'
        raise SpecError(HERE, [Problem(text, ("arms", TODAY))])
    named = [_arm(arm, content, found.today) for arm, content in (given | more).items()]
    named = [Arm(TODAY, found.today, "Today's policy, as the world states it."), *named]
    if baseline not in {arm.name for arm in named}:
        raise SpecError(
            HERE, [Problem(not_known(baseline, "arm", [arm.name for arm in named]), ("baseline",), baseline)]
        )
    if wrong := kpi_problems(tuple(kpis)):
        raise SpecError(HERE, [Problem(text, ("kpis",)) for text in wrong])
    experiment = Experiment(
        name=name,
        world=found.world,
        arms=tuple(sorted(named, key=lambda arm: arm.name != baseline)),
        design=Design(**settings),
        purpose=question,
        fitted=found.fitted,
        calibration=found.calibration,
        log_covariance=found.log_covariance,
        ranges=found.ranges,
        kpis=tuple(kpis),
        sections=tuple(sections),
    )
    return checked(experiment)


def _world_file(world: object) -> WorldFile:
    if isinstance(world, WorldFile):
        return world
    if isinstance(world, str | Path):
        return load_world(world)
    if isinstance(world, World):
        return WorldFile(world)
    text = f"must be a World, what load_world gives, or a name or path for it, not {_described(world)}."
    raise SpecError(HERE, [Problem(text, ("world",))])


def _arm(name: str, content: object, today: Sequence[Play]) -> Arm:
    """An `Arm` as it is; a strategy, a play, or a list of them: on top of today's plays."""
    if isinstance(content, Arm):
        return dataclasses.replace(content, name=name)
    entries = list(content) if isinstance(content, list | tuple) else [content]
    return Arm(name, (*today, *(_play(name, entry) for entry in entries)))


def _play(arm: str, entry: object) -> Play:
    if isinstance(entry, Play):
        return entry
    if not isinstance(entry, Strategy) or not callable(entry.decide) or isinstance(entry, type):
        hint = " Write it with parentheses." if isinstance(entry, type) else did_you_mean(arm, SETTINGS)
        raise SpecError(
            HERE, [Problem(f"must be a strategy, a Play or a list of them, not {_described(entry)}.{hint}", (arm,))]
        )
    named = kind_of(Play("", entry)).removeprefix("__main__:")
    return Play(named, entry)


def _described(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"{value!r:.60}"
