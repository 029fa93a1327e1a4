"""What a sweep found, as tables for reading: the same in the terminal and in the report.

`answer` is the JSON of a sweep; the tables are those of its run folder.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from crmlab.experiments.rows import each_row
from crmlab.experiments.sections.listings import Listing
from crmlab.experiments.wording.quantities import MINUS, UNDEFINED, between, change, quantity
from crmlab.sim.kpis import KPIS, Kpi
from crmlab.sim.levers import EVIDENCE

Answer = Mapping[str, Any]
LUCKY = "The best of many points is partly the luckiest: `crmlab tune` runs its winners again on fresh luck."
SAME_LUCK = "Luck is the same at every point and cancels from these numbers. Noise: what luck alone would still show; "
SAME_LUCK += "an index that is not above it means nothing."


def points_listing(answer: Answer, responses: pd.DataFrame, currency: str) -> Listing:
    """The stated point and those at which the effect on the primary KPI is best and worst."""
    kpi = KPIS[answer["primary"]]
    mine = responses[responses["kpi"] == kpi.id]
    rows = {row["point"]: row for row in mine.to_dict("records")}
    shown = {"as stated": 0} | {word: number for word, number in answer["extremes"].items() if number is not None}
    columns = {
        f"{word} (point {number})" if number else word: _point_cells(rows[number], answer, kpi, currency)
        for word, number in shown.items()
    }
    table = pd.DataFrame(columns).reset_index(names="What")
    levers = any(factor["kind"] == "lever" for factor in answer["factors"])
    return Listing(
        f"{kpi.label}: where {answer['arm']} does most and least",
        table,
        _points_words(mine, kpi),
        LUCKY if levers else "",
    )


def _point_cells(row: Mapping[Any, Any], answer: Answer, kpi: Kpi, currency: str) -> dict[str, str]:
    cells = {f["factor"]: number(row[f"{f['kind']}.{f['factor']}"]) for f in answer["factors"]}
    cells[f"difference to {answer['baseline']}"] = change(row["difference"], kpi.unit, currency)
    cells["its range, luck only"] = between(row["low"], row["high"], kpi.unit, currency)
    cells["verdict, luck only"] = row["verdict"]
    return cells | {f"under {answer['arm']}": quantity(row["value"], kpi.unit, currency)}


def _points_words(mine: pd.DataFrame, kpi: Kpi) -> str:
    designed = mine[~mine["stated"]]
    known = designed[designed["difference"].notna()]
    words = ("better", "worse") if kpi.direction else ("higher", "lower")
    more, less, same = (int((known["verdict"] == word).sum()) for word in (*words, "unchanged"))
    text = f"Of {len(designed)} points, {more} are {words[0]} than the baseline beyond luck, {less} {words[1]}, "
    text += f"{len(known) - more - less - same} not decided."
    text += f" {same} are exactly as the baseline." if same else ""
    refused = int((designed["refused"] != "").sum())
    lost = len(designed) - len(known) - refused
    text += f" {refused} are refused by the strategy." if refused else ""
    return text + (f" {lost} have no value." if lost else "")


def shapes_listing(answer: Answer, shapes: pd.DataFrame) -> Listing:
    """Which way each factor pushes the effect on the primary KPI."""
    kpi, ranges = KPIS[answer["primary"]], _ranges(answer)
    rows = [
        {
            "Factor": row.factor,
            "Kind": row.kind,
            "From": number(ranges[row.factor]["low"]),
            "To": number(ranges[row.factor]["high"]),
            "As it grows, the effect": row.shape,
            "Rank correlation": signed(row.rank_correlation),
        }
        for row in each_row(shapes[shapes["kpi"] == kpi.id])
    ]
    note = "A step of the grid counts when its range, luck only, excludes 0; averaged over all other factors."
    if answer["design"] != "grid":
        note = "Told where the rank correlation over the points is beyond chance; it does not see a rise and a fall."
    found = [f"{row['Factor']} {row['As it grows, the effect']}" for row in rows]
    title = f"Which way each factor pushes the effect on {kpi.label}"
    return Listing(title, pd.DataFrame(rows), f"As a factor grows, the effect moves: {'; '.join(found)}.", note)


def sensitivity_listing(answer: Answer, sensitivity: pd.DataFrame, currency: str) -> Listing:
    """Sensitivity indices of the effect on the primary KPI."""
    kpi = KPIS[answer["primary"]]
    mine = sensitivity[sensitivity["kpi"] == kpi.id]
    morris = answer["design"] == "morris"
    cells = _morris_cells if morris else _sobol_cells
    moving = mine[(mine["mu_star" if morris else "st"] != 0)]
    rows = [
        {"Factor": row.factor, "Kind": _ranges(answer)[row.factor]["kind"]}
        | cells(row, kpi, currency)
        | {"Beyond noise": _beyond(row, answer["design"])}
        for row in each_row(moving)
    ]
    runs = int(mine["runs"].iloc[0])
    explained = "mu*: how far the effect moves, on average, while the factor crosses its range. sigma: how much that "
    explained += "differs from place to place (bends, or hangs on other factors). ±: over trajectories. "
    if not morris:
        explained = "S1: share of the variance over the points that the factor explains alone; ST: with all it does "
        explained += "together with others. ±: over base points. "
    names = [row.factor for row in each_row(mine[mine["beyond_luck"]])]
    sentence = f"From {runs} {'trajectories' if morris else 'base points'}: what {answer['arm']} changes hangs on "
    sentence += f"{', '.join(names)}." if names else "none of the factors beyond noise."
    if rows and rows[0]["Beyond noise"] == "not decided":
        sentence += f" How much on {rows[0]['Factor']} is not decided: take more points."
    title = f"{'Morris screening' if morris else 'Sobol’ indices'} of the effect on {kpi.label}"
    return Listing(title, pd.DataFrame(rows), sentence, explained + SAME_LUCK + still(mine, moving))


def _beyond(row: Any, design: str) -> str:
    """Whether an index is above the noise, counting how sure it is."""
    index, half = (row.mu_star, row.mu_star_conf) if design == "morris" else (row.st, row.st_conf)
    if row.beyond_luck:
        return "yes"
    return "no" if index + half <= max(row.noise, 0.0) else "not decided"


def _morris_cells(row: Any, kpi: Kpi, currency: str) -> dict[str, str]:
    money = (kpi.unit, currency)
    return {
        "mu*": quantity(row.mu_star, *money),
        "±": quantity(row.mu_star_conf, *money),
        "mu": change(row.mu, *money),
        "sigma": quantity(row.sigma, *money),
        "Noise of mu*": quantity(row.noise, *money),
    }


def _sobol_cells(row: Any, kpi: Kpi, currency: str) -> dict[str, str]:
    shares = {"S1": row.s1, "S1 ±": row.s1_conf, "ST": row.st, "ST ±": row.st_conf, "Noise of ST": row.noise}
    return {name: share(value) for name, value in shares.items()}


def tornado_listing(answer: Answer, tornado: pd.DataFrame, swings: pd.DataFrame, currency: str) -> Listing:
    """One number at a time at either end of its range, and whether the decision turns there."""
    kpi = KPIS[answer["primary"]]
    ends = {(row.factor, row.end): row for row in each_row(tornado[tornado["kpi"] == kpi.id])}
    mine = swings[swings["kpi"] == kpi.id]
    moving = mine[mine["swing"] != 0]
    rows = []
    for row in each_row(moving):
        low, high = ends[row.factor, "low"], ends[row.factor, "high"]
        rows.append(
            {
                "Factor": row.factor,
                "Kind": row.kind,
                "Low to high": f"{number(low.at)} to {number(high.at)}",
                "Effect at low": change(low.difference, kpi.unit, currency),
                "Effect at high": change(high.difference, kpi.unit, currency),
                "Swing, luck only": between(row.swing_low, row.swing_high, kpi.unit, currency),
                "Decision turns": ", ".join(_turn(end) for end in (low, high) if turns(end)) or "no",
            }
        )
    beyond = int(mine["beyond_luck"].sum())
    sentence = f"{beyond} of {len(mine)} factors move the effect beyond luck. {turning_words(ends.values())}"
    note = "All other numbers as stated. The decision turns where the effect changes its sign, or another arm is best; "
    note += "with “?” that may be luck. A swing whose range excludes 0 is beyond luck."
    title = f"Tornado: effect of {answer['arm']} on {kpi.label}"
    return Listing(title, pd.DataFrame(rows), sentence, note + still(mine, moving))


def turns(end: Any) -> bool:
    """Whether the decision is another one at an end, surely or perhaps."""
    return end.flips not in ("", "no")


def _turn(end: Any) -> str:
    return end.end if end.flips == "yes" else f"{end.end}?"


def turning_words(ends: Iterable[Any]) -> str:
    """Where the decision turns, in a sentence."""
    parts = []
    for end in (end for end in ends if turns(end)):
        facts = [f"best there: {end.best_arm}"] if end.best_arm else []
        facts += [f"sign changes near {number(end.turns_at)}"] if math.isfinite(end.turns_at) else []
        facts += ["may be luck"] if end.flips != "yes" else []
        parts.append(f"{end.factor} at {number(end.at)} ({', '.join(facts)})")
    return f"The decision turns with {'; '.join(parts)}." if parts else "None of them turns the decision."


def still(mine: pd.DataFrame, moving: pd.DataFrame) -> str:
    """The factors that change nothing at all, in a sentence."""
    names = [row.factor for row in each_row(mine[~mine["factor"].isin(moving["factor"])])]
    return f" Of no effect at all: {', '.join(names)}." if names else ""


def key_assumptions_listing(answer: Answer, key_assumptions: pd.DataFrame | None, currency: str) -> Listing:
    """The unknowns to which the effect on the primary KPI is sensitive, ranked, with where they come from."""
    kpi = KPIS[answer["primary"]]
    rows = [
        {
            "Rank": str(row.rank),
            "Assumption": row.name,
            "Stated": number(row.value),
            "Swept": f"{number(row.low)} to {number(row.high)}",
            MEASURE_WORDS[row.measure]: _size(row, kpi, currency),
            **({"Turns the decision": row.flips} if row.flips else {}),
            "Evidence": f"{row.kind} ({row.evidence})",
            "Source": row.source,
        }
        for row in (each_row(key_assumptions) if key_assumptions is not None else ())
    ]
    tags = sorted(set(key_assumptions["evidence"])) if key_assumptions is not None else []
    note = "Numbers that were not swept are not judged. "
    note += " ".join(f"{tag}: {EVIDENCE[tag]}." for tag in tags)
    return Listing(f"Assumptions that matter for {kpi.label}", pd.DataFrame(rows), answer["in_words"], note.strip())


MEASURE_WORDS = {"swing": "Swing of the effect", "mu_star": "mu*", "st": "ST"}


def _size(row: Any, kpi: Kpi, currency: str) -> str:
    if row.measure == "st":
        return f"{share(row.size)} ({share(row.size_low)} to {share(row.size_high)})"
    if row.measure == "swing":
        return f"{change(row.size, kpi.unit, currency)} ({between(row.size_low, row.size_high, kpi.unit, currency)})"
    low, high = quantity(row.size_low, kpi.unit, currency), quantity(row.size_high, kpi.unit, currency)
    return f"{quantity(row.size, kpi.unit, currency)} ({low} to {high})"


def number(value: float) -> str:
    """A value of a factor."""
    return f"{value:.4g}".replace("-", MINUS) if math.isfinite(value) else UNDEFINED


def share(value: float) -> str:
    """A share of variance."""
    return f"{value:.3f}".replace("-", MINUS) if math.isfinite(value) else UNDEFINED


def signed(value: float) -> str:
    """A correlation."""
    return f"{value:+.2f}".replace("-", MINUS) if math.isfinite(value) else UNDEFINED


def _ranges(answer: Answer) -> dict[str, Any]:
    return {factor["factor"]: factor for factor in answer["factors"]}
