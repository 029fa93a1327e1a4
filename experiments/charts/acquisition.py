"""How people become customers: the funnel by channel, and what a customer costs there."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from crmlab.experiments.charts.blocks import block_figure, block_rows
from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import CHANNEL_COLOURS, INK, Look, new_figure
from crmlab.experiments.rows import each_row
from crmlab.experiments.wording.quantities import money_axis, quantity


def acquisition_funnel(funnel: pd.DataFrame, look: Look) -> Chart:
    """How many people take each step from lead to third order, stacked by channel, one bar per arm and step."""
    steps = funnel.drop_duplicates("step").sort_values("step")
    arms, channels = look.in_order(funnel["arm"]), list(dict.fromkeys(funnel["channel"]))
    people = funnel.pivot_table(index=["step", "arm"], columns="channel", values="people", aggfunc="sum").fillna(0.0)
    figure = _step_panels([str(name).capitalize() for name in steps["name"]], len(arms))
    for number, channel in enumerate(channels):
        for panel, step in enumerate(steps["step"], start=1):
            figure.add_bar(
                x=[people[channel].get((step, arm), 0.0) for arm in arms],
                y=arms,
                orientation="h",
                name=channel,
                legendgroup=channel,
                showlegend=panel == 1,
                marker={"color": CHANNEL_COLOURS[number % len(CHANNEL_COLOURS)]},
                hovertemplate="%{y}, " + channel + ": %{x:,.0f}<extra></extra>",
                row=panel,
                col=1,
            )
    totals = people.sum(axis=1)
    for panel, step in enumerate(steps["step"], start=1):
        _label_totals(figure, panel, totals, step, arms)
    sentence = "; ".join(_funnel_words(totals, list(steps["step"]), arm) for arm in arms) + "."
    note = "Each step has its own scale. The share behind a bar is that of the step before, over the whole run."
    return Chart("Funnel by channel", figure, _funnel_table(funnel, look), sentence, note)


def cac_by_channel(channels: pd.DataFrame, look: Look) -> Chart:
    """What one new customer costs per channel: on average, and the next one at the present spend."""
    paid = channels[channels[["cac", "cac_marginal"]].notna().any(axis=1) & (channels["spend"] > 0)]
    names = list(dict.fromkeys(paid["channel"]))
    blocks = {name: look.in_order(paid.loc[paid["channel"] == name, "arm"]) for name in names}
    figure = block_figure(blocks, {name: name for name in names}, "cost of a new customer")
    places = block_rows(blocks)
    for row in each_row(paid):
        style, at = look.style(row.arm), places[row.channel, row.arm]
        line = {"color": style.colour, "width": 1.5}
        figure.add_scatter(x=[row.cac, row.cac_marginal], y=[at, at], mode="lines", line=line, hoverinfo="skip")
        figure.add_scatter(
            x=[row.cac, row.cac_marginal],
            y=[at, at],
            mode="markers",
            marker={"symbol": ["circle", "diamond-open"], "size": 11, "color": style.colour, "line": {"width": 2}},
            hovertext=[f"{row.arm}, {row.channel}: {kind}" for kind in ("average", "marginal")],
            hovertemplate="%{hovertext} %{x:$,.2f}<extra></extra>".replace(
                "$", money_axis(look.currency)["tickprefix"]
            ),
        )
    figure.update_xaxes(rangemode="tozero", **money_axis(look.currency))
    if paid.empty:
        figure.add_annotation(text="no channel had any spend", x=0.5, xref="paper", y=0.5, yref="paper")
    note = (
        "Disc: average (spend and incentives divided by first orders). Open diamond: marginal, the media that "
        "the next customer costs at the present spend. Channels without spend have no cost and are in the table only."
    )
    return Chart("Cost of a new customer by channel", figure, _cac_table(channels, look), _cac_words(paid, look), note)


def _step_panels(titles: list[str], arms: int) -> go.Figure:
    bar, head = 26, 34
    figure = make_subplots(rows=len(titles), cols=1, subplot_titles=titles, vertical_spacing=0.6 / (4 * len(titles)))
    empty = new_figure(len(titles) * (bar * arms + head) + 90, barmode="stack", bargap=0.25)
    figure.update_layout(empty.layout.to_plotly_json())
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": INK})
    for title in figure.layout.annotations:
        title.text = f"<b>{title.text}</b>"
    figure.update_layout(margin={"t": 30}, legend={"traceorder": "normal", "y": 0, "yanchor": "top"})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(visible=False)
    return figure


def _label_totals(figure: go.Figure, panel: int, totals: pd.Series, step: int, arms: list[str]) -> None:
    sizes = [float(totals.get((step, arm), 0.0)) for arm in arms]
    before = [float(totals.get((step - 1, arm), math.nan)) for arm in arms]
    shares = [f" · {quantity(size / of, 'share')}" if of > 0 else "" for size, of in zip(sizes, before, strict=True)]
    figure.add_scatter(
        x=sizes,
        y=arms,
        mode="text",
        text=[f" {size:,.0f}{share}" for size, share in zip(sizes, shares, strict=True)],
        textposition="middle right",
        showlegend=False,
        hoverinfo="skip",
        row=panel,
        col=1,
    )
    figure.update_xaxes(range=[0, 1.85 * max([*sizes, 1e-9])], row=panel, col=1)


def _funnel_words(totals: pd.Series, steps: list[int], arm: str) -> str:
    people = [float(totals.get((step, arm), 0.0)) for step in steps]
    if people[0] <= 0:
        return f"{arm}: nobody was reached"
    first = f"{arm}: of {people[0]:,.0f} leads {quantity(people[1] / people[0], 'share')} order"
    return first + (f", of these {quantity(people[2] / people[1], 'share')} again" if people[1] > 0 else "")


def _funnel_table(funnel: pd.DataFrame, look: Look) -> pd.DataFrame:
    names = list(funnel.drop_duplicates("step").sort_values("step")["name"])
    wide = funnel.pivot_table(index=["arm", "channel"], columns="name", values="people", aggfunc="sum", sort=False)
    rows = []
    for arm in look.in_order(funnel["arm"]):
        for channel, people in wide.loc[arm].iterrows():
            cells = {"Arm": arm, "Channel": channel}
            for before, name in zip([None, *names], names, strict=False):
                cells[str(name).capitalize()] = f"{people[name]:,.0f}"
                if before and people[before] > 0:
                    cells[f"{name}, % of {before}"] = quantity(people[name] / people[before], "share")
            rows.append(cells)
    return pd.DataFrame(rows).fillna("–")


def _cac_table(channels: pd.DataFrame, look: Look) -> pd.DataFrame:
    money = look.currency
    rows = [
        {
            "Arm": row.arm,
            "Channel": row.channel,
            "Spend": quantity(row.spend, "currency", money),
            "Incentives": quantity(row.incentives, "currency", money),
            "Leads": f"{row.leads:,.0f}",
            "First orders": f"{row.first_orders:,.0f}",
            "Second orders": f"{row.second_orders:,.0f}",
            "CAC": quantity(row.cac, "currency", money),
            "Marginal CAC": quantity(row.cac_marginal, "currency", money),
            "Revenue": quantity(row.revenue, "currency", money),
        }
        for arm in look.in_order(channels["arm"])
        for row in each_row(channels[channels["arm"] == arm])
    ]
    return pd.DataFrame(rows)


def _cac_words(paid: pd.DataFrame, look: Look) -> str:
    parts = []
    for arm in look.in_order(paid["arm"]):
        mine = paid[(paid["arm"] == arm) & paid["cac"].notna()].sort_values("cac")
        if len(mine):
            cheap, dear = mine.iloc[0], mine.iloc[-1]
            words = f"{arm}: from {quantity(cheap['cac'], 'currency', look.currency)} ({cheap['channel']})"
            parts.append(f"{words} to {quantity(dear['cac'], 'currency', look.currency)} ({dear['channel']})")
    return "Average cost of a new customer. " + ("; ".join(parts) if parts else "No channel had any spend") + "."
