"""Scenario discovery: in which worlds does a recommendation flip? Boxes of the unknowns, how well they fit, how sure.

1 screen  unknowns that go with the outcome no more than chance would are left out: among many idle ones some cut well
          by chance
2 find    of all boxes of one search (prim.py), without restrictions that chance could have made, the one that tells
          flipping worlds best from the others; each limit becomes the roundest number that holds the same worlds
3 test    the same is repeated without a random fifth of the worlds, and judged on that fifth: what is left of density
          and coverage, how far a limit moves; restrictions that turn up again in less than half are dropped
4 cover   up to three boxes, each found among the worlds that the boxes before it leave over

Source: Bryant & Lempert 2010 (density, coverage, quasi-p-values, resampling). Fifths, not their halves: with half of
two hundred worlds the search finds much less than with all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crmlab.experiments.questions.stress.prim import (
    LOW,
    USUAL,
    Box,
    Mask,
    Peeling,
    Quality,
    Worlds,
    quality,
    quasi_p,
    trajectory,
)
from crmlab.experiments.statistics.effects import holm

MAX_BOXES = 3
MIN_WORLDS = 8  # worlds of either kind, below which no box is looked for
CHANCE = 0.05  # a restriction stays if chance makes one like it in fewer searches than this
REPEATS, LEFT_OUT = 40, 5  # searches repeated, each without one in LEFT_OUT worlds
AGAIN = 0.5  # a restriction stays if so large a share of them makes one like it


@dataclass(frozen=True)
class Restriction:
    """One end of a box: `unknown` lies above (`side` "above") or below `limit`.

    `p`: quasi-p-value. `found`: in which share of the repeated searches the same side of the same unknown was
    restricted; `low`, `high`: between which values its limit lay in nine of ten of those.
    """

    unknown: str
    side: str
    limit: float
    p: float
    found: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.unknown} {'>' if self.side == 'above' else '<'} {self.limit:.6g}"


@dataclass(frozen=True)
class Scenario:
    """A box in words: the worlds in which all restrictions hold.

    `density`: share of these worlds that flip. `coverage`: share of all flipping worlds that lie here. Both are
    flattered, as the box was drawn round these worlds; `density_fresh`, `coverage_fresh` are those of repeated searches
    among the worlds that they had not seen. `worlds`, `flips`: how many worlds, and flipping worlds, lie in the box;
    `share`: of all worlds.
    """

    restrictions: tuple[Restriction, ...]
    density: float
    coverage: float
    density_fresh: float
    coverage_fresh: float
    share: float
    worlds: int
    flips: int

    @property
    def where(self) -> str:
        """The restrictions as a condition."""
        return " and ".join(map(str, self.restrictions))


def discover(
    worlds: Worlds,
    ahead: NDArray[np.float64],
    unknowns: Sequence[str],
    seed: int = 1,
    peeling: Peeling = USUAL,
) -> list[Scenario]:
    """The boxes in which most worlds flip, the best first; none where there is no pattern or too little to see one.

    `worlds` [worlds, unknowns]; `ahead` [worlds]: by how much the recommendation is wrong, it flips where that is above
    0; `unknowns`: the names of the columns. `seed` chooses the fifths.
    """
    found: list[Scenario] = []
    flips = ahead > 0
    left = np.ones(len(worlds), dtype=bool)
    while len(found) < MAX_BOXES and _enough(flips[left]):
        box = _found(worlds[left], ahead[left], peeling, len(worlds))
        if box is None:
            break
        repeats = _repeated(worlds[left], ahead[left], peeling, seed)
        box = _rounded(_found_again(box, repeats), worlds[left])
        if not box.restrictions:
            break
        found.append(_scenario(box, worlds, flips, left, unknowns, repeats))
        left &= ~box.holds(worlds)
    return found


def screened(worlds: Worlds, ahead: NDArray[np.float64]) -> NDArray[np.int64]:
    """The unknowns that go with the outcome: by their value, or by their distance from its median, where the middle
    matters. Rank correlations (Spearman), at 5 % for all of them together (Holm). Indices of columns."""
    n = len(worlds)
    apart = np.abs(worlds - np.median(worlds, axis=0))
    ranks = stats.rankdata(np.column_stack([worlds, apart, ahead]), axis=0)
    ranks -= ranks.mean(axis=0)
    lengths = np.sqrt((ranks**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.clip(ranks[:, :-1].T @ ranks[:, -1] / (lengths[:-1] * lengths[-1]), -1, 1)
        p_values = 2 * stats.t.sf(np.abs(r) * np.sqrt((n - 2) / (1 - r * r)), n - 2)
    kept = np.array(holm(p_values.tolist())) < CHANCE
    return np.flatnonzero(kept[: worlds.shape[1]] | kept[worlds.shape[1] :])


@dataclass(frozen=True)
class _Repeat:
    """The box of a repeated search, None if it found none, and what it is worth among the worlds left out."""

    box: Box | None
    fresh: Quality


def _enough(flips: Mask) -> bool:
    return min(int(flips.sum()), int((~flips).sum())) >= MIN_WORLDS


def _found(worlds: Worlds, ahead: NDArray[np.float64], peeling: Peeling, n_all: int) -> Box | None:
    """The box that tells flipping worlds best from the others, None where chance could have made all of them."""
    chosen, flips = screened(worlds, ahead), ahead > 0
    x = worlds[:, chosen]
    boxes = [_pruned(box, x, flips) for box in trajectory(x, flips, peeling, n_all)] if chosen.size else []
    best = max(boxes, key=lambda box: quality(box.holds(x), flips).correlation, default=None)
    if best is None or not best.restrictions:
        return None
    box = Box.everything(worlds.shape[1])
    box.limits[:, chosen] = best.limits
    return box


def _pruned(box: Box, worlds: Worlds, flips: Mask) -> Box:
    """The box without the restrictions that chance could have made, dropped one by one."""
    while p_values := quasi_p(box, worlds, flips):
        end, p = max(p_values.items(), key=lambda item: item[1])
        if p <= CHANCE:
            break
        box = box.opened(*end)
    return box


def _repeated(worlds: Worlds, ahead: NDArray[np.float64], peeling: Peeling, seed: int) -> list[_Repeat]:
    rng, n = np.random.default_rng([seed, len(worlds)]), len(worlds)
    repeats = []
    for _ in range(REPEATS):
        order = rng.permutation(n)
        seen, other = order[n // LEFT_OUT :], order[: n // LEFT_OUT]
        box = _found(worlds[seen], ahead[seen], peeling, seen.size)
        held = box.holds(worlds[other]) if box else np.zeros(other.size, dtype=bool)
        repeats.append(_Repeat(box, quality(held, ahead[other] > 0)))
    return repeats


def _found_again(box: Box, repeats: Sequence[_Repeat]) -> Box:
    """The box without the restrictions that other searches seldom make."""
    for end in box.restrictions:
        if len(_limits(end, repeats)) < AGAIN * len(repeats):
            box = box.opened(*end)
    return box


def _limits(end: tuple[int, int], repeats: Sequence[_Repeat]) -> list[float]:
    """Where the searches that restrict one end of one unknown put its limit."""
    return [float(r.box.limits[end]) for r in repeats if r.box and np.isfinite(r.box.limits[end])]


def _scenario(
    box: Box, worlds: Worlds, flips: Mask, left: Mask, unknowns: Sequence[str], repeats: Sequence[_Repeat]
) -> Scenario:
    inside = left & box.holds(worlds)
    p_values = quasi_p(box, worlds[left], flips[left])
    mine = quality(inside, flips)
    held, hits = sum(r.fresh.n for r in repeats), sum(r.fresh.hits for r in repeats)
    coverages = [r.fresh.coverage for r in repeats if math.isfinite(r.fresh.coverage)]
    of_left = float((flips & left).sum() / flips.sum())
    return Scenario(
        tuple(_restriction(box, end, p, unknowns, repeats) for end, p in p_values.items()),
        mine.density,
        mine.coverage,
        hits / held if held else math.nan,
        of_left * float(np.mean(coverages)) if coverages else math.nan,
        mine.mass,
        mine.n,
        mine.hits,
    )


def _restriction(
    box: Box, end: tuple[int, int], p: float, unknowns: Sequence[str], repeats: Sequence[_Repeat]
) -> Restriction:
    side, unknown = end
    limits = _limits(end, repeats)
    low, high = np.quantile(limits, [0.05, 0.95])
    return Restriction(
        unknowns[unknown],
        "above" if side == LOW else "below",
        float(box.limits[end]),
        p,
        len(limits) / len(repeats),
        float(min(low, box.limits[end])),
        float(max(high, box.limits[end])),
    )


def _rounded(box: Box, worlds: Worlds) -> Box:
    """The same box with limits that are easy to say."""
    for side, unknown in box.restrictions:
        values, limit = worlds[:, unknown], box.limits[side, unknown]
        below, above = values[values <= limit], values[values >= limit]
        if below.size and above.size and below.max() < above.min():
            box = box.moved(side, unknown, roundest(float(below.max()), float(above.min())))
    return box


def roundest(low: float, high: float) -> float:
    """The number with the fewest digits strictly between two others; of several the one nearest to their middle."""
    middle, gap = (low + high) / 2, high - low
    for digits in range(-math.floor(math.log10(gap)) - 1, 18):
        tried = round(middle, digits)
        if low < tried < high:
            return tried
    return middle
