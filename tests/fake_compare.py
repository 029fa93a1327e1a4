"""A stand-in for the engine, so that the command line can be tried within a second and be stopped in the middle.

`install(seconds)` puts it in the place of the comparison in the table of questions; `python -m tests.fake_compare
SECONDS ARGUMENTS...` runs the command line with it.
"""

from __future__ import annotations

import sys
import time
import types
from dataclasses import replace
from typing import Any

import pandas as pd

from crmlab.experiments.questions.table import KINDS
from crmlab.sim.kpis import KPIS

KPI_VALUE = (
    "value", "difference", "low", "high", "low_unknowns", "high_unknowns", "range_holds", "range_holds_at_least",
    "worlds", "worlds_better", "p_better", "p_low", "p_high", "luck_share", "luck_share_low", "luck_share_high",
    "luck_left", "variance_reduction",
)  # fmt: skip
NONE = ("worlds_tied", "no_difference_in")


class FakeComparison:
    """One row per arm and KPI, all of them 1."""

    def __init__(self, experiment: Any) -> None:
        arms, self.baseline = [arm.name for arm in experiment.arms], experiment.baseline.name
        self.replications = experiment.design.replications
        self.failures: list[dict[str, str]] = []
        kpis = list(KPIS.values())
        rows = [
            {"arm": a, "kpi": k.id, "label": k.label, "unit": k.unit, "direction": k.direction, "baseline_value": 1.0}
            | dict.fromkeys(KPI_VALUE, 1.0)
            | dict.fromkeys(NONE, 0.0)
            for a in arms
            for k in kpis
        ]
        runs = [
            {"arm": a, "world": "fixed", "replication": r} | {k.id: 1.0 + r for k in kpis} for a in arms for r in (0, 2)
        ]
        self.comparison = self
        self.tables = {"effects": pd.DataFrame(rows), "runs": pd.DataFrame(runs)}

    def to_json(self) -> dict[str, Any]:
        arms: dict[str, dict[str, Any]] = {}
        for row in self.tables["effects"].to_dict("records"):
            arms.setdefault(row["arm"], {})[row["kpi"]] = {key: row[key] for key in KPI_VALUE}
        return {"baseline": self.baseline, "replications": self.replications, "arms": arms}


def install(seconds: float = 0.0, monkeypatch: Any = None) -> list[int]:
    """Put the fake in place. Returns a list that grows by the number of workers with every comparison made."""
    made: list[int] = []

    def compare(experiment, workers=0, on_progress=None, store=None):
        for step in range(10):
            if on_progress:
                on_progress(step + 1, 10)
            time.sleep(seconds / 10)
        made.append(workers)
        return FakeComparison(experiment)

    report_module: Any = types.ModuleType("crmlab.experiments.reporting.report")
    report_module.write_report = lambda folder: folder / "report.html"
    places: tuple[tuple[Any, str, Any], ...] = (
        (KINDS, "compare", replace(KINDS["compare"], answer=compare)),
        (sys.modules, report_module.__name__, report_module),
    )
    for table, name, fake in places:
        if monkeypatch is None:
            table[name] = fake
        else:
            monkeypatch.setitem(table, name, fake)
    return made


if __name__ == "__main__":
    from crmlab.experiments.cli import exit_code

    install(float(sys.argv[1]))
    sys.exit(exit_code(sys.argv[2:]))
