"""Where a recommendation flips: how many worlds, how sure that is, and which worlds these are, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.questions.stress.discovery import MIN_WORLDS, Scenario, discover
from crmlab.experiments.questions.stress.gains import Gains
from crmlab.experiments.questions.stress.score_table import RESAMPLES, share_interval
from crmlab.experiments.wording.quantities import percent

Kind = Literal["loses", "beaten"]
NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Flip:
    """One way in which a recommendation can be wrong, and the worlds in which it is.

    "loses": the arm is worse than the baseline. "beaten": another arm is better. `numbers`: the worlds in which it
    happens, of `worlds` in all; `low`, `high`: interval of their share, counting the draw of the worlds and luck;
    `close`: worlds in which the difference is within two standard errors of luck, and might have come out otherwise.
    `instead`: which arm is better in how many of the worlds in which it happens.
    """

    kind: Kind
    arm: str
    baseline: str
    numbers: tuple[int, ...]
    worlds: int
    low: float
    high: float
    confidence: float
    close: int
    instead: Mapping[str, int]
    scenarios: tuple[Scenario, ...]

    @property
    def share(self) -> float:
        """Share of the worlds in which it happens."""
        return len(self.numbers) / self.worlds

    @property
    def sentences(self) -> list[str]:
        """How often it happens, then where: one sentence per box."""
        n, worlds = len(self.numbers), self.worlds
        if n in (0, worlds):
            return [self._without_exception()]
        span = f"{percent(self.low)} to {percent(self.high)}"
        often = f"{percent(self.share)}; {self.confidence:.0%} interval {span}"
        said = [f"{self._what()} in {n} of {worlds} worlds ({often})."]
        if self.scenarios:
            return said + [self._where(scenario, first=not i) for i, scenario in enumerate(self.scenarios)]
        if min(n, worlds - n) >= MIN_WORLDS:
            return [*said, "No range of the unknowns tells these worlds from the others."]
        return [*said, f"That is too few to see a pattern{': ' + _worlds(self.numbers) if n < MIN_WORLDS else ''}."]

    def to_json(self) -> dict[str, object]:
        """All of it as plain data, sentences and boxes included."""
        plain = asdict(self) | {"numbers": list(self.numbers), "flips": len(self.numbers), "share": self.share}
        plain["scenarios"] = [asdict(s) | {"where": s.where} for s in self.scenarios]
        return plain | {"sentences": self.sentences}

    def _what(self) -> str:
        if self.kind == "loses":
            return f"{self.arm} loses against {self.baseline}"
        return f"Another policy is better than {self.arm} (most often {next(iter(self.instead))})"

    def _without_exception(self) -> str:
        n, loses = self.worlds, f"loses against {self.baseline}" if self.kind == "loses" else "is beaten"
        bound, why = rule_of_three(n, self.confidence), f"rule of three: 3 / {n}"
        without_luck = rule_of_three(n, (1 + self.confidence) / 2)  # what an interval with two ends takes for it
        with_luck = 1 - self.low if self.numbers else self.high
        if with_luck > without_luck + NEGLIGIBLE:
            bound, why = with_luck, "counting luck"
        sure = f"fewer than {percent(bound)} of such worlds, with {self.confidence:.0%} confidence ({why})."
        if self.numbers:
            return f"{self.arm} {loses} in all {n} worlds, and does not in {sure}"
        return f"Nothing flips: {self.arm} {loses} in none of {n} worlds, and does in {sure}"

    def _where(self, scenario: Scenario, first: bool) -> str:
        loses = self.kind == "loses"
        subject = f"{self.arm} {'loses' if loses else 'is beaten'} where {scenario.where}"
        inside = f"{percent(scenario.density)} of such worlds {'lose' if loses else 'have a better policy'}"
        of_all = f"{percent(scenario.coverage)} of all {'losing worlds' if loses else 'worlds with a better policy'}"
        fresh = f"{percent(scenario.density_fresh)} and {percent(scenario.coverage_fresh)}"
        return (
            f"{'' if first else 'Of the other worlds, '}{subject}: {inside}; these are {of_all} (in worlds that the "
            f"search had not seen: {fresh})."
        )


def flips_of(arm: str, gains: Gains, unknowns: pd.DataFrame, confidence: float, seed: int) -> list[Flip]:
    """How the recommendation of an arm can be wrong, and where. `unknowns`: what the worlds are, by number.

    Where an arm is beaten by nobody but the baseline, losing and being beaten are the same, and told once.
    """
    baseline, a = gains.arms[0], gains.arms.index(arm)
    kinds: tuple[Kind, ...] = ("beaten",) if arm == baseline else ("loses", "beaten")
    found: list[Flip] = []
    for kind in kinds:
        rival, ahead = _rivals(kind, a, gains.sampled)
        flips = ahead > 0
        shares = [float((_rivals(kind, a, draw)[1] > 0).mean()) for draw in gains.resamples(RESAMPLES)]
        low, high = share_interval(flips, np.array(shares), confidence)
        close = np.abs(ahead) < 2 * gains.error_against(arm)[rival]
        values = unknowns.loc[gains.worlds]
        numbers = tuple(int(n) for n in gains.worlds[flips])
        if found and numbers == found[0].numbers:
            continue  # nobody but the baseline is ever better: that has been told
        found.append(
            Flip(
                kind,
                arm,
                baseline,
                numbers,
                flips.size,
                low,
                high,
                confidence,
                int(close.sum()),
                dict(Counter(gains.arms[b] for b in rival[flips]).most_common()),
                tuple(discover(values.to_numpy(), ahead, list(values.columns), seed)),
            )
        )
    return found


def _rivals(kind: Kind, a: int, gains: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Who stands against arm `a` in each world, and by how much it is ahead: the baseline, or the best other arm."""
    if kind == "loses":
        return np.zeros(gains.shape[1], np.int64), gains[0] - gains[a]
    others = np.where(np.arange(len(gains))[:, None] == a, -np.inf, gains)
    return others.argmax(axis=0), others.max(axis=0) - gains[a]


def rule_of_three(worlds: int, confidence: float = 0.95) -> float:
    """The largest share that something never seen in so many worlds can have: about 3 / worlds at 95 % confidence.

    Exact: the share p with (1 - p)^worlds = 1 - confidence.
    """
    return float(1 - (1 - confidence) ** (1 / worlds))


def _worlds(numbers: tuple[int, ...]) -> str:
    if len(numbers) == 1:
        return f"world {numbers[0]}"
    return f"worlds {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
