"""A comparison in a world with service: what its run folder and its report say, and that it can be repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from crmlab.experiments.commands.answering import say_fit
from crmlab.experiments.errors import Interrupted
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.questions.compare.sections import NO_SURVEYS, NO_TICKETS, comparison_sections
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.run_files import RunFiles
from crmlab.experiments.runs.deserialize import deserialize_experiment
from crmlab.experiments.runs.store import RunFolder, StoredRun
from crmlab.experiments.runs.tables_equal import difference
from crmlab.experiments.runs.verify import verify
from crmlab.experiments.service import play
from crmlab.sim import Play
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.sim.world import Population
from crmlab.strategies import SatisfactionSurvey, StaffedDesk
from tests.conftest import shop, today

LOOKS_AT_REPORTS = True
OF_SERVICE = {"desk_waits", "desk_hours", "satisfied", "surveyed", "failures"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A finished run in which one arm has no clerks and asks its customers."""
    numbers = (Satisfaction(), Failures(product=0.3), ServiceDesk(questions_per_order=0.5))
    asked = experiment(*numbers, plays=(Play("asked", SatisfactionSurvey()), Play("staffed", StaffedDesk(clerks=0))))
    return play(asked, RunFolder.create(tmp_path_factory.mktemp("served"), asked), executor=1)


@pytest.fixture
def run(stored: StoredRun) -> RunFiles:
    return RunFiles(stored.path)


def experiment(*mechanisms: Satisfaction | ServiceDesk | Failures, plays: tuple[Play, ...] = ()) -> Experiment:
    """Today's policy against one with these plays, on a small market with these mechanisms."""
    world = shop(population=Population(300, 600), mechanisms={m.name: m for m in mechanisms})
    arms = (Arm("today", today()), Arm("other", today(*plays)))
    return Experiment("served", world, arms, Design(weeks=6, customers=300, replications=2, unknowns=False))


def written(folder: Path, found: dict[str, pd.DataFrame]) -> RunFiles:
    for name, table in found.items():
        table.to_parquet(folder / f"{name}.parquet")
    (folder / "spec.json").write_text(json.dumps({"arms": [{"name": "today"}, {"name": "other"}]}))
    return RunFiles(folder)


def test_the_report_shows_service_without_the_user_doing_anything(run: RunFiles) -> None:
    page = write_report(run.folder).read_text(encoding="utf-8")
    for title in ("Who waits how long", "Satisfaction then and now", "What surveys said", "From failure to outcome"):
        assert title in page
    assert "arm &#34;other&#34;: nobody is ever on duty at the service desk" in page.replace("Arm", "arm")
    assert set(run.tables_by_name()) >= OF_SERVICE


def test_a_desk_without_clerks_is_named_in_the_notes_and_on_the_command_line(
    stored: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    (said,) = [note for note in stored.json("notes") if "on duty" in note]
    assert said.startswith('arm "other": nobody is ever on duty at the service desk')
    say_fit(stored)
    assert f"Note: {said}" in capsys.readouterr().err


def test_the_run_with_its_tables_of_service_can_be_verified(stored: StoredRun) -> None:
    assert verify(stored.path, workers=1).verdict == "equal"


def test_two_processes_bring_the_same_tables_as_one(stored: StoredRun) -> None:
    again = compare(deserialize_experiment(stored.path), 2).tables
    for name in OF_SERVICE:
        assert difference(stored.path / f"{name}.parquet", again[name]) is None


def test_what_an_interrupted_run_has_finished_brings_the_same_tables(stored: StoredRun, tmp_path: Path) -> None:
    asked = deserialize_experiment(stored.path)
    folder = RunFolder.create(tmp_path, asked)

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        play(asked, folder, 1, stop)
    resumed = RunFolder.create(tmp_path, asked)
    assert len(resumed.store) == 1
    found = play(asked, resumed, 1)
    for name in OF_SERVICE:
        assert difference(stored.path / f"{name}.parquet", found.table(name)) is None


def test_a_desk_that_nobody_writes_to_has_its_section_and_says_so(tmp_path: Path) -> None:
    quiet = ServiceDesk(questions_per_order=0.0, questions_per_year=0.0)
    found = written(tmp_path, dict(compare(experiment(quiet), 1).tables))
    by_id = {section.id: section for section in comparison_sections(found)}
    assert by_id["service"].missing == NO_TICKETS
    assert len(by_id["desk"].charts) == 2


def test_whoever_asks_nobody_is_told_that_a_firm_would_not_know(tmp_path: Path) -> None:
    asked = experiment(Satisfaction())
    found = dict(compare(asked, 1).tables)
    found["surveyed"] = found["surveyed"].assign(value=float("nan"))
    by_id = {section.id: section for section in comparison_sections(written(tmp_path, found))}
    assert by_id["service"].missing == NO_SURVEYS
    assert "desk" not in by_id


def test_a_world_without_service_has_no_section_and_no_table_of_it(tmp_path: Path) -> None:
    found = dict(compare(experiment(), 1).tables)
    assert not OF_SERVICE & set(found)
    assert not {"service", "desk"} & {section.id for section in comparison_sections(written(tmp_path, found))}
