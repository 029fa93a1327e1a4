"""From a run folder back to its experiment: the way back from `experiments/runs/serialize.py`.

Neither the experiment file nor the world file is read. What is not in `spec.json` lies beside it: the imported
order history (`history.parquet`, customers as numbers), what `calibrate` knew (`calibration.json`), and a copy of each
strategy that comes from elsewhere (`strategies/`), used where its module is not installed.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints, overload

import numpy as np

from crmlab.experiments.errors import UserError
from crmlab.experiments.experiment import Arm, Design, Experiment, Question
from crmlab.experiments.files.play_form import NoSuchStrategy
from crmlab.experiments.json_data import JsonObject
from crmlab.experiments.questions.table import KINDS
from crmlab.experiments.questions.tune.question import OwnSampler, Sampler
from crmlab.experiments.run_files import HISTORY
from crmlab.experiments.runs.code_of import keep_code
from crmlab.experiments.runs.kept_code import COPIES, function_of, strategy_of
from crmlab.experiments.runs.run_id import own_functions
from crmlab.experiments.runs.serialize import KIND, history_summary, spec
from crmlab.sim.kpis import Kpi
from crmlab.sim.plays import Play
from crmlab.sim.strategy import Strategy
from crmlab.sim.target import Target
from crmlab.sim.world import History, World

T = TypeVar("T")
_folder: ContextVar[Path] = ContextVar("folder")  # of the run that is being built
_COVARIANCE = Mapping[str, tuple[tuple[str, ...], list[list[float]]]]


class RebuildError(UserError):
    """A run folder from which no experiment can be built. The message says what is missing or was changed."""

    exit_code = 1


def keep_inputs(experiment: Experiment, folder: Path) -> None:
    """Put into a run folder what rebuilding needs besides `spec.json`."""
    if experiment.world.history is not None:
        _write_history(experiment.world.history, folder / HISTORY)
    own = (*(type(play.strategy) for arm in experiment.arms for play in arm.plays), *own_functions(experiment))
    keep_code(own, folder / COPIES)


def deserialize_experiment(folder: Path) -> Experiment:
    """The experiment of a run folder, equal to the one that was run. Raises `RebuildError`."""
    stored = _json(folder / "spec.json")
    token = _folder.set(folder)
    try:
        experiment = _experiment(stored, folder)
    except (NoSuchStrategy, ImportError, AttributeError) as error:
        raise RebuildError(f"{folder}: {_sentence(error)}") from None
    except RebuildError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise RebuildError(f"{folder}/spec.json does not fit this version: {_sentence(error)}") from None
    finally:
        _folder.reset(token)
    again = json.loads(json.dumps(spec(experiment)))
    for place, then, now in differences(stored, again):
        raise RebuildError(f"{folder}: {place} was {then} and would now be {now}.")
    return experiment


@overload
def built(hint: type[T], value: object) -> T: ...
@overload
def built(hint: object, value: object) -> Any: ...
def built(hint: object, value: Any) -> object:
    """A value of the type that `hint` names, from plain JSON data."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return built(arguments[0], value)
    if hint == Sampler | OwnSampler:
        return OwnSampler(function_of(value, _folder.get())) if ":" in value else value
    if origin in (Union, types.UnionType):
        return None if value is None else built(_member(arguments, value), value)
    if value is None or hint in (Any, object):
        return value
    if hint is Play:
        return _play(value)
    if hint is Kpi:
        return Kpi(**{**value, "read": function_of(value["read"], _folder.get()), "ratio_of": _pair(value["ratio_of"])})
    if hint is Arm:
        return Arm(value["name"], tuple(map(_play, value["plays"])), value["description"])
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value)  # type: ignore[arg-type]
    return _collection(origin or hint, arguments, value)


def differences(then: object, now: object, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Where two pieces of plain data differ: place, value then, value now."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            inner = f"{place}.{key}" if place else str(key)
            yield from differences(then.get(key, _ABSENT), now.get(key, _ABSENT), inner)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for position, (a, b) in enumerate(zip(then, now, strict=True)):
            yield from differences(a, b, f"{place}[{position}]")
    elif then != now or type(then) is not type(now):
        yield place, _short(then), _short(now)


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def _short(value: object) -> str:
    text = repr(value) if value is _ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _experiment(stored: Mapping[str, Any], folder: Path) -> Experiment:
    market = dict(stored["world"])
    history = _read_history(folder / HISTORY, market.pop("history"))
    added = {name: _numbers(stored, folder) for name, stored in market.pop("mechanisms", {}).items()}
    calibration = folder / "calibration.json"
    return Experiment(
        name=stored["name"],
        world=dataclasses.replace(built(World, market), history=history, mechanisms=added),
        arms=built(tuple[Arm, ...], stored["arms"]),
        design=built(Design, stored["design"]),
        question=_question(stored["question"]),
        purpose=stored["purpose"],
        fitted=frozenset(stored["fitted"]),
        calibration=_json(calibration) if calibration.is_file() else None,
        log_covariance=built(_COVARIANCE, stored["log_covariance"]),
        ranges=built(Mapping[str, tuple[float, float]], stored["ranges"]),
        quick=stored.get("quick", False),
        kpis=built(tuple[Kpi, ...], stored.get("kpis", [])),
        sections=tuple(function_of(place, _folder.get()) for place in stored.get("sections", [])),
    )


def _numbers(stored: Mapping[str, Any], folder: Path) -> Any:
    """The numbers of a mechanism that the world adds."""
    return built(function_of(stored["kind"], folder), stored["numbers"])


def _question(stored: Mapping[str, Any]) -> Question:
    if stored[KIND] not in KINDS:
        raise ValueError(f'"{stored[KIND]}" is no question.')
    return built(KINDS[stored[KIND]].record, {key: value for key, value in stored.items() if key != KIND})


def _pair(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _play(stored: Mapping[str, Any]) -> Play:
    rest = {key: value for key, value in stored.items() if key not in ("kind", "levers", "target")}
    strategy: Strategy = built(strategy_of(stored["kind"], _folder.get()), stored["levers"])
    return Play(strategy=strategy, target=_target(stored["target"]), **rest)


def _target(stored: Mapping[str, Any]) -> Target:
    """A target says its bands beside its other conditions."""
    own = {f.name for f in dataclasses.fields(Target)}
    bands = {key: value for key, value in stored.items() if key not in own}
    return built(Target, {key: value for key, value in stored.items() if key in own} | {"bands": bands})


def _dataclass(cls: type[T], value: Mapping[str, Any]) -> T:
    hints = get_type_hints(cls)
    unknown = [name for name in value if name not in hints]
    if unknown:
        raise ValueError(f'{cls.__name__} has no "{unknown[0]}".')
    return cls(**{name: built(hints[name], content) for name, content in value.items()})


def _collection(kind: object, arguments: tuple[object, ...], value: object) -> object:
    if isinstance(value, dict):
        of = arguments[1] if len(arguments) == 2 else object
        key = int if arguments[:1] == (int,) else float if arguments[:1] == (float,) else str
        return {key(name): built(of, content) for name, content in value.items()}
    if isinstance(value, list):
        if kind is np.ndarray:
            return np.asarray(value)
        items = _items(kind, arguments, value)
        made = next((made for made in (tuple, frozenset, set) if kind is made), list)
        return made(items)
    if kind is date:
        return date.fromisoformat(str(value))
    return float(value) if kind is float and isinstance(value, str) else value


def _items(kind: object, arguments: tuple[object, ...], value: list[object]) -> list[object]:
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        return [built(of, item) for of, item in zip(arguments, value, strict=True)]
    return [built(arguments[0] if arguments else object, item) for item in value]


def _member(members: tuple[object, ...], value: object) -> object:
    """The member of a union that a value is of: the dataclass with its fields, otherwise what is no dataclass."""
    kinds = [member for member in members if member is not type(None)]
    records = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    if isinstance(value, dict) and records:
        fits = (kind for kind in records if set(value) == {f.name for f in dataclasses.fields(kind) if f.init})
        return next(fits, records[0])
    others = [kind for kind in kinds if kind not in records]
    collections = [kind for kind in others if get_origin(kind) or kind in (tuple, list)]
    return (collections if isinstance(value, list | dict) and collections else [*others, object])[0]


def _write_history(history: History, path: Path) -> None:
    import pandas as pd

    columns = {f.name: getattr(history, f.name) for f in dataclasses.fields(history)}
    table = pd.DataFrame({name: column for name, column in columns.items() if column is not None})
    table.to_parquet(path, index=False, compression="zstd")


def _read_history(path: Path, summary: JsonObject | None) -> History | None:
    import pandas as pd

    if summary is None:
        return None
    if not path.is_file():
        raise RebuildError(f"The order history of the run is gone: {path} is needed to found its customers.")
    try:
        table = pd.read_parquet(path)
    except Exception:
        raise RebuildError(f"The order history of the run is damaged: {path} is no table.") from None
    amount = table["amount"].to_numpy() if "amount" in table else None
    history = History(table["customer"].to_numpy(), table["weeks_before"].to_numpy(), amount)
    if history_summary(history) != summary:
        raise RebuildError(f"The order history of the run has been changed: {path} is not what the run was played on.")
    return history


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise RebuildError(f"{path} is not there: the run cannot be built again.") from None
    except (ValueError, RecursionError):
        raise RebuildError(f"{path} is not JSON: it has been changed.") from None


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."
