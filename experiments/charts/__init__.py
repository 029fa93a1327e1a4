"""Charts of a run: pure functions from a table to a figure, the same facts as a table, and a sentence."""

from experiments.charts.acquisition import acquisition_funnel, cac_by_channel
from experiments.charts.chart import Chart
from experiments.charts.cohorts import cohort_triangle, ltv_against_cac, repeat_by_age
from experiments.charts.effects import KpiCard, kpi_cards, lift_forest
from experiments.charts.explaining import (
    composition_waterfall,
    contribution_dots,
    contribution_waterfall,
    deadweight_bar,
    group_dots,
)
from experiments.charts.holdout import holdout_check
from experiments.charts.look import Look
from experiments.charts.money import profit_waterfall
from experiments.charts.personas import persona_cells, persona_gains
from experiments.charts.robust import gain_curves, pays_bars, regret_curves, scenario_map, score_bars
from experiments.charts.sensitivity import sensitivity_bars, tornado_chart
from experiments.charts.sweeps import sweep_charts
from experiments.charts.tuning import lever_importances, pareto_fronts, tuning_history
from experiments.charts.tuning_tables import dropped_cells, race_cells, winner_cells
from experiments.charts.twins import twin_chart
from experiments.charts.weeks import weekly_path, weekly_paths

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
