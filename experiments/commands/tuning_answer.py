"""What `crmlab tune` prints: how it was searched, the winners, what they promised and what fresh luck left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmlab.experiments.printing import print_table, say, say_prose

if TYPE_CHECKING:
    from crmlab.experiments.runs.store import StoredRun


def print_tuning(run: StoredRun) -> None:
    """The winners: their levers, and what each promised in the search and kept on fresh luck."""
    from crmlab.experiments.wording.lever_words import setting
    from crmlab.experiments.wording.provenance import provenance

    answer, spec = run.json("tuning"), run.json("spec")
    _print_effort(answer)
    for text in answer["why_added"]:
        say(f"{text}.")
    if not answer["winners"]:
        say("No candidate kept all limits: widen the levers or loosen [tune] constraints.")
        say_prose(answer["advice"])
        return
    columns = ["lever", "as written", *(f"candidate {winner['number']}" for winner in answer["winners"])]
    written = _written(spec, answer["arm"])
    rows = [
        (path, written(path), *(setting(winner["levers"][path]) for winner in answer["winners"]))
        for path in answer["winners"][0]["levers"]
    ]
    say()
    print_table("Levers of the winners, the winner first", columns, rows)
    _print_promises(answer, spec, provenance(spec["fitted"]))
    say(answer["rule"])
    for line in _HOW_TO_READ[answer["score"] or "mean"]:
        say(line)
    _print_broken(answer)
    say()
    _print_verdicts(run, answer, spec)
    say_prose(answer["advice"])


_OPTIMISM = "Optimism: by how much the search looked better than luck that it had not seen; its interval is that of the"
_HOW_TO_READ = {
    "mean": ["Values are mean differences over paired replications.", f"{_OPTIMISM} fresh value."],
    "worst": ["Values are the worst differences over sampled worlds; more worlds can only make them worse."],
    "cvar": ["Values are mean differences over the worst tenth of the sampled worlds.", f"{_OPTIMISM} fresh value."],
    "pays": ["Values are shares of the sampled worlds in which the arm is better.", f"{_OPTIMISM} fresh value."],
}


def _print_effort(answer: dict[str, Any]) -> None:
    trials, effort = answer["trials"], answer["simulations"]
    feasible = sum(trial["feasible"] for trial in trials)
    say(f"{len(trials)} candidates for {answer['arm']} ({answer['sampler']}), {feasible} within all limits.")
    dropped = sum(trial["verdict"] in ("beaten", "beyond a limit", "no value") for trial in trials)
    say(
        f"{dropped} were dropped in the race; {effort['run']} of {effort['without_racing']} replications were run. "
        f"The search ended because {answer['stopped']}."
    )


def _print_promises(answer: dict[str, Any], spec: dict[str, Any], footer: str) -> None:
    from crmlab.experiments.questions.tune.question import unit_of
    from crmlab.experiments.wording.quantities import between, change, quantity
    from crmlab.sim.kpis import KPIS

    currency, search, score = spec["currency"], spec["question"], answer["score"] or "mean"
    sure = f"{spec['design']['confidence']:.0%}"
    columns = ["winner", "KPI", "search", "fresh", f"{sure} of fresh", "optimism", f"{sure} of optimism"]
    told = quantity if score == "pays" else change
    rows = []
    for winner in answer["winners"]:
        for kpi in winner["search"]:
            unit = unit_of(kpi, score)
            low, high = winner["fresh_interval"][kpi]
            optimism_low, optimism_high = winner["optimism_interval"][kpi]
            known = (low, high) if low is not None and high is not None else None
            rows.append(
                (
                    f"candidate {winner['number']}",
                    KPIS[kpi].label,
                    told(winner["search"][kpi], unit, currency, known),
                    told(winner["fresh"][kpi], unit, currency, known),
                    between(low, high, unit, currency),
                    change(winner["optimism"][kpi], unit, currency, known),
                    between(optimism_low, optimism_high, unit, currency),
                )
            )
    what = "worlds" if answer["score"] else "replications"
    over = f", {score} over worlds" if answer["score"] else ""
    title = (
        f"Difference to {answer['baseline']}{over}: {search['replications']} {what} in the search, "
        f"{search['confirm_replications']} fresh ones"
    )
    print_table(title, columns, rows, footer, left=2)


def _print_verdicts(run: StoredRun, answer: dict[str, Any], spec: dict[str, Any]) -> None:
    """Every candidate that was run again against the baseline, by the rule of all verdicts; the volume among them."""
    from crmlab.experiments.rows import each_row
    from crmlab.experiments.statistics import verdict
    from crmlab.experiments.wording.quantities import between

    currency = spec["currency"]
    rows = [
        (
            row.arm,
            row.label,
            verdict.difference(row, currency),
            between(row.low_unknowns, row.high_unknowns, row.unit, currency),
            verdict.ahead(row) if row.direction else "",
            verdict.judge(row).word,
        )
        for row in each_row(run.table("effects"))
        if row.kpi in answer["verdicts"].get(row.arm, {})
    ]
    columns = ["winner", "KPI", "fresh, world as stated", "range of worlds", "ahead in", "verdict"]
    print_table(f"Verdicts against {answer['baseline']}, on fresh luck and in fresh worlds", columns, rows, left=2)


def _print_broken(answer: dict[str, Any]) -> None:
    broken = [f"candidate {winner['number']}" for winner in answer["winners"] if not winner["holds"]]
    if broken:
        say(f"On fresh luck a limit is broken by: {', '.join(broken)}.")
    for winner in answer["winners"]:
        if winner["wishes_broken"]:
            wishes = ", ".join(winner["wishes_broken"])
            say(f"Candidate {winner['number']} does not keep what was wished for (soft): {wishes}.")


def _written(spec: dict[str, Any], arm: str) -> Any:
    """How the arm sets a lever now, by path."""
    from crmlab.experiments.wording.lever_words import setting

    plays = next(found["plays"] for found in spec["arms"] if found["name"] == arm)
    levers = {play["name"]: play["levers"] for play in plays}
    places = {lever["path"]: lever for lever in spec["question"]["levers"]}

    def value(path: str) -> str:
        place = places[path]
        if place["lever"] not in levers[place["play"]]:
            return "on"  # a switch: the arm as written has the play
        found = levers[place["play"]][place["lever"]]
        return setting(found if place["key"] is None else found.get(place["key"]))

    return value
