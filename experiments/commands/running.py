"""`crmlab run` and `crmlab compare`: play an experiment, keep the run, print what it found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.commands.options import (
    RESULTS,
    AsJson,
    ExperimentFile,
    Force,
    On,
    Out,
    Quick,
    Seed,
    Settings,
    Workers,
    WorldOption,
    overrides,
    place,
)
from experiments.commands.printing import print_json, print_table, progress, remark, say

if TYPE_CHECKING:
    import pandas as pd

    from experiments.execution.cluster import Dask
    from experiments.execution.executor import Executor
    from experiments.experiment import Experiment
    from experiments.runs.store import RunFolder, StoredRun

    Play = Callable[[Experiment, RunFolder, int | Executor], None]


def compare(
    file: ExperimentFile,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    on: On = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Play every arm on the same people with the same luck, and say what differs and how sure that is."""
    experiment = _asked(file, world, quick, settings, seed)
    run = answered(experiment, file, out, place(workers, on), force)
    if as_json:
        print_json(run.json("comparison") | {"run": str(run.path)})
    else:
        print_comparison(run)
        say(f"Run: {run.path} (all KPIs: in the report, or --json)")
    report = report_of(run)  # comes last: a report that cannot be drawn loses no answer
    if not as_json:
        say(f"Next: open {report} in a browser.")
    end_on_failures(run)


def run(
    file: ExperimentFile,
    arm: Annotated[str | None, typer.Option("--arm", help="The arm to play; default: the baseline.")] = None,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    on: On = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Play one arm alone and print its KPIs. Differences between arms are the business of `compare`."""
    from experiments.files.spec import only_arm

    experiment = _asked(file, world, quick, settings, seed)
    experiment = only_arm(experiment, arm or experiment.baseline.name)
    found = answered(experiment, file, out, place(workers, on), force)
    kpis = _kpis_of(found.table("runs"))
    if as_json:
        print_json({"arm": experiment.baseline.name, "replications": experiment.design.replications, "kpis": kpis})
    else:
        _print_kpis(experiment, kpis)
        say(f"Run: {found.path}")
        say(f"Next: crmlab compare {file}")
    end_on_failures(found)


def answered(
    experiment: Experiment, file: Path, out: Path, workers: int | Dask, force: bool, play: Play | None = None
) -> StoredRun:
    """The run that answers an experiment: the one already there, or a new one that is kept whatever happens.

    What an earlier attempt has finished is not played again, unless by `force`. `play` fills the run folder; by
    default the arms are compared.
    """
    from experiments.files.messages import Interrupted, UserError
    from experiments.runs.store import RunFolder, StoredRun, finished_run

    known = finished_run(out, experiment)
    if known and not force:
        remark(f"This run is already there: {known.path} (--force plays it again).")
        return known
    text = file.read_text(encoding="utf-8-sig")
    with nullcontext(workers) if isinstance(workers, int) else workers as executor:
        recorded = executor if isinstance(executor, int) else str(executor)
        folder = RunFolder.create(out, experiment, text, recorded, force)
        _remark_on_resuming(folder)
        try:
            (play or _play)(experiment, folder, executor)
            return StoredRun(folder.finish("done"))
        except KeyboardInterrupt:
            kept = folder.finish("interrupted")
            said = f"Interrupted. What there was is kept in {kept}; the same command goes on from there."
            raise Interrupted(said) from None
        except UserError:
            if folder.leave():
                finished = f"{len(folder.ledger)} tasks"
                remark(f"What was finished is kept ({finished}); the same command goes on from there.")
            raise
        except Exception as error:
            folder.failures = [{"task": "the run", "error": f"{type(error).__name__}: {error}"}]
            remark(f"The run failed; what there was is kept in {folder.finish('failed')}.")
            raise


def _remark_on_resuming(folder: RunFolder) -> None:
    if folder.ledger.begun_anew:
        remark(f"What was finished earlier cannot be used ({folder.ledger.begun_anew}); the run begins anew.")
    elif len(folder.ledger):
        of_all = f" of {folder.total}" if folder.total >= len(folder.ledger) else ""
        remark(f"Resumed: {len(folder.ledger)}{of_all} tasks were there.")


def end_on_failures(run: StoredRun) -> None:
    """Say in one line which tasks failed while the others went on, and end with exit code 1; nothing if none did."""
    failures = run.failures
    if not failures:
        return
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    remark(f"Failed and left out: {failures[0]['task']} ({failures[0]['error']}){more}; see {run.path}/failures.json.")
    raise typer.Exit(1)


def print_comparison(run: StoredRun) -> None:
    """The main effects of every arm against the baseline, with both intervals, and what is real and what assumed."""
    from experiments.reporting.provenance import provenance
    from experiments.reporting.quantities import between, change, quantity

    resolved, effects = run.json("resolved"), run.table("effects")
    headline = [kpi["id"] for kpi in run.json("glossary") if kpi.get("headline", True)]
    design, currency = resolved["design"], resolved["currency"]
    baseline = run.json("comparison")["baseline"]
    sure = f"{design['confidence']:.0%}"
    columns = ["KPI", baseline, "arm", "difference", f"{sure} luck only", f"{sure} luck and unknowns", "P(better)"]
    for arm, rows in effects[(effects["arm"] != baseline) & effects["kpi"].isin(headline)].groupby("arm", sort=False):
        lines = [
            (
                row.label,
                quantity(row.baseline_value, row.unit, currency),
                quantity(row.value, row.unit, currency),
                change(row.difference, row.unit, currency),
                between(row.low, row.high, row.unit, currency),
                between(row.low_unknowns, row.high_unknowns, row.unit, currency),
                quantity(row.p_better, "share") if row.direction else "",
            )
            for row in rows.itertuples()
        ]
        title = f"{arm} against {baseline}, {design['weeks']} weeks, {design['replications']} replications"
        print_table(title, columns, lines, provenance(resolved["fitted"]))


def _asked(file: Path, world: Path | None, small: bool, settings: list[str] | None, seed: int | None) -> Experiment:
    from experiments.files.spec import load_experiment, quick

    experiment = load_experiment(file, overrides(settings, seed), world)
    return quick(experiment) if small else experiment


def _play(experiment: Experiment, folder: RunFolder, workers: int | Executor) -> None:
    from experiments.compare import compare as compare_arms

    with progress("Playing") as show:

        def on_progress(done: int, total: int) -> None:
            show(done, total)
            folder.progress(done, total)

        comparison = compare_arms(experiment, workers=workers, on_progress=on_progress, ledger=folder.ledger)
    for name, table in comparison.tables.items():
        folder.write_table(name, table)
    folder.write_json("comparison", comparison.to_json())
    folder.write_json("glossary", glossary())
    folder.failures = list(comparison.failures)


def glossary() -> list[dict[str, Any]]:
    """Every KPI in words, as a run folder keeps it."""
    from sim.readings import HEADLINE, KPIS

    words = ("id", "label", "unit", "formula", "eligible", "window", "censoring", "direction", "reference")
    entries = [{word: getattr(kpi, word, "") for word in words} for kpi in KPIS.values()]
    return [entry | {"headline": entry["id"] in HEADLINE} for entry in entries]


def report_of(run: StoredRun) -> Path:
    """Write the report of a run."""
    from experiments.reporting.report import write_report
    from experiments.runs.store import disk_trouble

    with disk_trouble(run.path):
        return write_report(run.path)


def _kpis_of(runs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mean over the replications of the stated world, and the standard deviation between them, by KPI."""
    fixed = runs[runs["world"] == "fixed"].drop(columns=["arm", "world", "replication"])
    return {str(k): {"value": float(fixed[k].mean()), "sd": float(fixed[k].std())} for k in fixed.columns}


def _print_kpis(experiment: Experiment, kpis: dict[str, dict[str, float]]) -> None:
    from experiments.reporting.provenance import provenance
    from experiments.reporting.quantities import quantity
    from sim.readings import KPIS

    currency, design = experiment.world.economics.currency, experiment.design
    rows = [
        (KPIS[k].label, quantity(v["value"], KPIS[k].unit, currency), quantity(v["sd"], KPIS[k].unit, currency))
        for k, v in kpis.items()
        if k in KPIS
    ]
    title = f"{experiment.baseline.name}, {design.weeks} weeks, {design.replications} replications"
    print_table(title, ["KPI", "mean", "sd between replications"], rows, provenance(experiment.fitted))
