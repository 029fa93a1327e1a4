"""The winner of a tuning as an experiment file of its own, for `crmlab compare`."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from crmlab.experiments.experiment import TODAY
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_file import shipped_worlds
from crmlab.experiments.json_data import table_in
from crmlab.experiments.questions.tune.question import Tune
from crmlab.sim.draws import CONFIRM


def winner_text(
    file: Path,
    folder: Path,
    search: Tune,
    values: Mapping[str, object],
    overrides: Sequence[str] = (),
    world: Path | None = None,
) -> str:
    """The experiment of `file` with two arms, the tuned one as written and as it won, beside the baseline.

    `values` are the winner's levers by path, None for those that mean nothing; a play that it leaves out is left out.

    `folder` is where the text will lie: the path of the world is written from there. Its seed is not that of `file`,
    on whose luck the winner was chosen. Settings of the world (`world.` in `overrides`) cannot be carried along.
    """
    source = TomlSource.read(file)
    source.override([s for s in overrides if not _is_of_world(s, source)])
    given = source.data
    baseline, arms = given.get("baseline", TODAY), table_in(given, "arms")
    kept = {name: arm for name, arm in arms.items() if name in (baseline, search.arm)}
    design = table_in(given, "design").copy()
    seed = design.get("seed", 1)
    assert isinstance(seed, int)
    design["seed"] = _other_seed(seed)
    experiment = {
        "name": f"{given['name']}-winner",
        "question": f"Does {search.arm} as tuned hold on other luck than it was tuned on?",
        "world": given["world"] if isinstance(given["world"], dict) and world is None
        else _world_from(folder, file, str(world or given["world"]), named=world is not None),
        "baseline": baseline,
        "design": design,
        "arms": {**kept, _free_name(kept): _with_values(table_in(arms, search.arm), search, values)},
    }  # fmt: skip
    heading = "# Written by `crmlab tune`. The seed is another one than that of the search.\n"
    return heading + tomlkit.dumps(experiment)


def _is_of_world(setting: str, source: TomlSource) -> bool:
    return setting.startswith("world.") and not isinstance(source.data.get("world"), dict)


def _other_seed(seed: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=(CONFIRM,)).generate_state(1)[0])


def _world_from(folder: Path, file: Path, world: str, named: bool) -> str:
    """Name of a shipped world, or the path of a world file as seen from `folder`. One that the command line `named`
    is relative to where we are, one in a file to that file."""
    if world in shipped_worlds():
        return world
    place = Path(world) if named else file.parent / world
    return Path(os.path.relpath(place.resolve(), folder.resolve())).as_posix()


def _free_name(arms: Mapping[str, object]) -> str:
    name = "winner"
    while name in arms:
        name += "_again"
    return name


def _with_values(arm: Mapping[str, object], search: Tune, values: Mapping[str, object]) -> dict[str, object]:
    tuned: dict[str, Any] = copy.deepcopy(dict(arm))
    tuned["description"] = f"{search.arm} as tuned."
    plays = {play.get("name", play["kind"]): play for play in tuned["strategies"]}
    for lever in search.levers:
        play, value = plays[lever.play], values[lever.path]
        if lever.is_switch and not value:
            tuned["strategies"].remove(play)
        elif lever.is_switch or value is None:  # there anyway, or without a meaning: as it was written
            continue
        elif lever.key is None:
            play[lever.lever] = value
        else:
            play[lever.lever] = {**play.get(lever.lever, {}), lever.key: value}
    return tuned
