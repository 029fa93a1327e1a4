"""What the report of a comparison shows, and the lift that every report has."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from crmlab.experiments import charts
from crmlab.experiments.charts import Chart, Look
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.listings import Listing, breakeven_listing, kpi_listing
from crmlab.experiments.sections.section import Section, without

NO_TICKETS = "Nobody has had a reply from the service desk, or waits for one."
NO_SURVEYS = "Customers have not been asked how satisfied they are in the quarters shown: a firm would not know."
ONE_ARM = "This run has one arm only: there is nothing to compare it with."


def comparison_sections(run: RunFiles) -> list[Section]:
    """What changes, for whom, when, and what must be true for it; sections whose table the run lacks say so."""
    return [
        lift(run),
        *_continued(run),
        _drawn(run, "funnel", "Funnel", "From hearing of the firm to the third order.", charts.acquisition_funnel),
        _cohorts(run),
        _drawn(run, "ltv", "Lifetime value and payback", "What a new customer brings.", charts.ltv_against_cac),
        _drawn(run, "channels", "Acquisition cost", "What a new customer costs, by channel.", charts.cac_by_channel),
        _personas(run),
        *_service(run),
        _weekly(run),
        _profit(run),
        _calibration(run),
        _breakeven(run),
    ]


def lift(run: RunFiles) -> Section:
    """What each policy changes, KPI by KPI."""
    title, look = "What each policy changes", run.look
    if run.effects.empty:
        runs, glossary = run.table("runs"), run.json("glossary") or []
        known = () if runs is None else (kpi_listing(runs, glossary, look.baseline, look.currency),)
        return Section("lift", title, "", listings=known, missing=ONE_ARM)
    forest = charts.lift_forest(run.effects, look, run.primary)
    return Section("lift", title, f"Differences to {look.baseline}: same people, same luck.", (forest,))


def _drawn(run: RunFiles, table: str, title: str, intro: str, draw: Callable[[pd.DataFrame, Look], Chart]) -> Section:
    rows = run.table(table)
    if rows is None:
        return without(table, title, intro)
    return Section(table, title, intro, (draw(rows, run.look),))


def _cohorts(run: RunFiles) -> Section:
    title, intro = "Cohorts", "Of the customers won in the same four weeks, how many order again, and when."
    rows = run.table("cohorts")
    if rows is None or rows["share"].isna().all():
        return Section("cohorts", title, intro, missing="No customers of this run could be followed for four weeks.")
    both = (charts.repeat_by_age(rows, run.look), charts.cohort_triangle(rows, run.look))
    return Section("cohorts", title, intro, both)


def _personas(run: RunFiles) -> Section:
    title, intro = "Personas", "Which kinds of customers gain, and at whose cost. Known to the simulation only."
    rows, look = run.table("personas"), run.look
    if rows is None:
        return Section("personas", title, intro, missing="The world of this run knows no personas.")
    if set(rows["arm"]) == {look.baseline}:
        known = Listing(title, charts.persona_cells(rows, look), "", "Mean over the replications of the stated world.")
        return Section("personas", title, intro, listings=(known,), missing=ONE_ARM)
    return Section("personas", title, intro, (charts.persona_gains(rows, look),))


def _service(run: RunFiles) -> list[Section]:
    """Where the world has them: waits and load of a service desk, satisfaction, and what becomes of failures."""
    look, hours, surveyed = run.look, run.table("desk_hours"), run.table("surveyed")
    intro = "Means over the replications of the stated world."
    drawn: list[Chart] = []
    for name, draw in (
        ("desk_waits", charts.waiting_times),
        ("satisfied", charts.satisfaction_then_and_now),
        ("surveyed", charts.surveys_then_and_now),
        ("failures", charts.failure_to_outcome),
    ):
        rows = run.table(name)
        if rows is not None and rows["value"].notna().any():
            drawn.append(draw(rows, look))
    silent = hours is not None and run.table("desk_waits") is None
    unasked = surveyed is not None and surveyed["value"].isna().all()
    missing = " ".join(said for said, holds in ((NO_TICKETS, silent), (NO_SURVEYS, unasked)) if holds)
    found = [Section("service", "Service", intro, tuple(drawn), missing=missing)] if drawn or missing else []
    if hours is not None:
        arms = tuple(charts.load_and_capacity(hours, look, arm) for arm in look.in_order(hours["arm"]))
        found.append(Section("desk", "Load and capacity of the service desk", intro, arms, side_by_side=True))
    return found


def _weekly(run: RunFiles) -> Section:
    title = "Week by week"
    intro = "Line: mean over the replications of the stated world. Band: the middle 95% of the replications."
    rows = run.table("weekly")
    if rows is None:
        return without("weekly", title, intro)
    return Section("weekly", title, intro, tuple(charts.weekly_paths(rows, run.look)), side_by_side=True)


def _profit(run: RunFiles) -> Section:
    title, intro = "Where the money goes", f"From the contribution under {run.look.baseline} to that of each policy."
    rows = run.table("profit")
    if rows is None:
        return without("profit", title, intro)
    arms = [arm for arm in run.look.in_order(rows["arm"]) if arm != run.look.baseline]
    drawn = tuple(charts.profit_waterfall(rows, run.look, arm) for arm in arms)
    return Section("profit", title, intro, drawn, missing="" if arms else ONE_ARM, side_by_side=True)


def _continued(run: RunFiles) -> list[Section]:
    """Where the world stands on an order log: whether the simulation goes on as the log did."""
    calibration, weekly = run.json("calibration") or {}, run.table("weekly")
    if not calibration.get("weekly_log") or weekly is None:
        return []
    title, intro = f"Your log, continued by {run.look.baseline}", "Does the baseline go on as your customers did?"
    drawn = tuple(charts.log_continued(calibration, weekly, run.look))
    return [Section("continued", title, intro, drawn, side_by_side=True)]


def _calibration(run: RunFiles) -> Section:
    title, intro = "Calibration check", "The model of repeat orders against what the real customers did."
    calibration = run.json("calibration") or {}
    if not calibration.get("weekly_repeats"):
        why = "This world was written by hand; it was not calibrated to an order log."
        return Section("calibration", title, intro, missing=why)
    return Section("calibration", title, intro, (charts.holdout_check(calibration),))


def _breakeven(run: RunFiles) -> Section:
    title, intro = "What must be true", "How large the assumed effect behind a policy must be for the policy to pay."
    rows = run.table("breakeven")
    if rows is None:
        return Section("breakeven", title, intro, missing="This run looked for no break-even.")
    return Section("breakeven", title, intro, listings=(breakeven_listing(rows, run.effects, run.look.currency),))
