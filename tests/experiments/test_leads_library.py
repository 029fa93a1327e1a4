"""The shipped experiment on leads, and what a file is told whose world lacks what its arms need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmlab.experiments.checks.plausibility import notes
from crmlab.experiments.errors import SpecError
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.spec.subsets import quick
from crmlab.strategies import FollowUpLeads
from tests.places import LIBRARY

LEADS = LIBRARY / "leads.toml"


def test_the_shipped_experiment_is_valid_and_its_market_is_no_smaller_than_the_real_one() -> None:
    experiment = load_experiment(LEADS)
    for asked in (experiment, quick(experiment)):
        assert asked.world.at_rows(asked.design.customers)[1] == 1
    assert {"lead_follow_up", "key_account"} <= {play.name for arm in experiment.arms for play in arm.plays}
    assert not [note for note in notes(experiment) if "shrink" in note]


def test_who_plays_advisors_on_fewer_rows_than_customers_is_told_what_is_wrong_then() -> None:
    experiment = load_experiment(LEADS)
    small = replace(experiment, design=replace(experiment.design, customers=500))
    (note,) = [note for note in notes(small) if "shrink" in note]
    assert note.startswith(
        "advisors do not shrink with the market: where one simulated customer stands for 4 real ones"
    )
    assert "hours to first contact too long" in note
    assert note.endswith("set design.customers = 2000.")


def test_a_file_whose_world_has_no_advisors_is_told_what_to_write(tmp_path) -> None:
    file = tmp_path / "calls.toml"
    file.write_text('world = "shop"\n[arms.calls]\n[[arms.calls.strategies]]\nkind = "lead_follow_up"\n')
    with pytest.raises(SpecError, match=r'nothing in this world carries out "lead_follow_up"') as told:
        load_experiment(file)
    assert '[[mechanism]] kind = "crmlab.sim.mechanisms.advisors:Advisors"' in str(told.value)


def test_so_is_who_asks_in_python() -> None:
    with pytest.raises(SpecError, match="its file must name"):
        new_experiment("shop", calls=FollowUpLeads())
