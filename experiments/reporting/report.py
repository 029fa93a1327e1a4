"""The report of a run: one HTML file that explains itself, opens without a network and reads the run folder only."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from crmlab.experiments import charts
from crmlab.experiments.calibration.trust import light_of
from crmlab.experiments.charts import Chart
from crmlab.experiments.charts.look import DARK
from crmlab.experiments.questions.compare.deciding_listing import deciding_listing
from crmlab.experiments.questions.compare.sections import ONE_ARM
from crmlab.experiments.reporting.report_sections import sections
from crmlab.experiments.rows import each_row
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.listings import Listing, reproducibility_listing
from crmlab.experiments.statistics.verdict import QUICK, few_replications, judge, ranked_arms, rule, verdict_sentence
from crmlab.experiments.wording.provenance import provenance
from crmlab.sim.kpis import HEADLINE

MAX_DECIDING = 3  # policies whose assumptions stand under the verdict


class ReportError(ValueError):
    """The folder is not a run that can be reported, in one sentence."""


def write_report(run_folder: Path) -> Path:
    """Write `report.html` into a run folder and return its path.

    The same folder always gives the same bytes. Tables that a run does not have leave a section that says so.
    Raises `ReportError` when the folder is not that of a run.
    """
    run = RunFiles(Path(run_folder))
    if not run.folder.is_dir():
        raise ReportError(f"{run.folder}: no such run folder")
    if not run.spec:
        raise ReportError(f"{run.folder}: not a run folder, it has no spec.json")
    html = _page(run)
    path, draft = run.folder / "report.html", run.folder / ".report.html.part"
    draft.write_text(html, encoding="utf-8", newline="\n")
    os.replace(draft, path)
    return path


def _page(run: RunFiles) -> str:
    templates = Environment(
        loader=PackageLoader("crmlab.experiments", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(figure_json=_figure_json, looks_numeric=_looks_numeric, unbroken=_unbroken)
    design = run.spec.get("design", {})
    return templates.get_template("report.html.j2").render(
        style=Markup(templates.get_template("report.css").render()),
        plotly=Markup(get_plotlyjs()),
        dark=DARK,
        spec=run.spec,
        look=run.look,
        verdicts=_verdicts(run),
        rule=rule(design.get("unknowns", True), design.get("confidence", 0.95)),
        warnings=_warnings(run),
        light=light_of(run.json("calibration")),
        deciding=_deciding(run),
        one_arm=ONE_ARM,
        cards=charts.kpi_cards(run.effects, run.look, run.primary, HEADLINE),
        sections=sections(run),
        provenance=provenance(run.spec.get("fitted", [])),
        limits=_limits(run),
        repeat=reproducibility_listing(run.json("manifest") or {}),
    )


def _deciding(run: RunFiles) -> list[Listing]:
    """Of the leading arms, the assumptions on which each hangs."""
    rows, look = run.table("deciding"), run.look
    if rows is None or run.effects.empty:
        return []
    arms = ranked_arms(run.effects, look.baseline, run.primary)[:MAX_DECIDING]
    found = [deciding_listing(rows, arm, run.effects, run.primary, look.currency) for arm in arms]
    return [listing for listing in found if listing]


def _warnings(run: RunFiles) -> list[str]:
    """What is to be known before a verdict is believed."""
    few = few_replications(run.spec.get("design", {}).get("replications", math.inf)) if run.look.others else ""
    return [warning for warning in (QUICK if run.spec.get("quick") else "", few) if warning]


def _verdicts(run: RunFiles) -> list[dict[str, Any]]:
    described = {arm["name"]: arm for arm in run.spec.get("arms", [])}
    found = []
    for arm in run.look.in_order(run.effects["arm"]):
        rows = run.effects[(run.effects["arm"] == arm) & (run.effects["kpi"] == run.primary)]
        sentence = verdict_sentence(run.effects, arm, run.look.baseline, run.primary, run.look.currency)
        found.append(
            {
                "arm": arm,
                "colour": run.look.style(arm).colour,
                "description": described.get(arm, {}).get("description", ""),
                "plays": [_play_words(play) for play in described.get(arm, {}).get("plays", [])],
                "verdict": judge(next(each_row(rows))) if len(rows) else None,
                "sentence": sentence.split(": ", 1)[1],
            }
        )
    return found


def _play_words(play: dict[str, Any]) -> str:
    """A play in words: its name, its levers, and whom and when it addresses where that is not the default."""
    rest = {key: value for key, value in play.items() if key not in ("kind", "name", "levers")}
    settings = {**play.get("levers", {}), **rest}
    said = {key: value for key, value in settings.items() if value not in (None, "", {}, [])}
    words = [f"{key.replace('_', ' ')} {_setting(value)}" for key, value in said.items()]
    name = str(play.get("name") or play.get("kind"))
    return f"{name}: {', '.join(words)}" if words else name


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key.replace('_', ' ')} {_setting(item)}" for key, item in value.items()) + ")"
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)


def _limits(run: RunFiles) -> list[str]:
    arms, design = len(run.look.others), run.spec.get("design", {})
    limits = [
        "This is a model result, not evidence from customers: before a rollout, test the policy on a part of them.",
        "The ranges count luck and the stated unknowns. They do not count what the model leaves out: competitors, "
        "stock, service quality, and reactions that nobody wrote down.",
        "Differences are more certain than levels: every arm meets the same people with the same luck.",
    ]
    if arms > 1:
        limits.append(f"{arms} policies were compared; the p values in the lift table are corrected for that (Holm).")
    if not design.get("unknowns", True):
        limits.append("The unknowns of the world were not sampled in this run: the ranges count luck only.")
    limits += [f"{note[:1].upper()}{note[1:]}" for note in run.json("notes") or []]
    limits += [f"Left out because it failed: {f['task']} ({f['error']})." for f in run.json("failures") or []]
    scale = run.spec.get("scale", 1) or 1
    if abs(scale - 1) > 1e-9:
        limits.append(f"One simulated customer stands for {scale:,.3g} real ones.")
    return limits


def _figure_json(chart: Chart) -> Markup:
    """A figure as JSON that can stand inside a script element."""
    return Markup(chart.figure.to_json().replace("<", "\\u003c"))


def _unbroken(sentence: str) -> str:
    """A sentence in which no line ends between a minus and its number."""
    return sentence.replace("\u2212", "\u2212\u2060")


def _looks_numeric(cell: object) -> bool:
    return bool(re.match(r"^([<+\u2212]? ?[$€£¥₹]?(?:[A-Z]{3} )?[\d]|–$)", str(cell))) and len(str(cell)) < 32
