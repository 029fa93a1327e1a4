"""Charts of a run: pure functions from a table to a figure, the same facts as a table, and a sentence."""

from crmlab.experiments.charts.acquisition import acquisition_funnel, cac_by_channel
from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.cohorts import cohort_triangle, ltv_against_cac, repeat_by_age
from crmlab.experiments.charts.continued import log_continued
from crmlab.experiments.charts.effects import KpiCard, kpi_cards, lift_forest
from crmlab.experiments.charts.holdout import holdout_check
from crmlab.experiments.charts.look import Look
from crmlab.experiments.charts.money import profit_waterfall
from crmlab.experiments.charts.personas import persona_cells, persona_gains
from crmlab.experiments.charts.service import (
    failure_to_outcome,
    load_and_capacity,
    satisfaction_then_and_now,
    surveys_then_and_now,
    waiting_times,
)
from crmlab.experiments.charts.weeks import weekly_path, weekly_paths

__all__ = [
    "Chart",
    "KpiCard",
    "Look",
    "acquisition_funnel",
    "cac_by_channel",
    "cohort_triangle",
    "failure_to_outcome",
    "holdout_check",
    "kpi_cards",
    "lift_forest",
    "load_and_capacity",
    "log_continued",
    "ltv_against_cac",
    "persona_cells",
    "persona_gains",
    "profit_waterfall",
    "repeat_by_age",
    "satisfaction_then_and_now",
    "surveys_then_and_now",
    "waiting_times",
    "weekly_path",
    "weekly_paths",
]
