"""`crmlab run` and `crmlab compare`: play an experiment, keep the run, print what it found."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlab.experiments.commands.answering import answered, end_on_failures, say_if_quick, tell
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
from crmlab.experiments.printing import print_json, print_table, say, say_prose

if TYPE_CHECKING:
    import pandas as pd

    from crmlab.experiments.experiment import Experiment
    from crmlab.experiments.runs.store import StoredRun


MAX_DETAILED = 3  # arms with a table of their own, unless all are asked for


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
    details: Annotated[
        bool, typer.Option("--details", help="A table of KPIs for every arm, not only for the three that lead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Play every arm on the same people with the same luck, and say what differs and how sure that is."""
    experiment = _asked(file, world, quick, settings, seed)
    if against is not None:
        from crmlab.experiments.spec.subsets import against as compared_with

        experiment = compared_with(experiment, against)
    run = answered(experiment, file, out, place(workers, on), force)

    def next_step(report: Path) -> None:
        _say_what_more(file, experiment)
        say(f"Next: open {report} in a browser.")

    printed = partial(print_comparison, detailed=None if details else MAX_DETAILED)
    tell(run, printed, "all KPIs: in the report, or --json", as_json, next_step)


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
    from crmlab.experiments.spec.subsets import only_arm
    from crmlab.experiments.spec.subsets import quick as small

    experiment = _asked(file, world, False, settings, seed)
    experiment = only_arm(experiment, arm or experiment.baseline.name)
    experiment = small(experiment) if quick else experiment
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
    from crmlab.experiments.files.toml_source import TomlSource
    from crmlab.experiments.spec.suggested_tables import WHAT_FOR, suggested

    written = TomlSource.read(file).data
    for table, what in WHAT_FOR.items():
        lines = suggested(table, experiment.arms) if table not in written else []
        if lines:
            say(f"To {what}, add to {file}, then crmlab {table} {file}:")
            say("\n".join(f"    {line}" for line in lines))


def print_comparison(run: StoredRun, detailed: int | None = None) -> None:
    """Every arm against the baseline: ranked by the primary KPI, then KPI by KPI with both intervals, then in words,
    with the assumptions on which the leading arm hangs. Of more than `detailed` arms the leading ones are told.
    """
    from crmlab.experiments.questions.compare.deciding_listing import deciding_lines
    from crmlab.experiments.statistics import verdict

    spec, effects = run.json("spec"), run.table("effects")
    design, currency = spec["design"], spec["currency"]
    baseline = run.json("comparison")["baseline"]
    ranked = verdict.ranked_arms(effects, baseline, design["primary"])
    if not ranked:
        return
    told = ranked if detailed is None else ranked[:detailed]
    if len(ranked) > MAX_DETAILED:
        _print_ranking(ranked, effects, spec, baseline)
    for arm in told:
        _print_details(run, arm, effects, spec, baseline)
    for arm in told:
        say_prose(f"{arm}: {verdict.verdict_sentence(effects, arm, baseline, design['primary'], currency)}")
    if len(told) < len(ranked):
        more = len(ranked) - len(told)
        say(f"{more} more arm{'s' if more > 1 else ''}: KPI by KPI with --details, and in the report.")
    say(verdict.few_replications(design["replications"]))
    if "deciding" in run.tables:
        for line in deciding_lines(run.table("deciding"), ranked[0], effects, design["primary"], currency):
            say_prose(line, indent=5)


def _print_ranking(ranked: list[str], effects: pd.DataFrame, spec: dict[str, Any], baseline: str) -> None:
    """All arms in one table, the best in the primary KPI first."""
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.statistics import verdict
    from crmlab.experiments.wording.provenance import provenance
    from crmlab.experiments.wording.quantities import between, change

    design, currency = spec["design"], spec["currency"]
    by = {(row.arm, row.kpi): row for row in each_row(effects)}
    lines = []
    for arm in ranked:
        row, won = by[arm, design["primary"]], by.get((arm, "first_orders"))
        judged = verdict.judge(row)
        lines.append(
            (
                arm,
                verdict.difference(row, currency),
                between(judged.low, judged.high, row.unit, currency),
                verdict.ahead(row),
                judged.word,
                change(won.difference, won.unit, currency, (won.low, won.high)) if won else "",
            )
        )
    label = by[ranked[0], design["primary"]].label
    lasting = f"{design['weeks']} weeks, {design['replications']} replications"
    title = f"{label}: {len(ranked)} arms against {baseline}, {lasting}"
    columns = ["arm", "difference", "range", "ahead in", "verdict", "new customers"]
    print_table(title, columns, lines, provenance(spec["fitted"]))


def _print_details(run: StoredRun, arm: str, effects: pd.DataFrame, spec: dict[str, Any], baseline: str) -> None:
    """The main effects of one arm with both intervals, and what is real and what assumed."""
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.statistics import verdict
    from crmlab.experiments.wording.provenance import provenance
    from crmlab.experiments.wording.quantities import between, quantity

    headline = [kpi["id"] for kpi in run.json("glossary") if kpi.get("headline", True)]
    design, currency = spec["design"], spec["currency"]
    sampled = effects["worlds"].max()
    over = f"range of {sampled:.0f} worlds" if sampled > 0 else "range of worlds"
    columns = [
        "KPI",
        baseline,
        "arm",
        "difference",
        f"{design['confidence']:.0%} luck only",
        over,
        "ahead in",
        "verdict",
    ]
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
        for row in each_row(effects[(effects["arm"] == arm) & effects["kpi"].isin(headline)])
    ]
    title = f"{arm} against {baseline}, {design['weeks']} weeks, {design['replications']} replications"
    print_table(title, columns, lines, provenance(spec["fitted"]))


def _asked(file: Path, world: Path | None, small: bool, settings: list[str] | None, seed: int | None) -> Experiment:
    from crmlab.experiments.spec.experiment_file import load_experiment
    from crmlab.experiments.spec.subsets import quick

    experiment = load_experiment(file, overrides(settings, seed), world)
    return quick(experiment) if small else experiment


def _kpis_of(runs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mean over the replications of the stated world, and the standard deviation between them, by KPI."""
    fixed = runs[runs["world"] == "fixed"].drop(columns=["arm", "world", "replication"])
    return {str(k): {"value": float(fixed[k].mean()), "sd": float(fixed[k].std())} for k in fixed.columns}


def _print_kpis(experiment: Experiment, kpis: dict[str, dict[str, float]]) -> None:
    from crmlab.experiments.wording.provenance import provenance
    from crmlab.experiments.wording.quantities import quantity
    from crmlab.sim.kpis import KPIS

    currency, design = experiment.world.economics.currency, experiment.design
    rows = [
        (KPIS[k].label, quantity(v["value"], KPIS[k].unit, currency), quantity(v["sd"], KPIS[k].unit, currency))
        for k, v in kpis.items()
        if k in KPIS
    ]
    title = f"{experiment.baseline.name}, {design.weeks} weeks, {design.replications} replications"
    print_table(title, ["KPI", "mean", "sd between replications"], rows, provenance(experiment.fitted))
