"""Service in pictures: each says in words and in its table what it draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments import charts
from crmlab.experiments.charts import Look
from crmlab.experiments.replication.tables import averaged, run_tables
from crmlab.sim import Market, Play
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.sim.world import Population
from crmlab.strategies import ServedFirst, StaffedDesk
from tests.conftest import shop, today

LOOK = Look("today", ("today", "nobody", "first"))
ARMS: dict[str, tuple[Any, ...]] = {"today": (), "nobody": (StaffedDesk(clerks=0),), "first": (ServedFirst(),)}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Of two replications of three arms."""
    numbers = (Satisfaction(), Failures(product=0.2), ServiceDesk(questions_per_order=0.6, clerks=1))
    world = shop(population=Population(1200, 3000), mechanisms={n.name: n for n in numbers})
    runs = {
        arm: [
            run_tables(Market(world, today(*(Play("played", s) for s in plays)), replication=replication).run(26))
            for replication in range(2)
        ]
        for arm, plays in ARMS.items()
    }
    names = runs["today"][0]
    return {name: averaged(name, {arm: [run[name] for run in found] for arm, found in runs.items()}) for name in names}


def test_a_world_with_service_keeps_its_tables_and_another_keeps_none(tables: dict[str, pd.DataFrame]) -> None:
    service = {"desk_waits", "desk_hours", "satisfied", "failures"}
    assert service <= set(tables)
    plain = run_tables(Market(shop(), today()).run(2))
    assert not service & set(plain)


def test_waits_rise_with_the_share_of_tickets_and_both_classes_are_told_apart(tables: dict[str, pd.DataFrame]) -> None:
    waits = tables["desk_waits"]
    for _, mine in waits.groupby(["arm", "priority"]):
        assert (np.diff(mine["value"]) >= 0).all()
    assert set(waits[waits["arm"] == "first"]["priority"]) == {"served first", "others"}
    chart = charts.waiting_times(waits, LOOK)
    assert len(chart.figure.data) == len(chart.table) == 4
    assert "first, served first: half up to" in chart.sentence


def test_an_overloaded_desk_and_one_on_which_nobody_works_are_named(tables: dict[str, pd.DataFrame]) -> None:
    hours = tables["desk_hours"]
    staffed, empty = (charts.load_and_capacity(hours, LOOK, arm) for arm in ("today", "nobody"))
    duty = hours[(hours["arm"] == "today") & (hours["series"] == "on duty")]["value"].sum()
    assert duty == pytest.approx(40)
    assert "for 40.0 hours on duty, a load of" in staffed.sentence
    assert "nobody ever answers" in empty.sentence
    assert len(staffed.table) == 7
    hours = hours.assign(value=hours["value"].where(hours["series"] != "work that arrives", 9.0))
    assert "the desk is overloaded" in charts.load_and_capacity(hours, LOOK, "today").sentence


def test_satisfaction_falls_where_nobody_answers(tables: dict[str, pd.DataFrame]) -> None:
    satisfied = tables["satisfied"].set_index(["arm", "when"])["value"]
    assert satisfied["nobody", "week 0"] == satisfied["today", "week 0"]
    assert satisfied["nobody", "end"] < satisfied["today", "end"]
    chart = charts.satisfaction_then_and_now(tables["satisfied"], LOOK)
    assert chart.sentence.startswith("Satisfied: today from ")
    assert "Known to the simulation only" in chart.note
    assert list(chart.table["Arm"]) == ["today", "nobody", "first"]


def test_all_failures_are_in_the_flow_and_none_is_resolved_where_nobody_answers(
    tables: dict[str, pd.DataFrame],
) -> None:
    flow = tables["failures"].set_index(["arm", "ended", "then"])["value"].sort_index()
    assert flow["nobody", "resolved"].sum() == flow["nobody", "fast"].sum() == 0
    assert flow["nobody", "unresolved"].sum() > 0
    assert flow["today", "fast"].sum() + flow["today", "resolved"].sum() > 0
    chart = charts.failure_to_outcome(tables["failures"], LOOK)
    drawn = sum(float(np.sum(bar.x)) for bar in chart.figure.data)
    assert drawn == pytest.approx(tables["failures"]["value"].sum())
    assert len(chart.table) == 3 * 4


def test_surveys_stand_apart_from_the_truth_and_are_unknown_where_nobody_asks(tables: dict[str, pd.DataFrame]) -> None:
    surveyed = tables["surveyed"].set_index(["arm", "when"])["value"]
    assert surveyed.loc[["today", "nobody"]].isna().all()
    asked = tables["surveyed"].assign(value=tables["surveyed"]["value"].where(tables["surveyed"]["arm"] == "x", 0.7))
    chart = charts.surveys_then_and_now(asked, LOOK)
    assert "today from 70.0% to 70.0%" in chart.sentence
    assert "simulation" not in chart.note
    assert "today unknown" in charts.surveys_then_and_now(tables["surveyed"], LOOK).sentence
