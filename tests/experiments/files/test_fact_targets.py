"""Targets that name what a mechanism of the world records: known ones are played, unknown ones refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from crmlab.experiments.errors import SpecError
from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.runs.deserialize import deserialize_experiment, keep_inputs
from crmlab.experiments.runs.serialize import spec
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.sim import Play, Target
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.strategies import CouponCampaign

WORLD = """
[base]
model = "pareto_nbd"
r = 0.8
alpha = 8.0
s = 0.6
beta = 12.0
[population]
customers = 100
prospects = 200
"""
MECHANISM = '[[mechanism]]\nkind = "satisfaction"\nresponse = 0.5\n'
ARM = """
name = "sorry"
world = "world.toml"
[design]
weeks = 6
customers = 100
replications = 2
[[arms.sorry.strategies]]
kind = "survey"
[[arms.sorry.strategies]]
kind = "coupon"
"""


def experiment(folder: Path, target: str, mechanism: str = MECHANISM):
    (folder / "world.toml").write_text(WORLD + mechanism)
    (folder / "sorry.toml").write_text(ARM + f"target = {{ {target} }}\n")
    return load_experiment(folder / "sorry.toml")


def refused(folder: Path, target: str, mechanism: str = MECHANISM) -> list[str]:
    with pytest.raises(SpecError) as error:
        experiment(folder, target, mechanism)
    return [str(problem) for problem in error.value.problems]


def test_a_target_may_name_any_number_that_a_mechanism_records_beside_those_of_orders(tmp_path: Path) -> None:
    found = experiment(tmp_path, "csat = [1, 2], survey_week = [0, 50], orders = [1, 9]")
    target = found.arms[1].plays[-1].target
    assert dict(target.bands) == {"csat": (1, 2), "survey_week": (0, 50), "orders": (1, 9)}


def test_a_fact_of_every_world_can_be_named_too(tmp_path: Path) -> None:
    assert experiment(tmp_path, "coupon_ends = [0, 50]").arms[1].plays[-1].target.bands == {"coupon_ends": (0, 50)}


def test_an_unknown_name_is_refused_with_what_was_meant(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, "cstat = [1, 2]")
    assert 'cstat  unknown setting. Did you mean "csat"?' in found


@pytest.mark.parametrize("hidden", ["satisfaction", "usual_satisfaction", "elasticity", "stage"])
def test_what_no_firm_can_see_is_refused(tmp_path: Path, hidden: str) -> None:
    (found,) = refused(tmp_path, f"{hidden} = [1, 2]")
    assert "unknown setting" in found


@pytest.mark.parametrize(("band", "sentence"), [("[2, 1]", "low <= high"), ("[1]", "at least 2 entries")])
def test_a_band_of_a_fact_that_cannot_be_is_refused_like_any_other(tmp_path: Path, band: str, sentence: str) -> None:
    (found,) = refused(tmp_path, f"csat = {band}")
    assert sentence in found


def test_without_the_mechanism_both_the_survey_and_its_answers_are_refused(tmp_path: Path) -> None:
    survey, target = refused(tmp_path, "csat = [1, 2]", mechanism="")
    assert 'needs the mechanism "satisfaction"' in survey
    assert "csat  unknown setting" in target


def test_in_a_world_that_cannot_be_read_only_the_world_is_to_blame(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, "csat = [1, 2]", mechanism=MECHANISM.replace("0.5", "7"))
    assert "world.toml" in found


def test_from_python_the_same_sentences_are_said(tmp_path: Path) -> None:
    world = replace(load_world("shop").world, mechanisms={"satisfaction": Satisfaction()})
    plays = [Play("sorry", CouponCampaign(), target=Target({"csat": (1, 2)}))]
    assert new_experiment(world, sorry=plays, weeks=4).arms[1].plays[-1].target.bands == {"csat": (1, 2)}
    with pytest.raises(SpecError, match="unknown setting"):
        new_experiment(load_world("shop").world, sorry=plays, weeks=4)


def test_a_kept_run_is_built_again_with_its_target(tmp_path: Path) -> None:
    found = experiment(tmp_path, "csat = [1, 2]")
    (tmp_path / "spec.json").write_text(json.dumps(spec(found)))
    keep_inputs(found, tmp_path)
    again = deserialize_experiment(tmp_path)
    assert again.arms[1].plays[-1].target == found.arms[1].plays[-1].target
