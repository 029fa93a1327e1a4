"""The sections of a report that tell of a sweep."""

from __future__ import annotations

from crmlab.experiments.questions.compare.sections import lift
from crmlab.experiments.questions.sweep import charts, listings, sensitivity_charts
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.section import Section


def sweep_sections(run: RunFiles) -> list[Section]:
    """What the design of the sweep allows to be said, and the assumptions that matter."""
    answer = run.json("sweep")
    if "tornado" in answer:
        found = [_tornado(run)]
    elif "sensitivity" in answer:
        found = [_sensitivity(run)]
    else:
        found = [_points(run)]
    return [*found, *([_key_assumptions(run)] if "assumptions_that_matter" in answer else []), lift(run)]


def _points(run: RunFiles) -> Section:
    answer, responses, shapes = run.json("sweep"), run.table("sweep"), run.table("shapes")
    assert responses is not None
    assert shapes is not None
    title, intro = "Over levers and unknowns", _intro(run)
    tables = (listings.points_listing(answer, responses, run.look.currency), listings.shapes_listing(answer, shapes))
    drawn = tuple(charts.sweep_charts(answer, responses, run.look))
    return Section("sweep", title, intro, drawn, tables)


def _sensitivity(run: RunFiles) -> Section:
    answer, sensitivity = run.json("sweep"), run.table("sensitivity")
    assert sensitivity is not None
    table = listings.sensitivity_listing(answer, sensitivity, run.look.currency)
    drawn = sensitivity_charts.sensitivity_bars(answer, sensitivity, run.look)
    return Section("sensitivity", "What the effect hangs on", _intro(run), (drawn,), (table,))


def _tornado(run: RunFiles) -> Section:
    answer, tornado, swings = run.json("sweep"), run.table("tornado"), run.table("swings")
    assert tornado is not None
    assert swings is not None
    primary = answer["primary"]
    stated = next(p["effects"][primary]["difference"] for p in answer["points"] if p["point"] == 0)
    table = listings.tornado_listing(answer, tornado, swings, run.look.currency)
    if stated is None:
        missing = "The primary KPI has no value in the experiment as stated."
        return Section("tornado", "What would turn the decision", _intro(run), listings=(table,), missing=missing)
    drawn = sensitivity_charts.tornado_chart(answer, tornado, swings, stated, run.look)
    return Section("tornado", "What would turn the decision", _intro(run), (drawn,), (table,))


def _key_assumptions(run: RunFiles) -> Section:
    listing = listings.key_assumptions_listing(
        run.json("sweep"), run.table("assumptions_that_matter"), run.look.currency
    )
    title, intro = "Assumptions that matter", "Of what we do not know: what this answer hangs on."
    if listing.table.empty:
        return Section("key_assumptions", title, intro, missing=listing.sentence)
    return Section("key_assumptions", title, intro, listings=(listing,))


def _intro(run: RunFiles) -> str:
    answer = run.json("sweep")
    return (
        f"{len(answer['points']) - 1} points ({answer['design']}), {answer['replications']} replications each: "
        f"{answer['arm']} against {answer['baseline']}, on the same people with the same luck."
    )
