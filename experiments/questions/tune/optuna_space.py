"""Levers as Optuna's distributions."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from crmlab.experiments.levers.searched import SearchedLever


def space_of(levers: Sequence[SearchedLever]) -> dict[str, BaseDistribution]:
    """The range of every lever by its path, as the sampler takes it."""
    return {lever.path: _distribution(lever) for lever in levers}


def _distribution(lever: SearchedLever) -> BaseDistribution:
    if lever.options:
        return CategoricalDistribution(lever.options)
    if lever.whole:
        return IntDistribution(int(lever.low), int(lever.high), log=lever.log, step=int(lever.step or 1))
    return FloatDistribution(lever.low, lever.high, log=lever.log, step=lever.step)
