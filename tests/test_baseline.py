"""No number of the simulation changes unnoticed: four worlds, five arms and two replications against a record."""

from __future__ import annotations

import copy

from tests.baseline import compute, differences, recorded


def test_the_simulation_computes_what_is_on_record() -> None:
    found = list(differences(compute(), recorded()))
    assert not found, "\n".join([*found[:20], "If it is meant: python -m tests.baseline --write, and say why."])


def test_a_change_of_one_digit_is_noticed() -> None:
    then = recorded()
    now = copy.deepcopy(then)
    first = next(iter(now))
    now[first]["figures"]["orders"] += 1
    now[first]["people"] = "0" * 16
    assert len(list(differences(now, then))) == 2
