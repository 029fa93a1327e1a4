"""Ratios that divide: over replications, a ratio of two KPIs is the ratio of their means, not the mean of the ratios.

A page shows LTV, CAC and LTV / CAC side by side, and a reader divides. The mean of the single ratios is another number
(and a biased one). Each replication's KPI value is therefore replaced by its linear share in the ratio of the means,

    R + (n - R d) / mean(d),   R = mean(n) / mean(d)

whose mean is R exactly and whose spread is that of R (delta method), so pairs and intervals go on as for any KPI.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.sim.kpis import KPIS


def dividing(kpi_values: pd.DataFrame) -> pd.DataFrame:
    """The KPI values of one arm in one world over its replications, every ratio as its share in the ratio of means.

    A ratio whose parts are not among the columns stays as it was read; so does one that is undefined somewhere.
    """
    for kpi in KPIS.values():
        if kpi.ratio_of and {kpi.id, *kpi.ratio_of} <= set(kpi_values.columns):
            over, under = (kpi_values[part].to_numpy(np.float64) for part in kpi.ratio_of)
            defined = np.isfinite(over).all() and (np.isfinite(under) & (under != 0)).all()
            if len(kpi_values) and defined and under.mean() != 0:  # nothing won at no cost has no ratio
                ratio = over.mean() / under.mean()
                kpi_values = kpi_values.assign(**{kpi.id: ratio + (over - ratio * under) / under.mean()})
    return kpi_values
