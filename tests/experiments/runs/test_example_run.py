"""The run that is kept in the repository: whole, what its experiment file asks, and equal when it is run again.

Sources may have changed since without changing a number: that is told, and no fault. Other versions of libraries, or
another kind of machine, may end in other numbers honestly: then only the files are compared, and the test says so.
"""

from __future__ import annotations

import tomllib

import pytest

from crmlab.experiments.execution.environment import processor
from crmlab.experiments.runs.changes import changed_files, changes_since, read_manifest
from crmlab.experiments.runs.store import StoredRun
from crmlab.experiments.runs.verify import verify
from tests.places import LIBRARY, ROOT

KEPT = ROOT / "results" / "example"
QUESTION = LIBRARY / "example.toml"
RENEW = "renew the run with `make example` and commit it"


@pytest.fixture(scope="module")
def run() -> StoredRun:
    folders = [folder for folder in KEPT.iterdir() if not folder.name.startswith(".")]
    assert len(folders) == 1, f"results/example holds {len(folders)} runs: {RENEW}"
    return StoredRun(folders[0])


def test_the_run_is_whole_small_and_of_the_shipped_question(run: StoredRun) -> None:
    assert run.status == "done"
    assert changed_files(run.path, read_manifest(run.path)) == []
    kept = [path for path in run.path.iterdir() if path.name != "report.html"]
    assert sum(path.stat().st_size for path in kept) < 500_000, "it is kept in the repository: keep it small"
    asked = tomllib.loads(QUESTION.read_text(encoding="utf-8"))
    assert tomllib.loads((run.path / "experiment.toml").read_text(encoding="utf-8")) == asked, RENEW
    assert set(run.table("effects")["arm"]) >= set(asked["arms"])


def test_lived_again_the_run_has_the_same_numbers(run: StoredRun) -> None:
    changes = changes_since(read_manifest(run.path), run.path)
    elsewhere = [change for change in changes if " -> " in change]
    if elsewhere:
        pytest.skip(f"played in other environment ({'; '.join(elsewhere)}): its numbers may differ honestly")
    said = verify(run.path, rows=2, workers=1, anyway=True)
    assert said.repeated == 2
    assert said.numbers > 100
    first = said.mismatches[:3]
    assert said.verdict in (("equal", "close") if said.processors else ("equal",)), f"{first} on {processor()}: {RENEW}"
    assert set(said.changes) == set(changes), "and what has changed in the program is told"


def test_readme_and_pages_name_the_run_and_the_command_that_renews_it() -> None:
    for page in ("README.md", "results/README.md", "docs/repeating-a-run.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "results/example" in text or page.startswith("results/"), page
        assert "make example" in text, page
    assert "\nexample:" in (ROOT / "Makefile").read_text(encoding="utf-8")
