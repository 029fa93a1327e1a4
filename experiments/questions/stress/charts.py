"""What a stress test found: scores of the policies, gains and regrets over the worlds, and where it flips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import FAINT, GAIN, GRID, INK, LOSS, Look, new_figure
from crmlab.experiments.statistics.verdict import in_sentence
from crmlab.experiments.wording.quantities import between, change, is_money, is_share, money_axis, quantity
from crmlab.sim.kpis import KPIS

Answer = Mapping[str, Any]
BARS = (("mean", "Mean"), ("cvar", "Worst tenth (CVaR)"), ("worst", "Worst case"))
SHADE = "rgba(184,78,0,0.10)"


def score_bars(answer: Answer, look: Look) -> Chart:
    """Mean gain, CVaR and worst case of every policy, side by side."""
    arms, kpi = _others(answer, look), KPIS[answer["kpi"]]
    figure = new_figure(90 + 27 * len(BARS) * len(arms), barmode="group", bargap=0.25)
    rows = []
    tail = f"Worst {100 * answer['tail']:g}% of worlds (CVaR)"
    labels = [(score, tail if score == "cvar" else label) for score, label in BARS]
    for arm in reversed(arms):
        scores, style = answer["scores"][arm], look.style(arm)
        values = [scores[score]["value"] for score, _ in labels]
        ends = [(scores[score]["low"], scores[score]["high"]) for score, _ in labels]
        figure.add_bar(
            x=values, y=[label for _, label in labels], orientation="h", name=arm, marker={"color": style.colour},
            error_x=_errors(values, ends), hovertemplate=f"{arm}: %{{x:,.4~g}}<extra></extra>",
        )  # fmt: skip
    for arm in arms:
        scores = answer["scores"][arm]
        cells = {label: change(scores[score]["value"], kpi.unit, look.currency) for score, label in labels}
        ranges = {
            f"{label}, range": between(scores[score]["low"], scores[score]["high"], kpi.unit, look.currency)
            for score, label in labels
            if score != "worst"
        }
        rows.append({"Policy": arm} | cells | ranges)
    figure.add_vline(x=0, line={"color": INK, "width": 1})
    figure.update_xaxes(title_text=f"gain against {look.baseline}", **_axis(kpi.unit, answer, look))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(legend={"traceorder": "reversed"})
    best = answer["recommended"]
    sentence = (
        f"By the mean {best['mean']['arm']} is the best policy, by the worst {100 * answer['tail']:g}% of worlds "
        f"{best['cvar']['arm']}, by the worst case {best['worst']['arm']}."
    )
    note = f"{look.baseline} stands at 0. Thin lines: ranges, counting the draw of the worlds and luck; the worst case "
    note += "has none."
    return Chart(f"Scores: {kpi.label}", figure, pd.DataFrame(rows), sentence, note)


def pays_bars(answer: Answer, look: Look) -> Chart:
    """In which share of the worlds each policy is better than the baseline."""
    arms = _others(answer, look)
    figure = new_figure(70 + 34 * len(arms), showlegend=False)
    shares = {arm: answer["scores"][arm]["pays"] for arm in arms}
    values = [shares[arm]["value"] for arm in arms]
    figure.add_bar(
        x=values, y=arms, orientation="h", marker={"color": [look.style(arm).colour for arm in arms]},
        error_x=_errors(values, [(s["low"], s["high"]) for s in shares.values()]),
        hovertemplate="%{y}: %{x:.0%}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=0.5, line={"color": FAINT, "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    table = pd.DataFrame(
        [
            {
                "Policy": arm,
                "Pays in": quantity(s["value"], "share"),
                "Range": f"{quantity(s['low'], 'share')} to {quantity(s['high'], 'share')}",
            }
            for arm, s in shares.items()
        ]
    )
    said = ", ".join(
        f"{row['Policy']} in {row['Pays in']} of the worlds ({row['Range']})" for row in table.to_dict("records")
    )
    return Chart("Share of worlds in which it pays", figure, table, f"Better than {look.baseline}: {said}.")


def gain_curves(answer: Answer, worlds: pd.DataFrame, look: Look) -> Chart:
    """The gains of every policy, each sorted from its worst world to its best."""
    arms = _others(answer, look)
    curves = {arm: np.sort(worlds[f"gain.{arm}"].dropna()) for arm in arms}
    kpi = KPIS[answer["kpi"]]
    chart = _curves(curves, f"gain against {look.baseline}", answer, look)
    above = ", ".join(f"{arm} {quantity(float((gains > 0).mean()), 'share')}" for arm, gains in curves.items())
    sentence = f"Share of the worlds in which {in_sentence(kpi.label)} is better than under {look.baseline}: {above}."
    note = "Each curve has its own order of the worlds. Where it crosses 0 the policy begins to pay."
    return Chart(
        f"Gains, worst world first: {kpi.label}", chart, _quantile_table(curves, kpi.unit, look), sentence, note
    )


def regret_curves(answer: Answer, worlds: pd.DataFrame, look: Look) -> Chart:
    """The regrets of every policy and the baseline, each sorted from its best world to its worst."""
    arms = [look.baseline, *_others(answer, look)]
    gains = worlds[[f"gain.{arm}" for arm in arms]].dropna().to_numpy()
    lost = gains.max(axis=1, keepdims=True) - gains
    curves = {arm: np.sort(lost[:, a]) for a, arm in enumerate(arms)}
    kpi = KPIS[answer["kpi"]]
    chart = _curves(curves, "regret", answer, look)
    said = ", ".join(f"{arm} {quantity(float((r == 0).mean()), 'share')}" for arm, r in curves.items())
    note = (
        "Regret: what is lost in a world by not having the policy that is best there. The lower the curve the better."
    )
    table = _quantile_table(curves, kpi.unit, look)
    return Chart(f"Regret, best world first: {kpi.label}", chart, table, f"Best policy in its world: {said}.", note)


def scenario_map(answer: Answer, flip: Mapping[str, Any], worlds: pd.DataFrame, look: Look) -> Chart:
    """The worlds over the two unknowns that matter most, or over one and the gain, with the first box."""
    first = flip["scenarios"][0]
    ends = sorted(first["restrictions"], key=lambda r: r["p"])
    names = list(dict.fromkeys(end["unknown"] for end in ends))[:2]
    kpi, flips = KPIS[answer["kpi"]], worlds["world"].isin(flip["numbers"])
    gain = f"gain.{flip['arm']}"
    axes = [*names, gain][:2]
    figure = new_figure(440)
    loses = flip["kind"] == "loses"
    for name, rows, colour, symbol in (
        (f"{flip['arm']} holds", worlds[~flips & worlds[gain].notna()], GAIN, "circle-open"),
        (f"{flip['arm']} {'loses' if loses else 'is beaten'}", worlds[flips], LOSS, "x"),
    ):
        figure.add_scatter(
            x=rows[axes[0]], y=rows[axes[1]], mode="markers", name=name,
            marker={"color": colour, "symbol": symbol, "size": 8, "line": {"color": colour, "width": 1.5}},
            hovertext=[f"world {n}: {change(g, kpi.unit, look.currency)}"
                       for n, g in zip(rows["world"], rows[gain], strict=True)], hoverinfo="text",
        )  # fmt: skip
    figure.add_shape(
        type="rect", line={"color": LOSS, "width": 2}, fillcolor=SHADE, layer="below",
        **_sides("x", axes[0], first, worlds), **_sides("y", axes[1], first, worlds),
    )  # fmt: skip
    figure.update_xaxes(title_text=axes[0])
    figure.update_yaxes(title_text=f"gain of {flip['arm']}" if axes[1] == gain else axes[1])
    if axes[1] == gain:
        figure.add_hline(y=0, line={"color": GRID, "width": 1})
        figure.update_yaxes(**_axis(kpi.unit, answer, look))
    more = len({end["unknown"] for end in ends}) - len(names)
    note = "Shaded: the first box."
    note += (
        f" It is bounded in {more} more unknown{'s' if more > 1 else ''}, which cannot be seen here." if more else ""
    )
    return Chart(
        f"Where {flip['arm']} {'loses' if loses else 'is beaten'}",
        figure,
        _box_table(flip),
        flip["sentences"][1],
        note,
    )


def _sides(axis: str, name: str, scenario: Mapping[str, Any], worlds: pd.DataFrame) -> dict[str, Any]:
    """Both ends of the box along one axis of the picture; where it is open, the edge of all worlds."""
    low, high = worlds[name].min(), worlds[name].max()
    margin = 0.03 * (high - low)
    ends = {r["side"]: r["limit"] for r in scenario["restrictions"] if r["unknown"] == name}
    return {f"{axis}0": ends.get("above", low - margin), f"{axis}1": ends.get("below", high + margin)}


def _box_table(flip: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Where": s["where"],
                "Worlds": str(s["worlds"]),
                "Of these flip": quantity(s["density"], "share"),
                "Of all that flip": quantity(s["coverage"], "share"),
                "Of these flip, worlds not seen": quantity(s["density_fresh"], "share"),
                "Of all that flip, worlds not seen": quantity(s["coverage_fresh"], "share"),
            }
            for s in flip["scenarios"]
        ]
    )


def _curves(curves: Mapping[str, np.ndarray], title: str, answer: Answer, look: Look) -> go.Figure:
    figure = new_figure(380)
    for arm, values in curves.items():
        style = look.style(arm)
        figure.add_scatter(
            x=(np.arange(values.size) + 0.5) / values.size, y=values, name=arm, mode="lines",
            line={"color": style.colour, "dash": style.dash, "width": 2},
            hovertemplate=f"{arm}: %{{y:,.4~g}} or less in %{{x:.0%}} of worlds<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": INK, "width": 1})
    figure.update_xaxes(title_text="share of worlds", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title_text=title, **_axis(KPIS[answer["kpi"]].unit, answer, look))
    return figure


def _quantile_table(curves: Mapping[str, np.ndarray], unit: str, look: Look) -> pd.DataFrame:
    places = {"Least": 0.0, "5%": 0.05, "25%": 0.25, "Median": 0.5, "75%": 0.75, "95%": 0.95, "Most": 1.0}
    return pd.DataFrame(
        [
            {"Policy": arm}
            | {name: change(float(np.quantile(v, q)), unit, look.currency) for name, q in places.items()}
            for arm, v in curves.items()
        ]
    )


def _errors(values: list[float], ends: list[tuple[float | None, float | None]]) -> dict[str, object]:
    """Ranges as the error bars of Plotly; none where there is no range."""
    pairs = list(zip(values, ends, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [None if high is None else max(high - value, 0) for value, (_, high) in pairs],
        "arrayminus": [None if low is None else max(value - low, 0) for value, (low, _) in pairs],
        "color": INK,
        "thickness": 1.2,
        "width": 3,
    }


def _others(answer: Answer, look: Look) -> list[str]:
    return [arm for arm in answer["scores"] if arm != look.baseline]


def _axis(unit: str, answer: Answer, look: Look) -> dict[str, str]:
    if is_share(unit):
        return {"tickformat": ".1%"}
    axis = money_axis(look.currency) if is_money(unit) else {"tickformat": "~s"}
    largest = max(abs(s["worst"]["value"]) for s in answer["scores"].values())
    return axis | ({"tickformat": ",.2~f"} if largest < 1000 else {})  # SI would write 0.5 as 500m
