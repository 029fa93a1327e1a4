"""What a tuning advises: a candidate that beats today on fresh luck and in fresh worlds, or to keep today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.experiments.questions.tune.confirm import Winner
from crmlab.experiments.questions.tune.question import VOLUME, Tune
from crmlab.experiments.rows import each_row
from crmlab.experiments.statistics.verdict import judge, verdict_sentence
from crmlab.sim.kpis import KPIS


@dataclass(frozen=True)
class Advice:
    """`winner` is the first candidate, in the order of the search, that keeps its limits on fresh luck and is better
    than the baseline in an objective there: in the mean, and in more than half of the sampled worlds; None where today
    is to be kept. `verdicts` judge every candidate that was run again, by the rule of all verdicts."""

    winner: Winner | None
    sentence: str
    verdicts: Mapping[str, Mapping[str, str]]

    @property
    def keep_today(self) -> bool:
        """Whether no candidate is better than the baseline."""
        return self.winner is None

    def to_json(self) -> dict[str, object]:
        """{"keep_today", "winner": its number or null, "advice": in words, "verdicts": {arm: {kpi: word}}}."""
        number = self.winner.number if self.winner else None
        return {
            "keep_today": self.keep_today,
            "winner": number,
            "advice": self.sentence,
            "verdicts": {arm: dict(words) for arm, words in self.verdicts.items()},
        }


def told(search: Tune) -> tuple[str, ...]:
    """The KPIs of the verdicts: what the search looked at, and the volume."""
    return tuple(dict.fromkeys((*search.watched, VOLUME)))


def advice(search: Tune, winners: Sequence[Winner], effects: pd.DataFrame, baseline: str, currency: str) -> Advice:
    """The advice of a tuning. `effects`: the confirmed candidates against the baseline on fresh luck."""
    rows = {(row.arm, row.kpi): row for row in each_row(effects)}
    verdicts = {w.arm: {kpi: judge(rows[w.arm, kpi]).word for kpi in told(search)} for w in winners}
    best = next((w for w in winners if w.holds and _beats(search, rows, w)), None)
    if not winners:
        return Advice(None, f"No candidate kept all limits: keep {baseline}.", verdicts)
    if best is None:
        fresh = "on luck and in worlds" if _sampled(effects) else "on luck"
        words = f"No candidate is better than {baseline} {fresh} that the search has not seen: keep {baseline}."
        return Advice(None, words, verdicts)
    kpi = next(kpi for kpi in search.objectives if _is_better(rows[best.arm, kpi]))
    return Advice(best, f"{best.arm}: {verdict_sentence(effects, best.arm, baseline, kpi, currency)}", verdicts)


def _beats(search: Tune, rows: Mapping[tuple[str, str], object], winner: Winner) -> bool:
    return any(_is_better(rows[winner.arm, kpi]) for kpi in search.objectives)


def _is_better(row: Any) -> bool:
    in_the_mean = row.difference * KPIS[row.kpi].direction > 0
    return bool(in_the_mean and not (row.worlds > 0 and row.p_better <= 0.5))


def _sampled(effects: pd.DataFrame) -> bool:
    return bool((effects["worlds"] > 0).any())
