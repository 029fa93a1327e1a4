"""The shipped experiments on service, and the world that they ask about."""

from __future__ import annotations

import pytest

from crmlab.experiments.checks.plausibility import notes
from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.replication.recentre import recentred
from crmlab.experiments.spec.experiment_file import load_experiment, load_tuning
from crmlab.sim import Market, Play
from crmlab.sim.outcome import MarketOutcome
from crmlab.strategies import STRATEGIES
from tests.conftest import today
from tests.places import LIBRARY


@pytest.mark.parametrize("name", ["service", "satisfaction"])
def test_the_shipped_experiments_are_valid_and_have_whole_customers(name: str) -> None:
    experiment = load_experiment(LIBRARY / f"{name}.toml")
    assert experiment.world.at_rows(experiment.design.customers)[1] == 1
    assert len(experiment.arms) == 5
    assert not [note for note in notes(experiment) if "stands for" in note]


def test_the_cheapest_desk_is_searched_within_its_promise() -> None:
    tuning = load_tuning(LIBRARY / "staffing_tune.toml")
    assert tuning.question.objectives == ("desk_cost",)
    assert len(tuning.question.levers) == 4
    assert any("answered_within" in str(limit) for limit in tuning.question.constraints)


def test_the_world_is_as_its_file_says() -> None:
    """A day to the first reply, seven in ten satisfied, one order in twenty complained about."""
    world = recentred(load_world("service").world, today())
    plays = today(Play("survey", STRATEGIES["survey"]()))
    outcome = MarketOutcome(Market(world, plays).run(104))
    kpis = {kpi.id: kpi.read(outcome) for numbers in world.mechanisms.values() for kpi in numbers.kpis}
    assert kpis["first_reply_median"] == pytest.approx(24, abs=6)
    assert kpis["csat"] == pytest.approx(0.70, abs=0.04)
    assert kpis["complaint_rate"] == pytest.approx(0.05, abs=0.008)
    assert kpis["desk_load"] < 1.02
    assert world.departure_factor < 1  # what goes wrong is in the rates already
