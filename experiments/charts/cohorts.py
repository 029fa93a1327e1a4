"""Who comes back: the cohort triangle, and lifetime value against the cost of acquisition."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from plotly.subplots import make_subplots

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import GAIN, INK, LOSS, MIDDLE, Look, new_figure
from crmlab.experiments.wording.quantities import change, money_axis, quantity

PERIOD_WEEKS = 4


def repeat_by_age(cohorts: pd.DataFrame, look: Look) -> Chart:
    """Share of customers who order again in each four-week period after their first order: one line per arm.

    An age counts only the cohorts that reached it, weighted by their customers. The period of the first order itself
    is left out where the table has it as age 0.
    """
    curves = _curves(cohorts, look)
    figure = new_figure(340)
    for arm in curves.columns:
        style = look.style(arm)
        figure.add_scatter(
            x=PERIOD_WEEKS * curves.index,
            y=curves[arm],
            mode="lines",
            name=arm,
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            hovertemplate=f"{arm}, %{{x}} weeks: %{{y:.1%}}<extra></extra>",
        )
    figure.update_xaxes(title_text="weeks since the first order")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title_text="ordered in the period")
    shown = curves.map(lambda share: quantity(share, "share")).rename_axis(None, axis=1)
    table = shown.rename_axis("Age in 4-week periods").reset_index()
    middle = curves.index[len(curves) // 2] if len(curves) else 0
    parts = [f"{arm} {quantity(float(curves[arm].loc[middle]), 'share')}" for arm in curves.columns]
    sentence = f"Share of customers who order in period {middle + 1} after their first order: {', '.join(parts)}."
    return Chart(
        "Orders again, by age", figure, table, sentence, "Weighted mean over the cohorts that reached the age."
    )


def cohort_triangle(cohorts: pd.DataFrame, look: Look) -> Chart:
    """The cohort triangle of the baseline, and below it what each arm changes, in percentage points."""
    arms = look.in_order(_repeat_rows(cohorts)["arm"])
    grids = {arm: _grid(cohorts, arm) for arm in arms}
    base = grids[arms[0]]
    titles = [f"<b>{arms[0]}</b>: share who order again"]
    titles += [f"<b>{arm}</b> minus {arms[0]} (pp)" for arm in arms[1:]]
    panel = 70 + min(9 * max(len(base), 8), 160)
    figure = make_subplots(rows=len(arms), cols=1, subplot_titles=titles, vertical_spacing=55 / (panel * len(arms)))
    figure.update_layout(new_figure(panel * len(arms) + 40, margin={"t": 30}).layout.to_plotly_json())
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": INK})
    shifts = {arm: 100 * (grids[arm] - base).reindex_like(base) for arm in arms[1:]}
    reach = max([_reach(shift) for shift in shifts.values()], default=1.0)
    for row, arm in enumerate(arms, start=1):
        z, value = (base, "%{z:.1%}") if row == 1 else (shifts[arm], "%{z:+.2f} pp")
        extra = {"zmin": 0} if row == 1 else {"zmin": -reach, "zmax": reach}
        figure.add_heatmap(
            z=z.to_numpy(),
            x=list(z.columns),
            y=list(z.index),
            colorscale=[[0, MIDDLE], [1, GAIN]] if row == 1 else [[0, LOSS], [0.5, MIDDLE], [1, GAIN]],
            hovertemplate=f"cohort %{{y}}, age %{{x}}: {value}<extra>{arm}</extra>",
            colorbar=_colour_bar(figure, row, ".0%" if row == 1 else "+.1f"),
            xgap=1,
            ygap=1,
            row=row,
            col=1,
            **extra,
        )
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False, title_text="cohort")
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_xaxes(title_text="4-week periods since the first order", row=len(arms), col=1)
    note = (
        "A cohort is everybody whose first order fell into the same four weeks. Empty cells: age not yet reached. "
        "pp: percentage points."
    )
    return Chart("Cohort triangle", figure, _triangle_table(cohorts, arms[0]), _triangle_words(cohorts, arms), note)


def ltv_against_cac(ltv: pd.DataFrame, look: Look) -> Chart:
    """Cumulative contribution of an acquired customer by age, before acquisition cost, against what that customer cost.

    A disc marks the payback: the age at which the curve reaches the cost of acquisition (the level line). The lifetime
    value, which is discounted, stands in the table.
    """
    figure = new_figure(400)
    rows, words = [], []
    for arm in look.in_order(ltv["arm"]):
        curve, style = ltv[ltv["arm"] == arm].sort_values("age_weeks"), look.style(arm)
        cac, payback = (float(curve[name].iloc[0]) for name in ("cac", "payback"))
        line = {"color": style.colour, "dash": style.dash, "width": 2.5}
        ages, money = curve["age_weeks"], curve["contribution"]
        hover = f"{arm}, week %{{x}}: %{{y:,.2f}}<extra></extra>"
        figure.add_scatter(x=ages, y=money, name=arm, line=line, mode="lines", hovertemplate=hover, legendgroup=arm)
        if math.isfinite(cac):
            level = {"color": style.colour, "width": 1, "dash": "dot"}
            ends = [ages.min(), ages.max()]
            figure.add_scatter(x=ends, y=[cac, cac], mode="lines", line=level, showlegend=False, legendgroup=arm)
        if math.isfinite(payback):
            at = {"color": style.colour, "size": 11, "symbol": style.symbol, "line": {"color": INK, "width": 1}}
            figure.add_scatter(x=[payback], y=[cac], mode="markers", marker=at, showlegend=False, legendgroup=arm)
        rows.append(_ltv_row(arm, curve, payback, look.currency))
        words.append(f"{arm} {_payback_words(payback, cac)}")
    figure.update_xaxes(title_text="weeks since the first order", rangemode="tozero")
    figure.update_yaxes(title_text="per acquired customer", rangemode="tozero", **money_axis(look.currency))
    note = (
        "Curve: mean contribution, not discounted, of a customer acquired early enough to be watched for the whole "
        "span; what was given to win the customer is not taken off, because it is part of the cost of acquisition. "
        "Level dotted line: what acquiring these same customers cost (CAC of the LTV cohort). Mark: payback. LTV in "
        "the table is discounted."
    )
    sentence = f"Payback of an acquired customer: {'; '.join(words)}."
    return Chart("Lifetime value against acquisition cost", figure, pd.DataFrame(rows), sentence, note)


def _repeat_rows(cohorts: pd.DataFrame) -> pd.DataFrame:
    """Without the period of the first order, where everybody has ordered and the share says nothing."""
    return cohorts[~((cohorts["age"] == 0) & (cohorts["share"] >= 0.999))].dropna(subset="share")


def _curves(cohorts: pd.DataFrame, look: Look) -> pd.DataFrame:
    """Rows: ages; columns: arms; weighted mean of the shares."""
    kept = _repeat_rows(cohorts)
    kept = kept.assign(people=kept["share"] * kept["customers"])
    sums = kept.groupby(["age", "arm"])[["people", "customers"]].sum()
    return (sums["people"] / sums["customers"]).unstack("arm")[look.in_order(kept["arm"])]


def _grid(cohorts: pd.DataFrame, arm: str) -> pd.DataFrame:
    kept = _repeat_rows(cohorts[cohorts["arm"] == arm])
    return kept.pivot_table(index="cohort", columns="age", values="share")


def _colour_bar(figure: object, row: int, form: str) -> dict[str, object]:
    axis = figure.layout[f"yaxis{row if row > 1 else ''}"]  # type: ignore[attr-defined]
    low, high = axis.domain
    return {
        "len": high - low,
        "y": (low + high) / 2,
        "thickness": 10,
        "tickformat": form,
        "outlinewidth": 0,
        "nticks": 5,
    }


def _triangle_table(cohorts: pd.DataFrame, arm: str) -> pd.DataFrame:
    grid = _grid(cohorts, arm)
    sizes = cohorts[cohorts["arm"] == arm].groupby("cohort")["customers"].first()
    shown = grid.map(lambda share: quantity(share, "share") if math.isfinite(share) else "")
    shown.columns = [f"Age {age}" for age in grid.columns]
    shown.insert(0, "Customers", [f"{sizes[cohort]:,.0f}" for cohort in grid.index])
    return shown.rename_axis("Cohort").reset_index()


def _triangle_words(cohorts: pd.DataFrame, arms: list[str]) -> str:
    kept = _repeat_rows(cohorts)
    means = {
        arm: np.average(mine["share"], weights=mine["customers"]) for arm, mine in kept.groupby("arm") if len(mine)
    }
    base = f"Under {arms[0]}, {quantity(means[arms[0]], 'share')} of a cohort order in a four-week period on average"
    rest = ", ".join(f"{arm} {change(means[arm] - means[arms[0]], 'share')}" for arm in arms[1:])
    return f"{base}{'; difference: ' + rest if rest else ''}."


def _reach(shift: pd.DataFrame) -> float:
    """Half-width of a colour scale: nearly all cells, so that one tiny cohort does not bleach all the others."""
    sizes = np.abs(shift.to_numpy())
    sizes = sizes[np.isfinite(sizes)]
    return max(0.05, float(np.quantile(sizes, 0.98))) if sizes.size else 0.05


def _payback_words(payback: float, cac: float) -> str:
    if not math.isfinite(cac):
        return "undefined (no first orders)"
    if not math.isfinite(payback):
        return "not within the horizon"
    return f"after {quantity(payback, 'weeks')} weeks" if payback else "with the first order"


def _ltv_row(arm: str, curve: pd.DataFrame, payback: float, currency: str) -> dict[str, str]:
    last, cac = curve.iloc[-1], float(curve["cac"].iloc[0])
    row = {
        "Arm": arm,
        "Customers": f"{last['customers']:,.0f}",
        "CAC of the cohort": quantity(cac, "currency", currency),
    }
    for age in (13, 26, 52, 104):
        for value in curve.loc[curve["age_weeks"] == age, "ltv"]:
            row[f"LTV at {age} weeks"] = quantity(value, "currency", currency)
    ratio = float(last["ltv"]) / cac if cac > 0 else math.nan
    row[f"LTV / CAC at {last['age_weeks']:.0f} weeks"] = quantity(ratio)
    return row | {"Payback": _payback_words(payback, cac)}
