"""The findings of a stress test as tables for reading: scores, recommendations, and the worlds in which it flips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.experiments.sections.listings import Listing
from crmlab.experiments.statistics.verdict import in_sentence
from crmlab.experiments.wording.quantities import between, change, percent, quantity
from crmlab.sim.kpis import KPIS

Answer = Mapping[str, Any]


def criterion_words(criterion: str, tail: float) -> str:
    """A score by its name in prose."""
    return {
        "mean": "mean gain",
        "worst": "worst case",
        "cvar": f"CVaR: mean of the worst {percent(tail)} of worlds",
        "pays": "share of worlds in which it pays",
        "mean_regret": "mean regret",
        "max_regret": "largest regret",
    }[criterion]


def setting_words(answer: Answer) -> str:
    """What was tried, in two sentences."""
    kpi, source = KPIS[answer["kpi"]], answer["source"]
    worlds = f"{answer['worlds']} possible worlds ({'rows of a table' if source == 'table' else source})"
    left = f" In {answer['left_out']} more the KPI has no value; they are left out." if answer["left_out"] else ""
    n = answer["replications"]
    return (
        f"{len(answer['stated'])} policies in {worlds}, {n} replication{'s' if n > 1 else ''} in each, with the same "
        f"people and the same luck in all of them. Gains are differences to {answer['baseline']} in "
        f"{in_sentence(kpi.label)}, positive where a policy is better.{left}"
    )


def stated_words(answer: Answer, currency: str, confidence: float) -> str:
    """What is recommended in the world as stated, and how sure that is."""
    arm, unit = answer["arm"], KPIS[answer["kpi"]].unit
    stated = answer["stated"][arm]
    span = f"{change(stated['gain'], unit, currency)}, {confidence:.0%} range {_between(stated, unit, currency)}"
    if arm == answer["baseline"]:
        return f"In the world as stated no policy is better than {arm}." if not answer["asked"] else f"On trial: {arm}."
    if answer["asked"]:
        return f"On trial: {arm}. In the world as stated it gains {span} (luck only)."
    return f"In the world as stated {arm} is the best policy: {span} (luck only)."


def gain_listing(answer: Answer, currency: str, confidence: float) -> Listing:
    """Mean, tail and worst case of every policy over the worlds."""
    unit, sure = KPIS[answer["kpi"]].unit, f"{confidence:.0%} range"
    rows = []
    for arm, scores in _others(answer):
        mean, cvar, pays = scores["mean"], scores["cvar"], scores["pays"]
        rows.append(
            [
                arm,
                change(mean["value"], unit, currency),
                _between(mean, unit, currency),
                change(cvar["value"], unit, currency),
                _between(cvar, unit, currency),
                change(scores["worst"]["value"], unit, currency),
                f"{round(pays['value'] * answer['worlds'])} of {answer['worlds']}",
                f"{percent(pays['low'])} to {percent(pays['high'])}",
            ]
        )
    columns = ["Policy", "Mean", sure, f"CVaR {percent(answer['tail'])}", sure + " ", "Worst", "Pays in", sure + "  "]
    note = (
        f"Ranges count the draw of the worlds and luck. CVaR: mean of the worst {percent(answer['tail'])} of worlds. "
        f"The worst is that of these worlds: one more is worse still with a chance of 1 in {answer['worlds'] + 1}."
    )
    title = f"Gains against {answer['baseline']} over {answer['worlds']} worlds"
    return Listing(title, pd.DataFrame(rows, columns=columns), stated_words(answer, currency, confidence), note)


def regret_listing(answer: Answer, currency: str, confidence: float) -> Listing:
    """What each policy gives away where another one would have been better; the baseline is a policy too."""
    unit, sure = KPIS[answer["kpi"]].unit, f"{confidence:.0%} range"
    rows = [
        [
            arm,
            quantity(scores["mean_regret"]["value"], unit, currency),
            f"{quantity(scores['mean_regret']['low'], unit, currency)} to "
            f"{quantity(scores['mean_regret']['high'], unit, currency)}",
            quantity(scores["max_regret"]["value"], unit, currency),
        ]
        for arm, scores in answer["scores"].items()
    ]
    table = pd.DataFrame(rows, columns=["Policy", "Mean regret", sure, "Largest regret"])
    least = answer["recommended"]["max_regret"]["arm"]
    sentence = f"{least} is the policy whose largest regret is the smallest."
    note = "Regret: what is lost in a world by not having the policy that is best there."
    return Listing("Regret", table, sentence, note)


def recommendation_listing(answer: Answer) -> Listing:
    """Which policy is best by each score."""
    chosen = answer["recommended"]
    rows = [[criterion_words(c, answer["tail"]), r["arm"], percent(r["sure"])] for c, r in chosen.items()]
    table = pd.DataFrame(rows, columns=["Score", "Best policy", "In resamples"])
    arms = list(dict.fromkeys(r["arm"] for r in chosen.values()))
    agreed = f"Every score recommends {arms[0]}." if len(arms) == 1 else f"The scores disagree: {', '.join(arms)}."
    note = (
        f"In resamples: how often the same policy comes out of other draws of worlds and luck. {answer['baseline']} "
        "is among the policies; by the share of worlds it is recommended where no policy pays in more than half."
    )
    return Listing("What each score recommends", table, agreed, note)


def flip_listing(flip: Mapping[str, Any], luck: str) -> Listing:
    """In which worlds the recommendation flips: a row per end of a box."""
    rows = [
        [
            f"box {number}",
            f"{r['unknown']} {'>' if r['side'] == 'above' else '<'} {r['limit']:.6g}",
            f"{r['low']:.4g} to {r['high']:.4g}" if r["low"] is not None else "–",
            percent(r["found"]),
            f"{r['p']:.1g}",
            f"{s['flips']} of {s['worlds']}",
        ]
        for number, s in enumerate(flip["scenarios"], start=1)
        for r in s["restrictions"]
    ]
    columns = ["Box", "Where", "Limit if repeated", "Found again", "p", "Worlds"]
    note = (
        f"{luck} Limit if repeated: in nine of ten searches without a random fifth of the worlds; found again: how "
        "many of them restrict the same end. p: how easily chance does what a restriction does (quasi-p)."
    )
    title = f"Where {flip['arm']} {'loses' if flip['kind'] == 'loses' else 'is beaten'}"
    return Listing(title, pd.DataFrame(rows, columns=columns), " ".join(flip["sentences"]), note if rows else luck)


def luck_words(answer: Answer, flip: Mapping[str, Any], currency: str) -> str:
    """How much luck is in these worlds, and in how many of them it could have decided."""
    unit, error = KPIS[answer["kpi"]].unit, answer["luck_error"].get(flip["arm"])
    close = f"In {flip['close']} of {flip['worlds']} worlds the difference is within two standard errors of luck"
    if flip["kind"] == "loses":
        close += f" (one is {quantity(error, unit, currency)})"
    close += "; luck is the same in all worlds, so it would move them together."
    return close + (" More customers or replications would tell more." if 2 * flip["close"] > flip["worlds"] else "")


def _others(answer: Answer) -> list[tuple[str, Any]]:
    return [(arm, scores) for arm, scores in answer["scores"].items() if arm != answer["baseline"]]


def _between(cell: Mapping[str, Any], unit: str, currency: str) -> str:
    return between(cell["low"], cell["high"], unit, currency)
