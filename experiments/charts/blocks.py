"""Dot rows under block headings: one block per KPI or channel, one row per arm, readable from phone to wide screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from crmlab.experiments.charts.look import GRID, INK, new_figure

ROW_PIXELS = 21


def block_rows(blocks: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], int]:
    """The vertical position of every (block, row), counted downwards; each block begins with a line for its heading."""
    places: dict[tuple[str, str], int] = {}
    at = 0
    for block, rows in blocks.items():
        for row in rows:
            at += 1
            places[block, row] = at
        at += 1
    return places


def block_figure(blocks: Mapping[str, Sequence[str]], headings: Mapping[str, str], x_title: str) -> go.Figure:
    """An empty figure with a heading over each block and the name of each row at its left."""
    places = block_rows(blocks)
    lines = len(places) + len(blocks)
    figure = new_figure(max(160, ROW_PIXELS * lines + 70), showlegend=False)
    figure.update_yaxes(
        tickvals=list(places.values()),
        ticktext=[row for _, row in places],
        range=[lines - 0.4, -0.7],
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(title_text=x_title, side="top", zeroline=True, zerolinewidth=2)
    for block, rows in blocks.items():
        top = places[block, rows[0]] - 1
        figure.add_hline(y=top - 0.5, line={"color": GRID, "width": 1})
        figure.add_annotation(
            text=f"<b>{headings[block]}</b>",
            x=0,
            xref="paper",
            xanchor="left",
            y=top,
            font={"color": INK, "size": 13},
        )
    return figure
