"""Twin lives: one customer under two policies, on one axis of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import FAINT, INK, Look, new_figure
from crmlab.experiments.wording.quantities import UNDEFINED, change, money_axis, quantity

if TYPE_CHECKING:
    from crmlab.experiments.twins.twins import Trajectory, Twins

LANES_PIXELS, PANEL_PIXELS, GAP_PIXELS = 150, 95, 38
TITLES = {"offered": "Discount offered", "coupon": "Coupon held"}
STAGE_WIDTHS = {"lead": 3, "customer": 8}  # other stages are thin lines
SHORTEST_LABELLED = 0.1  # share of the axis below which a stage has no room for its name
LIKE_WORDS = {
    "typical": "a typical one of those whose orders changed",
    "most_changed": "the one who changed most",
    "won": "a typical one of those who bring in more",
    "lost": "a typical one of those who bring in less",
}

Draw = Callable[[go.Figure, int], None]


def twin_chart(twins: Twins, look: Look) -> Chart:
    """Both lives of one customer: orders on two lanes, what the firm recorded, money so far, and, in a panel of its
    own, the stages that only the simulation knows."""
    panels: list[tuple[str, int, Draw]] = [("Orders", LANES_PIXELS, lambda f, row: _draw_lanes(f, row, twins, look))]
    for name in twins.records:
        panels.append((_title(name, twins), PANEL_PIXELS, _record_panel(name, twins, look)))
    for column, title in (("orders", "Orders so far"), ("paid", "Paid so far"), ("discount", "Discounts so far"),
                          ("contribution", "Contribution so far")):  # fmt: skip
        if column != "discount" or any(trajectory.totals["discounts"] for trajectory in twins.both):
            panels.append((title, PANEL_PIXELS, _total_panel(column, twins, look)))
    stages = "Stage (known to the simulation only)"
    panels.append((stages, PANEL_PIXELS, lambda f, row: _draw_stages(f, row, twins, look)))
    figure = _panels([(title, pixels) for title, pixels, _ in panels], twins.weeks)
    for row, (_, _, draw) in enumerate(panels, start=1):
        draw(figure, row)
    title = f"Twin lives of customer {twins.customer}: {twins.arm.arm} beside {twins.baseline.arm}"
    return Chart(title, figure, _table(twins), _sentence(twins), _note(twins))


def _panels(panels: list[tuple[str, int]], weeks: int) -> go.Figure:
    height = sum(pixels for _, pixels in panels) + GAP_PIXELS * len(panels) + 60
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        row_heights=[pixels for _, pixels in panels],
        subplot_titles=[f"<b>{title}</b>" for title, _ in panels],
        vertical_spacing=GAP_PIXELS / height,
    )
    layout = new_figure(height, margin={"t": 56}, showlegend=True).layout.to_plotly_json()
    figure.update_layout(layout, legend={"y": 1 + 24 / height})
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": INK})
    figure.update_xaxes(range=[-0.01 * weeks, 1.01 * weeks])
    figure.update_xaxes(title_text="week", row=len(panels), col=1)
    return figure


def _draw_lanes(figure: go.Figure, row: int, twins: Twins, look: Look) -> None:
    """Orders as discs, their area the basket at list price; lines join the same order in both lives."""
    both = twins.baseline.orders.merge(twins.arm.orders, on="nth", suffixes=("", "_arm"))
    x = [at for pair in zip(both["moment"], both["moment_arm"], strict=True) for at in (*pair, None)]
    joins = {"x": x, "y": [1, 0, None] * len(both), "mode": "lines", "line": {"color": FAINT, "width": 1}}
    figure.add_scatter(**joins, hoverinfo="skip", showlegend=False, row=row, col=1)
    largest = max([1e-9, *(value for trajectory in twins.both for value in trajectory.orders["value"])])
    for lane, trajectory in ((1, twins.baseline), (0, twins.arm)):
        orders, style = trajectory.orders, look.style(trajectory.arm)
        open_ = np.where(orders["discount"] > 0, "-open", "")
        figure.add_scatter(
            x=orders["moment"],
            y=[lane] * len(orders),
            mode="markers",
            marker={
                "size": 6 + 16 * np.sqrt(orders["value"] / largest),
                "symbol": [style.symbol + end for end in open_],
                "color": style.colour,
                "opacity": 0.75,
                "line": {"width": 2, "color": style.colour},
            },
            hovertext=[_order_words(order, twins.currency) for order in orders.itertuples()],
            hovertemplate=f"{trajectory.arm}: %{{hovertext}}<extra></extra>",
            showlegend=False,
            row=row,
            col=1,
        )
    figure.update_yaxes(range=[-0.6, 1.6], zeroline=False, **_lane_names(twins), row=row, col=1)


def _record_panel(name: str, twins: Twins, look: Look) -> Draw:
    """A panel with one record of both lives as steps."""

    def draw(figure: go.Figure, row: int) -> None:
        for trajectory in twins.both:
            _line(figure, row, trajectory, look, trajectory.weeks["week"], trajectory.weeks[name].astype(float).ffill())
        shares = {"tickformat": ".0%"} if name in TITLES else {}
        figure.update_yaxes(rangemode="tozero", **shares, row=row, col=1)

    return draw


def _total_panel(column: str, twins: Twins, look: Look) -> Draw:
    """A panel with what the orders of both lives add up to."""

    def draw(figure: go.Figure, row: int) -> None:
        for trajectory in twins.both:
            steps = np.ones(len(trajectory.orders)) if column == "orders" else trajectory.orders[column].to_numpy()
            total = np.concatenate([[0.0], np.cumsum(steps), [steps.sum()]])
            moments = [0.0, *trajectory.orders["moment"], twins.weeks]
            _line(figure, row, trajectory, look, moments, total, legend=column == "orders")
        money = {} if column == "orders" else money_axis(twins.currency)
        figure.update_yaxes(nticks=4, **money, row=row, col=1)

    return draw


def _line(
    figure: go.Figure, row: int, trajectory: Trajectory, look: Look, x: object, y: object, legend: bool = False
) -> None:
    style = look.style(trajectory.arm)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name=trajectory.arm,
        line={"color": style.colour, "dash": style.dash, "width": 2.5, "shape": "hv"},
        legendgroup=trajectory.arm,
        showlegend=legend,
        hovertemplate=f"{trajectory.arm}, week %{{x:.1f}}: %{{y:,.4~g}}<extra></extra>",
        row=row,
        col=1,
    )


def _draw_stages(figure: go.Figure, row: int, twins: Twins, look: Look) -> None:
    for lane, trajectory in ((1, twins.baseline), (0, twins.arm)):
        starts = [0, *trajectory.stage_changes["week"]]
        names = [str(trajectory.weeks["stage"].iloc[0]), *trajectory.stage_changes["stage"]]
        for start, end, name in zip(starts, [*starts[1:], twins.weeks], names, strict=True):
            line = {"color": look.style(trajectory.arm).colour, "width": STAGE_WIDTHS.get(name, 1)}
            figure.add_scatter(
                x=[start, end],
                y=[lane, lane],
                mode="lines",
                line=line,
                hovertext=f"{trajectory.arm}: {name} from week {start}",
                hoverinfo="text",
                showlegend=False,
                row=row,
                col=1,
            )
            if end - start < SHORTEST_LABELLED * twins.weeks:
                continue
            label = {"x": start, "y": lane, "text": name, "xanchor": "left", "yanchor": "bottom", "yshift": 3}
            figure.add_annotation(**label, showarrow=False, row=row, col=1)
    figure.update_yaxes(range=[-0.4, 1.9], zeroline=False, showgrid=False, **_lane_names(twins), row=row, col=1)


def _lane_names(twins: Twins) -> dict[str, object]:
    return {"tickvals": [1, 0], "ticktext": [trajectory.arm for trajectory in twins.both]}


def _title(name: str, twins: Twins) -> str:
    unit = twins.units.get(name, "-")
    return TITLES.get(name, name.replace("_", " ").capitalize() + (f" ({unit})" if unit != "-" else ""))


def _order_words(order: object, currency: str) -> str:
    value, paid = (quantity(getattr(order, name), "currency", currency) for name in ("value", "paid"))
    return f"order {order.nth + 1}, week {order.moment:.1f}, list {value}, paid {paid}"  # type: ignore[attr-defined]


def _table(twins: Twins) -> pd.DataFrame:
    """Order by order, both lives side by side, and the totals."""
    money = twins.currency
    both = twins.baseline.orders.merge(twins.arm.orders, on="nth", how="outer", suffixes=("", "_arm")).sort_values(
        "nth"
    )
    columns = {"Order": [f"{nth + 1:.0f}" for nth in both["nth"]] + ["in all"]}
    value = both["value"].fillna(both["value_arm"])
    columns["List value"] = [quantity(v, "currency", money) for v in value] + [""]
    for trajectory, end in ((twins.baseline, ""), (twins.arm, "_arm")):
        weeks = [f"{at:.1f}" if at == at else UNDEFINED for at in both["moment" + end]]
        total = trajectory.totals
        columns[f"Week, {trajectory.arm}"] = [*weeks, f"{total['orders']} orders"]
        for name, label in (("paid", "Paid"), ("contribution", "Contribution")):
            cells = [quantity(v, "currency", money) for v in both[name + end]]
            columns[f"{label}, {trajectory.arm}"] = [*cells, quantity(total[name], "currency", money)]
    return pd.DataFrame(columns)


def _sentence(twins: Twins) -> str:
    who = f"Customer {twins.customer}" + (f", {LIKE_WORDS[twins.like]}" if twins.like else "")
    told = "; ".join(_trajectory_words(trajectory, twins.currency) for trajectory in twins.both)
    gain = change(twins.difference["contribution"], "currency", twins.currency)
    return f"{who}, over {twins.weeks} weeks: {told}. {_moral(twins)} Difference for the firm: {gain} of contribution."


def _trajectory_words(trajectory: Trajectory, currency: str) -> str:
    total = trajectory.totals
    paid, given, left = (quantity(total[name], "currency", currency) for name in ("paid", "discounts", "contribution"))
    after = f" after {given} of discounts" if total["discounts"] else ""
    burnt = trajectory.orders["points_burnt"].sum()
    rewards = f", {burnt:,.0f} points burnt" if burnt else ""
    return f"under {trajectory.arm} {_orders(total['orders'])}, {paid} paid{after}{rewards}, {left} of contribution"


def _moral(twins: Twins) -> str:
    """What happened, in plain words."""
    more, given = twins.difference["orders"], twins.difference["discounts"]
    if more:
        return f"{twins.arm.arm} means {_orders(abs(more))} {'more' if more > 0 else 'fewer'}."
    moved = not np.array_equal(twins.baseline.orders["moment"], twins.arm.orders["moment"])
    if given > 0 and not moved:
        return "Not an order more, none earlier: the discounts went to orders that would have come anyway."
    if given > 0:
        return "Not an order more: the discounts only moved orders in time."
    return "The same orders, at other moments." if moved else "Nothing changed."


def _orders(n: float) -> str:
    return f"{n:.0f} order{'' if n == 1 else 's'}"


def _note(twins: Twins) -> str:
    people = twins.changed
    note = (
        "Lines join the same order in both lives: it has the same basket, whatever the policy. Open marks: bought "
        "below list price. Contribution is after rewards, before media, channel costs and points still out. No firm "
        "can see both lives of a person, and only the simulation knows the stages. "
        f"The orders of {people['people']:,} people differ between the two policies: {people['more']:,} bring in more, "
        f"{people['less']:,} less."
    )
    return note if twins.identified else f"{note} The firm cannot put the orders of this customer under one name."
