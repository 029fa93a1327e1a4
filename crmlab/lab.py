"""crmlab from Python: write an experiment in a few lines, ask, and read the answer as tables and figures.

    from crmlab.lab import compare, load_world, new_experiment
    from crmlab.strategies import DiscountTiers

    experiment = new_experiment(load_world("shop"), tiers=DiscountTiers(silver_rate=0.05), weeks=52)
    answer = compare(experiment)

Everything is loaded when it is first used, so importing this is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmlab.experiments.charts.chart import Chart
    from crmlab.experiments.charts.look import new_figure
    from crmlab.experiments.execution.cluster import Dask
    from crmlab.experiments.experiment import Arm, Design, Experiment
    from crmlab.experiments.files.world_file import WorldFile, load_world
    from crmlab.experiments.lab.answer import Answer
    from crmlab.experiments.lab.api import compare, explain, stress, sweep, tune
    from crmlab.experiments.runs.verify import verify
    from crmlab.experiments.sections.listings import Listing
    from crmlab.experiments.sections.section import Section
    from crmlab.experiments.spec.builder import new_experiment
    from crmlab.experiments.spec.experiment_file import load_experiment, load_sweep, load_tuning
    from crmlab.sim.plays import Play
    from crmlab.sim.target import Target

__all__ = [
    "Answer",
    "Arm",
    "Chart",
    "Dask",
    "Design",
    "Experiment",
    "Listing",
    "Play",
    "Section",
    "Target",
    "WorldFile",
    "compare",
    "explain",
    "load_experiment",
    "load_sweep",
    "load_tuning",
    "load_world",
    "new_experiment",
    "new_figure",
    "stress",
    "sweep",
    "tune",
    "verify",
]

_HOME = {
    "crmlab.experiments.charts.chart": ("Chart",),
    "crmlab.experiments.charts.look": ("new_figure",),
    "crmlab.experiments.execution.cluster": ("Dask",),
    "crmlab.experiments.experiment": ("Arm", "Design", "Experiment"),
    "crmlab.experiments.spec.builder": ("new_experiment",),
    "crmlab.experiments.spec.experiment_file": ("load_experiment", "load_sweep", "load_tuning"),
    "crmlab.experiments.files.world_file": ("WorldFile", "load_world"),
    "crmlab.experiments.lab.answer": ("Answer",),
    "crmlab.experiments.lab.api": ("compare", "explain", "stress", "sweep", "tune"),
    "crmlab.experiments.sections.listings": ("Listing",),
    "crmlab.experiments.sections.section": ("Section",),
    "crmlab.experiments.runs.verify": ("verify",),
    "crmlab.sim.plays": ("Play",),
    "crmlab.sim.target": ("Target",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
