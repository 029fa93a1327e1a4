"""A life that fails: one rule for every question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from crmlab.experiments.execution.failures import NothingRan
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.explain.posing import asked as explained
from crmlab.experiments.replication.replication import Replication
from crmlab.experiments.service import answer
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.from_python import with_stress, with_table
from crmlab.sim import Discount, FirmView, Lever
from crmlab.sim.market import Market

SMALL: dict[str, Any] = {"weeks": 4, "customers": 60, "replications": 6, "unknowns": False}


@dataclass(frozen=True)
class Stumbling:
    """A little off, and a fall in some of the markets."""

    rate: Annotated[float, Lever(0.0, 0.1)] = 0.05
    falls: Annotated[int, Lever(0, 3)] = 0
    from_rate: float = 0.0

    def decide(self, view: FirmView) -> list[Discount]:
        if view.week == 3 and self.rate > self.from_rate and int(view.spend.sum()) % 3 < self.falls:
            raise RuntimeError("no idea what to do")
        return [Discount(self.rate)]


def asked(question: str, falls: int) -> Experiment:
    """A question about a strategy that falls in so many thirds of the markets; in a search, at high rates only."""
    stumbling = Stumbling(falls=falls, from_rate=0.05 if question == "tune" else 0.0)
    experiment = new_experiment("shop", stumbling=stumbling, **SMALL)
    play = experiment.arms[1].plays[-1].name
    levers = {"arm": "stumbling", "levers": [f"{play}.rate"], "replications": 6}
    search = levers | {"candidates": 6, "batch": 3, "confirm": 1, "racing": False}
    ways: dict[str, Callable[[], Experiment]] = {
        "compare": lambda: experiment,
        "tune": lambda: with_table("tune", experiment, search),
        "sweep": lambda: with_table("sweep", experiment, levers | {"points": 2}),
        "stress": lambda: with_stress(experiment, {"worlds": 4}),
        "explain": lambda: explained(experiment, "stumbling"),
    }
    return ways[question]()


@pytest.mark.parametrize("question", ["compare", "tune", "sweep", "stress", "explain"])
def test_some_lives_that_fail_are_left_out_and_told_with_place_and_reason(question: str) -> None:
    experiment = asked(question, falls=1)
    found = answer(experiment, 1)
    assert found.failures, "the strategy falls in some replications"
    for failure in found.failures:
        assert set(failure) == {"task", "error", "trace"}
        assert "replication" in failure["task"]
        assert failure["error"] == "RuntimeError: no idea what to do"
        assert "decide" in failure["trace"]
    assert found.to_json()["failures"] == list(found.failures)


@pytest.mark.parametrize("question", ["compare", "tune", "sweep", "stress", "explain"])
def test_where_nothing_is_left_to_answer_from_a_sentence_says_why(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Market, weeks: int) -> Market:
        if self.customers.n > 1000 or weeks > 2:  # past the trial on a handful of people
            raise RuntimeError("nobody can look")
        return self

    experiment = asked(question, falls=0)
    monkeypatch.setattr(Market, "run", broken)
    with pytest.raises(NothingRan, match="could be run; RuntimeError: nobody can look"):
        answer(experiment, 1)


def test_a_search_goes_on_where_its_baseline_could_not_be_lived_in_some_replication(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Replication.run

    def fails(self: Replication, arm: Any, kpis: Any = None) -> Any:
        if arm.name == "today" and self.index == 1 and kpis is not None:
            raise RuntimeError("a bad day")
        return real(self, arm, kpis)

    monkeypatch.setattr(Replication, "run", fails)
    experiment = asked("tune", falls=0)
    found = answer(experiment, 1)
    assert [failure["task"] for failure in found.failures] == ["today, replication 1"]
    assert set(found.trials["replications"]) == {5}
