"""The sections of a report that tell of a stress test."""

from __future__ import annotations

from crmlab.experiments.questions.compare.sections import lift
from crmlab.experiments.questions.stress import charts, listings
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.section import Section


def stress_sections(run: RunFiles) -> list[Section]:
    """Where the recommendation flips, how robust every policy is, and the gains behind both."""
    return [_flips(run), _scores(run), _gains(run), lift(run)]


def _flips(run: RunFiles) -> Section:
    answer, worlds, currency = run.json("stress"), run.table("worlds"), run.look.currency
    assert worlds is not None
    told = tuple(listings.flip_listing(f, listings.luck_words(answer, f, currency)) for f in answer["flips"])
    drawn = tuple(charts.scenario_map(answer, flip, worlds, run.look) for flip in answer["flips"] if flip["scenarios"])
    return Section("stress", "Where the recommendation flips", listings.setting_words(answer), drawn, told)


def _scores(run: RunFiles) -> Section:
    answer, currency = run.json("stress"), run.look.currency
    confidence = run.spec["design"]["confidence"]
    told = (
        listings.recommendation_listing(answer),
        listings.gain_listing(answer, currency, confidence),
        listings.regret_listing(answer, currency, confidence),
    )
    drawn = (charts.score_bars(answer, run.look), charts.pays_bars(answer, run.look))
    intro = "How good each policy is when nobody knows which of these worlds is the real one."
    return Section("scores", "Robust scores", intro, drawn, told)


def _gains(run: RunFiles) -> Section:
    answer, worlds = run.json("stress"), run.table("worlds")
    assert worlds is not None
    drawn = (charts.gain_curves(answer, worlds, run.look), charts.regret_curves(answer, worlds, run.look))
    return Section("worlds", "Gains over the worlds", "The same worlds for every policy.", drawn, side_by_side=True)
