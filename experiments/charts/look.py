"""What all charts of a run share: colours, marks and order of its arms, its currency, and how a figure is styled.

Colours are those of Okabe and Ito, which colour-blind people can tell apart. Arms also differ in dash and symbol, so
that nothing is said by colour alone. Figures are drawn in light colours; `DARK` says what each becomes on dark paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

INK, FAINT, GRID, MIDDLE = "#1f2328", "#656d76", "#dde1e6", "#f4f6f8"
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW = "#E69F00", "#56B4E9", "#C9B800"  # Okabe and Ito's yellow, darkened to be seen on white
LOSS, GAIN = "#B84E00", "#00679F"  # worse and better in bars and maps

DARK = {
    INK: "#e6edf3",
    FAINT: "#a2acb6",
    GRID: "#333a42",
    MIDDLE: "#20262d",
    BLUE: "#4BA3DC",
    VERMILLION: "#F0803C",
    GREEN: "#2CC295",
    YELLOW: "#F0E442",
    LOSS: "#E8742A",
    GAIN: "#56B4E9",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class ArmStyle:
    """How an arm is drawn in every chart of a run."""

    colour: str
    dash: str
    symbol: str


BASELINE = ArmStyle(FAINT, "solid", "circle")
STYLES = (
    ArmStyle(BLUE, "solid", "circle"),
    ArmStyle(VERMILLION, "7px,3px", "square"),
    ArmStyle(GREEN, "9px,3px,2px,3px", "diamond"),
    ArmStyle(PURPLE, "2px,3px", "triangle-up"),
    ArmStyle(ORANGE, "12px,4px", "pentagon"),
    ArmStyle(SKY, "12px,3px,3px,3px", "hexagon"),
    ArmStyle(YELLOW, "solid", "star"),
)
CHANNEL_COLOURS = (SKY, ORANGE, GREEN, PURPLE, YELLOW, BLUE, VERMILLION, FAINT)


@dataclass(frozen=True)
class Look:
    """The arms of a run in their order, the one they are compared with, and the currency of its money."""

    baseline: str
    arms: tuple[str, ...]
    currency: str = "USD"

    @property
    def others(self) -> tuple[str, ...]:
        """The arms that are compared with the baseline."""
        return tuple(arm for arm in self.arms if arm != self.baseline)

    def in_order(self, arms: Iterable[str]) -> list[str]:
        """Those arms that occur in a table, the baseline first."""
        found = set(arms)
        return [arm for arm in (self.baseline, *self.others) if arm in found]

    def style(self, arm: str) -> ArmStyle:
        """Colour, dash and symbol of an arm: the same in every chart."""
        return BASELINE if arm == self.baseline else STYLES[self.others.index(arm) % len(STYLES)]


def _template() -> go.layout.Template:
    axis = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zerolinecolor": GRID,
        "automargin": True,
        "tickfont": {"color": INK},
        "title": {"font": {"size": 13, "color": FAINT}, "standoff": 8},
    }
    layout = {
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": axis,
        "yaxis": axis,
        "margin": {"l": 8, "r": 16, "t": 12, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "title": {"text": ""}},
        "hoverlabel": {"align": "left", "bgcolor": MIDDLE, "font": {"color": INK}},
        "dragmode": False,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": FAINT, "activecolor": INK},
        "annotationdefaults": {"showarrow": False, "font": {"color": INK}},
        "colorway": [style.colour for style in STYLES],
    }
    return go.layout.Template(layout=layout)


def new_figure(height: int, **layout: object) -> go.Figure:
    """An empty figure in the style of the report, `height` pixels high and as wide as its place."""
    return go.Figure(layout={"template": _template(), "height": height, **layout})
