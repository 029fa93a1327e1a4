"""The package where users have it: beside their own files of any name, and installed from a wheel in another folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.places import ROOT

OWN = """
from dataclasses import dataclass

from crmlab.sim import PublicDiscount
from sim import RATE
from experiments.words import NAME


@dataclass(frozen=True)
class Cheaper:
    "Cheaper for everybody."

    def decide(self, view):
        return [PublicDiscount(RATE)]
"""
SCRIPT = """
from strategies import Cheaper
from experiments.words import NAME
from crmlab.lab import new_experiment, compare, verify

asked = new_experiment("shop", name=NAME, cheaper=Cheaper(), weeks=4, customers=60, replications=2, unknowns=False)
folder = compare(asked, workers=2).save("results")
print(sorted(path.relative_to(folder / "strategies").as_posix() for path in (folder / "strategies").rglob("*.py")))
print(verify(folder, rows=1, workers=1).verdict)
"""


def python(folder: Path, *arguments: str, program: str = sys.executable, **more: str) -> str:
    """What a Python process prints."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"} | more
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_script_beside_its_own_strategies_sim_and_experiments_works(tmp_path: Path) -> None:
    (tmp_path / "strategies.py").write_text(OWN)
    (tmp_path / "sim.py").write_text("RATE = 0.1\n")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text("")
    (tmp_path / "experiments" / "words.py").write_text('NAME = "mine"\n')
    (tmp_path / "study.py").write_text(SCRIPT)
    said = python(tmp_path, "study.py").splitlines()
    assert said == ["['experiments/__init__.py', 'experiments/words.py', 'sim.py', 'strategies.py']", "equal"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    python(ROOT, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for part in ("sim/kernel.py", "strategies/today.py", "experiments/cli.py", "experiments/worlds/shop.toml",
                 "experiments/library/discounts.toml", "experiments/templates/report.html.j2",
                 "experiments/own_code/consent.py", "lab.py"):  # fmt: skip
        assert f"crmlab/{part}" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"crmlab"}


@pytest.mark.slow
def test_from_the_wheel_in_an_empty_environment_the_main_job_runs_in_another_folder(
    wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    python(tmp_path, "-m", "venv", "--without-pip", str(environment))
    (site,) = environment.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    # The packages it needs, without the project itself: a path in a .pth file is not searched for .pth files.
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    program, folder = str(environment / "bin" / "python"), tmp_path / "elsewhere"
    folder.mkdir()
    cache = {"CRMLAB_CACHE": str(tmp_path / "cache"), "CRMLAB_CONFIG": str(tmp_path / "config")}

    def crmlab(*arguments: str) -> str:
        return python(folder, "-c", "from crmlab.experiments.cli import main; main()", *arguments, program=program,
                      **cache)  # fmt: skip

    where = python(folder, "-c", "import crmlab.sim; print(crmlab.sim.__file__)", program=program)
    assert Path(where.strip()).is_relative_to(site)
    crmlab("init")
    said = crmlab("compare", "experiment.toml", "--quick", "--workers", "2")
    assert "report.html" in said
    assert " holds" in crmlab("verify", "--rows", "1", "--workers", "1")
