"""Run folders: what is kept, under which name, and what the disk may refuse."""

import dataclasses
import errno
import json
from pathlib import Path

import pandas as pd
import pytest

from crmlab.experiments.disk import StoreError
from crmlab.experiments.runs import run_id as identity
from crmlab.experiments.runs.manifest import content_sha256
from crmlab.experiments.runs.store import RunFolder, finished_run, list_runs, open_run, remove_run
from crmlab.experiments.spec.experiment_file import load_experiment
from tests.places import LIBRARY


@pytest.fixture(scope="module")
def experiment():
    return load_experiment(LIBRARY / "discounts.toml")


def finished(results: Path, experiment, status="done"):
    folder = RunFolder.create(results, experiment, text='name = "x"\n')
    folder.write_table("runs", pd.DataFrame({"arm": ["today"], "orders": [3.0]}))
    folder.write_json("comparison", {"baseline": "today", "value": float("nan")})
    return folder.finish(status)


def with_design(experiment, **changes):
    return dataclasses.replace(experiment, design=dataclasses.replace(experiment.design, **changes))


def test_a_finished_run_lies_under_the_id_of_what_determines_its_numbers(tmp_path, experiment):
    path = finished(tmp_path, experiment)
    assert path == tmp_path / "discounts" / identity.run_id(experiment)
    run = finished_run(tmp_path, experiment)
    assert run is not None
    assert run.table("runs")["orders"].tolist() == [3.0]
    assert run.json("comparison") == {"baseline": "today", "value": None}
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_id_changes_with_the_numbers_and_not_with_the_words(experiment):
    ident = identity.run_id(experiment)
    assert identity.run_id(with_design(experiment, seed=2)) != ident
    assert identity.run_id(dataclasses.replace(experiment, arms=experiment.arms[:-1])) != ident
    assert identity.run_id(dataclasses.replace(experiment, ranges={"price.gain": (0.3, 0.9)})) != ident
    assert identity.run_id(dataclasses.replace(experiment, purpose="Another wording?")) == ident


def test_the_id_changes_when_the_source_of_the_simulation_does(experiment, monkeypatch):
    before = identity.run_id(experiment)
    hashes = identity.source_hashes()
    assert "sim/world.py" in hashes
    assert "experiments/questions/compare/compare.py" in hashes
    assert "experiments/cli.py" not in hashes
    monkeypatch.setattr(identity, "source_hashes", lambda driver: hashes | {"sim/behavior.py": "edited"})
    assert identity.run_id(experiment) != before


def test_the_manifest_names_seed_versions_and_results_but_no_person_and_no_machine(tmp_path, experiment):
    import socket

    path = finished(tmp_path, experiment)
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["run_id"] == path.name
    assert manifest["seed"] == {"scheme": "philox4x32-10/v1", "root": 1, "replications": [0, 16]}
    assert manifest["env"]["numpy"]
    hashes = {entry["file"]: entry["sha256"] for entry in manifest["results"]}
    assert hashes["runs.parquet"] == content_sha256(path / "runs.parquet")
    text = (path / "manifest.json").read_text() + (path / "spec.json").read_text()
    assert socket.gethostname() not in text
    assert str(Path.home()) not in text


def test_a_run_in_progress_has_no_name_yet(tmp_path, experiment):
    folder = RunFolder.create(tmp_path, experiment)
    folder.progress(3, 10)
    assert finished_run(tmp_path, experiment) is None
    assert folder.path.name.startswith(".")
    (running,) = list_runs(tmp_path)
    assert (running.status, running.json("progress")) == ("running", {"done": 3, "total": 10})
    folder.discard()
    assert list_runs(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_is_kept_until_the_same_run_is_done(tmp_path, experiment):
    path = finished(tmp_path, experiment, "interrupted")
    assert path.name.endswith(".interrupted")
    assert finished_run(tmp_path, experiment) is None
    finished(tmp_path, experiment)
    assert [run.status for run in list_runs(tmp_path)] == ["done"]


def test_playing_a_run_again_replaces_it_whole(tmp_path, experiment):
    finished(tmp_path, experiment)
    folder = RunFolder.create(tmp_path, experiment)
    path = folder.finish("done")
    assert not (path / "runs.parquet").exists()
    assert len(list(path.parent.iterdir())) == 1


def test_a_run_is_found_by_the_beginning_of_its_id_by_name_by_path_and_as_the_latest(tmp_path, experiment):
    path = finished(tmp_path, experiment)
    for which in (path.name[:5], path.name, "discounts", str(path), None):
        assert open_run(tmp_path, which).run_id == path.name


def test_a_run_that_is_not_there_is_said_in_a_sentence(tmp_path, experiment):
    with pytest.raises(StoreError, match="There are no runs"):
        open_run(tmp_path)
    finished(tmp_path, experiment)
    with pytest.raises(StoreError, match='Did you mean "discounts"'):
        open_run(tmp_path, "discount")
    with pytest.raises(StoreError, match="has no table weekly"):
        open_run(tmp_path).table("weekly")


def test_an_ambiguous_beginning_names_the_runs_it_fits(tmp_path, experiment):
    finished(tmp_path, experiment)
    finished(tmp_path, with_design(experiment, seed=2))
    with pytest.raises(StoreError, match="fits 2 runs"):
        open_run(tmp_path, "")


def test_removing_the_last_run_removes_the_folder_of_its_experiment(tmp_path, experiment):
    finished(tmp_path, experiment)
    remove_run(open_run(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_results_folder_that_cannot_be_written_is_the_users_to_put_right(tmp_path, experiment):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="Cannot write to") as error:
        RunFolder.create(tmp_path / "results", experiment)
    assert error.value.exit_code == 2


def test_a_full_disk_is_said_in_a_sentence_and_leaves_no_half_file(tmp_path, experiment, monkeypatch):
    folder = RunFolder.create(tmp_path, experiment)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(StoreError, match="disk is full") as error:
        folder.write_table("runs", pd.DataFrame({"a": [1]}))
    assert error.value.exit_code == 1
    assert not list(folder.path.glob("*.parquet"))
