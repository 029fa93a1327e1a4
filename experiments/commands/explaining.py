"""`crmlab explain`: which plays, which people and which orders an effect consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlab.experiments.commands.answering import answered, tell
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
from crmlab.experiments.printing import print_table, say, say_prose

if TYPE_CHECKING:
    import pandas as pd

    from crmlab.experiments.runs.store import StoredRun

TOTALS, MEANS = ("customer_equity", "orders"), ("ltv_52", "repurchase_52")  # effects whose composition is printed
SHOWN = {"contribution": "contribution", "orders": "orders x 100", "given": "given away"}  # per person


def explain(
    file: ExperimentFile,
    arm: Annotated[
        str | None, typer.Option("--arm", help="The policy to explain; default: the first arm after the baseline.")
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
    """Say why an arm does what it does: which plays, through which people, for whom, and with how much waste."""
    from crmlab.experiments.questions.explain.posing import asked
    from crmlab.experiments.spec.experiment_file import load_experiment
    from crmlab.experiments.spec.subsets import quick as small

    experiment = load_experiment(file, overrides(settings, seed), world)
    experiment = asked(experiment, arm)
    experiment = small(experiment) if quick else experiment
    run = answered(experiment, file, out, place(workers, on), force)
    tell(run, print_explanation, "all KPIs: in the report, or --json", as_json)


def print_explanation(run: StoredRun) -> None:
    """The four parts of an explanation, each number with its intervals."""
    from crmlab.experiments.questions.explain.charts import BOTH_KNOWN, deadweight_sentence
    from crmlab.experiments.statistics.verdict import verdict_sentence

    answer, spec = run.json("explain"), run.json("spec")
    design, words = spec["design"], _Words(spec)
    say(
        f"{answer['arm']} against {answer['baseline']}, {design['weeks']} weeks, {design['replications']} replications."
    )
    effects = run.table("effects")
    said = verdict_sentence(effects, answer["arm"], answer["baseline"], design["primary"], words.currency)
    say_prose(f"{answer['arm']}: {said}")
    say()
    headline = [kpi["id"] for kpi in run.json("glossary") if kpi["headline"]]
    _print_contributions(run.table("contributions"), list(dict.fromkeys([design["primary"], *headline])), answer, words)
    _print_composition(run.table("composition"), words)
    _print_segments(run.table("segments"), words)
    _print_deadweight(run.table("deadweight"), words)
    say(deadweight_sentence(run.table("deadweight"), words.currency))
    say(f"People, composition and discounts: {BOTH_KNOWN[:1].lower()}{BOTH_KNOWN[1:]}")


class _Words:
    """How the numbers of a run are written: its currency, its confidence, and where they come from."""

    def __init__(self, spec: dict[str, Any]) -> None:
        from crmlab.experiments.wording.provenance import provenance

        self.currency = spec["currency"]
        self.origin = provenance(spec["fitted"])
        sure = f"{spec['design']['confidence']:.0%}"
        self.intervals = (f"{sure} luck only", "range of worlds")

    def estimate(self, row: Any, unit: str, times: float = 1) -> tuple[str, str, str]:
        """A difference and both of its intervals."""
        from crmlab.experiments.wording.quantities import between, change

        return (
            change(row.value * times, unit, self.currency),
            between(row.low * times, row.high * times, unit, self.currency),
            between(row.low_unknowns * times, row.high_unknowns * times, unit, self.currency),
        )


def _print_contributions(table: pd.DataFrame, kpis: list[str], answer: dict[str, object], words: _Words) -> None:
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.wording.quantities import change
    from crmlab.sim.kpis import KPIS

    values = table.set_index(["kpi", "player", "method"])["value"]
    rows: list[tuple[str, ...]] = []
    for kpi in kpis:
        rows.append((KPIS[kpi].label, *[""] * 6))
        for row in each_row(table[(table["kpi"] == kpi) & (table["method"] == "shapley")]):
            ends = [values.get((kpi, row.player, method)) for method in ("alone", "last")]
            first, last = (change(end, row.unit, words.currency) if end is not None else "" for end in ends)
            rows.append((f"  {row.player}", first, last, *words.estimate(row, row.unit), row.verdict))
    columns = ["KPI and play", "joining first", "joining last", "on average", *words.intervals, "verdict"]
    print_table("What each play contributes", columns, rows, words.origin)
    say(f"On average over {answer['joining']} in which the plays can join (Shapley); the sum is the effect of the arm.")
    say()


def _print_composition(table: pd.DataFrame, words: _Words) -> None:
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.wording.quantities import quantity
    from crmlab.sim.kpis import KPIS

    people = table[table["kind"] == "people"].set_index("line")["value"]
    rows: list[tuple[str, ...]] = []
    for kpi in (*TOTALS, *MEANS):
        rows.append((KPIS[kpi].label, *[""] * 4))
        for row in each_row(table[table["kpi"] == kpi]):
            if row.value == row.low == row.high == 0 and row.line not in people:
                continue  # a cost that neither policy has
            count = quantity(people[row.line], "people") if row.line in people and kpi in TOTALS else ""
            rows.append((f"  {row.line}", count, *words.estimate(row, row.unit)))
    columns = ["KPI and part", "people", "difference", *words.intervals]
    print_table("Other people (composition), or the same people treated otherwise", columns, rows, words.origin)


def _print_segments(table: pd.DataFrame, words: _Words) -> None:
    from crmlab.experiments.questions.explain.charts import PER_PERSON
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.wording.quantities import quantity

    by = {(row.division, row.group, row.measure): row for row in each_row(table[table["value"].notna()])}
    columns = ["group", "people", "order more", "fewer", "per person", "difference", *words.intervals]
    for division in dict.fromkeys(table["division"]):
        rows = []
        for group in [key[1] for key in by if key[0] == division and key[2] == "orders"]:
            shares = [quantity(by[division, group, count].value, "share") for count in ("more", "fewer")]
            names = [group, quantity(by[division, group, "people"].value, "people"), *shares]
            for measure, said in SHOWN.items():
                _, unit, times = PER_PERSON[measure]
                rows.append((*names, said, *words.estimate(by[division, group, measure], unit, times)))
                names = [""] * len(names)
        print_table(f"Winners and losers, {division}", columns, rows, words.origin)


def _print_deadweight(table: pd.DataFrame, words: _Words) -> None:
    from crmlab.experiments.questions.explain.deadweight import KINDS
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.wording.quantities import quantity

    by = {(row.orders, row.measure): row for row in each_row(table)}
    rows = [
        (
            text,
            quantity(by[kind, "orders"].value, "orders"),
            quantity(by[kind, "orders_baseline"].value, "orders"),
            *words.estimate(by[kind, "additional"], "currency"),
            words.estimate(by[kind, "contribution"], "currency")[0],
        )
        for kind, text in KINDS.items()
    ]
    columns = ["orders", "arm", "baseline", "given in addition", *words.intervals, "contribution"]
    print_table("Where discounts and rewards went", columns, rows, words.origin)
