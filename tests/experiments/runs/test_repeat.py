"""Repeating a run: rebuilt from its folder alone, run again in part or whole, and loud about what has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.experiments.cli import exit_code
from crmlab.experiments.experiment import Arm, Design, Experiment, Question
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.json_data import finite
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.questions.table import KINDS
from crmlab.experiments.runs import run_id as identity
from crmlab.experiments.runs.changes import Changed
from crmlab.experiments.runs.contents import write_found
from crmlab.experiments.runs.deserialize import RebuildError, deserialize_experiment, keep_inputs
from crmlab.experiments.runs.serialize import spec
from crmlab.experiments.runs.store import RunFolder
from crmlab.experiments.runs.verify import verify
from crmlab.experiments.spec.experiment_file import load_experiment, load_sweep, load_tuning
from crmlab.sim.plays import Play
from crmlab.sim.target import Target
from crmlab.sim.world import Base, Calendar, History
from crmlab.strategies import ChannelMix, DiscountTiers, PointsAndTiers
from tests.conftest import shop, today
from tests.places import LIBRARY

LOADERS = {"arms": load_experiment, "tune": load_tuning, "sweep": load_sweep}
SHIPPED = [
    pytest.param(file, load, id=f"{file.stem}-{table}")
    for file in sorted(LIBRARY.glob("*.toml"))
    for table, load in LOADERS.items()
    if table in TomlSource.read(file).data
]


def small(*arms: Arm, **changes: Any) -> Experiment:
    design = Design(weeks=8, customers=150, replications=2, unknowns=True)
    tiers = Arm("tiers", today(Play("tiers", DiscountTiers(silver_spend=20.0))), "Some off.")
    experiment = Experiment(
        "small", shop(), (Arm("today", today()), *(arms or (tiers,))), design, purpose="Does it pay?"
    )
    return replace(experiment, **changes)


def with_past(experiment: Experiment) -> Experiment:
    """The same in a world that was calibrated on an order log of 60 customers."""
    rng = np.random.default_rng(3)
    customer = np.concatenate([np.arange(60), rng.integers(0, 60, 90)])
    weeks_before = np.sort(rng.uniform(0.1, 40, customer.size))[::-1].copy()
    past = History(customer, weeks_before, rng.gamma(4, 9.3, customer.size))
    world = replace(experiment.world, history=past, calendar=Calendar(start=date(2025, 3, 1)))
    return replace(
        experiment,
        world=replace(world, population=replace(world.population, customers=60)),
        fitted=frozenset({"base", "history"}),
        calibration={"models": {"pareto_nbd": {"r": 0.5}}, "weekly_repeats": [1, 2]},
        log_covariance={"base": (("r", "alpha"), [[0.01, 0.002], [0.002, 0.1]])},
        ranges={"price.elasticity": (1.2, 2.0)},
    )


def kept(experiment: Experiment, folder: Path) -> Path:
    """What a run folder keeps of an experiment."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(finite(spec(experiment))))
    if experiment.calibration is not None:
        (folder / "calibration.json").write_text(json.dumps(experiment.calibration))
    keep_inputs(experiment, folder)
    return folder


def assert_rebuilt(experiment: Experiment, folder: Path) -> None:
    again = deserialize_experiment(kept(experiment, folder))
    assert again == experiment
    assert identity.run_id(again) == identity.run_id(experiment)


def played(experiment: Experiment, results: Path) -> Path:
    folder = RunFolder.create(results, experiment, "# played by a test\n")
    write_found(folder, experiment, compare(experiment, workers=1, store=folder.store))
    return folder.finish("done")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(small(), tmp_path_factory.mktemp("results"))


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, free to be spoilt."""
    return Path(shutil.copytree(finished, tmp_path / "results" / "small" / finished.name))


def rehashed(run: Path, file: str) -> None:
    """Let the manifest state the hash that a file has now, as a clever forger would."""
    manifest = json.loads((run / "manifest.json").read_text())
    for entry in manifest["results"]:
        if entry["file"] == file:
            entry["sha256"] = hashlib.sha256((run / file).read_bytes()).hexdigest()
    (run / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "command",
    [("runs", "show"), ("runs", "show", "--json"), ("report",), ("export", "--tables", "csv"), ("verify",), ("rerun",)],
    ids=" ".join,
)
def test_a_run_of_an_older_version_is_told_in_one_sentence(
    command: tuple[str, ...], run: Path, capsys: pytest.CaptureFixture[str]
):
    manifest, spec = (json.loads((run / f"{name}.json").read_text()) for name in ("manifest", "spec"))
    manifest |= {"schema_version": 3, "driver": "crmlab.experiments.compare"}
    del manifest["question"]
    spec["question"] = spec.pop("purpose")
    (run / "manifest.json").write_text(json.dumps(manifest))
    (run / "spec.json").write_text(json.dumps(spec))
    assert exit_code([*command[:2], str(run), *command[2:]] if command[0] == "runs" else [*command, str(run)]) == 1
    said = capsys.readouterr()
    assert "is a run of an older or newer version of crmlab" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert exit_code(["runs", "list", "--out", str(run.parents[1])]) == 0  # it is there to be seen and removed


@pytest.mark.parametrize(("file", "load"), SHIPPED)
def test_every_shipped_experiment_is_rebuilt_from_its_folder_with_the_same_id(file: Path, load: Any, tmp_path: Path):
    stated = TomlSource.read(file).data["world"]
    world = "shop" if stated.startswith("cdnow") else None  # of the calibrated one there is no file
    assert_rebuilt(load(file, (), world), tmp_path)


def test_a_calibrated_world_is_rebuilt_with_its_history_bit_for_bit(tmp_path: Path):
    experiment = with_past(small())
    assert_rebuilt(experiment, tmp_path)
    then, now = experiment.world.history, deserialize_experiment(tmp_path).world.history
    assert then is not None
    assert now is not None
    for column in ("customer", "weeks_before", "amount"):
        assert np.array_equal(getattr(then, column), getattr(now, column))


LEVER = st.floats(0, 0.15)
BANDS = st.dictionaries(
    st.sampled_from(["orders", "spend"]), st.sampled_from([(1, 5), (0.5, float("inf")), (2, 2)]), max_size=2
)


@settings(max_examples=20, deadline=None)
@given(
    rate=LEVER,
    bands=BANDS,
    segments=st.sets(st.sampled_from(["new", "dormant"])),
    holdout=st.floats(0, 0.9),
    stop=st.none() | st.integers(5, 9),
    budget=st.integers(0, 3) | st.floats(0, 3),
    model=st.sampled_from(["pareto_nbd", "bg_nbd"]),
)
def test_whatever_a_play_or_a_world_says_is_rebuilt(
    tmp_path_factory, rate, bands, segments, holdout, stop, budget, model
):
    target = Target(bands, tuple(sorted(segments)))
    plays = (
        Play("tiers", DiscountTiers(silver_rate=rate), target, holdout=holdout, start=1, stop=stop, ramp_weeks=2),
        Play("points", PointsAndTiers(expiry="never")),
        Play("mix", ChannelMix(factors={"content": budget, "paid_search": 0.1 + 0.2})),
    )
    experiment = small(Arm("all", plays), world=shop(base=Base(model=model), today_rate=rate))
    assert_rebuilt(experiment, tmp_path_factory.mktemp("run"))


@dataclass(frozen=True)
class Edge:
    """One part of a question."""

    path: str
    low: float
    within: tuple[int, float] = (1, 2.5)


@dataclass(frozen=True)
class Named:
    """Another kind of part."""

    path: str
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Edges(Question):
    """A question with everything that a question may hold."""

    edges: tuple[Edge | Named, ...]
    by_name: dict[str, tuple[float, ...]]
    most: float = float("inf")
    of: str | None = None
    day: date = date(2024, 2, 29)


def test_a_new_question_is_one_line_in_the_table_and_is_rebuilt_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(KINDS, "edges", replace(KINDS["compare"], name="edges", record=Edges))
    question = Edges((Edge("a.b", 0.5), Named("c", frozenset({"x", "y"}))), {"cac": (1.0, 2.0)})
    assert_rebuilt(small(question=question), tmp_path / "asked")
    assert identity.run_id(small(question=question)) != identity.run_id(small())
    assert deserialize_experiment(tmp_path / "asked").question.most == float("inf")


def test_a_world_with_a_number_that_this_version_does_not_know_is_refused_by_its_name(tmp_path: Path):
    folder = kept(small(), tmp_path)
    stored = json.loads((folder / "spec.json").read_text())
    stored["world"]["price"]["charm"] = 0.3
    (folder / "spec.json").write_text(json.dumps(stored))
    with pytest.raises(RebuildError, match='PriceResponse has no "charm"'):
        deserialize_experiment(folder)


def test_a_world_that_lacks_a_number_is_refused_by_its_place(tmp_path: Path):
    folder = kept(small(), tmp_path)
    stored = json.loads((folder / "spec.json").read_text())
    del stored["world"]["price"]["loss_aversion"]
    (folder / "spec.json").write_text(json.dumps(stored))
    with pytest.raises(RebuildError, match=r"world.price.loss_aversion was absent and would now be 1.5"):
        deserialize_experiment(folder)


def test_a_history_that_was_touched_or_lost_is_refused(tmp_path: Path):
    folder = kept(with_past(small()), tmp_path)
    table = pd.read_parquet(folder / "history.parquet")
    table.loc[3, "weeks_before"] += 1e-9
    table.to_parquet(folder / "history.parquet", index=False)
    with pytest.raises(RebuildError, match="has been changed"):
        deserialize_experiment(folder)
    (folder / "history.parquet").unlink()
    with pytest.raises(RebuildError, match="is gone"):
        deserialize_experiment(folder)


def test_a_sample_lived_again_is_equal_bit_for_bit_and_so_are_the_tables_that_follow(run: Path):
    said = verify(run, rows=3, workers=1)
    assert said.holds
    assert said.repeated == 3
    assert said.numbers > 100
    assert said.files > 10
    assert {"runs", "effects", "breakeven"} <= set(said.tables)
    assert not said.changes


def test_verifying_leaves_the_run_as_it_was(run: Path):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    verify(run, rows=1, workers=1)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_run_on_an_imported_history_holds(tmp_path: Path):
    assert verify(played(with_past(small()), tmp_path), rows=2, workers=1).holds


def test_a_forged_life_is_named_with_its_arm_kpi_and_both_values(run: Path):
    path = run / "ledger.jsonl"
    path.write_text(path.read_text().replace('"orders": ', '"orders": 1'))
    rehashed(run, "ledger.jsonl")
    said = verify(run, rows=None, workers=1)
    assert not said.holds
    assert any("replication 0 of the stated world, tiers.orders: 1" in str(m) for m in said.mismatches)


def test_a_forged_table_is_found_although_the_manifest_was_forged_too(run: Path):
    table = pd.read_parquet(run / "effects.parquet")
    table.loc[4, "value"] = np.nextafter(table.loc[4, "value"], 1e9)
    table.to_parquet(run / "effects.parquet", index=False)
    with pytest.raises(Changed, match=r"effects\.parquet has been changed"):
        verify(run, rows=1, workers=1)
    rehashed(run, "effects.parquet")
    said = verify(run, rows=1, workers=1)
    assert [m.where for m in said.mismatches] == ["effects.parquet, row 4, value"]


def test_a_changed_world_is_said_to_be_changed(run: Path):
    stored = json.loads((run / "spec.json").read_text())
    stored["world"]["economics"]["gross_margin"] = 0.9
    (run / "spec.json").write_text(json.dumps(stored))
    with pytest.raises(Changed, match=r"spec\.json has been changed \(the world\)"):
        verify(run, workers=1)
    said = verify(run, rows=1, workers=1, anyway=True)
    assert not said.holds
    assert said.changes == ("spec.json has been changed (the world)",)


def test_changed_sources_strategies_and_versions_are_named(run: Path, monkeypatch: pytest.MonkeyPatch):
    sources, hashed = identity.source_hashes(), identity.strategy_hash
    edited = sources | {"sim/behavior.py": "edited", "sim/newcomer.py": "new"}
    monkeypatch.setattr(identity, "source_hashes", lambda driver: edited)
    monkeypatch.setattr(identity, "strategy_hash", lambda cls: "x" if cls is DiscountTiers else hashed(cls))
    found = identity.version_of
    monkeypatch.setattr(identity, "version_of", lambda name: "9.9" if name == "numpy" else found(name))
    with pytest.raises(Changed) as error:
        verify(run, workers=1)
    for words in ("sim/behavior.py has changed since", "sim/newcomer.py is new",
                  "strategies/discount_tiers.py has changed since", f"numpy {np.__version__} -> 9.9"):  # fmt: skip
        assert words in str(error.value)
    assert verify(run, rows=1, workers=1, anyway=True).holds


def test_a_run_without_a_readable_manifest_cannot_be_repeated(run: Path):
    (run / "manifest.json").write_text("{")
    with pytest.raises(Changed, match="no manifest that can be read"):
        verify(run)


HALF_PRICE = '''
"""Half price for one week in four."""
from dataclasses import dataclass
from typing import Annotated

from crmlab.sim import FirmView, Lever, PublicDiscount


@dataclass(frozen=True)
class HalfPrice:
    """Half price for everybody in one week of four."""

    rate: Annotated[float, Lever(0.0, 0.6)] = 0.5

    def decide(self, view: FirmView) -> list:
        return [PublicDiscount(self.rate)] if view.week % 4 == 0 else []
'''


def test_a_strategy_from_elsewhere_travels_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "there").mkdir()
    module = tmp_path / "there" / "half_price_of_a_test.py"
    module.write_text(HALF_PRICE)
    monkeypatch.syspath_prepend(str(module.parent))
    HalfPrice = __import__(module.stem).HalfPrice
    folder = played(small(Arm("half", today(Play("half", HalfPrice())))), tmp_path / "results")
    module.unlink()
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(module.parent)])
    monkeypatch.delitem(sys.modules, module.stem)
    assert verify(folder, rows=2, workers=1).holds
    copy = folder / "strategies" / module.name
    copy.write_text(copy.read_text().replace("% 4", "% 2"))
    monkeypatch.delitem(sys.modules, module.stem)
    with pytest.raises(Changed, match=f"strategies/{module.name} has been changed"):
        verify(folder, workers=1)


def test_rerun_plays_a_run_again_from_its_folder_alone(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["rerun", str(run), "--into", str(tmp_path / "again"), "--workers", "1"]
    assert exit_code([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["mismatches"] == []
    assert {"runs", "effects", "weekly", "profit"} <= set(said["equal"])
    assert Path(said["again"]).name == run.name
    assert exit_code(["verify", str(run), "--rows", "1", "--workers", "1"]) == 0
    assert f"Run {run.name} holds." in capsys.readouterr().out


def test_the_command_line_says_what_has_changed_and_goes_on_only_if_told_to(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(identity, "strategy_hash", lambda cls: "edited")
    for command in ("verify", "rerun"):
        assert exit_code([command, str(run)]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "strategies/discount_tiers.py has changed since" in told.err
        assert len(told.err.strip().splitlines()) == 1
    assert exit_code(["verify", str(run), "--rows", "1", "--workers", "1", "--anyway"]) == 0
    assert "Going on although this has changed since the run" in capsys.readouterr().err


def test_a_tuning_is_verified_and_played_again_like_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = {"design.customers": 150, "design.weeks": 8, "tune.candidates": 4, "tune.batch": 2, "tune.confirm": 1,
             "tune.replications": 2, "tune.confirm_replications": 2, "tune.objectives": '["orders"]',
             "tune.sampler": '"tpe"'}  # fmt: skip
    quick = [argument for key, value in words.items() for argument in ("--set", f"{key}={value}")]
    out = ["--out", str(tmp_path / "results"), "--workers", "1"]
    assert exit_code(["tune", str(LIBRARY / "tune_tiers.toml"), *quick, *out, "--json"]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert exit_code(["verify", run, "--rows", "3", *out[2:]]) == 0
    capsys.readouterr()
    assert exit_code(["rerun", run, "--into", str(tmp_path / "again"), *out[2:], "--json"]) == 0
    assert {"trials", "winners", "effects"} <= set(json.loads(capsys.readouterr().out)["equal"])
