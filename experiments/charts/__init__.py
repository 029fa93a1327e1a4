"""Charts of a run: pure functions from a table to a figure, the same facts as a table, and a sentence."""

from crmlab.experiments.charts.acquisition import acquisition_funnel, cac_by_channel
from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.cohorts import cohort_triangle, ltv_against_cac, repeat_by_age
from crmlab.experiments.charts.continued import log_continued
from crmlab.experiments.charts.effects import KpiCard, kpi_cards, lift_forest
from crmlab.experiments.charts.explaining import (
    composition_waterfall,
    contribution_dots,
    contribution_waterfall,
    deadweight_bar,
    group_dots,
)
from crmlab.experiments.charts.holdout import holdout_check
from crmlab.experiments.charts.look import Look
from crmlab.experiments.charts.money import profit_waterfall
from crmlab.experiments.charts.personas import persona_cells, persona_gains
from crmlab.experiments.charts.robust import gain_curves, pays_bars, regret_curves, scenario_map, score_bars
from crmlab.experiments.charts.sensitivity import sensitivity_bars, tornado_chart
from crmlab.experiments.charts.sweeps import sweep_charts
from crmlab.experiments.charts.tuning import lever_importances, pareto_fronts, tuning_history
from crmlab.experiments.charts.tuning_tables import dropped_cells, race_cells, winner_cells
from crmlab.experiments.charts.twins import twin_chart
from crmlab.experiments.charts.weeks import weekly_path, weekly_paths

__all__ = [
    "Chart",
    "KpiCard",
    "Look",
    "acquisition_funnel",
    "cac_by_channel",
    "cohort_triangle",
    "composition_waterfall",
    "contribution_dots",
    "contribution_waterfall",
    "deadweight_bar",
    "dropped_cells",
    "gain_curves",
    "group_dots",
    "holdout_check",
    "kpi_cards",
    "lever_importances",
    "lift_forest",
    "log_continued",
    "ltv_against_cac",
    "pareto_fronts",
    "pays_bars",
    "persona_cells",
    "persona_gains",
    "profit_waterfall",
    "race_cells",
    "regret_curves",
    "repeat_by_age",
    "scenario_map",
    "score_bars",
    "sensitivity_bars",
    "sweep_charts",
    "tornado_chart",
    "tuning_history",
    "twin_chart",
    "weekly_path",
    "weekly_paths",
    "winner_cells",
]
