"""Twin lives as one HTML file that opens without a network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from crmlab.experiments.charts import Chart
from crmlab.experiments.charts.look import DARK


def write_page(path: Path, chart: Chart, provenance: str, command: str) -> None:
    """Write a chart as a page of its own. `provenance` says what is real and what assumed, `command` how to repeat."""
    templates = Environment(
        loader=PackageLoader("crmlab.experiments", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = templates.get_template("twins.html.j2").render(
        style=Markup(templates.get_template("report.css").render()),
        plotly=Markup(get_plotlyjs()),
        figure=Markup(chart.figure.to_json().replace("<", "\\u003c")),
        dark=DARK,
        chart=chart,
        provenance=provenance,
        command=command,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8", newline="\n")
