"""The questions that can be asked from Python: the experiment is checked, and an `Answer` given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crmlab.experiments.execution.executor import Executor
from crmlab.experiments.experiment import Compare, Experiment
from crmlab.experiments.lab.answer import Answer
from crmlab.experiments.lab.memory_store import KeptTasks
from crmlab.experiments.lab.progress import watched
from crmlab.experiments.questions.explain.posing import asked as explained
from crmlab.experiments.service import answer, doing
from crmlab.experiments.spec.from_python import with_stress, with_table
from crmlab.experiments.spec.validation import checked


def compare(experiment: Experiment, *, workers: int | Executor = 0, progress: bool = True) -> Answer:
    """Play every arm on the same people with the same luck, and say what differs and how sure that is.

    `workers` is a number of local processes (0: one per core) or an executor; it changes no number. Raises `UserError`.
    """
    return asked(replace(experiment, question=Compare()), workers, progress)


def tune(
    experiment: Experiment,
    *,
    arm: str | None = None,
    levers: Sequence[str | Mapping[str, Any]] | None = None,
    switch: Sequence[str] | None = None,
    objectives: Sequence[str] | None = None,
    constraints: Sequence[str] | None = None,
    soft: Sequence[str] | None = None,
    any_volume: bool | None = None,
    sampler: str | Callable[[int], Any] | None = None,
    candidates: int | None = None,
    batch: int | None = None,
    replications: int | None = None,
    racing: bool | None = None,
    simulations: int | None = None,
    patience: int | None = None,
    worlds: int | None = None,
    score: str | None = None,
    confirm: int | None = None,
    confirm_replications: int | None = None,
    workers: int | Executor = 0,
    progress: bool = True,
) -> Answer:
    """Search the levers of an arm and run the winners again on luck that the search has not seen.

    Keywords are those of the [tune] table of an experiment file, with its defaults (docs/tuning.md): `arm` and `levers`
    are needed, `objectives` are KPIs (default: customer equity), `constraints` such as "cac gain <= 0", `sampler` a
    name or a function of your own from a seed to an Optuna sampler. None are needed for an experiment that has a search
    already (`load_tuning`). Raises `UserError`.
    """
    said = {
        "arm": arm, "levers": levers, "switch": switch, "objectives": objectives, "constraints": constraints,
        "soft": soft, "any_volume": any_volume, "sampler": sampler, "candidates": candidates, "batch": batch,
        "replications": replications,
        "racing": racing, "simulations": simulations, "patience": patience, "worlds": worlds, "score": score,
        "confirm": confirm, "confirm_replications": confirm_replications,
    }  # fmt: skip
    return asked(with_table("tune", experiment, _given(said)), workers, progress)


def sweep(
    experiment: Experiment,
    *,
    arm: str | None = None,
    levers: Sequence[str | Mapping[str, Any]] | None = None,
    unknowns: Sequence[str | Mapping[str, Any]] | str | None = None,
    design: str | None = None,
    points: int | None = None,
    replications: int | None = None,
    kpis: Sequence[str] | None = None,
    workers: int | Executor = 0,
    progress: bool = True,
) -> Answer:
    """Move levers of an arm and unknowns of the world, and say what the effect of the arm hangs on.

    Keywords are those of the [sweep] table of an experiment file, with its defaults (docs/sweeps.md): `arm` is needed,
    and `levers`, `unknowns` (names, or "all") or both; `design` is grid, lhs, sobol, morris, saltelli or tornado. None
    are needed for an experiment that `load_sweep` has read. Raises `UserError`.
    """
    said = {"arm": arm, "levers": levers, "unknowns": unknowns, "design": design, "points": points,
            "replications": replications, "kpis": kpis}  # fmt: skip
    return asked(with_table("sweep", experiment, _given(said)), workers, progress)


def stress(
    experiment: Experiment,
    *,
    arm: str | None = None,
    worlds: int | None = None,
    replications: int | None = None,
    tail: float | None = None,
    table: Any = None,
    workers: int | Executor = 0,
    progress: bool = True,
) -> Answer:
    """Try every arm in many possible worlds, and say in which of them the recommendation flips.

    `arm` is on trial (default: the best in the world as stated) in so many drawn `worlds` (default: 200), on so many
    `replications` in each (default: 2); `tail` is the share of worlds that CVaR looks at. `table` are worlds of your
    own, a pandas table with one a row and columns such as "price.elasticity" (docs/robust-policies.md). Raises
    `UserError`.
    """
    said = {"arm": arm, "worlds": worlds, "replications": replications, "tail": tail, "table": table}
    return asked(with_stress(experiment, _given(said)), workers, progress)


def explain(
    experiment: Experiment, arm: str | None = None, *, workers: int | Executor = 0, progress: bool = True
) -> Answer:
    """Say why an arm (default: the first after the baseline) does what it does: which plays, through whom, for whom.

    Raises `UserError`.
    """
    return asked(explained(checked(experiment), arm), workers, progress)


def asked(experiment: Experiment, workers: int | Executor = 0, progress: bool = True) -> Answer:
    """The answer to whatever an experiment asks."""
    checked(experiment)
    store, started = KeptTasks(), datetime.now(UTC)
    with watched(doing(experiment), progress) as show:
        found = answer(experiment, workers, store, show)
    return Answer(experiment, found, store, started)


def _given(said: Mapping[str, object]) -> dict[str, object]:
    """What was said; the rest has the defaults of the table. Tuples are lists there."""
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    return {name: value for name, value in listed.items() if value is not None}
