"""What the report of a tuning shows: the winners, what can be had together, and how the search went."""

from __future__ import annotations

from crmlab.experiments.questions.compare.sections import lift
from crmlab.experiments.questions.tune import cells, charts
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.sections.listings import Listing
from crmlab.experiments.sections.section import Section


def tuning_sections(run: RunFiles) -> list[Section]:
    """The winners, the front, the search, the race, the levers that decide, and what the winners change."""
    return [_winners(run), _front(run), _history(run), _race(run), _importances(run), lift(run)]


def _winners(run: RunFiles) -> Section:
    title, answer = "Winners of the tuning", run.json("tuning")
    intro = (
        f"The levers of {answer['arm']} that did best in the search ({len(answer['trials'])} candidates, sampler "
        f"{answer['sampler']}), run again on luck that the search had not seen. Differences to {answer['baseline']}."
    )
    winners, trials = run.table("winners"), run.table("trials")
    if winners is None or trials is None:
        return Section("winners", title, intro, missing=answer["advice"])
    note = "Optimism: by how much the search looked better than fresh luck; the best of many is partly the luckiest."
    note += "".join(f" {text}." for text in answer.get("why_added", []))
    sentence = f"{answer['advice']} {answer['rule']}"
    listing = Listing(title, cells.winner_cells(winners, trials, run.look, _score(run)), sentence, note)
    return Section("winners", title, intro, listings=(listing,))


def _front(run: RunFiles) -> Section:
    title, intro = "What can be had together", "Where one objective can only be improved at the cost of another."
    trials, winners, objectives = run.table("trials"), run.table("winners"), list(run.json("tuning")["objectives"])
    if len(objectives) < 2:
        return Section("front", title, intro, missing="This search had one objective: there is nothing to weigh.")
    if trials is None or winners is None:
        return Section("front", title, intro, missing="No candidate kept all limits.")
    drawn = tuple(charts.pareto_fronts(trials, winners, objectives, run.look, _score(run)))
    return Section("front", title, intro, drawn, side_by_side=len(drawn) > 1)


def _history(run: RunFiles) -> Section:
    title, intro = "How the search went", "Every candidate in the order in which it was tried."
    trials = run.table("trials")
    if trials is None:
        return Section("history", title, intro, missing="This run has no table “trials”.")
    drawn = tuple(charts.tuning_history(trials, kpi, run.look, _score(run)) for kpi in run.json("tuning")["objectives"])
    return Section("history", title, intro, drawn, side_by_side=len(drawn) > 1)


def _race(run: RunFiles) -> Section:
    title = "Who was dropped, and why"
    intro = "Candidates that were surely beaten got fewer replications, so that the others could have more."
    racing, answer = run.table("racing"), run.json("tuning")
    if racing is None or racing["replications"].nunique() < 2:
        return Section("race", title, intro, missing="Every candidate was run equally often: there was no race.")
    simulated = answer["simulations"]
    sentence = (
        f"{simulated['run']:,} of {simulated['without_racing']:,} replications were run. The search ended because "
        f"{answer['stopped']}."
    )
    note = "Dropped: beaten by another candidate in every objective, or beyond a limit, by more than luck explains "
    note += "(paired differences, one-sided 95 %). What is said of a dropped candidate rests on few replications."
    rounds = Listing("The race", cells.race_cells(racing), sentence, note)
    dropped = cells.dropped_cells(racing, run.look)
    if dropped.empty:
        return Section("race", title, intro, listings=(rounds,))
    beaten = Listing("Dropped candidates", dropped, f"{len(dropped)} candidates were dropped.")
    return Section("race", title, intro, listings=(rounds, beaten))


def _importances(run: RunFiles) -> Section:
    title, intro, rows = "Which levers matter", "Per objective.", run.table("importances")
    if rows is None:
        return Section("importances", title, intro, missing="This run has no table “importances”.")
    return Section("importances", title, intro, (charts.lever_importances(rows, run.look),))


def _score(run: RunFiles) -> str:
    return run.json("tuning")["score"] or "mean"
