"""Service in pictures: who waits how long, load and capacity, satisfaction then and now, from failure to outcome."""

from __future__ import annotations

import math

import pandas as pd

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import BLUE, FAINT, GAIN, LOSS, VERMILLION, Look, new_figure
from crmlab.experiments.rows import each_row
from crmlab.experiments.wording.quantities import UNDEFINED, quantity

HIDDEN = "Known to the simulation only: a firm sees answers to surveys, and complaints."
DAY = 24
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HALF, NINE_IN_TEN = 0.5, 0.9
ENDINGS = {
    "silent": "not a word",
    "unresolved": "complaint not resolved",
    "resolved": "complaint resolved",
    "fast": "complaint resolved fast",
}
LINES = {"work that arrives": (VERMILLION, "solid"), "at work": (BLUE, "7px,3px"), "on duty": (FAINT, "solid")}


def waiting_times(waits: pd.DataFrame, look: Look) -> Chart:
    """Which share of the tickets has had a first reply after how many hours, by arm and class."""
    figure = new_figure(400)
    both = waits["priority"].nunique() > 1
    limit = float(waits["limit_hours"].iloc[0])
    for arm in look.in_order(waits["arm"]):
        for priority, mine in waits[waits["arm"] == arm].groupby("priority", sort=False):
            style = look.style(arm)
            first = priority == "served first"
            figure.add_scatter(
                x=mine["value"],
                y=mine["share"],
                mode="lines+markers" if first else "lines",
                line={"color": style.colour, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 6},
                name=f"{arm}, {priority}" if both else arm,
                hovertemplate="%{y:.0%} after %{x:.1f} hours",
            )
    figure.add_vline(x=limit, line={"color": FAINT, "dash": "dot"})
    figure.add_annotation(x=limit, y=1.0, yref="paper", xanchor="left", yanchor="top", text=" the stated limit")
    figure.update_xaxes(title_text="hours to the first reply, by the clock", rangemode="tozero")
    figure.update_yaxes(title_text="share of tickets", tickformat=".0%", range=[0, 1])
    table = _wait_cells(waits, look)
    said = "; ".join(f"{row.Arm}, {row.Tickets}: half within {row.Half}" for row in each_row(table))
    note = "Those given up are left out; whoever still waits at the end counts with the wait so far."
    return Chart("Who waits how long", figure, table, f"First reply. {said}.", note)


def _wait_cells(waits: pd.DataFrame, look: Look) -> pd.DataFrame:
    rows = []
    for arm in look.in_order(waits["arm"]):
        for priority, mine in waits[waits["arm"] == arm].groupby("priority", sort=False):
            hours = mine.set_index(mine["share"].round(2))["value"]
            rows.append(
                {
                    "Arm": arm,
                    "Tickets": priority,
                    "Half": _hours(hours.get(HALF, math.nan)),
                    "Nine in ten": _hours(hours.get(NINE_IN_TEN, math.nan)),
                }
            )
    return pd.DataFrame(rows, columns=["Arm", "Tickets", "Half", "Nine in ten"])


def _hours(hours: float) -> str:
    if math.isnan(hours):
        return UNDEFINED
    if hours < 1 / 120:
        return "no time"
    return f"{60 * hours:.0f} minutes" if hours < 1 else f"{hours:.1f} hours"


def load_and_capacity(hours: pd.DataFrame, look: Look, arm: str) -> Chart:
    """Work that arrives against clerks on duty and at work, hour by hour of the week, in one arm."""
    mine, figure = hours[hours["arm"] == arm], new_figure(300)
    for series, (colour, dash) in LINES.items():
        line = mine[mine["series"] == series].sort_values("hour")
        figure.add_scatter(
            x=line["hour"], y=line["value"], mode="lines", name=series,
            line={"color": colour, "dash": dash, "width": 2, "shape": "hv"}, hovertemplate="%{y:.2f}",
        )  # fmt: skip
    figure.update_xaxes(tickvals=[DAY * day for day in range(7)], ticktext=list(DAYS), range=[0, 7 * DAY])
    figure.update_yaxes(title_text="clerks", rangemode="tozero")
    sums = mine.groupby("series")["value"].sum()
    arrives, duty, work = (float(sums.get(name, 0.0)) for name in ("work that arrives", "on duty", "at work"))
    sentence = f"{arm}: {arrives:.1f} hours of work a week for {duty:.1f} hours on duty{_verdict(arrives, duty)}."
    table = pd.DataFrame(_by_day(mine))
    note = f"Means over the weeks and the replications; {work:.1f} hours a week are worked, overtime included."
    return Chart(f"Load and capacity: {arm}", figure, table, sentence, note)


def _verdict(work: float, duty: float) -> str:
    if duty == 0:
        return ": nobody ever answers, and all that comes is left lying or given up" if work else ""
    load = work / duty
    return f", a load of {load:.2f}" + (": the desk is overloaded, and its backlog grows" if load > 1 else "")


def _by_day(mine: pd.DataFrame) -> list[dict[str, str]]:
    by_day = mine.assign(day=mine["hour"] // DAY).groupby(["day", "series"])["value"].sum()
    return [
        {"Day": name, **{series.capitalize(): f"{float(by_day.get((day, series), 0.0)):.1f} h" for series in LINES}}
        for day, name in enumerate(DAYS)
    ]


def satisfaction_then_and_now(satisfied: pd.DataFrame, look: Look) -> Chart:
    """The true share of satisfied customers as the run began and as it ended, by arm."""
    figure, rows, said = new_figure(120 + 44 * satisfied["arm"].nunique()), [], []
    for arm in look.in_order(satisfied["arm"]):
        mine = satisfied[satisfied["arm"] == arm].set_index("when")["value"]
        then, now = float(mine.get("week 0", math.nan)), float(mine.get("end", math.nan))
        style = look.style(arm)
        figure.add_scatter(
            x=[then, now], y=[arm, arm], mode="lines+markers", name=arm, showlegend=False,
            line={"color": style.colour, "width": 2.5},
            marker={"symbol": ["circle-open", style.symbol], "size": [9, 11], "color": style.colour},
            hovertemplate="%{x:.1%}",
        )  # fmt: skip
        rows.append({"Arm": arm, "Week 0": quantity(then, "share"), "End": quantity(now, "share")})
        said.append(f"{arm} from {quantity(then, 'share')} to {quantity(now, 'share')}")
    figure.update_xaxes(title_text="share of customers satisfied (ring: week 0)", tickformat=".1%")
    figure.update_yaxes(autorange="reversed")
    note = f"{HIDDEN} The less satisfied leave sooner, so that whoever stays is more satisfied."
    return Chart("Satisfaction then and now", figure, pd.DataFrame(rows), f"Satisfied: {'; '.join(said)}.", note)


def failure_to_outcome(failures: pd.DataFrame, look: Look) -> Chart:
    """How failures ended, and who was still there at the end: bars for each arm and ending."""
    arms = look.in_order(failures["arm"])
    figure, rows, said = new_figure(80 + 26 * len(arms) * len(ENDINGS)), [], []
    names: list[tuple[str, str]] = []
    values: dict[str, list[float]] = {"stayed": [], "left": []}
    for arm in arms:
        mine = failures[failures["arm"] == arm].set_index(["ended", "then"])["value"]
        lost = total = 0.0
        for ended, words in ENDINGS.items():
            stayed, left = (float(mine.get((ended, then), 0.0)) for then in ("stayed", "left"))
            names.append((arm, words))
            values["stayed"].append(stayed)
            values["left"].append(left)
            lost, total = lost + left, total + stayed + left
            share = quantity(left / (stayed + left), "share") if stayed + left else UNDEFINED
            rows.append({"Arm": arm, "Ended": words, "Failures": f"{stayed + left:,.0f}", "Left by the end": share})
        share = quantity(lost / total, "share") if total else UNDEFINED
        said.append(f"{arm}: {total:,.0f} failures, after which {share} left")
    places = [[name[0] for name in names], [name[1] for name in names]]
    for then, colour in (("stayed", GAIN), ("left", LOSS)):
        bars = {"y": places, "x": values[then], "marker_color": colour, "hovertemplate": "%{x:,.0f}"}
        figure.add_bar(name=then, orientation="h", **bars)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title_text="failures")
    figure.update_yaxes(autorange="reversed")
    note = f"{HIDDEN} Whoever left did so by the end of the run, over the failure or over something else."
    return Chart("From failure to outcome", figure, pd.DataFrame(rows), f"{'; '.join(said)}.", note)
