"""A desk that cannot do its work is named beside the answer, and no other desk is."""

from __future__ import annotations

import math

import pandas as pd

from crmlab.experiments.checks.overload import overload_notes


def runs(loads: dict[str, list[float]], world: str = "fixed") -> pd.DataFrame:
    rows = [{"arm": arm, "world": world, "desk_load": load} for arm, found in loads.items() for load in found]
    return pd.DataFrame(rows)


def test_more_work_than_hours_is_an_overloaded_desk_and_just_as_much_is_not() -> None:
    (said,) = overload_notes(runs({"busy": [0.9, 1.1], "flooded": [1.2, 1.3]}))
    assert said.startswith('arm "flooded": the service desk is overloaded: 1.25 hours of work')


def test_a_desk_on_which_nobody_is_ever_on_duty_is_told_apart() -> None:
    (said,) = overload_notes(runs({"today": [0.5], "nobody": [math.inf, math.inf]}))
    assert said.startswith('arm "nobody": nobody is ever on duty')


def test_sampled_worlds_do_not_say_it_of_the_world_as_stated() -> None:
    both = pd.concat([runs({"today": [0.9]}), runs({"today": [3.0]}, "sampled")])
    assert overload_notes(both) == []


def test_nothing_is_said_without_a_desk_or_without_work() -> None:
    assert overload_notes(None) == []
    assert overload_notes(pd.DataFrame({"arm": ["today"], "world": ["fixed"], "orders": [3.0]})) == []
    assert overload_notes(runs({"today": [math.nan]})) == []
