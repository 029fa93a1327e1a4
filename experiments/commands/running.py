"""`crmlab run` and `crmlab compare`: play an experiment, keep the run, print what it found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmlab.experiments.commands.answering import (
    answered,
    end_on_failures,
    fit_of,
    notes_of,
    report_of,
    say_fit,
    say_if_quick,
)
from crmlab.experiments.commands.options import (
    RESULTS,
    AsJson,
    ExperimentFile,
    Force,
    On,
    Out,
    Quick,
    Seed,
    Settings,
    Trust,
    Workers,
    WorldOption,
    overrides,
    place,
)
from crmlab.experiments.commands.printing import print_json, print_table, say

if TYPE_CHECKING:
    import pandas as pd

    from crmlab.experiments.experiment import Experiment
    from crmlab.experiments.runs.store import StoredRun


def compare(
    file: ExperimentFile,
    against: Annotated[
        str | None, typer.Option("--against", metavar="ARM", help="The arm to compare with; default: the baseline.")
    ] = None,
    world: WorldOption = None,
    quick: Quick = False,
    workers: Workers = 0,
    on: On = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = RESULTS,
    force: Force = False,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Play every arm on the same people with the same luck, and say what differs and how sure that is."""
    experiment = _asked(file, world, quick, settings, seed)
    if against is not None:
        from crmlab.experiments.files.spec import against as compared_with

        experiment = compared_with(experiment, against)
    run = answered(experiment, file, out, place(workers, on), force)
    if as_json:
        print_json(run.json("comparison") | {"run": str(run.path), "fit": fit_of(run), "notes": notes_of(run)})
    else:
        print_comparison(run)
        say_if_quick(run)
        say_fit(run)
        say(f"Run: {run.path} (all KPIs: in the report, or --json)")
    report = report_of(run)  # comes last: a report that cannot be drawn loses no answer
    if not as_json:
        _say_what_more(file, experiment)
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
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Play one arm alone and print its KPIs. Differences between arms are the business of `compare`."""
    from crmlab.experiments.files.spec import only_arm

    experiment = _asked(file, world, quick, settings, seed)
    experiment = only_arm(experiment, arm or experiment.baseline.name)
    found = answered(experiment, file, out, place(workers, on), force)
    kpis = _kpis_of(found.table("runs"))
    if as_json:
        print_json({"arm": experiment.baseline.name, "replications": experiment.design.replications, "kpis": kpis})
    else:
        _print_kpis(experiment, kpis)
        say_if_quick(found)
        say(f"Run: {found.path}")
        say(f"Next: crmlab compare {file}")
    end_on_failures(found)


def _say_what_more(file: Path, experiment: Experiment) -> None:
    """What the file would have to say for the questions that go on from here."""
    from crmlab.experiments.files.suggested_tables import WHAT_FOR, suggested
    from crmlab.experiments.files.toml_source import TomlSource

    written = TomlSource.read(file).data
    for table, what in WHAT_FOR.items():
        lines = suggested(table, experiment.arms) if table not in written else []
        if lines:
            say(f"To {what}, add to {file}, then crmlab {table} {file}:")
            say("\n".join(f"    {line}" for line in lines))


def print_comparison(run: StoredRun) -> None:
    """The main effects of every arm against the baseline, with both intervals, and what is real and what assumed."""
    from crmlab.experiments.reporting import verdict
    from crmlab.experiments.reporting.provenance import provenance
    from crmlab.experiments.reporting.quantities import between, quantity

    resolved, effects = run.json("resolved"), run.table("effects")
    headline = [kpi["id"] for kpi in run.json("glossary") if kpi.get("headline", True)]
    design, currency = resolved["design"], resolved["currency"]
    baseline = run.json("comparison")["baseline"]
    sure = f"{design['confidence']:.0%}"
    sampled = effects["worlds"].max()
    over = f"range of {sampled:.0f} worlds" if sampled > 0 else "range of worlds"
    columns = ["KPI", baseline, "arm", "difference", f"{sure} luck only", over, "ahead in", "verdict"]
    for arm, rows in effects[(effects["arm"] != baseline) & effects["kpi"].isin(headline)].groupby("arm", sort=False):
        lines = [
            (
                row.label,
                quantity(row.baseline_value, row.unit, currency),
                quantity(row.value, row.unit, currency),
                verdict.difference(row, currency),
                verdict.interval(row, currency),
                between(row.low_unknowns, row.high_unknowns, row.unit, currency),
                verdict.ahead(row) if row.direction else "",
                verdict.judge(row).word,
            )
            for row in rows.itertuples()
        ]
        title = f"{arm} against {baseline}, {design['weeks']} weeks, {design['replications']} replications"
        print_table(title, columns, lines, provenance(resolved["fitted"]))
    for arm in dict.fromkeys(effects.loc[effects["arm"] != baseline, "arm"]):
        say(f"{arm}: {verdict.verdict_sentence(effects, arm, baseline, design['primary'], currency)}")
    if (effects["arm"] != baseline).any():
        say(verdict.few_replications(design["replications"]))


def _asked(file: Path, world: Path | None, small: bool, settings: list[str] | None, seed: int | None) -> Experiment:
    from crmlab.experiments.files.spec import load_experiment, quick

    experiment = load_experiment(file, overrides(settings, seed), world)
    return quick(experiment) if small else experiment


def _kpis_of(runs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mean over the replications of the stated world, and the standard deviation between them, by KPI."""
    fixed = runs[runs["world"] == "fixed"].drop(columns=["arm", "world", "replication"])
    return {str(k): {"value": float(fixed[k].mean()), "sd": float(fixed[k].std())} for k in fixed.columns}


def _print_kpis(experiment: Experiment, kpis: dict[str, dict[str, float]]) -> None:
    from crmlab.experiments.reporting.provenance import provenance
    from crmlab.experiments.reporting.quantities import quantity
    from crmlab.sim.readings import KPIS

    currency, design = experiment.world.economics.currency, experiment.design
    rows = [
        (KPIS[k].label, quantity(v["value"], KPIS[k].unit, currency), quantity(v["sd"], KPIS[k].unit, currency))
        for k, v in kpis.items()
        if k in KPIS
    ]
    title = f"{experiment.baseline.name}, {design.weeks} weeks, {design.replications} replications"
    print_table(title, ["KPI", "mean", "sd between replications"], rows, provenance(experiment.fitted))
