"""What a finished run shows of a service desk that cannot do its work, in words, beside the answer."""

from __future__ import annotations

import math

import pandas as pd


def overload_notes(runs: pd.DataFrame | None) -> list[str]:
    """A sentence for each arm whose desk is overloaded in the mean over the replications of the stated world, or on
    which nobody is ever on duty. `runs` has a row per run: arm, world, KPIs. None, or no desk in it: nothing to say."""
    if runs is None or not {"arm", "world", "desk_load"} <= set(runs):
        return []
    stated = runs[runs["world"] == "fixed"]
    loads = stated.groupby("arm", sort=False)["desk_load"].mean()
    return [f'arm "{arm}": {said}' for arm, load in loads.items() if (said := _of_load(float(load)))]


def _of_load(load: float) -> str:
    if math.isinf(load):
        return "nobody is ever on duty at the service desk: all that comes is left lying or given up."
    if load > 1:
        return (
            f"the service desk is overloaded: {load:.3g} hours of work arrive for each hour on duty, so that its "
            "backlog grows until customers give up."
        )
    return ""
