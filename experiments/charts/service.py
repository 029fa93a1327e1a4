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
ALL = "all"
MINUTE = 1 / 60
TICKS = {"1 min": MINUTE, "10 min": 1 / 6, "1 h": 1.0, "6 h": 6.0, "1 day": 24.0, "1 week": 168.0, "8 weeks": 1344.0}
HALF, NINE_IN_TEN = 0.5, 0.9
ENDINGS = {
    "silent": "not a word",
    "unresolved": "complaint not resolved",
    "resolved": "complaint resolved",
    "fast": "complaint resolved fast",
}
LINES = {"work that arrives": (VERMILLION, "solid"), "at work": (BLUE, "7px,3px"), "on duty": (FAINT, "solid")}


def waiting_times(waits: pd.DataFrame, look: Look) -> Chart:
    """Which share of the tickets has waited up to how long for a first reply, by arm and class."""
    figure = new_figure(400)
    limit = max(float(waits["limit_hours"].iloc[0]), MINUTE)
    for arm in look.in_order(waits["arm"]):
        for tickets, mine in _classes(waits, arm):
            style = look.style(arm)
            first = tickets == "served first"
            figure.add_scatter(
                x=mine["value"].clip(lower=MINUTE),
                y=mine["share"],
                mode="lines+markers" if first else "lines",
                line={"color": style.colour, "dash": style.dash, "width": 2.5},
                marker={"symbol": style.symbol, "size": 6},
                name=f"{arm}, {tickets}" if tickets != ALL else arm,
                hovertemplate="%{y:.0%} after %{x:.2f} hours",
            )
    figure.add_vline(x=limit, line={"color": FAINT, "dash": "dot"})
    at = {"x": math.log10(limit), "xanchor": "right", "y": 1.0, "yref": "paper", "yanchor": "top"}
    figure.add_annotation(text="the stated limit ", showarrow=False, **at)
    ticks = {"tickvals": list(TICKS.values()), "ticktext": list(TICKS)}
    figure.update_xaxes(title_text="wait for the first reply, by the clock", type="log", **ticks)
    figure.update_yaxes(title_text="share of tickets", tickformat=".0%", range=[0, 1])
    table = _wait_cells(waits, look)
    said = "; ".join(f"{row.Arm}, {row.Tickets}: half up to {row.Half}" for row in each_row(table))
    note = (
        "Times are on a log scale, those under a minute at one minute. Those given up are left out; whoever still "
        "waits at the end counts with the wait so far, answered or not."
    )
    return Chart(
        "Who waits how long", figure, table, f"Wait for a first reply, so far where there is none yet. {said}.", note
    )


def _classes(waits: pd.DataFrame, arm: str) -> list[tuple[str, pd.DataFrame]]:
    """The classes of tickets in an arm, by name; all of them where nobody is served before others."""
    found = [(str(name), mine) for name, mine in waits[waits["arm"] == arm].groupby("priority", sort=False)]
    return found if len(found) > 1 else [(ALL, mine) for _, mine in found]


def _wait_cells(waits: pd.DataFrame, look: Look) -> pd.DataFrame:
    rows = []
    for arm in look.in_order(waits["arm"]):
        for tickets, mine in _classes(waits, arm):
            hours = mine.set_index(mine["share"].round(2))["value"]
            rows.append(
                {
                    "Arm": arm,
                    "Tickets": tickets,
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
    note = f"{HIDDEN} The less satisfied leave sooner, so that whoever stays is more satisfied."
    return _then_and_now("Satisfaction then and now", "share of customers satisfied", satisfied, look, note)


def surveys_then_and_now(surveyed: pd.DataFrame, look: Look) -> Chart:
    """The share of satisfied answers in the quarter before the run and in its last one, by arm: what the firm sees."""
    note = (
        "Answers of a quarter in the top two of five boxes. A dash: nobody has answered. Who answers is not like "
        "everybody, so surveys may be off what is true."
    )
    return _then_and_now("What surveys said then and now", "share of answers satisfied", surveyed, look, note)


def _then_and_now(title: str, share: str, values: pd.DataFrame, look: Look, note: str) -> Chart:
    figure, rows, said = new_figure(120 + 44 * values["arm"].nunique()), [], []
    for arm in look.in_order(values["arm"]):
        mine = values[values["arm"] == arm].set_index("when")["value"]
        then, now = float(mine.get("week 0", math.nan)), float(mine.get("end", math.nan))
        style = look.style(arm)
        figure.add_scatter(
            x=[then, now], y=[arm, arm], mode="lines+markers", name=arm, showlegend=False,
            line={"color": style.colour, "width": 2.5},
            marker={"symbol": ["circle-open", style.symbol], "size": [9, 11], "color": style.colour},
            hovertemplate="%{x:.1%}",
        )  # fmt: skip
        rows.append({"Arm": arm, "Week 0": quantity(then, "share"), "End": quantity(now, "share")})
        said.append(f"{arm} {_from_to(then, now)}")
    figure.update_xaxes(title_text=f"{share} (ring: week 0)", tickformat=".1%")
    figure.update_yaxes(autorange="reversed")
    return Chart(title, figure, pd.DataFrame(rows), f"Satisfied: {'; '.join(said)}.", note)


def _from_to(then: float, now: float) -> str:
    first, last = quantity(then, "share"), quantity(now, "share")
    if math.isnan(then):
        return "unknown" if math.isnan(now) else f"{last} at the end"
    return f"{first} at first" if math.isnan(now) else f"from {first} to {last}"


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
