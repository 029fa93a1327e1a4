"""What an answer leaves in a run folder: its tables, and its JSON files by name."""

from __future__ import annotations

from collections.abc import Sequence

from crmlab.experiments.checks.overload import overload_notes
from crmlab.experiments.checks.plausibility import notes
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.json_data import finite
from crmlab.experiments.own_kpis import all_kpis
from crmlab.experiments.questions.kind import Result
from crmlab.experiments.questions.table import kind_asked
from crmlab.experiments.runs.serialize import spec
from crmlab.experiments.runs.store import RunFolder
from crmlab.sim.kpis import HEADLINE, Kpi


def json_files(experiment: Experiment, found: Result) -> dict[str, object]:
    """The JSON files of a run: what was found, the comparison that goes with it, the glossary of its KPIs, and
    notes: on numbers that are hardly meant, and on desks that turned out to be overloaded."""
    contents = {kind_asked(experiment).file: found.to_json(), "comparison": found.comparison.to_json()}
    contents = {name: content | {"quick": experiment.quick} for name, content in contents.items()}
    if experiment.calibration is not None:
        contents["calibration"] = dict(experiment.calibration)
    said: dict[str, object] = {
        "spec": spec(experiment),
        "glossary": glossary(experiment.kpis),
        "notes": notes(experiment) + overload_notes(found.tables.get("runs")),
    }
    return finite({**contents, **said})


def write_found(folder: RunFolder, experiment: Experiment, found: Result) -> None:
    """Write the tables and JSON files of what was found, beside what the folder holds from its beginning."""
    for name, table in found.tables.items():
        folder.write_table(name, table)
    for name, content in json_files(experiment, found).items():
        folder.write_json(name, content)
    folder.failures = list(found.failures)


def glossary(own: Sequence[Kpi] = ()) -> list[dict[str, object]]:
    """Every KPI in words, one's own at the end and among the main ones."""
    words = ("id", "label", "unit", "formula", "eligible", "window", "censoring", "direction", "reference")
    entries = [{word: getattr(kpi, word, "") for word in words} for kpi in all_kpis(own)]
    headline = {*HEADLINE, *(kpi.id for kpi in own)}
    return [entry | {"headline": entry["id"] in headline} for entry in entries]
