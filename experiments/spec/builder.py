"""An experiment from objects: a world, and arms as lists of strategies on top of today's plays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlab.experiments.errors import Problem, SpecError
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.files.world_file import WorldFile, load_world
from crmlab.experiments.own_kpis import kpi_problems
from crmlab.experiments.runs.serialize import kind_of
from crmlab.experiments.spec.experiment_file import TODAY
from crmlab.experiments.spec.validation import HERE, checked
from crmlab.experiments.wording.names import did_you_mean, not_known
from crmlab.sim.plays import Play
from crmlab.sim.readings import Kpi
from crmlab.sim.world import World

SETTINGS = tuple(f.name for f in dataclasses.fields(Design))


def composed(
    world: WorldFile | World | Path | str,
    name: str,
    question: str,
    baseline: str,
    arms: Mapping[str, Any],
    settings_and_arms: Mapping[str, Any],
    kpis: tuple[Kpi, ...] = (),
    sections: tuple[Callable[..., Any], ...] = (),
) -> Experiment:
    """See `Experiment.of`."""
    world = _world_file(world)
    settings = {key: value for key, value in settings_and_arms.items() if key in SETTINGS}
    more = {key: value for key, value in settings_and_arms.items() if key not in SETTINGS}
    if TODAY in more | {**arms}:
        text = f'is the world\'s own policy; for another one say WorldFile(world, today=(Play("{TODAY}", ...),)).'
        raise SpecError(HERE, [Problem(text, ("arms", TODAY))])
    named = [_arm(arm, content, world.today) for arm, content in ({**arms} | more).items()]
    named = [Arm(TODAY, world.today, "Today's policy, as the world states it."), *named]
    if baseline not in {arm.name for arm in named}:
        raise SpecError(
            HERE, [Problem(not_known(baseline, "arm", [arm.name for arm in named]), ("baseline",), baseline)]
        )
    if wrong := kpi_problems(kpis):
        raise SpecError(HERE, [Problem(text, ("kpis",)) for text in wrong])
    experiment = Experiment(
        name=name,
        world=world.world,
        arms=tuple(sorted(named, key=lambda arm: arm.name != baseline)),
        design=Design(**settings),
        question=question,
        fitted=world.fitted,
        calibration=world.calibration,
        log_covariance=world.log_covariance,
        ranges=world.ranges,
        kpis=kpis,
        sections=sections,
    )
    return checked(experiment)


def _world_file(world: Any) -> WorldFile:
    if isinstance(world, WorldFile):
        return world
    if isinstance(world, str | Path):
        return load_world(world)
    if isinstance(world, World):
        return WorldFile(world)
    text = f"must be a World, what load_world gives, or a name or path for it, not {_described(world)}."
    raise SpecError(HERE, [Problem(text, ("world",))])


def _arm(name: str, content: Any, today: Sequence[Play]) -> Arm:
    """An `Arm` as it is; a strategy, a play, or a list of them: on top of today's plays."""
    if isinstance(content, Arm):
        return dataclasses.replace(content, name=name)
    entries = list(content) if isinstance(content, list | tuple) else [content]
    return Arm(name, (*today, *(_play(name, entry) for entry in entries)))


def _play(arm: str, entry: Any) -> Play:
    if isinstance(entry, Play):
        return entry
    if not callable(getattr(entry, "decide", None)) or isinstance(entry, type):
        hint = " Write it with parentheses." if isinstance(entry, type) else did_you_mean(arm, SETTINGS)
        raise SpecError(
            HERE, [Problem(f"must be a strategy, a Play or a list of them, not {_described(entry)}.{hint}", (arm,))]
        )
    named = kind_of(Play("", entry)).removeprefix("__main__:")
    return Play(named, entry)


def _described(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"{value!r:.60}"
