"""Code of the user's own: it runs when it may, all of it is part of what a run is, and it travels with the run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from crmlab.experiments.own_code.consent import digest_of
from crmlab.experiments.own_code.reach import reach_of
from tests.places import ROOT

MODULE = '''
"""Half price in some weeks."""
from dataclasses import dataclass
from typing import Annotated

from crmlab.sim import FirmView, Lever, PublicDiscount
from helper import weeks_between


@dataclass(frozen=True)
class QuarterOff:
    """A quarter off for everybody in one week of some."""

    rate: Annotated[float, Lever(0.0, 0.3)] = 0.25

    def decide(self, view: FirmView) -> list:
        return [PublicDiscount(self.rate)] if view.week % weeks_between() == 0 else []
'''
HELPER = """
from pathlib import Path

def weeks_between() -> int:
    return int((Path(__file__).parent / "weeks.txt").read_text())
"""
QUESTION = """
name = "half"
world = "shop"
[design]
weeks = 6
customers = 60
replications = 2
unknowns = false
[arms.half]
[[arms.half.strategies]]
kind = "strategies:QuarterOff"
"""

Crmlab = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def crmlab(tmp_path: Path) -> Crmlab:
    """The program as a user types it, in a process of its own."""

    def run(*arguments: str, at: Path = tmp_path / "mine") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from crmlab.experiments.cli import main; main()", *arguments]
        return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with an experiment file, a strategy beside it, its helper, and the data that this reads."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in {"strategies.py": MODULE, "helper.py": HELPER, "weeks.txt": "4", "half.toml": QUESTION}.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.slow
def test_the_first_time_one_sentence_says_how_to_trust_a_file_and_then_nobody_asks_again(mine: Path, crmlab: Crmlab):
    asked = crmlab("validate", "half.toml")
    assert asked.returncode == 2
    assert asked.stderr.strip() == (
        'half.toml: line 11   arms.half.strategies[0].kind = "strategies:QuarterOff"  strategies.py in '
        f"{mine.resolve()} is not installed, and loading it runs it: read it, then say --trust once "
        "(in Python: trust=True)."
    )
    trusted = crmlab("validate", "half.toml", "--trust")
    assert trusted.returncode == 0
    assert "Running strategies.py and 2 more files that it reaches" in trusted.stderr
    again = crmlab("validate", "half.toml")
    assert (again.returncode, again.stderr) == (0, "")
    (mine / "weeks.txt").write_text("2")
    changed = crmlab("validate", "half.toml")
    assert changed.returncode == 2
    assert "strategies.py in" in changed.stderr
    assert "has changed since you trusted it" in changed.stderr


@pytest.mark.slow
def test_a_strangers_file_runs_nothing(mine: Path, crmlab: Crmlab):
    ran = mine / "RAN"
    (mine / "strategies.py").write_text(f"open({str(ran)!r}, 'w')\n" + MODULE)
    (mine / "sitecustomize.py").write_text(f"open({str(ran)!r}, 'w')\n")
    (mine / "numpy.py").write_text(f"open({str(ran)!r}, 'w')\n")
    for command in ("validate", "compare", "run", "tune", "sweep", "stress", "explain"):
        assert crmlab(command, "half.toml").returncode == 2, command
        assert not ran.exists(), command


@pytest.mark.slow
def test_a_strangers_run_is_shown_and_never_executed(mine: Path, crmlab: Crmlab, monkeypatch: pytest.MonkeyPatch):
    ran = mine / "RAN"
    assert crmlab("compare", "half.toml", "--trust", "--workers", "1").returncode == 0
    (run,) = (mine / "results" / "half").iterdir()
    code = run / "strategies" / "strategies.py"
    code.write_text(f"open({str(ran)!r}, 'w')\n" + code.read_text())
    manifest = json.loads((run / "manifest.json").read_text())
    for command in (["runs", "show"], ["report"], ["verify"], ["rerun"], ["verify", "--anyway"]):
        done = crmlab(*command, str(run))
        assert done.returncode in (0, 1), done.stderr
        assert "Traceback" not in done.stderr
        assert not ran.exists(), command
    monkeypatch.setenv("CRMLAB_CONFIG", str(mine / "somebody else"))
    shutil.copyfile(mine / "strategies.py", code)
    refused = crmlab("verify", str(run))
    assert refused.returncode == 1
    assert "read it, then say --trust once" in refused.stderr
    assert crmlab("verify", str(run), "--trust", "--workers", "1", at=mine.parent).returncode == 0
    (own,) = (entry for entry in manifest["strategies"] if ":" in entry["kind"])
    assert own["files"].keys() == {"strategies.py", "helper.py", "weeks.txt"}


@pytest.mark.parametrize("file", ["strategies.py", "helper.py", "weeks.txt"])
def test_an_edit_anywhere_in_what_a_strategy_reaches_is_other_code(file: str, mine: Path):
    before = reach_of("strategies", mine)
    assert set(before.files) == {"strategies.py", "helper.py", "weeks.txt"}
    digest = digest_of(before)
    (mine / file).write_text((mine / file).read_text() + " ")
    assert digest_of(reach_of("strategies", mine)) != digest


@pytest.mark.slow
def test_an_edited_helper_is_named_and_makes_another_run(mine: Path, crmlab: Crmlab):
    first = json.loads(crmlab("compare", "half.toml", "--trust", "--workers", "1", "--json").stdout)["run"]
    assert "already there" in crmlab("compare", "half.toml", "--json").stderr
    (mine / "helper.py").write_text(HELPER + "\n# edited\n")
    said = crmlab("verify", first)
    assert said.returncode == 1
    assert "helper.py in this folder has changed since (the run keeps a copy of what it was)" in said.stderr
    assert crmlab("verify", f"mine/{first}", "--workers", "1", at=mine.parent).returncode == 0
    other = crmlab("compare", "half.toml", "--trust", "--workers", "1", "--json")
    assert json.loads(other.stdout)["run"] != first
    assert "already there" not in other.stderr


SCRIPT = """
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
import sys

import numpy as np
from crmlab.lab import Experiment, new_experiment, compare
from crmlab.sim import PublicDiscount
import local_words

WEEKS = {weeks}
RATES = np.array([0.1, 0.2])
NEVER = float("inf")

@lru_cache
def on(week: int) -> bool:
    return week % WEEKS == 0 and week < NEVER

class Base:
    def rate(self) -> float:
        return float(RATES[1]) * local_words.FACTOR

@dataclass(frozen=True)
class Sometimes(Base):
    "Cheaper in some weeks."
    extra: float = 0.0
    def decide(self, view):
        return [PublicDiscount(self.rate() + self.extra)] if on(view.week) else []

if __name__ == "__main__":
    asked = new_experiment("shop", name="script", sometimes=Sometimes(), weeks=6, customers=60, replications=2,
                          unknowns=False)
    print(compare(asked, workers=2).save("results"))
"""


def run_script(folder: Path, weeks: int = 4) -> Path:
    (folder / "study.py").write_text(SCRIPT.replace("{weeks}", str(weeks)))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "study.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.mark.slow
def test_a_class_of_a_script_is_verified_and_played_again_in_another_folder_without_the_script(
    mine: Path, tmp_path: Path, crmlab: Crmlab
):
    (mine / "local_words.py").write_text("FACTOR = 1.5\n")
    run = run_script(mine)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = Path(shutil.move(run, elsewhere / run.name))
    shutil.rmtree(mine)
    verified = crmlab("verify", str(moved), "--all", "--workers", "2", at=elsewhere)
    assert verified.returncode == 0, verified.stderr
    assert f"Run {run.name} holds." in verified.stdout
    on_a_cluster = crmlab("verify", str(moved), "--on", "dask", at=elsewhere)
    assert f"Run {run.name} holds." in on_a_cluster.stdout, on_a_cluster.stderr
    again = crmlab("rerun", str(moved), "--json", "--workers", "1", at=elsewhere)
    assert again.returncode == 0, again.stderr
    assert Path(json.loads(again.stdout)["again"]).name == run.name


@pytest.mark.slow
def test_a_global_of_a_script_and_its_local_module_are_part_of_the_run(mine: Path):
    (mine / "local_words.py").write_text("FACTOR = 1.5\n")
    first = run_script(mine)
    assert run_script(mine) == first
    assert run_script(mine, weeks=3) != first
    (mine / "local_words.py").write_text("FACTOR = 1.25\n")
    assert run_script(mine) != first


def test_an_edited_global_of_a_notebook_makes_another_run(mine: Path):
    cells = textwrap.dedent(
        """
        import linecache
        def cell(number, text):
            name = f"<ipython-input-{number}>"
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
            exec(compile(text, name, "exec"), globals())
        cell(1, "from dataclasses import dataclass\\nfrom crmlab.sim import PublicDiscount\\nRATE = 0.1\\n")
        cell(2, "def rate():\\n    return RATE\\n")
        cell(3, "@dataclass(frozen=True)\\nclass Off:\\n    'Off.'\\n    def decide(self, view):\\n"
                "        return [PublicDiscount(rate())]\\n")
        from crmlab.lab import new_experiment
        from crmlab.experiments.runs.run_id import run_id
        from crmlab.experiments.own_code.standalone import standalone
        def ident():
            return run_id(new_experiment("shop", off=Off(), weeks=4, customers=50, replications=2))
        ids = [ident(), ident()]
        cell(4, "RATE = 0.2\\n")
        ids.append(ident())
        cell(5, "def rate():\\n    return RATE / 2\\n")
        ids.append(ident())
        print(ids[0] == ids[1], len(set(ids)))
        exec(standalone(Off), space := {"__name__": "alone"})
        print(space["rate"]())
        """
    )
    done = subprocess.run([sys.executable, "-c", cells], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "3", "0.1"], done.stderr


def test_a_plug_in_in_another_version_and_an_upgraded_library_make_other_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from crmlab.experiments.runs import code_of as module
    from crmlab.experiments.runs import run_id as identity
    from tests.experiments.runs.test_repeat import small

    site = tmp_path / "site"
    site.mkdir()
    (site / "a_plug_in_of_a_test.py").write_text(MODULE.replace("from helper import weeks_between", "").replace(
        "weeks_between()", "4"))  # fmt: skip
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(module, "_installed_places", lambda: (site.resolve(),))

    def distribution(version: str) -> None:
        shutil.rmtree(site / "a_plug_in_of_a_test.dist-info", ignore_errors=True)
        (site / "a_plug_in_of_a_test.dist-info").mkdir()
        metadata = f"Metadata-Version: 2.1\nName: a_plug_in_of_a_test\nVersion: {version}\n"
        (site / "a_plug_in_of_a_test.dist-info" / "METADATA").write_text(metadata)

    from crmlab.experiments.experiment import Arm
    from crmlab.sim import Play
    from tests.conftest import today

    distribution("1.0")
    plugged = small(Arm("half", today(Play("half", __import__("a_plug_in_of_a_test").QuarterOff()))))
    first = identity.run_id(plugged)
    assert module.code_of(type(plugged.arms[1].plays[1].strategy)).installed == {"a_plug_in_of_a_test": "1.0"}
    distribution("1.1")
    assert identity.run_id(plugged) != first
    plain = identity.run_id(small())
    found = identity.version_of
    monkeypatch.setattr(identity, "version_of", lambda name: "9.9" if name == "scipy" else found(name))
    assert identity.run_id(small()) != plain


def test_save_refuses_to_hide_other_numbers_behind_an_old_run(tmp_path: Path):
    from crmlab.experiments.errors import UserError
    from crmlab.lab import compare, new_experiment

    asked = new_experiment("shop", weeks=4, customers=50, replications=2, unknowns=False)
    answer = compare(asked, workers=1)
    folder = answer.save(tmp_path)
    assert answer.save(tmp_path) == folder
    answer.found.tables["runs"].loc[0, "orders"] += 1
    with pytest.raises(UserError, match=r"is already there with other numbers \(runs.parquet, row 0, orders: "):
        answer.save(tmp_path)
    assert answer.save(tmp_path, force=True) == folder
