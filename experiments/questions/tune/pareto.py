"""Fronts: who is beaten by nobody when several things count, and how much a front covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def undominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other is as good as in everything and better in something. More is better.

    Shape [points, objectives] -> [points]. Of equal points all stay.
    """
    return np.array([not ((points >= p).all(1) & (points > p).any(1)).any() for p in points], dtype=bool)


def hypervolume(points: Sequence[Sequence[float]] | NDArray[np.float64]) -> float:
    """Volume between the origin and the points, more is better; parts below the origin count nothing.

    By slices along the last objective: exact, and quick enough for three objectives and fronts of hundreds.
    """
    inside = np.asarray(points, np.float64)
    inside = inside[(inside > 0).all(axis=1)]
    if not len(inside):
        return 0.0
    if inside.shape[1] == 1:
        return float(inside.max())
    inside = inside[np.argsort(-inside[:, -1], kind="stable")]
    heights = -np.diff(inside[:, -1], append=0.0)
    return sum(float(height) * hypervolume(inside[: i + 1, :-1]) for i, height in enumerate(heights) if height > 0)
