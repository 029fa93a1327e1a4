"""What the report of an explanation shows, drawn from the tables of its run."""

from __future__ import annotations

from crmlab.experiments.questions.compare.sections import lift
from crmlab.experiments.questions.explain import charts
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.section import Section

MEANS = ("ltv_52", "repurchase_52")


def explain_sections(run: RunFiles) -> list[Section]:
    """Plays, people, groups of people, and where the discounts went."""
    return [_plays(run), _people(run), _groups(run), _discounts(run), lift(run)]


def _plays(run: RunFiles) -> Section:
    title, answer = "Which play does it", run.json("explain")
    intro = (
        f"Every combination of the changes that {answer['arm']} makes to {answer['baseline']} met the same people with "
        f"the same luck. Means over {answer['joining']} in which the plays can join."
    )
    table = run.table("contributions")
    if table is None:
        return _without("plays", title, intro)
    defined = set(table.loc[table["value"].notna(), "kpi"])
    kpis = [kpi for kpi in dict.fromkeys((run.primary, "orders")) if kpi in defined]
    drawn = [charts.contribution_waterfall(table, kpi, run.look, answer["arm"]) for kpi in kpis]
    if len(answer["players"]) > 1:
        drawn += [charts.contribution_dots(table, kpi, run.look, answer["arm"]) for kpi in kpis]
    return Section("plays", title, intro, tuple(drawn), side_by_side=True)


def _people(run: RunFiles) -> Section:
    title = "Other people, or the same people treated otherwise"
    intro = (
        "Treatment: people who are customers under both policies; being won earlier or through another channel is part "
        "of it. Composition: people acquired under one policy only, less the others."
    )
    table = run.table("composition")
    if table is None:
        return _without("people", title, intro)
    total = run.primary if run.primary in set(table["kpi"]) else "customer_equity"
    defined = set(table.loc[table["value"].notna(), "kpi"])
    kpis = [kpi for kpi in dict.fromkeys((total, "orders", *MEANS)) if kpi in defined]
    drawn = tuple(charts.composition_waterfall(table, kpi, run.look, run.json("explain")["arm"]) for kpi in kpis)
    return Section("people", title, intro, drawn, side_by_side=True)


def _groups(run: RunFiles) -> Section:
    title = "Winners and losers"
    intro = (
        "What changes for the same people: the founding base by its recorded segment at week 0, and those acquired "
        "either way by the channel through which they came under the baseline."
    )
    table = run.table("segments")
    if table is None:
        return _without("groups", title, intro)
    arm = run.json("explain")["arm"]
    drawn = tuple(charts.group_dots(table, measure, run.look, arm) for measure in ("contribution", "orders", "given"))
    return Section("groups", title, intro, drawn, side_by_side=True)


def _discounts(run: RunFiles) -> Section:
    title, intro = "Deadweight", "What was given away on orders that would have come anyway."
    table = run.table("deadweight")
    if table is None:
        return _without("deadweight", title, intro)
    return Section("deadweight", title, intro, (charts.deadweight_bar(table, run.look, run.json("explain")["arm"]),))


def _without(id: str, title: str, intro: str) -> Section:
    return Section(id, title, intro, missing="This run has no table of it.")
