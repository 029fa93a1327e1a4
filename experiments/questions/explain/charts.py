"""What an explanation found: contributions of plays, composition against treatment, groups of people, deadweight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from crmlab.experiments.charts.blocks import block_figure, block_rows
from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import FAINT, GAIN, GREEN, GRID, INK, LOSS, ORANGE, Look, new_figure
from crmlab.experiments.questions.explain.composition import LINES, TOTAL
from crmlab.experiments.questions.explain.contributions import METHODS, WHOLE
from crmlab.experiments.questions.explain.deadweight import KINDS
from crmlab.experiments.rows import each_row
from crmlab.experiments.statistics.verdict import in_sentence
from crmlab.experiments.wording.quantities import between, change, is_money, is_share, money_axis, quantity
from crmlab.sim.kpis import KPIS

IN_WORDS = {"alone": "joining first", "shapley": "on average", "last": "joining last"}
PER_PERSON = {
    "contribution": ("Contribution", "currency", 1),
    "orders": ("Orders per 100 people", "orders", 100),
    "given": ("Discounts and rewards", "currency", 1),
}
PLAUSIBLE_RETURN = 3.0  # net contribution per unit given away, beyond which a reader is warned: an assumption
ENDS = ("value", "low", "high", "low_unknowns", "high_unknowns")
LINES_NOTE = "Thick line: range due to luck. Thin line: luck plus the unknowns of the world, where they were sampled."
BOTH_KNOWN = "Known to the simulation only: no firm sees the same people under two policies."


def contribution_waterfall(contributions: pd.DataFrame, kpi: str, look: Look, arm: str) -> Chart:
    """From nothing to the effect of the arm on a KPI, one play at a time: their Shapley values."""
    rows = contributions[(contributions["kpi"] == kpi) & (contributions["method"] == "shapley")]
    shares = [row for row in each_row(rows) if row.player != WHOLE]
    whole = next(row.value for row in each_row(rows) if row.player == WHOLE)
    about = KPIS[kpi]
    names, values = [row.player for row in shares], [row.value for row in shares]
    figure = _waterfall([*names, arm], [*values, whole], about.unit, look)
    sentence = f"{arm} changes {in_sentence(about.label)} by {change(whole, about.unit, look.currency)}"
    if len(shares) > 1:
        largest = max(shares, key=lambda row: abs(row.value))
        sentence += f"; the largest part is {largest.player} ({change(largest.value, about.unit, look.currency)})"
    sentence += "."
    note = "What each play adds on joining, on average over the orders in which the plays can join (Shapley values); "
    note += "they sum to the effect of the arm. Mean over the replications of the world as stated."
    return Chart(
        f"{about.label}: which play does it", figure, _contribution_table(contributions, kpi, look), sentence, note
    )


def contribution_dots(contributions: pd.DataFrame, kpi: str, look: Look, arm: str) -> Chart:
    """What each play does for a KPI if it joins first, on average, and if it joins last, with both intervals."""
    about = KPIS[kpi]
    rows = contributions[(contributions["kpi"] == kpi) & (contributions["player"] != WHOLE)]
    blocks = {player: list(IN_WORDS.values()) for player in dict.fromkeys(rows["player"])}
    figure = block_figure(blocks, {player: player for player in blocks}, f"contribution to {in_sentence(about.label)}")
    places = block_rows(blocks)
    _draw_estimates(figure, rows, [places[row.player, IN_WORDS[row.method]] for row in each_row(rows)], look, arm)
    note = "Joining first: today's policy with this play only. Joining last: the arm with it and without. " + LINES_NOTE
    return Chart(
        f"{about.label}: first, last and on average", figure, _contribution_table(contributions, kpi, look),
        _meeting(rows, about, look), note,
    )  # fmt: skip


def composition_waterfall(composition: pd.DataFrame, kpi: str, look: Look, arm: str) -> Chart:
    """The effect of an arm on a KPI, from the same people treated otherwise and from other people acquired."""
    rows = {row.line: row.value for row in each_row(composition[composition["kpi"] == kpi])}
    about, lines = KPIS[kpi], [line for line in LINES if rows.get(line)]
    values = [*(rows[line] for line in lines), rows[TOTAL]]
    figure = _waterfall([*lines, arm], values, about.unit, look)
    sums = {what: sum(rows[line] for line in lines if line.startswith(what)) for what in ("treatment", "composition")}
    parts = ", ".join(f"{what} {change(value, about.unit, look.currency)}" for what, value in sums.items())
    sentence = f"{about.label}: {parts}"
    rest = values[-1] - sum(sums.values())
    if abs(rest) > 1e-9 * max(1.0, abs(values[-1])):
        sentence += f", costs that belong to no order and people not yet won {change(rest, about.unit, look.currency)}"
    sentence += f"; together {change(values[-1], about.unit, look.currency)}."
    note = "Treatment: people who are customers under both policies. Composition: people acquired under one of them "
    note += f"only. {BOTH_KNOWN}"
    table = _estimate_table(composition[composition["kpi"] == kpi], "line", "Part", about.unit, look)
    return Chart(f"{about.label}: composition and treatment", figure, table, sentence, note)


def group_dots(segments: pd.DataFrame, measure: str, look: Look, arm: str) -> Chart:
    """What changes per person, group by group."""
    label, unit, times = PER_PERSON[measure]
    people = segments[segments["measure"] == "people"].set_index(["division", "group"])["value"]
    rows = segments[(segments["measure"] == measure) & segments["value"].notna()]
    rows = rows.assign(**{end: rows[end] * times for end in ENDS})
    blocks = {str(division): list(group["group"]) for division, group in rows.groupby("division", sort=False)}
    figure = block_figure(blocks, {division: division for division in blocks}, f"difference to {look.baseline}")
    places = block_rows(blocks)
    _draw_estimates(figure, rows, [places[row.division, row.group] for row in each_row(rows)], look, arm)
    table = _estimate_table(rows, "group", "Group", unit, look)
    table.insert(1, "People", [quantity(people[row.division, row.group], "people") for row in each_row(rows)])
    if measure == "orders":
        for name, count in (("Order more", "more"), ("Order fewer", "fewer")):
            shares = segments[segments["measure"] == count].set_index(["division", "group"])["value"]
            table[name] = [quantity(shares[row.division, row.group], "share") for row in each_row(rows)]
    return Chart(
        label, figure, table, _extremes(rows, label, unit, look), f"Means per person. {LINES_NOTE} {BOTH_KNOWN}"
    )


def deadweight_bar(deadweight: pd.DataFrame, look: Look, arm: str) -> Chart:
    """Where the discounts and rewards went that an arm gives on top of the baseline's."""
    wide = deadweight[deadweight["kind"] == "kinds"].pivot(index="orders", columns="measure", values="value")
    additional = wide["additional"].reindex(list(KINDS))
    figure = new_figure(200, barmode="relative", bargap=0.35)
    for kind, colour in zip(KINDS, (LOSS, ORANGE, GAIN, GREEN, FAINT), strict=True):
        if additional[kind]:
            figure.add_bar(
                x=[additional[kind]], y=[arm], orientation="h", name=KINDS[kind], marker={"color": colour},
                text=quantity(additional[kind], "currency", look.currency), insidetextanchor="middle",
                hovertemplate=f"{KINDS[kind]}: %{{x:,.0f}}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(legend={"traceorder": "normal"})
    figure.update_xaxes(title_text=f"discounts and rewards on top of {look.baseline}", **money_axis(look.currency))
    figure.update_yaxes(showticklabels=False)
    rows = deadweight[(deadweight["kind"] == "kinds") & (deadweight["measure"] == "additional")]
    table = _estimate_table(rows.replace({"orders": KINDS}), "orders", "Orders that", "currency", look)
    table["Orders that"] = [_capital(text) for text in table["Orders that"]]
    table = table.rename(columns={"Orders that": "Orders", "Estimate": "Given in addition"})
    for place, (name, measure, unit) in enumerate(
        (("Under the arm", "orders", "orders"), (f"Under {look.baseline}", "orders_baseline", "orders"))
    ):
        table.insert(1 + place, name, [quantity(wide.loc[row.orders, measure], unit) for row in each_row(rows)])
    table["Change in contribution"] = [
        change(wide.loc[row.orders, "contribution"], "currency", look.currency) for row in each_row(rows)
    ]
    note = (
        "By then: within a week of that moment, or before. An order is a customer and a number: the third order is the "
    )
    note += f"third order under both policies. {BOTH_KNOWN}"
    return Chart("Where the discounts went", figure, table, deadweight_sentence(deadweight, look.currency), note)


def deadweight_sentence(deadweight: pd.DataFrame, currency: str) -> str:
    """How much of what was given away was wasted, and what the rest brought."""
    found = {row.measure: row for row in each_row(deadweight[deadweight["kind"] == "shares"])}
    wasted, moved, back = (found[measure] for measure in ("deadweight", "pulled_forward", "return"))
    if not wasted.replications:
        return "This policy gives away nothing in addition."
    return (
        f"Of what is given away in addition, {quantity(wasted.value, 'share')} ({_span(wasted, 'share')}) goes to "
        f"orders that would have come anyway within the run: {quantity(moved.value, 'share')} to such as come a "
        f"week or more earlier, {quantity(wasted.value - moved.value, 'share')} to such as do not. In the founding "
        f"base each unit given away (points in hand included) changes the contribution, net of itself, by "
        f"{change(back.value)} ({_span(back, '')}).{_implausible(back.value)}"
    )


def _implausible(returned: float) -> str:
    """A warning where money given to customers comes back more often than any offer known from the field."""
    if not returned > PLAUSIBLE_RETURN:
        return ""
    return (
        f" A return of {quantity(returned, 'share')} is implausible: hardly any offer brings back more than "
        f"{quantity(PLAUSIBLE_RETURN, 'share')}. Look for an effect that is assumed too strong, or for a cost that is "
        "not stated."
    )


def _span(row: Any, unit: str) -> str:
    """An interval of a level: `76.1% to 84.0%`."""
    return f"{quantity(row.low, unit)} to {quantity(row.high, unit)}, luck only"


def _waterfall(names: Sequence[str], values: Sequence[float], unit: str, look: Look) -> go.Figure:
    """Steps from 0 to the last value, which is their sum."""
    figure = new_figure(34 * len(names) + 60, showlegend=False)
    figure.add_waterfall(
        x=[*values[:-1], 0], y=[name.replace(": ", ":<br>") for name in names], orientation="h",
        measure=[*["relative"] * (len(values) - 1), "total"],
        text=[change(value, unit, look.currency) for value in values], textposition="outside", cliponaxis=False,
        increasing={"marker": {"color": GAIN}}, decreasing={"marker": {"color": LOSS}},
        totals={"marker": {"color": FAINT}},
        connector={"line": {"color": GRID, "width": 1}}, hoverinfo="skip",
    )  # fmt: skip
    levels = pd.Series([0.0, *values[:-1]]).cumsum()
    span = max(float(levels.max() - levels.min()), 1e-9)
    left, right = (0.6 * span if any(sign * value > 0 for value in values) else 0.05 * span for sign in (-1, 1))
    # a loss has its number to the left, a gain to the right: room for both on a phone
    figure.update_xaxes(range=[levels.min() - left, levels.max() + right], nticks=5, **_axis(unit, levels, look))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def _draw_estimates(figure: go.Figure, rows: pd.DataFrame, places: Sequence[int], look: Look, arm: str) -> None:
    """A mark per row with both intervals; all rows have one unit."""
    style, ends = look.style(arm), pd.Series(rows[list(ENDS)].to_numpy().ravel())
    pad = 0.05 * max(float(ends.max() - ends.min()), 1e-9)
    figure.update_xaxes(range=[ends.min() - pad, ends.max() + pad], **_axis(rows["unit"].iloc[0], ends, look))
    for low, high, width in (("low_unknowns", "high_unknowns", 1.5), ("low", "high", 5)):
        x = [end for row in each_row(rows) for end in (getattr(row, low), getattr(row, high), None)]
        y = [end for place in places for end in (place, place, None)]
        line = {"color": style.colour, "width": width}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", connectgaps=False)
    marker = {"color": style.colour, "size": 10, "symbol": style.symbol, "line": {"width": 1, "color": INK}}
    hover = [change(row.value, row.unit, look.currency) for row in each_row(rows)]
    figure.add_scatter(
        x=rows["value"], y=list(places), mode="markers", marker=marker, hovertext=hover, hoverinfo="text"
    )


def _contribution_table(contributions: pd.DataFrame, kpi: str, look: Look) -> pd.DataFrame:
    """The plays in rows, joining first, on average and last in columns, and both intervals of the average."""
    unit, rows = KPIS[kpi].unit, contributions[contributions["kpi"] == kpi]
    by = {(row.player, row.method): row for row in each_row(rows)}
    cells = []
    for player in dict.fromkeys(rows["player"]):
        share = by[player, "shapley"]
        shown = {IN_WORDS[m].capitalize(): by[player, m].value if (player, m) in by else None for m in METHODS}
        cells.append(
            {"Play": player, **{name: change(value, unit, look.currency) for name, value in shown.items()}}
            | _intervals(share, unit, look)
        )
    return pd.DataFrame(cells)


def _estimate_table(rows: pd.DataFrame, key: str, heading: str, unit: str, look: Look) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {heading: getattr(row, key), "Estimate": change(row.value, unit, look.currency)}
            | _intervals(row, unit, look)
            for row in each_row(rows)
        ]
    )


def _intervals(row: Any, unit: str, look: Look) -> dict[str, str]:
    return {
        "Luck only": between(row.low, row.high, unit, look.currency),
        "Range of worlds": between(row.low_unknowns, row.high_unknowns, unit, look.currency),
    }


def _meeting(rows: pd.DataFrame, about: Any, look: Look) -> str:
    """Which play depends most on the others: the largest gap between joining first and last."""
    first, last = ({row.player: row.value for row in each_row(rows) if row.method == m} for m in ("alone", "last"))
    gaps = {player: last[player] - first[player] for player in first}
    player = max(gaps, key=lambda name: abs(gaps[name]))
    if abs(gaps[player]) <= 1e-9 * max(map(abs, first.values())):
        return f"The plays do not meet: each does for {in_sentence(about.label)} what it would do alone."
    amount = quantity(abs(gaps[player]), about.unit, look.currency)
    return (
        f"{player} adds {amount} {'more' if gaps[player] > 0 else 'less'} when it joins last than when it joins first."
    )


def _extremes(rows: pd.DataFrame, label: str, unit: str, look: Look) -> str:
    best, worst = (rows.loc[rows["value"].agg(end)] for end in ("idxmax", "idxmin"))
    parts = [f"{row['group']} ({change(row['value'], unit, look.currency)})" for row in (best, worst)]
    return f"{label}: the change is highest for {parts[0]}, lowest for {parts[1]}."


def _axis(unit: str, values: pd.Series, look: Look) -> dict[str, str]:
    if is_share(unit):
        return {"tickformat": ".1%"}
    axis = money_axis(look.currency) if is_money(unit) else {"tickformat": "~s"}
    return axis | ({"tickformat": ",.2~f"} if values.abs().max() < 1000 else {})  # SI would write 0.5 as 500m


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
