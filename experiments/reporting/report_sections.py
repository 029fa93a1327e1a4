"""What a report shows between the verdict and the limits: what was asked, then what is real and what was measured."""

from __future__ import annotations

from crmlab.experiments.questions.table import kind_answered
from crmlab.experiments.reporting.own_sections import own_sections
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.listings import assumption_listing, glossary_listing, reference_listing
from crmlab.experiments.sections.section import Section, without


def sections(run: RunFiles) -> list[Section]:
    """All sections in their order, those of the user's own after what was asked; missing tables are said in words."""
    asked, about = kind_answered(run).sections(run), [_assumptions(run), _glossary(run)]
    return [*asked, *own_sections(run, [*asked, *about]), *about]


def _assumptions(run: RunFiles) -> Section:
    title, intro = "What is real, what is assumed", "Every number that the simulated world rests on."
    rows = run.table("assumptions")
    if rows is None:
        return without("assumptions", title, intro)
    return Section("assumptions", title, intro, listings=(assumption_listing(rows), reference_listing(rows)))


def _glossary(run: RunFiles) -> Section:
    title, intro = "KPI glossary", "What each number means, with denominator and window."
    glossary = run.json("glossary")
    if not glossary:
        return Section("glossary", title, intro, missing="This run has no glossary.")
    return Section("glossary", title, intro, listings=(glossary_listing(glossary),))
