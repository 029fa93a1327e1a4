"""Every command in every world: what ships works together, whoever tries it in whatever order."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from crmlab.experiments.cli import app, exit_code
from crmlab.experiments.files.world_file import shipped_worlds
from tests.places import LIBRARY, SAMPLE

LOOKS_AT_REPORTS = True
LOG = SAMPLE
COLUMNS = ("--customer", "sample_id", "--date", "date", "--amount", "dollar_value")
QUESTION = """
name = "every"
[design]
customers = 200
replications = 2
weeks = 55
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
[[arms.tiers.strategies]]
kind = "channel_mix"
factors = { %(channel)s = 2.0 }
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
rate = 0.05
[tune]
arm = "tiers"
levers = ["discount_tiers.silver_rate", "channel_mix.factors.%(channel)s"]
candidates = 4
batch = 2
replications = 2
confirm = 1
confirm_replications = 2
[sweep]
arm = "tiers"
levers = ["discount_tiers.silver_rate"]
points = 3
replications = 2
"""
UNKNOWNS = """
[sweep]
arm = "tiers"
unknowns = "all"
design = "%s"
replications = 2
"""
WORLDS = [*shipped_worlds(), "calibrated"]
PER_FILE = {
    "validate": (),
    "run": ("--quick",),
    "compare": ("--quick",),
    "tune": ("--quick",),
    "sweep": ("--quick",),
    "stress": ("--quick", "--worlds", "4"),
    "explain": ("--quick",),
}
WITHOUT_WORKERS = ("validate",)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = tmp_path_factory.mktemp("world") / "cdnow.toml"
    assert exit_code(["calibrate", str(LOG), *COLUMNS, "--holdout-weeks", "39", "--out", str(world)]) == 0
    return world


def works(*words: str | Path) -> None:
    """A command that has to go well."""
    line = [str(word) for word in words]
    assert exit_code(line) == 0, f"crmlab {' '.join(line)}"


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_every_command_works_in_every_world(
    world: str, calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = str(calibrated) if world == "calibrated" else world
    channel = "content" if world in ("shop", "personas") else _a_paid_channel(calibrated)
    file, out = tmp_path / "every.toml", tmp_path / "results"
    file.write_text(f'world = "{place}"\n' + QUESTION % {"channel": channel})
    for command, more in PER_FILE.items():
        workers = () if command in WITHOUT_WORKERS else ("--workers", "1", "--out", out)
        works(command, file, *more, *workers)
    unknowns = tmp_path / "unknowns.toml"
    unknowns.write_text(
        file.read_text().partition("[sweep]")[0] + UNKNOWNS % ("morris" if world == "shop" else "tornado")
    )
    works("sweep", unknowns, "--quick", "--workers", "1", "--out", out,
              "--set", "design.weeks=8", "--set", "design.customers=100")  # fmt: skip
    works("twins", file, "--quick", "--out", tmp_path / "twins.html")
    capsys.readouterr()
    works("runs", "list", "--json", "--out", out)
    runs = json.loads(capsys.readouterr().out)
    assert len(runs) == 7, "a run each, the failed ones too"
    assert {run["status"] for run in runs} == {"done"}
    for run in runs:
        works("runs", "show", run["path"])
        works("report", run["path"])
        works("verify", run["path"], "--rows", "1", "--workers", "1")
        assert "failed" not in (Path(run["path"]) / "report.html").read_text(encoding="utf-8").partition("<main")[0]
    works("anchors", place)
    works("export", runs[0]["path"], "--tables", "csv", "--to", tmp_path / "exported")
    works("rerun", runs[0]["path"], "--into", tmp_path / "again", "--workers", "1")
    works("runs", "rm", runs[0]["path"], "--yes")


def test_no_command_is_left_out() -> None:
    tried = set(re.findall(r'works\("(\w+)"', Path(__file__).read_text())) | set(PER_FILE)
    named = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    elsewhere = {"init", "calibrate", "strategies", "schema", "doctor"}  # below, or without a world
    assert named | {group.name for group in app.registered_groups} <= tried | elsewhere


def test_commands_without_a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    works("init")
    works("validate", tmp_path / "experiment.toml")
    works("strategies")
    works("schema")
    works("doctor")


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted((LIBRARY).glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_question_is_answered(file: Path, calibrated: Path, tmp_path: Path) -> None:
    world = ("--world", calibrated) if file.stem.startswith("cdnow") else ()
    said = tomllib.loads(file.read_text())
    small = ["--quick", "--workers", "1", "--out", tmp_path]
    small += ["--set", "design.customers=100", "--set", "design.weeks=55"]
    for command in [command for command in ("tune", "sweep") if command in said] or ["compare"]:
        works(command, file, *world, *small)


def _a_paid_channel(world: Path) -> str:
    from crmlab.lab import load_world

    return next(channel.name for channel in load_world(world).world.channels if channel.half_budget > 0)
