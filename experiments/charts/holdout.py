"""Does the base model describe the real customers? Repeat orders that happened against those it expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import BLUE, FAINT, GRID, INK, VERMILLION, new_figure
from crmlab.experiments.wording.quantities import signed_percent

MODELS = {"pareto_nbd": "Pareto/NBD", "bg_nbd": "BG/NBD", "nbd": "NBD"}
LINES = {"pareto_nbd": (BLUE, "dash"), "bg_nbd": (VERMILLION, "dot"), "nbd": (FAINT, "dashdot")}


def holdout_check(calibration: Mapping[str, Any]) -> Chart:
    """Cumulative repeat orders of the real customers, and what the models fitted to the first weeks expected.

    `calibration` is the JSON of a calibration with its `weekly_repeats`.
    """
    weekly = pd.DataFrame(list(calibration["weekly_repeats"])).sort_values("week")
    models = [name for name in MODELS if name in weekly and pd.to_numeric(weekly[name], errors="coerce").notna().any()]
    figure = new_figure(380)
    split = weekly.loc[weekly["phase"] == "calibration", "week"].max()
    if (weekly["phase"] == "holdout").any():
        figure.add_vrect(x0=split, x1=weekly["week"].max(), fillcolor=GRID, opacity=0.45, line_width=0, layer="below")
        figure.add_annotation(x=split, y=1, yref="paper", xanchor="left", yanchor="top", text=" held out from the fit")
    actual = weekly["actual_cumulative"]
    figure.add_scatter(
        x=weekly["week"], y=actual, name="really happened", mode="lines", line={"color": INK, "width": 3}
    )
    for name in models:
        colour, dash = LINES[name]
        line = {"color": colour, "dash": dash, "width": 2.5}
        figure.add_scatter(x=weekly["week"], y=weekly[name], name=MODELS[name], mode="lines", line=line)
    figure.update_traces(hovertemplate="week %{x}: %{y:,.0f}")
    figure.update_xaxes(title_text="weeks since the first day of the log")
    figure.update_yaxes(title_text="repeat orders so far", rangemode="tozero")
    note = "Model lines: expectation for the whole cohort, knowing only when each customer first ordered."
    note = " ".join([note, *(f"Warning: {words}." for words in calibration.get("warnings", []))])
    return Chart("Does the base model fit?", figure, _table(weekly, models, split), _words(calibration), note)


def _table(weekly: pd.DataFrame, models: list[str], split: float) -> pd.DataFrame:
    marks = sorted({split, weekly["week"].max()} | set(weekly["week"][12::13]))
    rows = []
    for row in weekly[weekly["week"].isin(marks)].to_dict("records"):
        cells = {
            "Week": f"{row['week']:g}",
            "Phase": row["phase"],
            "Really happened": f"{row['actual_cumulative']:,.0f}",
        }
        for name in models:
            miss = 100 * (row[name] / row["actual_cumulative"] - 1) if row["actual_cumulative"] else float("nan")
            cells[MODELS[name]] = f"{row[name]:,.0f} ({signed_percent(miss)})"
        rows.append(cells)
    return pd.DataFrame(rows)


def _words(calibration: Mapping[str, Any]) -> str:
    holdout = calibration.get("holdout") or {}
    real = holdout.get("actual_repeat_orders")
    if not real:
        return "No weeks were held out, so the fit is shown on the weeks that it was made from."
    parts = [
        f"{words} expected {holdout[name]:,.0f} ({signed_percent(100 * (holdout[name] / real - 1))})"
        for name, words in MODELS.items()
        if isinstance(holdout.get(name), int | float)
    ]
    head = f"In the {holdout['weeks']:g} weeks that were held out, customers really made {real:,.0f} repeat orders"
    return f"{head}; given each customer's own past, {' and '.join(parts)}." if parts else f"{head}."
