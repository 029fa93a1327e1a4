"""Patient rule induction (PRIM): a box in the space of the unknowns in which most worlds are of the kind we look for.

From the box of all worlds, thin slices are peeled off, one side of one unknown at a time, always the slice whose
removal raises the share of interesting worlds most per world given up; then slices are pasted back as long as that
raises the share again. Patient, because each slice is small: a bad one costs little.

Sources: Friedman & Fisher 1999, sections 8 and 14.6 (gain per observation removed); Bryant & Lempert 2010 for coverage,
density and the quasi-p-values of restrictions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

Worlds = NDArray[np.float64]  # [worlds, unknowns]
Mask = NDArray[np.bool_]  # [worlds]
LOW, HIGH = 0, 1


@dataclass(frozen=True)
class Peeling:
    """How patient the search is. `peel` and `paste` are the shares of worlds of one slice, `mass_least` the smallest
    share of all worlds that a box may hold."""

    peel: float = 0.05
    paste: float = 0.05
    mass_min: float = 0.05


USUAL = Peeling()


@dataclass(frozen=True, eq=False)
class Box:
    """A range of each unknown, ends included. `limits` [2, unknowns]: lower and upper ends, infinite where open."""

    limits: NDArray[np.float64]

    @classmethod
    def everything(cls, n_unknowns: int) -> Box:
        """The box that leaves nothing out."""
        return cls(np.repeat([[-np.inf], [np.inf]], n_unknowns, axis=1))

    def holds(self, worlds: Worlds) -> Mask:
        """Which worlds lie in the box. Shape [worlds]."""
        return ((worlds >= self.limits[LOW]) & (worlds <= self.limits[HIGH])).all(axis=1)

    @property
    def restrictions(self) -> list[tuple[int, int]]:
        """The (side, unknown) pairs that the box restricts, in order of the unknowns."""
        return [(int(side), int(unknown)) for unknown, side in np.argwhere(np.isfinite(self.limits.T))]

    @property
    def n_unknowns(self) -> int:
        """How many unknowns the box restricts, on one side or both."""
        return int(np.isfinite(self.limits).any(axis=0).sum())

    def moved(self, side: int, unknown: int, limit: float) -> Box:
        """The same box with one end elsewhere."""
        limits = self.limits.copy()
        limits[side, unknown] = limit
        return replace(self, limits=limits)

    def opened(self, side: int, unknown: int) -> Box:
        """The same box without one of its restrictions."""
        return self.moved(side, unknown, np.inf if side == HIGH else -np.inf)


@dataclass(frozen=True)
class Quality:
    """What a box is worth. `density`: share of its worlds that are interesting; `coverage`: share of the interesting
    worlds that it holds; `mass`: share of all worlds that it holds; `n`, `hits`: its worlds and interesting worlds.
    `correlation` between lying in the box and being interesting (phi): 1 for a perfect box, 0 for a useless one."""

    density: float
    coverage: float
    mass: float
    n: int
    hits: int
    correlation: float


def quality(inside: Mask, interesting: Mask) -> Quality:
    """What a box is worth, from which worlds lie in it and which are interesting. Shape [worlds] each."""
    n, hits, total, wanted = int(inside.sum()), int((inside & interesting).sum()), inside.size, int(interesting.sum())
    spread = float(n) * (total - n) * wanted * (total - wanted)
    return Quality(
        density=hits / n if n else np.nan,
        coverage=hits / wanted if wanted else np.nan,
        mass=n / total,
        n=n,
        hits=hits,
        correlation=(total * hits - n * wanted) / spread**0.5 if spread else 0.0,
    )


def trajectory(worlds: Worlds, interesting: Mask, peeling: Peeling = USUAL, n_all: int | None = None) -> list[Box]:
    """Every box on the way of one search, from all worlds to the smallest one after peeling, then those after pasting.

    `n_all` is the number of worlds of which `mass_least` is a share, where `worlds` are only those left over by earlier
    boxes. Worlds that lie in no box of interest end the search early: the list has one box at least.
    """
    n_min = peeling.mass_min * (n_all or len(worlds))
    boxes = [Box.everything(worlds.shape[1])]
    for step in (_peeled, _pasted):
        share = peeling.peel if step is _peeled else peeling.paste
        while (box := step(boxes[-1], worlds, interesting, share)) and box.holds(worlds).sum() >= n_min:
            boxes.append(box)
    return boxes


def quasi_p(box: Box, worlds: Worlds, interesting: Mask) -> dict[tuple[int, int], float]:
    """How easily chance would do what each restriction does, by (side, unknown): the probability of as many
    interesting worlds among as many drawn at random from the box without that restriction (one-sided, binomial).

    "Quasi", because the restriction was chosen with a view to the same worlds.
    """
    inside = box.holds(worlds)
    n, hits = int(inside.sum()), int((inside & interesting).sum())
    found = {}
    for side, unknown in box.restrictions:
        wider = box.opened(side, unknown).holds(worlds)
        found[side, unknown] = float(bdtrc(hits - 1, n, interesting[wider].mean())) if hits else 1.0
    return found


def _peeled(box: Box, worlds: Worlds, interesting: Mask, share: float) -> Box | None:
    """The box without its worst slice, None when no slice is worse than the box."""
    inside = box.holds(worlds)
    x, y = worlds[inside], interesting[inside]
    ends = np.stack([_edges(x, share), -_edges(-x, share)])  # [2, unknowns]
    kept = np.stack([x >= ends[LOW], x <= ends[HIGH]])  # [2, worlds, unknowns]
    n, hits = kept.sum(axis=1), (kept & y[:, None]).sum(axis=1)
    moves = [
        (box.moved(side, unknown, ends[side, unknown]), int(n[side, unknown]), int(hits[side, unknown]))
        for unknown in range(x.shape[1])
        for side in (HIGH, LOW)
        if np.isfinite(ends[side, unknown])
    ]
    return _best(len(y), int(y.sum()), moves)


def _pasted(box: Box, worlds: Worlds, interesting: Mask, share: float) -> Box | None:
    """The box with its best slice put back, None when none would raise the share of interesting worlds."""
    inside = box.holds(worlds)
    moves = []
    for side, unknown in box.restrictions:
        outside = worlds[box.opened(side, unknown).holds(worlds) & ~inside, unknown]
        if outside.size:
            wider = _wider(box, side, unknown, outside, worlds[:, unknown], share)
            held = wider.holds(worlds)
            moves.append((wider, int(held.sum()), int((held & interesting).sum())))
    return _best(int(inside.sum()), int((inside & interesting).sum()), moves)


def _wider(
    box: Box, side: int, unknown: int, outside: NDArray[np.float64], everywhere: NDArray[np.float64], share: float
) -> Box:
    """The box with the nearest `share` of the worlds beyond one of its ends; open when no world at all lies beyond."""
    sign = 1 if side == HIGH else -1
    outside, everywhere = sign * outside, sign * everywhere
    edge = float(_edges(outside[:, None], share)[0])
    limit = edge if np.isfinite(edge) else outside.max()
    return box.moved(side, unknown, sign * limit) if (everywhere > limit).any() else box.opened(side, unknown)


def _edges(x: Worlds, share: float) -> NDArray[np.float64]:
    """The value of each column below which its lowest `share` lies, half-way between two worlds; infinite where all
    worlds are alike. Worlds of equal value stay together. Shape [columns]."""
    ordered = np.sort(x, axis=0)
    last = ordered[int((len(x) - 1) * share)]
    following = np.where(ordered > last, ordered, np.inf).min(axis=0)
    return (last + following) / 2


def _best(n: int, hits: int, moves: list[tuple[Box, int, int]]) -> Box | None:
    """The move (box, worlds, interesting worlds) with the largest gain in density per world moved; among equals the
    one that restricts the fewest unknowns, then the first. None when no move gains."""
    best, most = None, 0.0
    for box, n_moved, hits_moved in moves:
        if n_moved in (n, 0):
            continue
        gain = (hits_moved / n_moved - hits / n) / abs(n - n_moved)
        if gain > most or (best and gain == most and box.n_unknowns < best.n_unknowns):
            best, most = box, gain
    return best
