"""A comparison for a first look."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.experiment import Experiment

QUICK_ROWS = 14_000  # over all arms, so that a file of many arms is a first look too


def smaller_comparison(experiment: Experiment) -> Experiment:
    """Fewer customers the more arms there are."""
    customers = min(experiment.design.customers, QUICK_ROWS // len(experiment.arms))
    return replace(experiment, design=replace(experiment.design, customers=customers))
