"""An experiment as plain JSON data with every default written out: enough to build the same experiment again.

`experiments/runs/deserialize.py` is the way back. Beside these data lies only what is too large for them: the imported
order history, of which size and hash stand here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.own_code.loading import place_of
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.questions.tune.question import OwnSampler
from crmlab.sim.kpis import Kpi
from crmlab.sim.plays import Play
from crmlab.sim.world import History
from crmlab.strategies import STRATEGIES

KIND = "kind"  # where a question says which one it is: the name of its line in the table of questions


def spec(experiment: Experiment) -> dict[str, object]:
    """The experiment with every default written out."""
    world, design = experiment.world, experiment.design
    market = {f.name: plain(getattr(world, f.name)) for f in dataclasses.fields(world) if f.name != "history"}
    market["mechanisms"] = {
        name: {"kind": place_of(type(numbers)), "numbers": plain(numbers)} for name, numbers in world.mechanisms.items()
    }
    own: dict[str, object] = {}
    if experiment.kpis:
        own["kpis"] = [plain(kpi) for kpi in experiment.kpis]
    if experiment.sections:
        own["sections"] = [place_of(function) for function in experiment.sections]
    return {
        "name": experiment.name,
        "purpose": experiment.purpose,
        "question": {KIND: kind_asked(experiment).name, **plain(experiment.question)},
        "design": plain(design),
        "arms": [plain(arm) for arm in experiment.arms],
        "world": market | {"history": history_summary(world.history)},
        "currency": world.economics.currency,
        "scale": world.at_rows(design.customers)[1],
        "fitted": sorted(experiment.fitted),
        "ranges": plain(experiment.ranges),
        "log_covariance": plain(experiment.log_covariance),
        "quick": experiment.quick,
    } | own


def plain(value: Any) -> Any:
    """Plain JSON data: dataclasses as tables, arrays and tuples as lists, dates and infinite numbers as text."""
    if isinstance(value, Play):
        return _play(value)
    if isinstance(value, Kpi):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name != "read"} | {
            "read": place_of(value.read)
        }
    if isinstance(value, OwnSampler):
        return str(value)
    if isinstance(value, Arm):
        return {"name": value.name, "description": value.description, "plays": [_play(play) for play in value.plays]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such numbers
    return value.isoformat() if isinstance(value, date) else value


def kind_of(play: Play) -> str:
    """The name under which an experiment file would call the strategy of a play."""
    cls = type(play.strategy)
    return next((k for k, known in STRATEGIES.items() if known is cls), place_of(cls))


def history_summary(history: History | None) -> dict[str, object] | None:
    """Size and content hash of an imported order history."""
    if history is None:
        return None
    columns = [history.customer, history.weeks_before, *([] if history.amount is None else [history.amount])]
    content = b"".join(np.ascontiguousarray(column, dtype="<f8").tobytes() for column in columns)
    digest = hashlib.sha256(content).hexdigest()
    return {"customers": history.n_customers, "orders": int(history.customer.size), "sha256": digest}


def _play(play: Play) -> dict[str, object]:
    """A play with all of its levers, and those of its settings that are not the default."""
    own = ("name", "strategy", "target")
    settings = {f.name: (getattr(play, f.name), f.default) for f in dataclasses.fields(play) if f.name not in own}
    said = {name: plain(value) for name, (value, default) in settings.items() if value != default}
    target = plain(play.target)
    target = {k: v for k, v in {**target.pop("bands"), **target}.items() if v not in ({}, [], None)}
    return {"kind": kind_of(play), "name": play.name, "levers": plain(play.strategy)} | said | {"target": target}
