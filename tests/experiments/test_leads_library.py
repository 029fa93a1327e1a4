"""The shipped experiment on leads."""

from __future__ import annotations

from dataclasses import replace

from crmlab.experiments.checks.plausibility import notes
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.spec.subsets import quick
from tests.places import LIBRARY

LEADS = LIBRARY / "leads.toml"


def test_the_shipped_experiment_is_valid_and_its_market_is_no_smaller_than_the_real_one() -> None:
    experiment = load_experiment(LEADS)
    for asked in (experiment, quick(experiment)):
        assert asked.world.at_rows(asked.design.customers)[1] == 1
    assert {"lead_follow_up", "key_account"} <= {play.name for arm in experiment.arms for play in arm.plays}
    assert not [note for note in notes(experiment) if "stands for" in note]


def test_who_plays_advisors_on_fewer_rows_than_customers_is_told_what_is_wrong_then() -> None:
    experiment = load_experiment(LEADS)
    small = replace(experiment, design=replace(experiment.design, customers=500))
    (note,) = [note for note in notes(small) if "stands for" in note]
    assert note.startswith("one simulated customer stands for 4 real ones, and leads stand in for others")
    assert note.endswith("design.customers = 2000 avoids it.")
